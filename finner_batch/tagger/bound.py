"""Runs on a GPU with the inputs and the logits in its own memory, so that copies go on while another batch runs.

A token costs 16 bytes on its way in and 4 a label on its way out: at 8 M tokens a second 0.3 GB/s, a small part of what
a PCIe link carries from plain memory. So batches are not put into pinned memory first; the copies overlap instead.
"""

from collections.abc import Sequence
from itertools import cycle
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALLEST = np.zeros((1, 16), dtype=np.int64)


class BoundRun:
    """Calls of an onnxruntime session with its inputs and output bound to `place` (`cuda` or `cpu`) number `number`.

    Several threads may call it; one batch runs at a time, so that memory for one is enough. What it is given is tried
    once, and whatever onnxruntime raises is raised.
    """

    def __init__(self, session: Any, place: str, number: int = 0) -> None:
        self._session = session
        self._place, self._number = place, number
        self._running = Lock()
        self._shrink = False
        self.enter_thread()
        self(_SMALLEST, np.ones_like(_SMALLEST))

    def enter_thread(self) -> None:
        """To be called first in each thread: a small run makes this GPU the thread's own.

        CUDA's copies from plain memory end on the thread's current device, which is GPU 0 until a run has set it.
        """
        with self._running:
            self._session.run(["logits"], {"input_ids": _SMALLEST, "attention_mask": np.ones_like(_SMALLEST)})

    def __call__(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Copy a batch to the device, run it when its turn comes, copy its logits back."""
        import onnxruntime  # noqa: PLC0415 - heavy

        binding = self._session.io_binding()
        for name, array in (("input_ids", input_ids), ("attention_mask", attention_mask)):
            copied = onnxruntime.OrtValue.ortvalue_from_numpy(array, self._place, self._number)
            binding.bind_ortvalue_input(name, copied)
        binding.bind_output("logits", self._place, self._number)
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
        """After a failure the next run gives back what memory no batch uses: it may lie in pieces too small."""
        import onnxruntime  # noqa: PLC0415 - heavy

        options = onnxruntime.RunOptions()
        if self._shrink:
            arena = f"gpu:{self._number}" if self._place == "cuda" else "cpu:0"
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", arena)
            self._shrink = False
        return options


class Dealt:
    """Several devices as one: each thread that calls keeps to one of them, and every device gets as many threads."""

    def __init__(self, runs: Sequence[BoundRun]) -> None:
        self._turns = cycle(runs)
        self._dealing = Lock()
        self._of_thread = local()

    def __call__(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Run a batch on the device of the calling thread."""
        run: BoundRun | None = getattr(self._of_thread, "run", None)
        if run is None:
            with self._dealing:
                run = next(self._turns)
            run.enter_thread()
            self._of_thread.run = run
        return run(input_ids, attention_mask)
