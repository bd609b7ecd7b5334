"""A plan: what there is to read, and what it will take on one machine and on n, by the rates of a benchmark file.

Every file is listed and its size looked at. How much markup and how many tokens a stored byte stands for is counted in
some files of each kind of name (`.htm`, `.txt.gz`, …), drawn at random with a fixed seed, and taken for all of them.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from random import Random
from time import perf_counter
from typing import Any

from finner_batch.benchmark.planned_work import PlannedWork, WorkPlanner
from finner_batch.benchmark.rates import Amounts, Rates, load_rates
from finner_batch.benchmark.survey import count
from finner_batch.config import RunConfig
from finner_batch.engine.worker import WorkerOptions
from finner_batch.errors import UsageError
from finner_batch.sources.archive import is_archive
from finner_batch.sources.count import count_documents
from finner_batch.sources.discover import discover
from finner_batch.sources.document import Source
from finner_batch.sources.fetch import Copies
from finner_batch.sources.forms import EVERY_FORM, Forms
from finner_batch.sources.read import ReadOptions
from finner_batch.sources.share import Share, share_of, shared_name
from finner_batch.sources.streams import is_url
from finner_batch.tagger.model import Model, load_model

_COMPRESSED = (".gz", ".zst")
_LEAST_OF_A_KIND = 3
_MEMBERS = 40
"""Members of an archive that are read to count what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanConfig:
    """What is to be planned."""

    input: tuple[str, ...]
    """Files, folders, globs or URLs."""
    machines: int = 1
    """Machines that share the input by `--shard`."""
    benchmark: str | None = None
    """A file of `finner-batch benchmark --json`; None is the newest of the checkout."""
    price_per_hour: float | None = None
    """What a machine costs an hour, in any currency; None is the benchmark's."""
    sample: int = 40
    """Files that are read to count what they hold."""
    model: str | None = None
    """Model folder; None is the packaged one."""
    run: RunConfig | None = None
    """The run that is planned: what its results folder has is left out; None takes every file for new."""

    @property
    def with_csv(self) -> bool:
        """As in `discover`."""
        return self.run is not None and bool(self.run.text_column)


