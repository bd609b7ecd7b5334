"""Which device infers, and why. A GPU is used only where it really works."""

import ctypes
from dataclasses import dataclass
from typing import Literal

from finner_batch.errors import DeviceError

DeviceChoice = Literal["auto", "cpu", "cuda"]
BackendChoice = Literal["auto", "onnxruntime", "openvino"]


@dataclass(frozen=True, slots=True)
class Device:
    """The chosen device: `name` is `cpu` or `cuda`, `reason` one sentence for the log."""

    name: Literal["cpu", "cuda"]
    reason: str


def choose_device(choice: DeviceChoice = "auto") -> Device:
    """Choose by what the machine can do.

    onnxruntime lists its CUDA provider on machines without a GPU and falls back to the CPU in silence when asked for
    it, so the driver itself is asked first; the session asserts its provider afterwards. Raises DeviceError where
    `cuda` was required and is not usable.
    """
    if choice == "cpu":
        return Device("cpu", "asked for")
    obstacle = cuda_obstacle()
    if obstacle is None:
        return Device("cuda", "asked for" if choice == "cuda" else "a CUDA GPU is usable")
    if choice == "cuda":
        raise DeviceError(f"--device cuda: {obstacle}; `finner-batch doctor` shows what this machine has")
    return Device("cpu", obstacle)


def cuda_obstacle() -> str | None:
    """What keeps CUDA from being used here, or None."""
    import onnxruntime  # noqa: PLC0415 - heavy

    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no NVIDIA driver (libcuda.so.1) on this machine"
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "the NVIDIA driver finds no GPU"
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this onnxruntime has no CUDA provider (install onnxruntime-gpu, without onnxruntime beside it)"
    return None
