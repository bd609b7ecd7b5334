"""The tagger: windows of many sentences in, labelled spans out.

With a cache, windows that this or an earlier run has tagged get the same logits, to the last bit.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagging.batching import (
    BatchLogits,
    ShrinkingBatches,
    batches,
    run_concurrently,
    run_one_by_one,
)
from finner_batch.tagging.device import BackendChoice, DeviceChoice
from finner_batch.tagging.model import Model, load_model
from finner_batch.tagging.openvino import OPENVINO
from finner_batch.tagging.session import AnySession, open_session
from finner_batch.tagging.tokens import SentenceTokenizer, Window

DIGEST_BYTES = 16
_LOGIT_BYTES = 4
Probabilities: TypeAlias = NDArray[np.float64]
"""`[numbers, labels]`, rows sum to 1."""
_BUDGET_TOKENS = {"cpu": 1024, "cuda": 32_768, OPENVINO: 2048}
_LENGTH_MULTIPLE = {"cpu": 1, "cuda": 8, OPENVINO: 8}
WINDOW_SENTENCES = {"cpu": 4096, "cuda": 65_536}
"""Sentences that are collected before they are tagged. With fewer, a GPU's batches of one length would be small."""


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled number token of a sentence: `sentence[start:end]` is the number as printed."""

    start: int
    end: int
    label: str
    """Concept name, without `B-`."""
    confidence: float
    """Calibrated probability of `label`, from 0 to 1."""


class LogitStore(Protocol):
    """Keeps bytes by digest, and may forget any of them at any time; `results.logit_cache.LogitCache` is one."""

    def find(self, digests: Sequence[bytes], sizes: Sequence[int]) -> list[bytes | None]:
        """Return the value of each digest, or None. `sizes` are the lengths in bytes that the values must have."""

    def keep(self, digests: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep the values of digests that were not found."""


def window_digest(window: Window, key: bytes = b"") -> bytes:
    """Return a digest of 16 bytes of a window's ids and number positions, which also depends on `key`."""
    positions = array("i", (len(window.positions), *window.positions)).tobytes()
    return blake2b(positions + window.packed_ids, digest_size=DIGEST_BYTES, key=key).digest()


@dataclass(frozen=True, slots=True)
class TaggingStatistics:
    """Counts of a call: windows, windows run (repeats run once), and their tokens without and with padding.

    `tokens_from_cache` are the tokens of windows whose logits were in the cache.
    """

    windows: int
    windows_run: int
    tokens: int
    tokens_run: int
    tokens_padded: int
    tokens_from_cache: int