@dataclass(slots=True, kw_only=True)
class Kind:
    """Files whose names end alike. `sampled_…` count those that were read; the others are reckoned from them."""

    suffix: str
    files: int = 0
    stored_bytes: int = 0
    sampled_files: int = 0
    sampled_bytes: int = 0
    documents: float = 0.0
    markup_bytes: float = 0.0
    prose_tokens: float = 0.0
    numbered_tokens: float = 0.0
    seconds: float = 0.0
    """Of one machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What there is, and seconds and cost of one machine and of n. Costs are None where no price is known.

    `largest_share`: the fraction of the work that the largest of n shards has; its machine ends last. Every machine
    lists the whole input, which took `listing_seconds` here. `cost_of_machines` counts each until its own end.
    """

    work: PlannedWork | None
    """What a run would do of all files and why; the rest is of those that it would read."""
    kinds: tuple[Kind, ...]
    files: int
    stored_bytes: int
    documents: int
    markup_bytes: int
    prose_tokens: int
    numbered_tokens: int
    listing_seconds: float
    rates: Rates
    model_id: str
    seconds_of_one: float
    machines: int
    largest_share: float
    seconds_of_machines: float
    price_per_hour: float | None
    cost_of_one: float | None
    cost_of_machines: float | None

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for `json`."""
        return asdict(self)


@dataclass(slots=True)
class _Listing:
    """What a listing found: per kind of name its files (a sample of them held), per kind and shard the bytes."""

    most_held: int
    kinds: dict[str, Kind] = field(default_factory=dict)
    held: dict[str, list[tuple[Source, int]]] = field(default_factory=lambda: defaultdict(list))
    bytes_of: Counter[tuple[str, int]] = field(default_factory=Counter)


def plan(config: PlanConfig) -> Plan:
    """List, sample, reckon. Raises UsageError (no input, no benchmark), ModelError."""
    rates = load_rates(config.benchmark)
    model = load_model(config.model)
    started = perf_counter()
    planner = None if config.run is None else WorkPlanner(config.run, model.model_id)
    sources = discover(config.input, with_csv=config.with_csv)
    if config.run is not None and config.run.shard is not None:
        sources = Share.parse(config.run.shard).of_these(sources)
    listing = _list(sources if planner is None else planner.to_read(sources), config)
    listing_seconds = perf_counter() - started
    kinds = tuple(sorted(listing.kinds.values(), key=lambda kind: -kind.stored_bytes))
    whole = sum(kind.stored_bytes for kind in kinds)
    for kind in kinds:
        wanted = max(_LEAST_OF_A_KIND, round(config.sample * kind.stored_bytes / max(whole, 1)))
        _count(kind, listing.held[kind.suffix][:wanted], model, rates, config)
    seconds = sum(kind.seconds for kind in kinds)
    per_byte = {kind.suffix: kind.seconds / max(kind.stored_bytes, 1) for kind in kinds}
    shares = [0.0] * config.machines
    for (suffix, number), size in listing.bytes_of.items():
        shares[number - 1] += per_byte[suffix] * size
    price = rates.price_per_hour if config.price_per_hour is None else config.price_per_hour
    machine_seconds = seconds + config.machines * listing_seconds
    return Plan(
        work=None if planner is None else planner.found,
        kinds=kinds,
        files=sum(kind.files for kind in kinds),
        stored_bytes=whole,
        documents=round(sum(kind.documents for kind in kinds)),
        markup_bytes=round(sum(kind.markup_bytes for kind in kinds)),
        prose_tokens=round(sum(kind.prose_tokens for kind in kinds)),
        numbered_tokens=round(sum(kind.numbered_tokens for kind in kinds)),
        listing_seconds=listing_seconds,
        rates=rates,
        model_id=model.model_id,
        seconds_of_one=seconds + listing_seconds,
        machines=config.machines,
        largest_share=max(shares) / seconds if seconds else 0.0,
        seconds_of_machines=max(shares) + listing_seconds,
        price_per_hour=price,
        cost_of_one=None if price is None else price * (seconds + listing_seconds) / 3600,
        cost_of_machines=None if price is None else price * machine_seconds / 3600,
    )


def _list(sources: Iterable[Source], config: PlanConfig) -> _Listing:
    """Go through all sources; of each kind of name a random sample is held, and counts of the rest."""
    chance = Random(0)  # noqa: S311 - a sample, no secret
    listing = _Listing(max(config.sample, _LEAST_OF_A_KIND))
    for source in sources:
        size = _size(source)
        kind = listing.kinds.setdefault(suffix := _suffix(source.name), Kind(suffix=suffix))
        kind.files += 1
        kind.stored_bytes += size
        listing.bytes_of[suffix, share_of(shared_name(source), config.machines)] += size
        held = listing.held[suffix]
        if len(held) < listing.most_held:
            held.append((source, size))
        elif (place := chance.randrange(kind.files)) < listing.most_held:
            held[place] = (source, size)
    for held in listing.held.values():
        chance.shuffle(held)
    return listing


def _count(kind: Kind, sample: Sequence[tuple[Source, int]], model: Model, rates: Rates, config: PlanConfig) -> None:
    """Count what the sample holds, of an archive its first members, and reckon the kind from it."""
    part = 1.0
    with Copies() as copies:
        opened = [source for source, _ in sample]
        if opened and is_archive(opened[0].uri) and not is_url(opened[0].uri):
            sample = sample[:1]
            opened, part = _first_members(opened[0], copies, config)
        options = None if config.run is None else WorkerOptions.of(config.run, model).read
        found, _ = count(opened, model, options)
    kind.sampled_files = len(sample)
    kind.sampled_bytes = round(sum(size for _, size in sample) * part)
    larger = kind.stored_bytes / max(kind.sampled_bytes, 1)
    kind.documents = found.documents * kind.files / max(kind.sampled_files, 1) / part
    kind.markup_bytes = found.markup_bytes * larger
    kind.prose_tokens = found.prose_tokens * larger
    kind.numbered_tokens = found.numbered_tokens * larger
    kind.seconds = rates.seconds(
        Amounts(
            stored_bytes=kind.stored_bytes,
            markup_bytes=kind.markup_bytes,
            prose_tokens=kind.prose_tokens,
            numbered_tokens=kind.numbered_tokens,
        )
    )


def _first_members(archive: Source, copies: Copies, config: PlanConfig) -> tuple[list[Source], float]:
    """Those of the first members of an archive that are of the forms to read; the first are which part of all."""
    found = copies.with_members(
        [archive],
        max_bytes=ReadOptions().max_document_bytes,
        left_out=lambda *_: None,
        broken_before=frozenset(),
        with_csv=config.with_csv,
    )
    first = list(islice(found, _MEMBERS))
    everything = sum(number or 0 for _, number in count_documents([archive], with_csv=config.with_csv))
    forms = EVERY_FORM if config.run is None else Forms(config.run.form)
    of_forms = [member for member in first if member.error or not forms.leave_out(member)]
    return of_forms, min(len(first) / max(everything, 1), 1.0) or 1.0


def _suffix(name: str) -> str:
    """End of a name: `.htm`, `.txt.gz`; empty where it has none."""
    stem, dot, last = name.rpartition("/")[2].lower().rpartition(".")
    if not dot:
        return ""
    before = stem.rpartition(".") if f".{last}" in _COMPRESSED else ("", "", "")
    return f".{before[2]}.{last}" if before[1] else f".{last}"


def _size(source: Source) -> int:
    """Bytes as stored; 0 where nobody tells."""
    if source.version:
        return source.size
    if not is_url(source.uri):
        try:
            return os.stat(source.path).st_size  # noqa: PTH116 - a million of them
        except OSError:  # the run leaves a row that says why
            return 0
    import fsspec  # noqa: PLC0415 - only URLs need it

    try:
        filesystem, path = fsspec.core.url_to_fs(source.path)
        return int(filesystem.size(path) or 0)
    except Exception as error:
        raise UsageError(f"{source.uri}: {error}: check the URL and the credentials") from error
