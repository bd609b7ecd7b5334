"""A session: token ids in, logits out. By onnxruntime, or by OpenVINO where that is faster and as sure."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import DeviceError, FinnerError, ModelError, OutOfMemoryError, UsageError
from finner_batch.machine import cpu_name, int8_instructions, usable_cpus
from finner_batch.tagger.bound import BoundRun, Dealt
from finner_batch.tagger.device import BackendChoice, Device, DeviceChoice, choose_device, visible_gpus
from finner_batch.tagger.memory import is_out_of_memory
from finner_batch.tagger.model import Model
from finner_batch.tagger.openvino import OPENVINO, OpenVinoSession, is_installed, multiplies_int8, require_openvino

VARIANT_OF_DEVICE = {"cpu": "int8", "cuda": "fp16"}
ONNXRUNTIME = "onnxruntime"
CALLS_A_GPU = 2
_PROVIDER = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class Session:
    """An ONNX Runtime session over one variant of a model; on a device of several GPUs one session each.

    `at_once` is the number of batches it takes at a time. On a CPU that is `threads`, the number of CPU threads (0: as
    many as the process may use), each with a batch of its own: two that share a batch wait for each other, and tag a
    sixth fewer tokens. On a GPU one batch runs while another is copied. Raises ModelError where the file is damaged or
    no ONNX model, DeviceError where CUDA was chosen and onnxruntime does not run the model on it.
    """

    batch_dependence = None
    """As `OpenVinoSession` has it. Here nothing is to be decided by a self-test; the project's tests see to it."""

    def __init__(
        self,
        model: Model,
        device: Device,
        *,
        variant: str | None = None,
        threads: int = 0,
        backend_reason: str = "asked for",
    ) -> None:
        self.device = device
        self.backend = ONNXRUNTIME
        self.backend_reason = backend_reason
        self.variant = variant or VARIANT_OF_DEVICE[device.name]
        path = str(model.onnx_path(self.variant))
        self._session = _open(path, device, 0)
        self._dealt: Dealt | None = None
        self.at_once = threads or usable_cpus()
        if device.name == "cuda" or device.count > 1:
            self.at_once = CALLS_A_GPU * device.count
            others = [_open(path, device, gpu) for gpu in range(1, device.count)]
            self._dealt = Dealt([_bound(session, device, gpu) for gpu, session in enumerate([self._session, *others])])

    @property
    def computed_by(self) -> str:
        """All but the model that can change a bit of its logits: variant, device, runtime and processor."""
        import onnxruntime  # noqa: PLC0415 - heavy

        runtime = f"onnxruntime {onnxruntime.__version__}"
        on = f"{cpu_name()} {int8_instructions()}" if self.device.name == "cpu" else " ".join(visible_gpus())
        return f"{self.variant} {self.device.name} {runtime} {on}"

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Run one batch: `[batch, length]` ids and mask to `[batch, length, labels]` logits.

        `at_once` threads may call it. Raises OutOfMemoryError where the device has too little memory for the batch,
        FinnerError where anything else fails.
        """
        try:
            if self._dealt is not None:
                return self._dealt(input_ids, attention_mask)
            result: NDArray[np.float32] = self._session.run(
                ["logits"], {"input_ids": input_ids, "attention_mask": attention_mask}
            )[0]
        except Exception as error:
            rows, length = input_ids.shape
            kind = OutOfMemoryError if is_out_of_memory(error) else FinnerError
            raise kind(
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
    `--backend auto`, OpenVINO runs a model on the CPU where it is installed, the model folder has passed its gate with
    it, the processor has the instructions that make it faster, and a self-test finds the same bits in every batch;
    `backend_reason` says which of these decided. Raises as `Session`, `OpenVinoSession` and `choose_device` do,
    UsageError where backend and device or variant do not go together.
    """
    check_choice(choice, backend, variant)
    device = choose_device("cpu" if backend == OPENVINO else choice)
    if OPENVINO in {backend, variant}:
        return OpenVinoSession(model, device, threads=threads)
    reason = "asked for"
    if backend == "auto":
        better = _openvino_if_better(model, device, variant, threads)
        if not isinstance(better, str):
            return better
        reason = better
    try:
        return Session(model, device, variant=variant, threads=threads, backend_reason=reason)
    except DeviceError as error:
        if choice != "auto":
            raise
        on_the_cpu = Device("cpu", f"there is a GPU, but {error}")
    return Session(model, on_the_cpu, variant=variant, threads=threads, backend_reason=reason)


