"""A session: token ids in, logits out. By onnxruntime, or by OpenVINO where it is installed."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.config import usable_cpus
from finner_batch.errors import DeviceError, FinnerError, ModelError, UsageError
from finner_batch.machine import cpu_name, int8_instructions
from finner_batch.tagger.device import BackendChoice, Device, DeviceChoice, choose_device
from finner_batch.tagger.model import Model
from finner_batch.tagger.openvino import OPENVINO, OpenVinoSession, is_installed

VARIANT_OF_DEVICE = {"cpu": "int8", "cuda": "fp16"}
ONNXRUNTIME = "onnxruntime"


class Session:
    """An ONNX Runtime session over one variant of a model.

    `threads` is the number of CPU threads (0: as many as the process may use). Raises ModelError where the file is
    damaged or no ONNX model, DeviceError where CUDA was chosen and onnxruntime does not run on it.
    """

    def __init__(self, model: Model, device: Device, *, variant: str | None = None, threads: int = 0) -> None:
        import onnxruntime  # noqa: PLC0415 - heavy

        self.device = device
        self.backend = ONNXRUNTIME
        self.variant = variant or VARIANT_OF_DEVICE[device.name]
        path = model.onnx_path(self.variant)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or usable_cpus()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        wanted = "CPUExecutionProvider"
        if device.name == "cuda":
            wanted = "CUDAExecutionProvider"
            onnxruntime.preload_dlls()
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=[wanted])
        except Exception as error:
            if device.name == "cuda":
                raise DeviceError(f"onnxruntime cannot open {path} on the GPU: {error}") from error
            raise ModelError(f"onnxruntime cannot open {path}: {error}") from error
        used = self._session.get_providers()[0]
        if used != wanted:
            raise DeviceError(
                f"onnxruntime was asked for {wanted} and runs on {used}: its CUDA libraries did not load "
                "(pip install 'finner-batch[cuda]'); `finner-batch doctor` says more"
            )

    @property
    def computed_by(self) -> str:
        """All but the model that can change a bit of its logits: variant, device, runtime and processor."""
        import onnxruntime  # noqa: PLC0415 - heavy

        runtime = f"onnxruntime {onnxruntime.__version__}"
        return f"{self.variant} {self.device.name} {runtime} {cpu_name()} {int8_instructions()}"

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Run one batch: `[batch, length]` ids and mask to `[batch, length, labels]` logits."""
        try:
            result: NDArray[np.float32] = self._session.run(
                ["logits"], {"input_ids": input_ids, "attention_mask": attention_mask}
            )[0]
        except Exception as error:
            rows, length = input_ids.shape
            raise FinnerError(
                f"onnxruntime failed on a batch of {rows} x {length} tokens: {error}. A smaller --batch-tokens needs "
                "less memory; what was committed stays, and the job goes on from there"
            ) from error
        return result


AnySession: TypeAlias = Session | OpenVinoSession


def open_session(
    model: Model,
    choice: DeviceChoice,
    *,
    backend: BackendChoice = "auto",
    variant: str | None = None,
    threads: int = 0,
) -> AnySession:
    """Open a session where `choice` says, by what `backend` says.

    With `--device auto`, a GPU that onnxruntime cannot use after all leaves the CPU; `device.reason` says so. With
    `--backend auto`, OpenVINO runs a model on the CPU where it is installed and the model folder has passed its gate
    with it, unless another `variant` is asked for. Raises as `Session`, `OpenVinoSession` and `choose_device` do,
    UsageError where backend and device or variant do not go together.
    """
    if backend == OPENVINO and (choice == "cuda" or variant not in (None, OPENVINO)):
        raise UsageError(
            f"--backend openvino runs on the CPU and takes no other variant: not with --device {choice}"
            f"{f' --precision {variant}' if variant else ''}"
        )
    device = choose_device("cpu" if backend == OPENVINO else choice)
    if OPENVINO in {backend, variant}:
        return OpenVinoSession(model, device, threads=threads)
    if device.name == "cpu" and backend == "auto" and variant is None and OPENVINO in model.variants and is_installed():
        return OpenVinoSession(model, device, threads=threads)
    try:
        return Session(model, device, variant=variant, threads=threads)
    except DeviceError as error:
        if choice != "auto":
            raise
        on_the_cpu = Device("cpu", f"there is a GPU, but {error}")
    return Session(model, on_the_cpu, variant=variant, threads=threads)
