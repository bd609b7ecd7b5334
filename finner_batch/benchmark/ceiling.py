"""The machine's own ceiling: how fast onnxruntime multiplies large matrices here, in the precisions of the model."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import DeviceError
from finner_batch.machine import usable_cpus
from finner_batch.tagger.device import Device
from finner_batch.tagger.onnx_file import Precision, matrix_product

SIZE = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrices: large enough that nothing but the multiplying takes time."""


class MatrixProduct:
    """A square product in one precision, open in what runs the model, with the threads and provider that it gets.

    bf16 is OpenVINO's, every other precision onnxruntime's.

    int8 is uint8 activations times int8 weights with 32-bit sums; weights are constant, as a model's are. Raises
    DeviceError where onnxruntime does not run it on the device.
    """

    def __init__(self, precision: Precision, device: Device, *, size: int | None = None) -> None:
        self.precision = precision
        self.size = size or SIZE[device.name]
        weights, given = _matrices(precision, self.size)
        self._run = _by_openvino(weights, given) if precision == "bf16" else _by_onnxruntime(weights, given, device)
        self._run()

    def operations_per_second(self, seconds: float) -> float:
        """Multiply for about `seconds`; a multiply-add counts as two operations."""
        products = 0
        started = perf_counter()
        while True:
            self._run()
            products += 1
            if (elapsed := perf_counter() - started) >= seconds:
                return 2.0 * self.size**3 * products / elapsed


def seconds_at_the_ceiling(multiply_adds: Mapping[Precision, int], ceilings: Mapping[Precision, float]) -> float:
    """Least seconds that the products take at `ceilings` (operations a second), each in its own precision."""
    return sum(2.0 * amount / ceilings[precision] for precision, amount in multiply_adds.items())


def _matrices(precision: Precision, size: int) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    chance = np.random.default_rng(0)
    if precision == "int8":
        weights = chance.integers(-127, 128, (size, size), dtype=np.int8)
        return weights, chance.integers(0, 256, (size, size), dtype=np.uint8)
    kind = np.float16 if precision == "fp16" else np.float32
    one, other = (chance.standard_normal((size, size), dtype=np.float32).astype(kind) for _ in range(2))
    return one, other


def _by_onnxruntime(weights: NDArray[np.generic], given: NDArray[np.generic], device: Device) -> Callable[[], None]:
    import onnxruntime  # noqa: PLC0415 - heavy

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cpus()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    wanted = "CUDAExecutionProvider" if device.name == "cuda" else "CPUExecutionProvider"
    session = onnxruntime.InferenceSession(matrix_product(weights), options, providers=[wanted])
    if session.get_providers()[0] != wanted:
        raise DeviceError(f"onnxruntime was asked for {wanted} and multiplies on {session.get_providers()[0]}")
    return _on_the_device(session, given) if device.name == "cuda" else _on_the_cpu(session, given)


def _by_openvino(weights: NDArray[np.generic], given: NDArray[np.generic]) -> Callable[[], None]:
    import openvino  # noqa: PLC0415 - heavy

    settings = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": usable_cpus(), "NUM_STREAMS": 1}
    core = openvino.Core()
    request = core.compile_model(core.read_model(matrix_product(weights)), "CPU", settings).create_infer_request()

    def run() -> None:
        request.infer({"a": given})

    return run


def _on_the_cpu(session: Any, given: NDArray[np.generic]) -> Callable[[], None]:
    def run() -> None:
        session.run(["c"], {"a": given})

    return run


def _on_the_device(session: Any, given: NDArray[np.generic]) -> Callable[[], None]:
    """Bind input and output to the GPU's memory, so that no transfer is measured."""
    import onnxruntime  # noqa: PLC0415 - heavy

    binding = session.io_binding()
    binding.bind_ortvalue_input("a", onnxruntime.OrtValue.ortvalue_from_numpy(given, "cuda", 0))
    binding.bind_output("c", "cuda")

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run
