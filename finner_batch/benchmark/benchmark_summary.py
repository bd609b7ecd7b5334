"""Formats a plan and a benchmark as text."""

from collections.abc import Iterator
from dataclasses import asdict

from finner_batch.benchmark.compare import Comparison
from finner_batch.benchmark.input_counts import Spread
from finner_batch.benchmark.measure import Benchmark
from finner_batch.benchmark.plan import Plan
from finner_batch.benchmark.planned_work import SKIPPED
from finner_batch.benchmark.whole_run import Growth
from finner_batch.machine import MEBIBYTE
from finner_batch.report.formatting import duration

_KINDS_SHOWN = 6
_BUSY = 0.25
"""Load per CPU by other processes above which the summary warns."""


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
        yield "           BUSY: that machine was also doing other work, so the estimate is too high"
    if rates.model_id != plan.model_id:
        yield f"           measured with the model {rates.model_id}, not {plan.model_id}"


def _time(plan: Plan) -> Iterator[str]:
    cost = "" if plan.cost_of_one is None else f", cost {plan.cost_of_one:,.2f}"
    yield f"1 machine  {duration(plan.seconds_of_one)}{cost}"
    if plan.machines > 1:
        cost = "" if plan.cost_of_machines is None else f", cost {plan.cost_of_machines:,.2f}"
        yield (
            f"{plan.machines} machines {duration(plan.seconds_of_machines)}{cost}"
            f" (--shard i/{plan.machines}; the largest shard has {plan.largest_share:.1%} of the work)"
        )


def summary(figures: Benchmark) -> str:
    """Format the figures with their units."""
    parts = [_header, _stages, _model, _backends, _end_to_end]
    lines = [line for part in parts for line in (*part(figures), "")]
    if figures.comparison is not None:
        lines += _comparison(figures.comparison, figures)
    return "\n".join(lines).rstrip()


def _header(figures: Benchmark) -> Iterator[str]:
    machine, found, tokens = figures.machine, figures.input, figures.tokens
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    yield f"started   {figures.started}, {figures.settings.repeats} repeats: medians, lowest and highest in brackets"
    yield (
        f"machine   {machine.cpu}, {machine.cpus} CPUs, int8: {machine.int8_instructions};"
        f" {machine.gpu or 'no GPU'}; {machine.system}"
    )
    if machine.load > _BUSY * machine.cpus:
        yield f"          BUSY: {machine.load:.1f} running processes in the last minute: figures low, ratios rough"
    yield f"versions  {versions}"
    yield (
        f"model     {figures.model_id}, {figures.variant}, {figures.backend} on {figures.device}"
        f" ({figures.device_reason}), {figures.threads} threads"
    )
    yield (
        f"input     {found.sources:,} files ({found.duplicates:,} identical copies left out),"
        f" {found.documents:,} documents ({figures.end_to_end.failed} failed),"
        f" {found.markup_bytes / 1e6:,.1f} MB of markup ({found.stored_bytes / 1e6:,.1f} MB stored)"
    )
    yield (
        f"          {found.sentences:,} sentences with {found.prose_tokens:,} tokens;"
        f" {found.numbered_sentences:,} with a number, {found.numbered_tokens:,} tokens"
    )
    yield (
        f"          tokens given to the tagger {tokens['given']:,}; run (each repeat once) {tokens['run']:,};"
        f" with padding {tokens['padded']:,}"
    )


def _stages(figures: Benchmark) -> Iterator[str]:
    yield "One process, stage by stage; rates in MB of markup, sentences and tokens of all prose:"
    yield f"{'stage':9} {'seconds':>29}  {'MB/s':>10} {'sentences/s':>12} {'tokens/s':>12} {'share':>7}"
    for stage in figures.stages:
        row = f"{stage.name:9} {_spread(stage.seconds, 3):>24} {stage.clock:>4} "
        if stage.seconds.median > 0:
            row += (
                f" {stage.bytes_per_second.median / 1e6:>10,.1f}"
                f" {stage.sentences_per_second.median:>12,.0f} {stage.prose_tokens_per_second.median:>12,.0f}"
            )
        else:  # the garbage collector did not run
            row += f" {'-':>10} {'-':>12} {'-':>12}"
        yield f"{row} {stage.share:>7.1%}"
    yield "share: of the time of all cores; on a CPU each thread of the model counts"
    rest = figures.all_but_the_model_tokens_per_second
    yield (f"everything but the model: {_spread(rest, 2, scale=1e6)} M prose tokens/s per core")


def _model(figures: Benchmark) -> Iterator[str]:
    model = figures.model
    yield (
        f"model: {_spread(model.tokens_per_second)} tokens/s run,"
        f" {model.padded_tokens_per_second.median:,.0f} with padding;"
        f" {model.cpu_seconds.median:.2f} CPU s"
    )
    ceilings = ", ".join(f"{name} {_spread(spread, scale=1e9)} G/s" for name, spread in model.ceilings.items())
    yield f"ceiling of this machine's matrix products (onnxruntime, a multiply-add is two operations): {ceilings}"
    counted = ", ".join(f"{amount / 1e9:,.1f} G {name}" for name, amount in model.operations.items())
    yield (
        f"the model's products ({counted}): {_spread(model.operations_per_second, scale=1e9)} G/s ="
        f" {model.of_ceiling:.1%} of the {model.precision} ceiling,"
        f" {model.of_mixed_ceiling:.1%} with each product at the ceiling of its own precision"
    )


