"""Formats a plan as text."""

from collections.abc import Iterator
from dataclasses import asdict

from finner_batch.benchmark.plan import Plan
from finner_batch.benchmark.planned_work import SKIPPED

_KINDS_SHOWN = 6


def plan_summary(plan: Plan) -> str:
    """Format the work, the input, the rates, and the time and cost."""
    return "\n".join(line.rstrip() for part in (_work, _input, _rates, _time) for line in part(plan))


def _work(plan: Plan) -> Iterator[str]:
    head = "results"
    for name, count in asdict(plan.work).items():
        if name != "why" and count:
            is_skipped = name in SKIPPED
            yield f"{head:9}  {count:>9,} {'to skip' if is_skipped else 'to read'}: {name.replace('_', ' ')}"
            head = ""
    for why in plan.work.why:
        yield f"{'':9}  because: {why}"


def _input(plan: Plan) -> Iterator[str]:
    stored = f"{plan.stored_bytes / 1e6:,.1f} MB stored"
    if not plan.files:
        yield "input      nothing to read"
        return
    yield f"input      {plan.files:,} files, about {plan.documents:,} documents, {stored}"
    for kind in plan.kinds[:_KINDS_SHOWN]:
        yield (
            f"           {kind.suffix or 'no suffix':9} {kind.files:>9,} files"
            f" {kind.stored_bytes / 1e6:>11,.1f} MB stored"
            f" {kind.markup_bytes / 1e6:>11,.1f} MB of markup {kind.numbered_tokens / 1e6:>9,.2f} M tokens to tag"
        )
    if rest := plan.kinds[_KINDS_SHOWN:]:
        yield f"           {len(rest)} more kinds of names, {sum(kind.files for kind in rest):,} files"
    sampled = sum(kind.sampled_files for kind in plan.kinds)
    part = sum(kind.sampled_bytes for kind in plan.kinds) / max(plan.stored_bytes, 1)
    yield f"           counted in {sampled:,} files with {part:.0%} of the bytes, estimated for the rest"


def _rates(plan: Plan) -> Iterator[str]:
    rates = plan.rates
    yield f"benchmark  {rates.file}, {rates.started[:10]}"
    yield (
        f"           {rates.cpu}, {rates.cpus} CPUs, {rates.gpu or 'no GPU'};"
        f" the model {rates.model_tokens_per_second:,.0f} tokens/s; a run takes {rates.factor:.2f} times its stages"
    )
    if rates.is_busy:
        yield "           BUSY: that machine was also doing other work, so the estimate is rather high"
    if rates.model_id != plan.model_id:
        yield f"           measured with the model {rates.model_id}, not {plan.model_id}"


def _time(plan: Plan) -> Iterator[str]:
    cost = "" if plan.cost_of_one is None else f", cost {plan.cost_of_one:,.2f}"
    yield f"1 machine  {_duration(plan.seconds_of_one)}{cost}"
    if plan.machines > 1:
        cost = "" if plan.cost_of_machines is None else f", cost {plan.cost_of_machines:,.2f}"
        yield (
            f"{plan.machines} machines {_duration(plan.seconds_of_machines)}{cost}"
            f" (--shard i/{plan.machines}; the largest shard has {plan.largest_share:.1%} of the work)"
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"
