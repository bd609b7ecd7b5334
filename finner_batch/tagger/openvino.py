"""OpenVINO in place of onnxruntime on a CPU: the same model folder, the same logits within the gate's tolerance.

It reads the fp16 variant. Where the int8 variant has int8 weights, these become int8 here too, on the same grid, which
`finner-batch train` keeps them on; OpenVINO's dynamic quantisation then gives the activations a scale for each token
and group of inputs, so that a sentence's logits do not depend on its batch: tested bit for bit. All else, the value and
output projections of the attention among it, is computed in bf16 where the processor has it, else in fp32.
"""

import importlib.util
import os
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from finner_batch.config import usable_cpus
from finner_batch.errors import FinnerError, ModelError, UsageError
from finner_batch.machine import cpu_name, int8_instructions
from finner_batch.tagger.device import Device
from finner_batch.tagger.model import Model

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


def is_installed() -> bool:
    """Whether the extra `openvino` is there; it is not imported for the answer."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoSession:
    """A compiled model on the CPU, with `logits` and `at_once` as `Session` has them.

    `threads` is the number of CPU threads (0: as many as the process may use). Raises UsageError where the extra is not
    installed, ModelError where the file is damaged or no ONNX model.
    """

    def __init__(self, model: Model, device: Device, *, threads: int = 0) -> None:
        self.device = device
        self.variant = OPENVINO
        self.backend = OPENVINO
        path = model.onnx_path(OPENVINO)
        if not is_installed():
            raise UsageError("--backend openvino: not installed (pip install 'finner-batch[openvino]')")
        for name, value in PRIMITIVES_KEPT.items():
            os.environ.setdefault(name, value)
        import openvino  # noqa: PLC0415 - heavy

        core = openvino.Core()
        self._version = str(openvino.__version__)
        self.float_precision = float_precision(core)
        self.at_once = threads or usable_cpus()
        model_on_cpu = compiled(core, path, self.at_once)
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.at_once):
            self._requests.put(model_on_cpu.create_infer_request())

    @property
    def computed_by(self) -> str:
        """What the logits depend on beside the model: the runtime, what it computes in, and the processor."""
        return f"openvino {self._version} {self.float_precision} {cpu_name()} {int8_instructions()}"

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


def float_precision(core: Any) -> Literal["bf16", "fp32"]:
    """In what this processor computes everything that is not int8."""
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "fp32"


def compiled(core: Any, source: Path | bytes, threads: int) -> Any:
    """Compile an ONNX file (a path) or graph (bytes) for the CPU: each thread has a request's batch for itself.

    Raises ModelError where OpenVINO refuses it.
    """
    try:
        graph = core.read_model(model=source)
        _compress_weights(graph)
        return core.compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "bf16" if float_precision(core) == "bf16" else "f32",
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