class Tagger:
    """A model on a device. With a `cache`, a window that an equal tagger has run before is not run again."""

    def __init__(
        self, model: Model, session: AnySession, *, budget_tokens: int | None = None, cache: LogitStore | None = None
    ) -> None:
        self.model = model
        self.session = session
        runtime = OPENVINO if session.backend == OPENVINO else session.device.name
        self.budget_tokens = budget_tokens or _BUDGET_TOKENS[runtime]
        self._length_multiple = _LENGTH_MULTIPLE[runtime]
        threads = session.concurrent_batches
        self._threads = ThreadPoolExecutor(threads, "infer") if threads > 1 else None
        self._thresholds = np.array([0.0, *(model.thresholds[label] for label in model.labels[1:])])
        self._cache = cache
        self._cache_key = b""
        if cache is not None:
            computed_by = f"{model.model_id} {session.computed_by}"
            self._cache_key = blake2b(computed_by.encode(), digest_size=DIGEST_BYTES).digest()

    @classmethod
    def load(
        cls,
        folder: str | Path | None = None,
        *,
        device: DeviceChoice = "auto",
        backend: BackendChoice = "auto",
        variant: str | None = None,
        threads: int = 0,
        budget_tokens: int | None = None,
    ) -> "Tagger":
        """Verify a model folder (None: the packaged one) and open a session. Raises ModelError, DeviceError."""
        model = load_model(folder)
        session = open_session(model, device, backend=backend, variant=variant, threads=threads)
        return cls(model, session, budget_tokens=budget_tokens)

    def tokenizer(self) -> SentenceTokenizer:
        """Return a tokenizer that makes this model's windows, for sentences with its cues only."""
        return SentenceTokenizer(self.model.folder / "tokenizer.json", self.model.max_length, self.model.cues)

    def probabilities(
        self,
        windows: Sequence[Window],
        *,
        interrupted: Callable[[], bool] = lambda: False,
        advanced: Callable[[float], None] = lambda _: None,
    ) -> tuple[list[Probabilities], TaggingStatistics]:
        """Return the calibrated label probabilities of each window's numbers, in the order of the windows.

        Equal windows (ids and number positions) are run once and share a read-only table. Cached windows are not run.
        A window's result depends on the window only. `advanced` is called after each batch with the fraction done.
        Raises InterruptedError if `interrupted()` is true between two batches.
        """
        first_index: dict[tuple[bytes, tuple[int, ...]], int] = {}
        same_as = [
            first_index.setdefault((window.packed_ids, window.positions), index) for index, window in enumerate(windows)
        ]
        distinct = list(first_index.values())
        digests, cached = self._look_up([windows[index] for index in distinct])
        uncached = [index for index, packed in zip(distinct, cached, strict=True) if packed is None]
        to_run = [windows[index] for index in uncached]
        logits: list[NDArray[np.float32]] = []
        order: list[int] = []
        tokens_padded = 0
        for batch, batch_logits in self._run(to_run, interrupted):
            logits.append(batch_logits)
            order += [uncached[member] for member in batch.members]
            tokens_padded += batch.input_ids.size
            advanced(len(order) / len(to_run))
        tables: dict[int, Probabilities] = {}
        order += [index for index, packed in zip(distinct, cached, strict=True) if packed is not None]
        if order:
            logits.append(self._unpacked(cached))
            all_logits = np.concatenate(logits)
            table = self._softmax(all_logits)
            table.flags.writeable = False
            ends = list(accumulate(len(windows[index].positions) for index in order))
            places = {index: slice(start, end) for index, start, end in zip(order, [0, *ends[:-1]], ends, strict=True)}
            tables = {index: table[place] for index, place in places.items()}
            if self._cache is not None:
                digest_of = dict(zip(distinct, digests, strict=True))
                ran = order[: len(uncached)]
                packed_logits = [all_logits[places[index]].astype(np.float32, copy=False).tobytes() for index in ran]
                self._cache.keep([digest_of[index] for index in ran], packed_logits)
        tokens_run = sum(window.length for window in to_run)
        statistics = TaggingStatistics(
            windows=len(windows),
            windows_run=len(to_run),
            tokens=sum(window.length for window in windows),
            tokens_run=tokens_run,
            tokens_padded=tokens_padded,
            tokens_from_cache=sum(windows[index].length for index in distinct) - tokens_run,
        )
        return [tables[index] for index in same_as], statistics

    def spans(
        self, windows: Sequence[Window], probabilities: Sequence[Probabilities], *, threshold: float | None = None
    ) -> list[list[Span]]:
        """Return the labelled numbers of each window: the likeliest label except `O`, if it reaches its threshold.

        `threshold` replaces the model's threshold of each label. Raises ValueError if the number of probabilities is
        not that of the windows' numbers.
        """
        counts = [len(window.numbers) for window in windows]
        if [len(table) for table in probabilities] != counts:
            raise ValueError("the probabilities are not those of these windows")
        found: list[list[Span]] = [[] for _ in windows]
        if not windows:
            return found
        table = np.concatenate(probabilities)
        best = table[:, 1:].argmax(axis=1) + 1
        confidence = table[np.arange(len(table)), best]
        least = self._thresholds[best] if threshold is None else threshold
        ends = list(accumulate(counts))
        for place in np.flatnonzero(confidence >= least).tolist():
            index = bisect_right(ends, place)
            start, end = windows[index].numbers[place - ends[index]]  # counted from the window's end
            found[index].append(Span(start, end, self.model.labels[best[place]], float(confidence[place])))
        return found

    def _run(self, windows: Sequence[Window], interrupted: Callable[[], bool]) -> Iterator[BatchLogits]:
        """Yield batches of the windows with their logits. A budget that exceeds the memory stays lowered."""
        run_batch = ShrinkingBatches(self.session.logits, self.budget_tokens)
        prepared = batches(
            windows,
            budget_tokens=self.budget_tokens,
            length_multiple=self._length_multiple,
            longest=self.model.max_length,
            few_shapes=self.session.device.name == "cuda",
        )
        try:
            if self._threads is None:
                yield from run_one_by_one(prepared, run_batch, interrupted)
            else:
                yield from run_concurrently(
                    prepared, run_batch, interrupted, self._threads, self.session.concurrent_batches
                )
        finally:
            self.budget_tokens = run_batch.budget_tokens

    def _look_up(self, windows: Sequence[Window]) -> tuple[list[bytes], list[bytes | None]]:
        """Return the windows' digests, and for each window in the cache the logits of its numbers, packed float32."""
        if self._cache is None:
            return [b""] * len(windows), [None] * len(windows)
        digests = [window_digest(window, self._cache_key) for window in windows]
        row_bytes = len(self.model.labels) * _LOGIT_BYTES
        return digests, self._cache.find(digests, [len(window.positions) * row_bytes for window in windows])

    def _unpacked(self, cached: Sequence[bytes | None]) -> NDArray[np.float32]:
        packed = b"".join(logits for logits in cached if logits is not None)
        return np.frombuffer(packed, np.float32).reshape(-1, len(self.model.labels))

    def _softmax(self, logits: NDArray[np.float32]) -> Probabilities:
        scaled = logits.astype(np.float64) / self.model.temperature
        exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        result: Probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        return result
