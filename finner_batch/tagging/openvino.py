"""Sessions with OpenVINO instead of onnxruntime on a CPU: the same logits within the gate's tolerance.

OpenVINO reads the fp16 variant. The weights that are int8 in the int8 variant become int8 here too, on the same grid,
on which `finner-batch train` keeps them. OpenVINO's dynamic quantisation then gives the activations one scale per token
and group of inputs, so that a sentence's logits do not depend on its batch. Everything else, including the value and
output projections of the attention, is computed in bf16 if the processor supports it, else in fp32.

Without AVX-512 VNNI or AMX, OpenVINO multiplies int8 weights in fp32, and in a different order for few tokens than for
many. On such processors, the weights of the file are used and everything is computed in fp32: the bits are the same in
every batch, and the speed is the same as with int8 weights. A self-test at opening decides which of the two is used:
whether a window gets the same logits, to the last bit, in every batch. With int8 weights on such a processor, oneDNN
splits the 1,536 inputs of a product for up to about 80 rows, but not for more.
"""

import importlib.util
import os
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import DeviceError, FinnerError, ModelError, UsageError
from finner_batch.machine import cpu_name, fast_int8, int8_instructions, usable_cpus
from finner_batch.tagging.batching import RunBatch
from finner_batch.tagging.device import Device
from finner_batch.tagging.model import Model

WINDOWS = 32
_TEST_LENGTH = 8
"""Tokens of a window including its padding. Every fourth window has no padding."""
_TEST_BATCH_SIZES = (1, 4, 9)
"""Numbers of windows in the batches that are compared with a batch of all windows."""
_TEST_IDS = 41
"""Number of different ids, few enough for every vocabulary."""
Products = Literal["int8", "fp32"]
"""The precision of the matrix products with weights, except those of `_NOT_ROUNDED`."""
OPENVINO = "openvino"
"""Name of the variant in a model folder that has passed its gate with OpenVINO."""
WEIGHT_LEVELS = 63
"""Quantisation steps on each side of 0, as in the int8 variant (`training/export/onnx_graph.py`)."""
_GROUP_INPUTS = 128
"""Inputs that share an activation scale. With all 384 of a token, 99.6 % of the spans agree; with 128, 99.8 %."""
_KERNELS_KEPT = 64
"""Shapes for which compiled kernels are cached. OpenVINO's default caches thousands, which takes a gigabyte."""
_PRIMITIVES_KEPT = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
"""The same for oneDNN, which reads only environment variables. Its default is 1,024 shapes, which take 80 MB."""
_NOT_ROUNDED = ("attention.v_lin", "attention.out_lin", "classifier")
"""Parts of the names of weights that are not rounded to int8."""
_FASTER_WITH = {"amx_int8", "avx512_vnni"}
"""Instructions with which OpenVINO measured faster than onnxruntime. With AVX2, it takes 1.6 times as long."""


def is_installed() -> bool:
    """Return whether the extra `openvino` is installed, without importing it."""
    return importlib.util.find_spec("openvino") is not None


def require_openvino() -> None:
    """Raise UsageError if the extra is not installed."""
    if not is_installed():
        raise UsageError("--backend openvino: not installed (pip install 'finner-batch[openvino]')")


def multiplies_int8() -> bool:
    """Return whether the processor has instructions with which OpenVINO is faster than onnxruntime."""
    return not _FASTER_WITH.isdisjoint(fast_int8())


