"""The tagger: windows of many sentences in, labelled spans out."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from finner_batch.tagger.batches import Batch, batches
from finner_batch.tagger.device import BackendChoice, DeviceChoice
from finner_batch.tagger.memory import WithinMemory
from finner_batch.tagger.model import Model, load_model
from finner_batch.tagger.openvino import OPENVINO
from finner_batch.tagger.remembered import Memory, Remembered
from finner_batch.tagger.session import AnySession, open_session
from finner_batch.tagger.span import Span
from finner_batch.tagger.tokens import SentenceTokenizer, Window
from finner_batch.tagger.turns import Ran, at_once, in_turn

Probabilities: TypeAlias = NDArray[np.float64]
"""`[numbers, labels]`, rows sum to 1."""

BUDGET_TOKENS = {"cpu": 1024, "cuda": 32_768, OPENVINO: 2048}
LENGTH_MULTIPLE = {"cpu": 1, "cuda": 8, OPENVINO: 8}
WINDOW_SENTENCES = {"cpu": 4096, "cuda": 65_536}
"""Sentences to gather before they are tagged: of fewer, a GPU's batches of one length would be small."""


@dataclass(frozen=True, slots=True)
class TaggingStatistics:
    """What a call cost: windows given, windows run (repeats are run once), their tokens without and with padding.

    `tokens_remembered` are those of windows that were not run because their logits were known from before the call.
    """

    windows: int
    windows_run: int
    tokens: int
    tokens_run: int
    tokens_padded: int
    tokens_remembered: int


class Tagger:
    """A model on a device. With a `memory`, windows that any tagger like this one has run before are not run again."""

    def __init__(
        self, model: Model, session: AnySession, *, budget_tokens: int | None = None, memory: Memory | None = None
    ) -> None:
        self.model = model
        self.session = session
        own = OPENVINO if session.backend == OPENVINO else session.device.name
        self.budget_tokens = budget_tokens or BUDGET_TOKENS[own]
        self._length_multiple = LENGTH_MULTIPLE[own]
        self._threads = ThreadPoolExecutor(session.at_once, "infer") if session.at_once > 1 else None
        self._thresholds = np.array([0.0, *(model.thresholds[label] for label in model.labels[1:])])
        self._remembered: Remembered | None = None
        if memory is not None:
            computed_by = f"{model.model_id} {session.computed_by}"
            self._remembered = Remembered(memory, computed_by=computed_by, labels=len(model.labels))

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
        """A tokenizer for this model's windows: of the sentences that have its cues."""
        return SentenceTokenizer(self.model.folder / "tokenizer.json", self.model.max_length, self.model.cues)

    def probabilities(
        self,
        windows: Sequence[Window],
        *,
        interrupted: Callable[[], bool] = lambda: False,
        advanced: Callable[[float], None] = lambda _: None,
    ) -> tuple[list[Probabilities], TaggingStatistics]:
        """Calibrated label probabilities of each window's numbers, in the order given.

        Windows with the same ids and number positions are run once and share their table, which cannot be written to;
        those that are remembered are not run, and have the table they had.
        The result of a window depends on nothing but the window. `advanced` is told after each batch which part of the
        windows is done, 0 to 1. Raises InterruptedError as soon as `interrupted()` is
        true between two batches.
        """
        first_index: dict[tuple[bytes, tuple[int, ...]], int] = {}
        same_as = [
            first_index.setdefault((window.packed_ids, window.positions), index) for index, window in enumerate(windows)
        ]
        asked = list(first_index.values())
        digests, known = self._look_up([windows[index] for index in asked])
        distinct = [index for index, found in zip(asked, known, strict=True) if found is None]
        unique = [windows[index] for index in distinct]
        logits: list[NDArray[np.float32]] = []
        order: list[int] = []
        tokens_padded = 0
        for batch, found in self._run(unique, interrupted):
            logits.append(found)
            order += [distinct[member] for member in batch.members]
            tokens_padded += batch.input_ids.size
            advanced(len(order) / len(unique))
        tables: dict[int, Probabilities] = {}
        order += [index for index, found in zip(asked, known, strict=True) if found is not None]
        if order:
            logits.append(self._packed_logits(known))
            of_all = np.concatenate(logits)
            table = self._softmax(of_all)
            table.flags.writeable = False
            ends = list(accumulate(len(windows[index].positions) for index in order))
            places = {index: slice(start, end) for index, start, end in zip(order, [0, *ends[:-1]], ends, strict=True)}
            tables = {index: table[place] for index, place in places.items()}
            if self._remembered is not None:
                digest_of = dict(zip(asked, digests, strict=True))
                ran = order[: len(distinct)]
                self._remembered.keep([digest_of[index] for index in ran], [of_all[places[index]] for index in ran])
        tokens_unknown = sum(window.length for window in unique)
        statistics = TaggingStatistics(
            windows=len(windows),
            windows_run=len(unique),
            tokens=sum(window.length for window in windows),
            tokens_run=tokens_unknown,
            tokens_padded=tokens_padded,
            tokens_remembered=sum(windows[index].length for index in asked) - tokens_unknown,
        )
        return [tables[index] for index in same_as], statistics

    def spans(
        self, windows: Sequence[Window], probabilities: Sequence[Probabilities], *, threshold: float | None = None
    ) -> list[list[Span]]:
        """The numbers of each window that the model labels: likeliest label but `O`, where it reaches its threshold.

        `threshold` is one for all labels, in place of the model's own.
        Raises ValueError where the probabilities are not of as many numbers as the windows have.
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

    def _run(self, windows: Sequence[Window], interrupted: Callable[[], bool]) -> Iterator[Ran]:
        """Batches of the windows with their logits. A budget that turns out too large is lower from then on."""
        logits = WithinMemory(self.session.logits, self.budget_tokens)
        made: Iterator[Batch] = batches(
            windows,
            budget_tokens=self.budget_tokens,
            length_multiple=self._length_multiple,
            longest=self.model.max_length,
            few_shapes=self.session.device.name == "cuda",
        )
        try:
            if self._threads is None:
                yield from in_turn(made, logits, interrupted)
            else:
                yield from at_once(made, logits, interrupted, self._threads, self.session.at_once)
        finally:
            self.budget_tokens = logits.budget_tokens

    def _look_up(self, windows: Sequence[Window]) -> tuple[list[bytes], list[bytes | None]]:
        """Digests of windows, and the packed logits of those that are remembered."""
        if self._remembered is None:
            return [b""] * len(windows), [None] * len(windows)
        return self._remembered.find(windows)

    def _packed_logits(self, known: Sequence[bytes | None]) -> NDArray[np.float32]:
        packed = b"".join(found for found in known if found is not None)
        return np.frombuffer(packed, np.float32).reshape(-1, len(self.model.labels))

    def _softmax(self, logits: NDArray[np.float32]) -> Probabilities:
        scaled = logits.astype(np.float64) / self.model.temperature
        exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        result: Probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        return result
