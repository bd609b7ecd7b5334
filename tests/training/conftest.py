import hashlib
import json
import shutil

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from finner_batch.tagging.model import DEFAULT_MODEL
from finner_batch.text.numbers import number_tokens
from finner_batch.training.data.dataset import LabelledSentence, Number
from finner_batch.training.learning.train_config import TrainConfig

RATE = "DebtInstrumentInterestRateStatedPercentage"
CAPACITY = "LineOfCreditFacilityMaximumBorrowingCapacity"

torch.set_num_threads(1)  # small matrices: more threads only wait for each other

VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "notes", "bear", "interest", "at", "a", "rate", "of", "facility"),
    *("has", "capacity", "revenue", "grew", "by", "in", "we", "paid", "million", "$", "%", ".", ","),
    *map(str, range(10)),
    *(f"##{digit}" for digit in range(10)),
]


@pytest.fixture(scope="session")
def label_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "two.txt"
    path.write_text(f"{RATE}\n{CAPACITY}\n")
    return path


@pytest.fixture(scope="session")
def write_bert():
    """Write a small BERT with a tokenizer.json that embeds truncation and padding; return the model."""

    def write(folder, *, prefix="", **changes):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=64,
            **changes,
        )
        model = BertModel(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(config.to_json_string())
        save_file({prefix + name: tensor for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
        words = {word: place for place, word in enumerate(VOCABULARY)}
        tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))  # noqa: S106 - no password
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        tokenizer.enable_truncation(8)
        tokenizer.enable_padding(length=8)
        tokenizer.save(str(folder / "tokenizer.json"))
        return model.eval()

    return write


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory, write_bert):
    folder = tmp_path_factory.mktemp("bert")
    write_bert(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_config(bert_folder, label_file):
    """Make the settings of a training of a tiny encoder."""

    def make(data, folder, **changes):
        settings = {"base": str(bert_folder), "labels": str(label_file), "batch_tokens": 256, "max_length": 64}
        return TrainConfig(data=(str(data),), output=str(folder), **settings | changes)

    return make


@pytest.fixture(scope="session")
def model_with_record():
    """Copy the packaged model with another record of its training; return the folder."""

    def copy(folder, record):
        shutil.copytree(DEFAULT_MODEL, folder, dirs_exist_ok=True)
        (folder / "training.json").write_text(json.dumps(record))
        digest = hashlib.sha256((folder / "training.json").read_bytes()).hexdigest()
        checksums = json.loads((folder / "checksums.json").read_text()) | {"training.json": digest}
        (folder / "checksums.json").write_text(json.dumps(checksums))
        return folder

    return copy


@pytest.fixture(scope="session")
def labelled():
    """Make a sentence whose n-th number has the n-th concept."""

    def make(text, *concepts, **fields):
        spans = number_tokens(text)
        padded = [*concepts, *[None] * (len(spans) - len(concepts))]
        numbers = tuple(Number(start, end, concept) for (start, end), concept in zip(spans, padded, strict=True))
        place = {"company": "0000000001", "document_id": "d", "form_type": "10-K", "section": None, "sentence_index": 0}
        return LabelledSentence(text=text, numbers=numbers, **{**place, "in_note": True, "exhaustive": True, **fields})

    return make


@pytest.fixture(scope="session")
def own_rows(tmp_path_factory, lesson):
    """Write the lesson as a user's own rows, without companies and splits."""
    path = tmp_path_factory.mktemp("own") / "own.jsonl"
    rows = [
        {
            "text": row.text,
            "entities": [
                {"start": number.start, "end": number.end, "label": number.concept}
                for number in row.numbers
                if number.concept
            ],
        }
        for row in lesson(62)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture(scope="session")
def lesson(labelled):
    """Make sentences whose words alone determine the labels of their numbers."""

    def make(count, **fields):
        made = []
        for place in range(count):
            number = f"{place % 9 + 1}.{place * 7 % 90 + 10}"
            made += [
                labelled(f"the notes bear interest at a rate of {number}%.", RATE, **fields),
                labelled(f"the facility has a capacity of ${number} million.", CAPACITY, **fields),
                labelled(f"in {2000 + place}, revenue grew by {number}%.", **fields),
                labelled(f"we paid interest of ${number} million in {2000 + place}.", **fields),
            ]
        return made

    return make
