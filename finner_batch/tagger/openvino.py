"""OpenVINO in place of onnxruntime on a CPU: the same model folder, the same logits within the gate's tolerance.

It reads the fp16 variant. Where the int8 variant has int8 weights, these become int8 here too, on the same grid, which
`finner-batch train` keeps them on; OpenVINO's dynamic quantisation then gives the activations a scale for each token
and group of inputs, so that a sentence's logits do not depend on its batch. All else, the value and output projections
of the attention among it, is computed in bf16 where the processor has it, else in fp32.

Without AVX-512 VNNI or AMX, OpenVINO multiplies int8 weights in fp32, and in another order for few tokens than for
many. There the weights stay as the file has them and everything is fp32: the same bits in every batch, as fast as with
int8 weights. Which of the two a session uses, a self-test decides as it is opened.
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
from finner_batch.tagger.device import Device
from finner_batch.tagger.model import Model
from finner_batch.tagger.selftest import batch_dependence

Products = Literal["int8", "fp32"]
"""What the matrix products with weights are computed in, but for those of `NOT_ROUNDED`."""
OPENVINO = "openvino"
"""The variant's name in a model folder that has passed its gate with OpenVINO."""
WEIGHT_LEVELS = 63
"""Steps a side, as in the int8 variant (`finner_batch/training/export/graph.py`)."""
GROUP_INPUTS = 128
"""Inputs that share an activation scale: with a token's 384 together the spans agree for 99.6 %, so for 99.8 %."""
KERNELS_KEPT = 64
"""Compiled for so many shapes at a time: its own default keeps thousands, and a gigabyte with them."""
PRIMITIVES_KEPT = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
"""The same of oneDNN below it, which knows environment variables only: 1,024, with 80 MB, by its own default."""
NOT_ROUNDED = ("attention.v_lin", "attention.out_lin", "classifier")
"""In the names of the weights that int8 leaves as they are."""
FASTER_WITH = {"amx_int8", "avx512_vnni"}
"""Instructions with which it was measured to be faster than onnxruntime. With AVX2 it takes 1.6 times as long."""


def is_installed() -> bool:
    """Whether the extra `openvino` is there; it is not imported for the answer."""
    return importlib.util.find_spec("openvino") is not None


def require_openvino() -> None:
    """Raise UsageError where the extra is not installed."""
    if not is_installed():
        raise UsageError("--backend openvino: not installed (pip install 'finner-batch[openvino]')")


def multiplies_int8() -> bool:
    """Whether the processor has the instructions that make OpenVINO's int8 products worth it."""
    return not FASTER_WITH.isdisjoint(fast_int8())


class OpenVinoSession:
    """A compiled model on the CPU, with `logits` and `at_once` as `Session` has them.

    `threads` is the number of CPU threads (0: as many as the process may use). `products`: None is int8 where the
    processor multiplies it and the self-test finds the same bits in every batch, else fp32. `batch_dependence` is what
    the self-test found with the products that are used, None where no bit differs.

    Raises UsageError where the extra is not installed, ModelError where the file is damaged or no ONNX model,
    DeviceError where OpenVINO computes no logits on this processor.
    """

    def __init__(
        self,
        model: Model,
        device: Device,
        *,
        threads: int = 0,
        products: Products | None = None,
        backend_reason: str = "asked for",
    ) -> None:
        self.device = device
        self.variant = OPENVINO
        self.backend = OPENVINO
        path = model.onnx_path(OPENVINO)
        require_openvino()
        for name, value in PRIMITIVES_KEPT.items():
            os.environ.setdefault(name, value)
        import openvino  # noqa: PLC0415 - heavy

        self._core = openvino.Core()
        self._version = str(openvino.__version__)
        self.at_once = threads or usable_cpus()
        self._open(path, products or ("int8" if multiplies_int8() else "fp32"))
        if self.batch_dependence is not None and products is None and self.products == "int8":
            self._open(path, "fp32")
        self.backend_reason = f"{backend_reason}; {self.arithmetic}"

    def _open(self, path: Path, products: Products) -> None:
        self.products = products
        self.float_precision = float_precision(self._core, products)
        model_on_cpu = compiled(self._core, path, self.at_once, products=products)
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.at_once):
            self._requests.put(model_on_cpu.create_infer_request())
        try:
            self.batch_dependence = batch_dependence(self.logits)
        except FinnerError as error:
            reason = " ".join(str(error.__cause__ or error).split())
            raise DeviceError(f"OpenVINO does not run this model on {cpu_name()}: {reason}") from error

    @property
    def arithmetic(self) -> str:
        """How it multiplies, and what the self-test says of that: for the log, the report and `finner-batch doctor`."""
        if self.batch_dependence is None:
            return f"{self.products} products, the same bits in every batch"
        return f"{self.products} products, the last bits of a row depend on its batch ({self.batch_dependence})"

    @property
    def computed_by(self) -> str:
        """What the logits depend on beside the model: the runtime, what it computes in, and the processor."""
        precisions = f"{self.products} {self.float_precision}"
        return f"openvino {self._version} {precisions} {cpu_name()} {int8_instructions()}"

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Run one batch: `[batch, length]` ids and mask to `[batch, length, labels]` logits."""
        request = self._requests.get()
        try:
            result = request.infer({"input_ids": input_ids, "attention_mask": attention_mask}, share_inputs=True)
            logits: NDArray[np.float32] = np.array(result["logits"], dtype=np.float32)  # the buffer is used again
        except Exception as error:
            rows, length = input_ids.shape
            raise FinnerError(
                f"OpenVINO failed on a batch of {rows} x {length} tokens: {error}. A smaller --batch-tokens needs less "
                "memory, --backend onnxruntime does without it; what was committed stays, and the job goes on there"
            ) from error
        finally:
            self._requests.put(request)
        return logits


def float_precision(core: Any, products: Products = "int8") -> Literal["bf16", "fp32"]:
    """In what this processor computes everything that is not int8."""
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if products == "int8" and has_bf16 else "fp32"


def compiled(core: Any, source: Path | bytes, threads: int, *, products: Products = "int8") -> Any:
    """Compile an ONNX file (a path) or graph (bytes) for the CPU: each thread has a request's batch for itself.

    Raises ModelError where OpenVINO refuses it.
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
                "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP_INPUTS,
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": threads,
                "CPU_RUNTIME_CACHE_CAPACITY": KERNELS_KEPT,
                "ENABLE_CPU_PINNING": False,
            },
        )
    except RuntimeError as error:
        name = "the graph" if isinstance(source, bytes) else source
        raise ModelError(f"OpenVINO cannot open {name}: {error}") from error


def _compress_weights(graph: Any) -> None:
    """Put int8 weights and their scales in place of the products' constant weights.

    Raises RuntimeError where there are no such products.
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
        given = node.input_value(1).get_node()
        if any(part in given.get_friendly_name() for part in NOT_ROUNDED):
            continue
        weights = given.data.astype(np.float32)
        scale = np.maximum(np.abs(weights).max(axis=0, keepdims=True), np.finfo(np.float16).tiny) / WEIGHT_LEVELS
        rounded = operators.constant(np.rint(weights / scale).astype(np.int8))
        scales = operators.constant(scale.astype(np.float16))
        columns = operators.multiply(operators.convert(rounded, openvino.Type.f16), scales)
        node.input(1).replace_source_output(columns.output(0))
    graph.validate_nodes_and_infer_types()
