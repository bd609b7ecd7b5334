"""The outcomes that an engine yields, in the order in which they are recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from finner_batch.readers.document import Document, FailedDocument
from finner_batch.runner.worker import Task
from finner_batch.tagging.session import AnySession
from finner_batch.tagging.tagger import TaggingStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedDocument:
    """A document with the rows of its entities, in the order of its text.

    `seconds`: CPU time by stage. `tag_seconds`: the document's share of the wall clock that the model took.
    """

    document: Document
    sentences: int
    tagged_sentences: int
    characters: int
    unread_exhibits: tuple[str, ...]
    entities: list[dict[str, Any]] = field(repr=False)
    seconds: dict[str, float]
    tag_seconds: float


@dataclass(frozen=True, slots=True)
class SourceFinished:
    """Every document of the task's source was yielded. `complete` is False if reading the source ended early.

    `kept`: digests of the rows of a shard that an earlier run has done. `other_forms`: documents that were left out
    because the run does not ask for their form.
    """

    task: Task
    complete: bool
    kept: tuple[bytes, ...] = ()
    other_forms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """A session of the model was opened. `seconds` is wall clock; `batch_dependence` is as in the session."""

    device: str
    device_reason: str
    variant: str
    backend: str
    backend_reason: str
    batch_dependence: str | None
    seconds: float

    @classmethod
    def of(cls, session: AnySession, seconds: float) -> "SessionOpened":
        """Describe a session that took `seconds` to open."""
        return cls(
            device=session.device.name,
            device_reason=session.device.reason,
            variant=session.variant,
            backend=session.backend,
            backend_reason=session.backend_reason,
            batch_dependence=session.batch_dependence,
            seconds=seconds,
        )


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What a call of the model cost; `seconds` is wall clock."""

    statistics: TaggingStatistics
    seconds: float


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """Peak resident bytes of all processes but the main one so far, as the sum of their own peaks."""

    bytes: int


@dataclass(frozen=True, slots=True)
class CacheOff:
    """The cache of tagged sentences is not used for the rest of the run."""

    reason: str


@dataclass(frozen=True, slots=True)
class ClusterUsed:
    """The cluster that the run works on so far: `facts` replaces what was yielded before."""

    workers: int
    facts: Mapping[str, Any]


DocumentOutcome: TypeAlias = TaggedDocument | FailedDocument | SourceFinished
Outcome: TypeAlias = DocumentOutcome | SessionOpened | ModelCost | PeakMemory | CacheOff | ClusterUsed
