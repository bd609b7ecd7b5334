"""Which device infers, and why. A GPU is used only where it really works."""

import ctypes
from dataclasses import dataclass
from typing import Literal

from finner_batch.errors import DeviceError

DeviceChoice = Literal["auto", "cpu", "cuda"]
BackendChoice = Literal["auto", "onnxruntime", "openvino"]


@dataclass(frozen=True, slots=True)
class Device:
    """The chosen device: `name` is `cpu` or `cuda`, `reason` one sentence for the log, `count` the number of GPUs."""

    name: Literal["cpu", "cuda"]
    reason: str
    count: int = 1


def choose_device(choice: DeviceChoice = "auto") -> Device:
    """Choose by what the machine can do; `cuda` means every GPU that is visible.

    onnxruntime lists its CUDA provider on machines without a GPU and falls back to the CPU in silence when asked for
    it, so the driver itself is asked first; the session asserts its provider afterwards. Raises DeviceError where
    `cuda` was required and is not usable.
    """
    if choice == "cpu":
        return Device("cpu", "asked for")
    obstacle = cuda_obstacle()
    if obstacle is None:
        count = max(1, len(visible_gpus()))
        found = "a CUDA GPU is usable" if count == 1 else f"{count} CUDA GPUs are usable"
        return Device("cuda", "asked for" if choice == "cuda" else found, count)
    if choice == "cuda":
        raise DeviceError(f"--device cuda: {obstacle}; `finner-batch doctor` shows what this machine has")
    return Device("cpu", obstacle)


def cuda_obstacle() -> str | None:
    """What keeps CUDA from being used here, or None."""
    import onnxruntime  # noqa: PLC0415 - heavy

    if _driver() is None:
        return "no NVIDIA driver (libcuda.so.1) on this machine"
    if not visible_gpus():
        return "the NVIDIA driver finds no GPU (CUDA_VISIBLE_DEVICES may hide it)"
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this onnxruntime has no CUDA provider (install onnxruntime-gpu, without onnxruntime beside it)"
    return None


def visible_gpus() -> tuple[str, ...]:
    """Names of the GPUs that this process may use, in the order of their numbers; none without a driver.

    The driver leaves out what `CUDA_VISIBLE_DEVICES` hides, and numbers the rest from 0, as onnxruntime does.
    """
    driver = _driver()
    count = ctypes.c_int(0)
    if driver is None or driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    names = []
    for number in range(count.value):
        device, name = ctypes.c_int(0), ctypes.create_string_buffer(128)
        if driver.cuDeviceGet(ctypes.byref(device), number) or driver.cuDeviceGetName(name, 128, device):
            return ()
        names.append(name.value.decode("utf-8", "replace"))
    return tuple(names)


def _driver() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
