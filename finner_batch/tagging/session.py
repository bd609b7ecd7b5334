"""Sessions that compute logits from token ids, with onnxruntime, or with OpenVINO if it is faster and as reliable.

On a GPU, inputs and logits are in its memory, so that copies overlap with the runs of other batches. A token costs 16
bytes on the way in and 4 bytes per label on the way out: 0.3 GB/s at 8 M tokens per second, a small part of what a PCIe
link carries from pageable memory. So batches are not copied into pinned memory first.
"""

from collections.abc import Sequence
from itertools import cycle
from threading import Lock, local
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.errors import DeviceError, FinnerError, ModelError, OutOfMemoryError, UsageError
from finner_batch.machine import cpu_name, int8_instructions, usable_cpus
from finner_batch.tagging.batching import is_out_of_memory
from finner_batch.tagging.device import BackendChoice, Device, DeviceChoice, choose_device, visible_gpus
from finner_batch.tagging.model import Model
from finner_batch.tagging.openvino import OPENVINO, OpenVinoSession, is_installed, multiplies_int8, require_openvino

_SMALL_BATCH = np.zeros((1, 16), dtype=np.int64)
VARIANT_OF_DEVICE = {"cpu": "int8", "cuda": "fp16"}
_ONNXRUNTIME = "onnxruntime"
_BATCHES_PER_GPU = 2
_PROVIDER = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class Session:
    """An ONNX Runtime session over one variant of a model, with one onnxruntime session per GPU.

    `concurrent_batches` is the number of batches that it accepts at a time. On a CPU, this is `threads` (0: all that
    the process may use), each with its own batch: two threads that share a batch wait for each other and tag a sixth
    fewer tokens. On a GPU, one batch runs while another is copied. Raises ModelError if the file is damaged or not an
    ONNX model, DeviceError if CUDA was chosen and onnxruntime does not run the model on it.
    """

    batch_dependence = None
    """As in `OpenVinoSession`. onnxruntime needs no self-test; the project's tests check it."""

    def __init__(
        self,
        model: Model,
        device: Device,
        *,
        variant: str | None = None,
        threads: int = 0,
        backend_reason: str = "requested",
    ) -> None:
        self.device = device
        self.backend = _ONNXRUNTIME
        self.backend_reason = backend_reason
        self.variant = variant or VARIANT_OF_DEVICE[device.name]
        path = str(model.onnx_path(self.variant))
        self._session = _open(path, device, 0)
        self._gpus: RoundRobin | None = None
        self.concurrent_batches = threads or usable_cpus()
        if device.name == "cuda" or device.count > 1:
            self.concurrent_batches = _BATCHES_PER_GPU * device.count
            sessions = [self._session, *(_open(path, device, gpu) for gpu in range(1, device.count))]
            self._gpus = RoundRobin([_gpu_session(session, device, gpu) for gpu, session in enumerate(sessions)])

    @property
    def computed_by(self) -> str:
        """What determines the bits of the logits besides the model: variant, device, runtime and processor."""
        import onnxruntime  # noqa: PLC0415 - heavy

        runtime = f"onnxruntime {onnxruntime.__version__}"
        processor = f"{cpu_name()} {int8_instructions()}" if self.device.name == "cpu" else " ".join(visible_gpus())
        return f"{self.variant} {self.device.name} {runtime} {processor}"

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Run one batch: `[batch, length]` ids and mask to `[batch, length, labels]` logits.

        Up to `concurrent_batches` threads may call it at a time. Raises OutOfMemoryError if the device has too little
        memory for the batch, FinnerError for any other failure.
        """
        try:
            if self._gpus is not None:
                return self._gpus(input_ids, attention_mask)
            result: NDArray[np.float32] = self._session.run(
                ["logits"], {"input_ids": input_ids, "attention_mask": attention_mask}
            )[0]
        except Exception as error:
            rows, length = input_ids.shape
            error_class = OutOfMemoryError if is_out_of_memory(error) else FinnerError
            raise error_class(
                f"onnxruntime failed on a batch of {rows} x {length} tokens: {error}. A smaller --batch-tokens needs "
                "less memory. The next run continues after what was committed"
            ) from error
        return result


class GpuSession:
    """An onnxruntime session with its inputs and output bound to `device` (`cuda`, or `cpu` in tests) number `number`.

    Several threads may call it. One batch runs at a time, so that memory for one suffices. A first small run checks the
    session. Errors of onnxruntime are passed on.
    """

    def __init__(self, session: Any, device: str, number: int = 0) -> None:
        self._session = session
        self._device, self._number = device, number
        self._running = Lock()
        self._shrink = False
        self.use_in_thread()
        self(_SMALL_BATCH, np.ones_like(_SMALL_BATCH))

    def use_in_thread(self) -> None:
        """Make this GPU the calling thread's current device, by a small run. Each thread must call it first.

        CUDA copies from pageable memory to the thread's current device, which is GPU 0 until a run has set it.
        """
        with self._running:
            self._session.run(["logits"], {"input_ids": _SMALL_BATCH, "attention_mask": np.ones_like(_SMALL_BATCH)})

    def __call__(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Copy a batch to the device, run it after the batch before it, and copy its logits back."""
        import onnxruntime  # noqa: PLC0415 - heavy

        binding = self._session.io_binding()
        for name, array in (("input_ids", input_ids), ("attention_mask", attention_mask)):
            copied = onnxruntime.OrtValue.ortvalue_from_numpy(array, self._device, self._number)
            binding.bind_ortvalue_input(name, copied)
        binding.bind_output("logits", self._device, self._number)
        with self._running:
            options = self._run_options()
            try:
                self._session.run_with_iobinding(binding, options)
            except Exception:
                self._shrink = True
                raise
        result: NDArray[np.float32] = binding.copy_outputs_to_cpu()[0]
        return result

    def _run_options(self) -> Any:
        """Return options that make the run after a failure free the arena's unused memory, which may be fragmented."""
        import onnxruntime  # noqa: PLC0415 - heavy

        options = onnxruntime.RunOptions()
        if self._shrink:
            arena = f"gpu:{self._number}" if self._device == "cuda" else "cpu:0"
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", arena)
            self._shrink = False
        return options


