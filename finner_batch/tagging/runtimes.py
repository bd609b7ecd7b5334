"""The runtimes of a model, onnxruntime or OpenVINO on a CPU or GPU, and what each lacks on this machine."""

from dataclasses import dataclass

from finner_batch.tagging.device import BackendChoice, DeviceChoice, cuda_obstacle
from finner_batch.tagging.model import Model
from finner_batch.tagging.openvino import OPENVINO, is_installed
from finner_batch.tagging.session import VARIANT_OF_DEVICE, AnySession, open_session

_CUDA_NEEDS = "an NVIDIA GPU, its driver, and pip install 'finner-batch[cuda]' (without onnxruntime)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A backend on a device with a variant of the model. `obstacle` is what it lacks here, None if it can be opened."""

    backend: BackendChoice
    device: DeviceChoice
    variant: str
    obstacle: str | None

    @property
    def name(self) -> str:
        """A name such as `onnxruntime int8 on cpu`."""
        return f"{self.backend} {'' if self.variant == OPENVINO else f'{self.variant} '}on {self.device}"

    @property
    def flags(self) -> str:
        """The flags of `finner-batch run` that select it."""
        return f"--device {self.device} --backend {self.backend}"

    def is_of(self, session: AnySession) -> bool:
        """Return whether a session uses this runtime."""
        return (self.backend, self.device, self.variant) == (session.backend, session.device.name, session.variant)

    def open(self, model: Model) -> AnySession:
        """Open a session. Raises what `open_session` raises."""
        variant = None if self.variant == OPENVINO else self.variant
        return open_session(model, self.device, backend=self.backend, variant=variant)


def runtimes(model: Model) -> list[Runtime]:
    """Return all runtimes of a model; fp32 only if its folder has that variant."""
    return [
        Runtime(backend="onnxruntime", device="cpu", variant="int8", obstacle=_missing(model, "int8")),
        *(
            [Runtime(backend="onnxruntime", device="cpu", variant="fp32", obstacle=None)]
            if "fp32" in model.variants
            else []
        ),
        Runtime(
            backend="openvino",
            device="cpu",
            variant=OPENVINO,
            obstacle=_missing(model, OPENVINO)
            if is_installed()
            else "not installed: pip install 'finner-batch[openvino]'",
        ),
        Runtime(backend="onnxruntime", device="cuda", variant=VARIANT_OF_DEVICE["cuda"], obstacle=_gpu_obstacle(model)),
    ]


def _missing(model: Model, variant: str) -> str | None:
    if variant in model.variants:
        return None
    return f"the model has no {variant} variant: finner-batch export --precision {variant} makes it"


def _gpu_obstacle(model: Model) -> str | None:
    obstacle = cuda_obstacle()
    return f"{obstacle}; it needs {_CUDA_NEEDS}" if obstacle else _missing(model, VARIANT_OF_DEVICE["cuda"])