def check_choice(choice: DeviceChoice, backend: BackendChoice, variant: str | None = None) -> None:
    """Raise UsageError where backend and device or variant do not go together, or the backend is not installed."""
    if backend != OPENVINO:
        return
    if choice == "cuda" or variant not in (None, OPENVINO):
        raise UsageError(
            f"--backend openvino runs on the CPU and takes no other variant: not with --device {choice}"
            f"{f' --precision {variant}' if variant else ''}"
        )
    require_openvino()


def _openvino_if_better(model: Model, device: Device, variant: str | None, threads: int) -> OpenVinoSession | str:
    """A session by OpenVINO, or what speaks against one."""
    obstacles = (
        (device.name != "cpu", "there is a GPU, and OpenVINO runs on the CPU only"),
        (variant is not None, f"OpenVINO does not run the variant {variant}"),
        (not is_installed(), "OpenVINO is not installed"),
        (OPENVINO not in model.variants, "the model has not passed its gate with OpenVINO"),
        (not multiplies_int8(), "OpenVINO is slower without AVX-512 VNNI or AMX, and this processor has neither"),
    )
    for is_there, obstacle in obstacles:
        if is_there:
            return obstacle
    better = "OpenVINO is faster with AVX-512 VNNI or AMX, which this processor has"
    try:
        session = OpenVinoSession(model, device, threads=threads, products="int8", backend_reason=better)
    except DeviceError as error:
        return str(error)
    if session.batch_dependence is not None:
        return f"with OpenVINO the last bits of a row would depend on its batch: {session.batch_dependence}"
    return session


def _open(path: str, device: Device, gpu: int) -> Any:
    """An onnxruntime session that really runs on the device; what calls it is the CPU thread that it uses.

    On a GPU memory is taken as it is asked for, not in doubling steps, and not planned anew for every shape: then what
    the first and longest batches need is all that is ever needed. There is no limit of our own (`gpu_mem_limit`): the
    GPU has one, and batches are made smaller where it is met. See
    https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html.
    """
    import onnxruntime  # noqa: PLC0415 - heavy

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    wanted = _PROVIDER[device.name]
    settings: dict[str, str] = {}
    if device.name == "cuda":
        onnxruntime.preload_dlls()
        options.enable_mem_pattern = False
        settings = {"device_id": str(gpu), "arena_extend_strategy": "kSameAsRequested"}
    try:
        session = onnxruntime.InferenceSession(path, options, providers=[(wanted, settings)])
    except Exception as error:
        if device.name == "cuda":
            raise DeviceError(f"onnxruntime cannot open {path} on GPU {gpu}: {error}") from error
        raise ModelError(f"onnxruntime cannot open {path}: {error}") from error
    used = session.get_providers()[0]
    if used != wanted:
        raise DeviceError(
            f"onnxruntime was asked for {wanted} and runs on {used}: its CUDA libraries did not load "
            "(pip install 'finner-batch[cuda]'); `finner-batch doctor` says more"
        )
    return session


def _bound(session: Any, device: Device, gpu: int) -> BoundRun:
    """Runs on one of the device's GPUs, tried once. CPU sessions stand in for GPUs in tests."""
    try:
        return BoundRun(session, device.name, gpu if device.name == "cuda" else 0)
    except Exception as error:
        raise DeviceError(f"onnxruntime opened the model on {device.name} {gpu} and cannot run it: {error}") from error
