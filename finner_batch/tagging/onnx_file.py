"""The little of the ONNX format that is needed: the shapes of a model, and a graph of one matrix product.

Reading and writing it here keeps the `onnx` package, and with it the `train` extra, out of job and benchmark. An ONNX
file is one protocol buffer message (https://protobuf.dev/programming-guides/encoding/); the field numbers are those of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import ModelError

Precision = Literal["fp32", "fp16", "bf16", "int8"]

_OPSET = 20
_IR_VERSION = 9
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_FLOAT, _UINT8, _INT8, _INT32, _FLOAT16 = 1, 2, 3, 6, 10
_PRECISIONS: dict[int, Precision] = {_FLOAT: "fp32", _FLOAT16: "fp16", _INT8: "int8", _UINT8: "int8"}
_PRODUCTS = ("MatMul", "Gemm", "Attention")
"""Operators that multiply by weights have one of these in their name, fused ones too."""

_Value: TypeAlias = int | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """Sizes of a DistilBERT token classifier. `weights`: multiply-adds a token with weights, by their precision.

    Attention multiplies tokens by tokens, in `attention_precision`.
    """

    vocabulary: int
    positions: int
    width: int
    feed_forward: int
    layers: int
    labels: int
    weights: dict[Precision, int]
    attention_precision: Precision

    def by_openvino(self, products: Literal["int8", "fp32"], float_precision: Literal["bf16", "fp32"]) -> "Encoder":
        """Return the encoder as OpenVINO runs it: its products, except those of the classifier and the attention."""
        classifier = self.width * self.labels
        weights: dict[Precision, int] = {float_precision: classifier}
        weights[products] = sum(self.weights.values()) - classifier + weights.pop(products, 0)
        return replace(self, weights=weights, attention_precision=float_precision)

    def multiply_adds(self, tokens: int, squared_lengths: int) -> dict[Precision, int]:
        """Return multiply-adds by precision for `tokens` in windows whose squared lengths sum to `squared_lengths`.

        A window of length L costs L x L x width for its attention scores and as much for mixing the values, in each
        layer.
        """
        counted = {precision: amount * tokens for precision, amount in self.weights.items()}
        attention = 2 * self.layers * self.width * squared_lengths
        counted[self.attention_precision] = counted.get(self.attention_precision, 0) + attention
        return counted


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    kind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """A model's inputs, and the shapes of its outputs (a size that varies is 0) and constants, by name."""

    inputs: frozenset[str]
    outputs: dict[str, tuple[int, ...]]
    constants: dict[str, tuple[int, ...]]


def read_shapes(path: Path) -> Shapes:
    """Read the shapes of a model. Raises ModelError if the file is not an ONNX model."""
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # closed with the last view of it
        graph = next(_messages(memoryview(mapped), 7))
        return Shapes(
            inputs=frozenset(_described(message)[0] for message in _messages(graph, 11)),
            outputs=dict(_described(message) for message in _messages(graph, 12)),
            constants={tensor.name: tensor.shape for tensor in map(_tensor, _messages(graph, 5))},
        )
    except (OSError, StopIteration, LookupError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"{path} is not an ONNX model ({reason}); export the model again") from error


def read_encoder(path: Path) -> Encoder:
    """Count an encoder's matrix products in its ONNX file. Raises ModelError for any other kind of model."""
    try:
        data = path.read_bytes()
        graph = next(_messages(memoryview(data), 7))
        tensors = {tensor.name: tensor for tensor in map(_tensor, _messages(graph, 5))}
        products = [
            tensors[name]
            for operator, inputs in map(_node, _messages(graph, 1))
            if any(product in operator for product in _PRODUCTS)
            for name in inputs[1:]
            if name in tensors and len(tensors[name].shape) == 2 and min(tensors[name].shape) > 1
        ]
        width, labels = products[-1].shape
        used = {tensor.name for tensor in products}
        tables = [
            tensor.shape[0]
            for tensor in tensors.values()
            if tensor.shape[1:] == (width,) and tensor.name not in used and tensor.shape[0] > 1
        ]
        feed_forward = max(tensor.shape[0] for tensor in products)
        weights: dict[Precision, int] = {}
        for tensor in products:
            precision = _PRECISIONS[tensor.kind]
            weights[precision] = weights.get(precision, 0) + tensor.shape[0] * tensor.shape[1]
        return Encoder(
            vocabulary=max(tables),
            positions=min(tables),
            width=width,
            feed_forward=feed_forward,
            layers=sum(tensor.shape[0] == feed_forward for tensor in products),
            labels=labels,
            weights=weights,
            attention_precision=_PRECISIONS[products[-1].kind],
        )
    except (StopIteration, LookupError, ValueError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path}: cannot count its matrix products ({type(error).__name__}: {error}); the benchmark reads token "
            "classifiers that `finner-batch export` wrote"
        ) from error


