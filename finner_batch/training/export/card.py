"""The model card: every figure in it comes from the record of the training."""

from typing import Any

from finner_batch.training.evaluation.listing import UNDEFINED, figures, listed, unlisted
from finner_batch.training.evaluation.scores import AVERAGES, Score

VARIANTS = """\
Compared with the PyTorch checkpoint in fp32 on the same sentences and on those of other text of the same companies
that speak of a debt's rate or amount. The int8 variant takes one activation scale a token, so no row depends on the
sentences that share its batch. `openvino`: the fp16 file as OpenVINO runs it, in int8."""
OWN_VARIANTS = """\
Compared with the PyTorch checkpoint in fp32 on the same sentences. The int8 variant takes one activation scale a token,
so no row depends on the sentences that share its batch."""

LIMITS = """\
For prose of English 10-K and 10-Q filings of 2019 and later; older filings and agreements were a small part of the
training, tables none. One sentence is read at a time: what an earlier sentence says is unknown. A confidence is an
estimate from few companies: not for decisions that nobody checks."""
OWN_LIMITS = """\
For text like that of the data named above. One sentence is read at a time: what an earlier sentence says is unknown. A
confidence is an estimate from few sentences: not for decisions that nobody checks."""

CHOSEN = """\
Nothing was chosen by these {units}: the epoch and the temperature come from the split `validation`.{interval}
*Filtered* counts only the sentences that hold one of the labels, as figures published for FiNER-139 do."""
INTERVAL = " In brackets the\n95 % interval over resampled {drawn}."

CUES = """\
A sentence that lacks the model's cues (`config.json`) is not read: its numbers count as judged to have no label.
"""
READINGS = "The gold is what readers of the sentences say of each number (`data/annotations/README.md`)."
FILERS = """\
Against the filers' own inline XBRL the same model has these figures. Filers leave numbers untagged that they tag
elsewhere, or give them another concept, so a right answer can count as wrong here."""


def model_card(record: dict[str, Any]) -> str:
    """Write the card (Markdown) of a trained and exported model."""
    config, development = record["config"], record["development"]
    labels = [name for name in development["unfiltered"] if name not in AVERAGES]
    filings = _of_filings(record)
    filers = record.get("development_filers") if filings else None
    parts = [
        f"# {config['name']}",
        "Labels the numbers of a sentence from an SEC filing. Each label is a us-gaap concept:"
        if filings
        else "Labels the numbers of a sentence. The labels:",
        "\n".join(f"- {label}" for label in labels),
        "## Figures",
        _figures(record),
        _scores(development),
        _reliability(development),
        *([f"### By the filers' tags\n{FILERS}", _scores(filers)] if filers else []),
        "## Variants",
        VARIANTS if filings else OWN_VARIANTS,
        _gates(record["gates"]),
        "## How it was made",
        _making(record),
        "## Limits",
        LIMITS if filings else OWN_LIMITS,
    ]
    if config["notes"]:
        parts += ["## Provenance and licence", config["notes"].strip()]
    return "\n\n".join(parts) + "\n"


def _of_filings(record: dict[str, Any]) -> bool:
    """The training data hold filings that `label` read."""
    return any(source["filings"] for source in record["data"]["sources"])


def _figures(record: dict[str, Any]) -> str:
    data, development = record["data"], record["development"]
    companies, filings, drawn = data["dev_companies"], _of_filings(record), development["resampled"]
    gold = f"{READINGS}\n" if "development_filers" in record and filings else ""
    chosen = CHOSEN.format(
        units="companies" if companies else "sentences", interval=INTERVAL.format(drawn=drawn) if drawn else ""
    )
    counted = f"{development['sentences']:,} sentences", f"that hold a number, {development['numbers']:,} numbers."
    start = f"Development companies, never trained on: {companies}, with" if companies else "Never trained on:"
    place = "of notes " if filings else ""
    cues = CUES if record.get("cues") else ""
    return f"{start} {counted[0]}\n{place}{counted[1]} {gold}{cues}{chosen}"


def _reliability(development: dict[str, Any]) -> str:
    return (
        f"Of the {development['sentences_without_label']:,} sentences without any of the labels "
        f"{_with_interval(development['false_positive_sentences'], development['false_positive_interval'], '.2%')} got "
        f"one.\nCalibration: expected error of the confidences {development['ece_before']:.3f}, and "
        f"{development['ece_after']:.3f} with the\ntemperature {development['temperature']:.2f} in use."
    )


def _making(record: dict[str, Any]) -> str:
    config, data, machine = record["config"], record["data"], record["machine"]
    tokens = sum(epoch["tokens"] for epochs in record["passes"].values() for epoch in epochs)
    epochs = ", ".join(f"{len(rows)} over the {name}" for name, rows in record["passes"].items())
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    sources = "; ".join(_source(source) for source in data["sources"])
    return (
        f"- base encoder: `{config['base']}`\n"
        f"- data: {sources}\n"
        f"- splits: {data['train_sentences']:,} sentences of {data['train_companies']} companies train, "
        f"{data['validation_sentences']:,} of {data['validation_companies']} choose\n"
        f"- epochs: {epochs}; {tokens:,} tokens, {record['seconds'] / 60:.0f} minutes on {machine['cpu']}, "
        f"{machine['threads']} threads, {record['trained'][:10]}\n"
        f"- versions: {versions}\n"
        "- `training.json` holds every setting and figure"
    )


def _source(source: dict[str, Any]) -> str:
    filings = f" of {source['filings']} filings" if source["filings"] else ""
    return f"`{source['name']}`, {source['sentences']:,} sentences{filings} (SHA-256 `{source['sha256'][:16]}`)"


def _scores(development: dict[str, Any]) -> str:
    rows = [
        "| label | numbers | P | R | F1 | P filtered | R filtered | F1 filtered |",
        "|---|---|---|---|---|---|---|---|",
    ]
    unfiltered, filtered = (
        {name: Score(**score) for name, score in development[kind].items()} for kind in ("unfiltered", "filtered")
    )
    for name in listed(unfiltered):
        score = unfiltered[name]
        precision, recall, f1 = figures(score)
        if f1 != UNDEFINED:
            f1 = _with_interval(score.f1, score.f1_interval, ".3f")
        rows.append(f"| {name} | {score.support} | {' | '.join((precision, recall, f1, *figures(filtered[name])))} |")
    return "\n".join(["\n".join(rows), *(f"\n{line}." for line in unlisted(unfiltered))])


def _with_interval(value: float, interval: tuple[float, float] | None, form: str) -> str:
    return format(value, form) + (f" [{interval[0]:{form}}, {interval[1]:{form}}]" if interval else "")


def _gates(gates: dict[str, Any]) -> str:
    rows = [
        "| variant | MB | largest logit difference | mean | spans compared | spans alike | micro-F1 | loss |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {name} | {gate['bytes'] / 1e6:.1f} | {gate['max_logit_difference']:.3f} "
        f"| {gate['mean_logit_difference']:.4f} | {gate['spans']} | {gate['span_agreement']:.2%} "
        f"| {gate['f1']:.3f} | {gate['f1_loss']:+.4f} |"
        for name, gate in gates.items()
    ]
    return "\n".join(rows)
