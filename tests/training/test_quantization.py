import numpy as np
import torch

from finner_batch.training.export.onnx_graph import WEIGHT_LEVELS, quantize_columns
from finner_batch.training.learning.encoder import classifier, load_base
from finner_batch.training.learning.passes import end_rounding, round_in_training


def test_after_training_the_weights_lie_on_the_int8_grid_so_that_exporting_them_rounds_nothing(bert_folder):
    model = classifier(load_base(str(bert_folder)), ["O", "A"], seed=0)
    round_in_training(model)
    ids = torch.randint(4, 36, (2, 9))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    before = model.distilbert.transformer.layer[0].ffn.lin1.parametrizations.weight.original.clone()
    model(ids).logits.square().mean().backward()
    optimizer.step()
    assert not torch.equal(before, model.distilbert.transformer.layer[0].ffn.lin1.parametrizations.weight.original)
    end_rounding(model)
    for name, tensor in model.state_dict().items():
        if name.startswith("distilbert.transformer") and name.endswith(("lin.weight", "lin1.weight", "lin2.weight")):
            weight = tensor.numpy().T
            quantized, scale = quantize_columns(weight)
            assert np.abs(quantized).max() == WEIGHT_LEVELS
            assert np.abs(quantized * scale - weight).max() < 1e-6


def test_settling_leaves_plain_layers_that_no_longer_round_their_inputs(bert_folder):
    model = classifier(load_base(str(bert_folder)), ["O", "A"], seed=0)
    plain = set(model.state_dict())
    round_in_training(model)
    end_rounding(model)
    assert set(model.state_dict()) == plain
    layer = model.distilbert.transformer.layer[0].attention.q_lin
    values = torch.randn(3, 32)
    assert torch.equal(layer(values), torch.nn.functional.linear(values, layer.weight, layer.bias))