class OpenVinoSession:
    """A compiled model on the CPU, with `logits` and `concurrent_batches` as in `Session`.

    `threads` is the number of CPU threads (0: all that the process may use). `products` None means int8 if the
    processor supports it and the self-test finds the same bits in every batch, else fp32. `batch_dependence` is the
    result of the self-test with the products that are used: None if no bit differs.

    Raises UsageError if the extra is not installed, ModelError if the file is damaged or not an ONNX model, DeviceError
    if OpenVINO computes no logits on this processor.
    """

    def __init__(
        self,
        model: Model,
        device: Device,
        *,
        threads: int = 0,
        products: Products | None = None,
        backend_reason: str = "requested",
    ) -> None:
        self.device = device
        self.variant = OPENVINO
        self.backend = OPENVINO
        path = model.onnx_path(OPENVINO)
        require_openvino()
        for name, value in _PRIMITIVES_KEPT.items():
            os.environ.setdefault(name, value)
        import openvino  # noqa: PLC0415 - heavy

        self._core = openvino.Core()
        self._version = str(openvino.__version__)
        self.concurrent_batches = threads or usable_cpus()
        self._open(path, products or ("int8" if multiplies_int8() else "fp32"))
        if self.batch_dependence is not None and products is None and self.products == "int8":
            self._open(path, "fp32")
        self.backend_reason = f"{backend_reason}; {self.arithmetic}"

    def _open(self, path: Path, products: Products) -> None:
        self.products = products
        self.float_precision = float_precision(self._core, products)
        model_on_cpu = compiled(self._core, path, self.concurrent_batches, products=products)
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.concurrent_batches):
            self._requests.put(model_on_cpu.create_infer_request())
        try:
            self.batch_dependence = batch_dependence(self.logits)
        except FinnerError as error:
            reason = " ".join(str(error.__cause__ or error).split())
            raise DeviceError(f"OpenVINO does not run this model on {cpu_name()}: {reason}") from error

    @property
    def arithmetic(self) -> str:
        """The precision of the products and the result of the self-test, for the log, the report and `doctor`."""
        if self.batch_dependence is None:
            return f"{self.products} products, the same bits in every batch"
        return f"{self.products} products, the last bits of a row depend on its batch ({self.batch_dependence})"

    @property
    def computed_by(self) -> str:
        """What determines the logits besides the model: the runtime, its precisions, and the processor."""
        precisions = f"{self.products} {self.float_precision}"
        return f"openvino {self._version} {precisions} {cpu_name()} {int8_instructions()}"

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Run one batch: `[batch, length]` ids and mask to `[batch, length, labels]` logits."""
        request = self._requests.get()
        try:
            result = request.infer({"input_ids": input_ids, "attention_mask": attention_mask}, share_inputs=True)
            logits: NDArray[np.float32] = np.array(result["logits"], dtype=np.float32)  # the buffer will be reused
        except Exception as error:
            rows, length = input_ids.shape
            raise FinnerError(
                f"OpenVINO failed on a batch of {rows} x {length} tokens: {error}. A smaller --batch-tokens needs less "
                "memory; --backend onnxruntime avoids OpenVINO. The next run continues after what was committed"
            ) from error
        finally:
            self._requests.put(request)
        return logits


def batch_dependence(logits: RunBatch) -> str | None:
    """Return how logits depend on the size and order of their batch; None if no bit differs.

    This runs 368 tokens: 0.04 s at 9,000 tokens/s. Raises DeviceError if the output is not the logits of the batch, and
    whatever `logits` raises.
    """
    ids = np.arange(WINDOWS * _TEST_LENGTH, dtype=np.int64).reshape(WINDOWS, _TEST_LENGTH) % _TEST_IDS
    lengths = _TEST_LENGTH - np.arange(WINDOWS) % 4
    mask = (np.arange(_TEST_LENGTH) < lengths[:, None]).astype(np.int64)
    ids *= mask
    together = logits(ids, mask)
    if together.ndim != 3 or together.shape[:2] != ids.shape or not np.isfinite(together).all():
        raise DeviceError(
            f"logits of {WINDOWS} x {_TEST_LENGTH} tokens have the shape {together.shape} or are not finite"
        )
    backwards = np.arange(WINDOWS)[::-1]
    start = 0
    for size in _TEST_BATCH_SIZES:
        rows = backwards[start : start + size]
        start += size
        difference = np.abs(logits(ids[rows], mask[rows]) - together[rows])[mask[rows] == 1]
        if difference.any():
            return f"logits of {size} windows differ from those among {WINDOWS} by up to {difference.max():.0e}"
    return None


def float_precision(core: Any, products: Products = "int8") -> Literal["bf16", "fp32"]:
    """Return the precision in which this processor computes everything that is not int8."""
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if products == "int8" and has_bf16 else "fp32"


def compiled(core: Any, source: Path | bytes, threads: int, *, products: Products = "int8") -> Any:
    """Compile an ONNX file (a path) or graph (bytes) for the CPU, with one thread per batch.

    Raises ModelError if OpenVINO rejects it.
    """
    try:
        graph = core.read_model(model=source)
        if products == "int8":
            _compress_weights(graph)
        return core.compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "bf16" if float_precision(core, products) == "bf16" else "f32",
                "DYNAMIC_QUANTIZATION_GROUP_SIZE": _GROUP_INPUTS,
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": threads,
                "CPU_RUNTIME_CACHE_CAPACITY": _KERNELS_KEPT,
                "ENABLE_CPU_PINNING": False,
            },
        )
    except RuntimeError as error:
        name = "the graph" if isinstance(source, bytes) else source
        raise ModelError(f"OpenVINO cannot open {name}: {error}") from error


def _compress_weights(graph: Any) -> None:
    """Replace the constant weights of the matrix products by int8 weights and their scales.

    Raises RuntimeError if there are no such products.
    """
    import openvino  # noqa: PLC0415 - heavy
    from openvino import opset13 as operators  # noqa: PLC0415 - heavy

    products = [
        node
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "MatMul" and node.input_value(1).get_node().get_type_name() == "Constant"
    ]
    if not products:
        raise RuntimeError("no matrix product with constant weights in it")
    for node in products:
        constant = node.input_value(1).get_node()
        if any(part in constant.get_friendly_name() for part in _NOT_ROUNDED):
            continue
        weights = constant.data.astype(np.float32)
        scale = np.maximum(np.abs(weights).max(axis=0, keepdims=True), np.finfo(np.float16).tiny) / WEIGHT_LEVELS
        rounded = operators.constant(np.rint(weights / scale).astype(np.int8))
        scales = operators.constant(scale.astype(np.float16))
        columns = operators.multiply(operators.convert(rounded, openvino.Type.f16), scales)
        node.input(1).replace_source_output(columns.output(0))
    graph.validate_nodes_and_infer_types()