class RoundRobin:
    """Several GPUs as one. Threads are assigned to them in turn, and each thread keeps its GPU."""

    def __init__(self, sessions: Sequence[GpuSession]) -> None:
        self._next_session = cycle(sessions)
        self._assigning = Lock()
        self._of_thread = local()

    def __call__(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Run a batch on the GPU of the calling thread."""
        session: GpuSession | None = getattr(self._of_thread, "session", None)
        if session is None:
            with self._assigning:
                session = next(self._next_session)
            session.use_in_thread()
            self._of_thread.session = session
        return session(input_ids, attention_mask)


AnySession: TypeAlias = Session | OpenVinoSession


def open_session(
    model: Model,
    choice: DeviceChoice,
    *,
    backend: BackendChoice = "auto",
    variant: str | None = None,
    threads: int = 0,
) -> AnySession:
    """Open a session on the device `choice` with `backend`.

    With `--device auto`, the CPU is used if onnxruntime cannot use the GPU; `device.reason` explains this. With
    `--backend auto`, OpenVINO is used on the CPU if it is installed, the model folder has passed its gate with it, the
    processor has the instructions that make it faster, and a self-test finds the same bits in every batch;
    `backend_reason` says which of these decided. Raises what `Session`, `OpenVinoSession` and `choose_device` raise,
    and UsageError if backend, device and variant cannot be combined.
    """
    check_choice(choice, backend, variant)
    device = choose_device("cpu" if backend == OPENVINO else choice)
    if OPENVINO in {backend, variant}:
        return OpenVinoSession(model, device, threads=threads)
    reason = "requested"
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
    """Raise UsageError if backend, device and variant cannot be combined, or the backend is not installed."""
    if backend != OPENVINO:
        return
    if choice == "cuda" or variant not in (None, OPENVINO):
        raise UsageError(
            f"--backend openvino runs on the CPU and takes no other variant: not with --device {choice}"
            f"{f' --precision {variant}' if variant else ''}"
        )
    require_openvino()


def _openvino_if_better(model: Model, device: Device, variant: str | None, threads: int) -> OpenVinoSession | str:
    """Open a session with OpenVINO, or return the reason against it."""
    obstacles = (
        (device.name != "cpu", "there is a GPU, and OpenVINO runs on the CPU only"),
        (variant is not None, f"OpenVINO does not run the variant {variant}"),
        (not is_installed(), "OpenVINO is not installed"),
        (OPENVINO not in model.variants, "the model has not passed its gate with OpenVINO"),
        (not multiplies_int8(), "OpenVINO is slower without AVX-512 VNNI or AMX, and this processor has neither"),
    )
    for applies, obstacle in obstacles:
        if applies:
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
    """Open an onnxruntime session that actually runs on the device. On a CPU, it uses the calling thread only.

    On a GPU, memory is allocated as requested, not in doubling steps, and without a plan per shape: then the first and
    longest batches determine its peak. `gpu_mem_limit` is not set: batches become smaller when the GPU's memory runs
    out. See
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


def _gpu_session(session: Any, device: Device, gpu: int) -> GpuSession:
    """Bind a session to one of the device's GPUs. In tests, CPU sessions replace GPUs."""
    try:
        return GpuSession(session, device.name, gpu if device.name == "cuda" else 0)
    except Exception as error:
        raise DeviceError(f"onnxruntime opened the model on {device.name} {gpu} and cannot run it: {error}") from error
