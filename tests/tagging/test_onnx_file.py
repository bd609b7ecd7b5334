import numpy as np
import onnx
import onnxruntime
import pytest

from finner_batch.benchmark.throughput import MatrixProduct, seconds_at_the_ceiling
from finner_batch.errors import ModelError
from finner_batch.tagging.device import Device
from finner_batch.tagging.model import load_model
from finner_batch.tagging.onnx_file import matrix_product, read_encoder


@pytest.mark.parametrize("variant", ["int8", "fp16"])
def test_the_encoder_is_counted_as_the_onnx_package_sees_it(variant):
    path = load_model().onnx_path(variant)
    encoder = read_encoder(path)
    tensors = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}
    words = next(tensor for name, tensor in tensors.items() if "word_embeddings" in name)
    assert (encoder.vocabulary, encoder.width) == tuple(words.dims)
    assert encoder.labels == len(load_model().labels)
    layer = 4 * encoder.width**2 + 2 * encoder.width * encoder.feed_forward
    assert sum(encoder.weights.values()) == encoder.layers * layer + encoder.width * encoder.labels


def test_attention_costs_the_squares_of_the_lengths_in_its_own_precision():
    encoder = read_encoder(load_model().onnx_path("int8"))
    one = encoder.multiply_adds(10, 100)
    other = encoder.multiply_adds(10, 300)
    assert one["int8"] == other["int8"] == 10 * encoder.weights["int8"]
    assert other["fp32"] - one["fp32"] == 200 * 2 * encoder.layers * encoder.width


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff", b"no ONNX file at all", b"\x3a\x00"])
def test_a_file_that_is_no_encoder_is_refused_by_name(tmp_path, content):
    path = tmp_path / "model.int8.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.int8\.onnx"):
        read_encoder(path)


@pytest.mark.parametrize(("kind", "given"), [(np.int8, np.uint8), (np.float32, np.float32)])
def test_the_graph_written_is_valid_onnx_and_multiplies(kind, given):
    chance = np.random.default_rng(0)
    weights = chance.integers(-63, 64, (300, 200)).astype(kind)
    values = chance.integers(0, 64, (7, 300)).astype(given)
    graph = matrix_product(weights)
    onnx.checker.check_model(onnx.load_from_string(graph), full_check=True)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (product,) = session.run(["c"], {"a": values})
    assert np.array_equal(product, values.astype(np.int64) @ weights.astype(np.int64))


def test_a_graph_for_the_gpu_is_valid_onnx():
    onnx.checker.check_model(onnx.load_from_string(matrix_product(np.ones((16, 8), np.float16))), full_check=True)


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_a_ceiling_is_operations_a_second(precision):
    product = MatrixProduct(precision, Device("cpu", "requested"), size=64)
    assert product.operations_per_second(0.0) > 0


def test_each_product_takes_its_own_precisions_time():
    assert seconds_at_the_ceiling({"int8": 500, "fp32": 100}, {"int8": 1000.0, "fp32": 100.0}) == 1.0 + 2.0
