import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from finner_batch.training.export.onnx_graph import WEIGHT_LEVELS, build, quantize_columns
from finner_batch.training.learning.encoder import classifier, load_base


@pytest.fixture(scope="module")
def model(bert_folder):
    return classifier(load_base(str(bert_folder)), ["O", "A", "B"], seed=0).eval()


def graph_of(model, precision):
    weights = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    return build(model.config, weights, 3, precision)


def runner(graph):
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]


def batch_of(*lengths, seed=0):
    rng = np.random.default_rng(seed)
    ids, mask = np.zeros((2, len(lengths), max(lengths)), dtype=np.int64)
    for row, length in enumerate(lengths):
        ids[row, :length] = rng.integers(4, 40, length)
        mask[row, :length] = 1
    return ids, mask


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 0.02), ("int8", 0.5)])
def test_every_precision_computes_what_pytorch_computes(model, precision, tolerance):
    ids, mask = batch_of(30, 12, 3)
    with torch.no_grad():
        expected = model(torch.from_numpy(ids), torch.from_numpy(mask)).logits.numpy()
    logits = runner(graph_of(model, precision))(ids, mask)
    assert logits.dtype == np.float32
    assert np.abs(logits - expected)[mask > 0].max() < tolerance


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_logits_of_a_sentence_are_the_same_bits_in_every_batch(model, precision):
    run = runner(graph_of(model, precision))
    ids, mask = batch_of(*[17] * 12)
    for row in range(12):
        alone = run(ids[row : row + 1], mask[row : row + 1])[0]
        for first in (0, max(0, row - 5), row):
            for last in (row + 1, min(12, row + 7), 12):
                assert np.array_equal(run(ids[first:last], mask[first:last])[row - first], alone)


def test_the_graph_is_one_file_of_standard_operators_that_any_length_and_batch_fit(model):
    for precision in ("fp32", "fp16", "int8"):
        graph = graph_of(model, precision)
        assert {opset.domain for opset in graph.opset_import} == {""}
        assert not any(tensor.external_data for tensor in graph.graph.initializer)
        assert runner(graph)(*batch_of(1)).shape == (1, 1, 3)
        assert runner(graph)(*batch_of(64, 2)).shape == (2, 64, 3)
        onnx.checker.check_model(graph, full_check=True)


def test_two_products_of_quantised_numbers_fit_16_bits_so_that_no_processor_saturates():
    weight = np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32)
    quantized, scale = quantize_columns(weight)
    assert np.abs(quantized).max() == WEIGHT_LEVELS
    assert 2 * 255 * WEIGHT_LEVELS < 2**15
    assert np.abs(quantized * scale - weight).max() <= scale.max() / 2 + 1e-6