def _backends(figures: Benchmark) -> Iterator[str]:
    yield "Every runtime of the model, taking turns over the same sentences:"
    for one in figures.backends:
        name = f"  {one.name:24} "
        if one.tokens_per_second is None:
            yield f"{name}not measured: {one.obstacle}"
            continue
        line = f"{name}{_spread(one.tokens_per_second):>24} tokens/s"
        if one.chosen:
            line += "  chosen"
        elif one.times_as_fast is not None and one.same_spans is not None:
            line += f"  {one.times_as_fast.median:.2f}x the chosen one, same labels in {one.same_spans:.1%}"
        yield line


def _end_to_end(figures: Benchmark) -> Iterator[str]:
    whole = figures.end_to_end
    yield (
        f"finner-batch run, {whole.documents:,} documents, {whole.workers} workers, start to end:"
        f" {_spread(whole.seconds, 3)} s wall, {whole.documents_per_second.median:,.2f} documents/s,"
        f" {whole.bytes_per_second.median / 1e6:,.1f} MB/s, peak memory {whole.peak_bytes.highest / MEBIBYTE:,.0f} MiB"
    )
    parts = ", ".join(f"{part} {seconds:,.3f}" for part, seconds in whole.part_seconds.items())
    yield f"bottleneck: {whole.binds} (seconds of each part alone: {parts}; reading in {whole.workers} processes)"
    yield (
        f"again, with nothing new: {_spread(whole.unchanged_seconds, 3)} s,"
        f" {whole.unchanged_bytes_per_second.median / 1e6:,.0f} MB/s of markup"
        f" ({whole.unchanged_stored_bytes_per_second.median / 1e6:,.1f} MB/s as stored)"
    )
    for name, count in figures.known_before.items():
        yield (
            f"{name} ({count.filings} filings): {count.tokens:,} tokens to tag,"
            f" {count.known_tokens / max(1, count.tokens):.1%} of them tagged in the company's earlier filings"
        )
    if figures.growth is not None:
        yield _growth(figures.growth)
    start, small = _spread(whole.help_seconds, 3), _spread(whole.small_seconds, 3)
    yield f"start: --help {start} s, a run on one small filing {small} s"
    if whole.cost_per_thousand_documents is not None:
        yield (
            f"cost: {whole.cost_per_thousand_documents:.4g} per thousand documents"
            f" at {whole.price_per_hour:g} per hour for this machine"
        )


def _growth(growth: Growth) -> str:
    copies = growth.copies
    seconds = " and ".join(f"{one.seconds:,.1f}" for one in growth.once)
    peak, own_peak = (max(one.peak_bytes for one in runs) / MEBIBYTE for runs in ([copies], growth.once))
    return (
        f"{growth.times} times the input, made distinct, no cache: {copies.documents:,} documents"
        f" ({copies.failed} failed) in {copies.seconds:,.1f} s ({seconds} for the input alone),"
        f" a document {growth.time_ratio:.2f} times as long;"
        f" peak memory {peak:,.0f} MiB, {growth.peak_ratio:.2f} times the {own_peak:,.0f} MiB of the input alone"
    )


def _comparison(comparison: Comparison, figures: Benchmark) -> Iterator[str]:
    turns = comparison.contests[0].contestants[0].seconds.n
    yield f"Comparison, {turns} turns each, same texts (the pipeline's model: same sizes, random weights, fp32):"
    batches = ", ".join(f"{name} {size}" for name, size in comparison.batches.items())
    yield f"  sentences per batch, in the order given: {batches}"
    before, after, cpus = figures.machine.load, comparison.load_after, figures.machine.cpus
    if before > _BUSY * cpus or after > (1 + _BUSY) * cpus:  # the latter includes its own processes
        yield f"  BUSY: {before:.1f} running processes before the benchmark, {after:.1f} at the end: ratios rough"
    for contest in comparison.contests:
        yield f"{contest.stage}: {contest.sample}, {contest.amount:,} {contest.unit}, {contest.clock} time"
        for one in contest.contestants:
            yield (
                f"  {one.name:24} {_spread(one.seconds, 3):>24} s  {one.rate.median:>14,.0f} {contest.unit}/s"
                f"  {one.times_as_fast.median:>7.1f}x ({one.times_as_fast.lowest:.1f}-{one.times_as_fast.highest:.1f})"
            )
    whole = comparison.whole_job
    yield (
        f"whole job: {whole['ours_seconds']:,.1f} s measured; the usual stack, estimated from its rates,"
        f" {whole['every_sentence_seconds']:,.0f} s = {whole['every_sentence_ratio']:.1f}x (one process, CPU + wall)"
    )
    yield (
        f"  (without sentences that have no number: {whole['numbered_only_seconds']:,.0f} s"
        f" = {whole['numbered_only_ratio']:.1f}x, one process, CPU + wall;"
        f" {figures.input.prose_tokens:,} tokens of prose)"
    )


def _spread(spread: Spread, digits: int = 0, *, scale: float = 1) -> str:
    median, lowest, highest = (value / scale for value in (spread.median, spread.lowest, spread.highest))
    return f"{median:,.{digits}f} ({lowest:,.{digits}f}-{highest:,.{digits}f})"