def matrix_product(weights: NDArray[np.generic]) -> bytes:
    """Return a model whose output `c` is its input `a`, [rows, inputs], times constant weights [inputs, outputs].

    int8 weights take uint8 activations and give int32 sums (`MatMulInteger`); float weights take and give their type.
    """
    operator, given, result = {
        "int8": ("MatMulInteger", _UINT8, _INT32),
        "float32": ("MatMul", _FLOAT, _FLOAT),
        "float16": ("MatMul", _FLOAT16, _FLOAT16),
    }[weights.dtype.name]
    kind = {"int8": _INT8, "float32": _FLOAT, "float16": _FLOAT16}[weights.dtype.name]
    inputs, outputs = weights.shape
    tensor = b"".join(_varint_field(1, size) for size in weights.shape)
    tensor += _varint_field(2, kind) + _field(8, b"b") + _field(9, np.ascontiguousarray(weights).tobytes())
    node = _field(1, b"a") + _field(1, b"b") + _field(2, b"c") + _field(4, operator.encode())
    graph = _field(1, node) + _field(2, b"matrix_product") + _field(5, tensor)
    graph += _field(11, _matrix(b"a", given, inputs)) + _field(12, _matrix(b"c", result, outputs))
    return _varint_field(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(1, b"") + _varint_field(2, _OPSET))


def _matrix(name: bytes, kind: int, columns: int) -> bytes:
    """Describe an input or output of any number of rows."""
    shape = _field(1, _field(2, b"rows")) + _field(1, _varint_field(1, columns))
    return _field(1, name) + _field(2, _field(1, _varint_field(1, kind) + _field(2, shape)))


def _tensor(message: memoryview) -> _Tensor:
    shape: list[int] = []
    name, kind = "", 0
    for number, value in _fields(message):
        if number == 1:
            shape += [value] if isinstance(value, int) else _packed(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8 and not isinstance(value, int):
            name = str(value, "utf-8")
    return _Tensor(name, tuple(shape), kind)


def _described(message: memoryview) -> tuple[str, tuple[int, ...]]:
    """Return the name and shape of an input or output."""
    name = str(next(_messages(message, 1)), "utf-8")
    (kind,) = _messages(message, 2)
    (tensor,) = _messages(kind, 1)
    (shape,) = _messages(tensor, 2)
    sizes = [[value for number, value in _fields(size) if number == 1] for size in _messages(shape, 1)]
    return name, tuple(size[0] if size and isinstance(size[0], int) else 0 for size in sizes)


def _node(message: memoryview) -> tuple[str, list[str]]:
    """Return the operator and the names of the inputs."""
    (operator,) = _messages(message, 4)
    return str(operator, "utf-8"), [str(name, "utf-8") for name in _messages(message, 1)]


def _messages(message: memoryview, number: int) -> Iterator[memoryview]:
    return (value for found, value in _fields(message) if found == number and not isinstance(value, int))


def _fields(message: memoryview) -> Iterator[tuple[int, _Value]]:
    """Yield the number and value of each field. Raises ValueError or IndexError if the bytes are no message."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        size = {_FIXED_64: 8, _FIXED_32: 4}.get(wire)
        if wire == _BYTES:
            size, place = _varint(message, place)
        if size is None or place + size > len(message):
            raise ValueError(f"no protocol buffer at byte {place}")
        yield number, message[place : place + size]
        place += size


def _packed(values: memoryview) -> list[int]:
    found, place = [], 0
    while place < len(values):
        value, place = _varint(values, place)
        found.append(value)
    return found


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _encoded(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _varint_field(number: int, value: int) -> bytes:
    return _encoded(number << 3 | _VARINT) + _encoded(value)


def _field(number: int, value: bytes) -> bytes:
    return _encoded(number << 3 | _BYTES) + _encoded(len(value)) + value
