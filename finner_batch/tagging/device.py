"""Choice of the device for inference. A GPU is used only if it actually works."""

import ctypes
from dataclasses import dataclass
from typing import Literal

from finner_batch.errors import DeviceError

DeviceChoice = Literal["auto", "cpu", "cuda"]
BackendChoice = Literal["auto", "onnxruntime", "openvino"]


@dataclass(frozen=True, slots=True)
class Device:
    """The chosen device. `reason` explains the choice in one sentence; `count` is the number of GPUs."""

    name: Literal["cpu", "cuda"]
    reason: str
    count: int = 1


def choose_device(choice: DeviceChoice = "auto") -> Device:
    """Choose a device that this machine has; `cuda` means every visible GPU.

    onnxruntime lists its CUDA provider on machines without a GPU and silently falls back to the CPU. So the driver is
    queried first, and the session checks its provider later. Raises DeviceError if `cuda` is required and not usable.
    """
    if choice == "cpu":
        return Device("cpu", "requested")
    obstacle = cuda_obstacle()
    if obstacle is None:
        count = max(1, len(visible_gpus()))
        found = "a CUDA GPU is usable" if count == 1 else f"{count} CUDA GPUs are usable"
        return Device("cuda", "requested" if choice == "cuda" else found, count)
    if choice == "cuda":
        raise DeviceError(f"--device cuda: {obstacle}; `finner-batch doctor` shows what this machine has")
    return Device("cpu", obstacle)


def cuda_obstacle() -> str | None:
    """Return why CUDA cannot be used here, or None."""
    import onnxruntime  # noqa: PLC0415 - heavy

    if _driver() is None:
        return "no NVIDIA driver (libcuda.so.1) on this machine"
    if not visible_gpus():
        return "the NVIDIA driver finds no GPU (CUDA_VISIBLE_DEVICES may hide it)"
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this onnxruntime has no CUDA provider (install onnxruntime-gpu, and uninstall onnxruntime)"
    return None


def visible_gpus() -> tuple[str, ...]:
    """Return the names of the GPUs that this process may use, in the order of their numbers; none without a driver.

    The driver omits GPUs that `CUDA_VISIBLE_DEVICES` hides and numbers the others from 0, as onnxruntime does.
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
