"""onnxruntime sessions with inputs and logits in GPU memory, so that copies overlap with the runs of other batches.

A token costs 16 bytes on the way in and 4 bytes per label on the way out: 0.3 GB/s at 8 M tokens per second, a small
part of what a PCIe link carries from pageable memory. So batches are not copied into pinned memory first.
"""

from collections.abc import Sequence
from itertools import cycle
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALL_BATCH = np.zeros((1, 16), dtype=np.int64)


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
