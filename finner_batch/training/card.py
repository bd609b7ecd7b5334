"""The model card: every figure in it comes from the record of the training."""

from __future__ import annotations

from typing import Any

VARIANTS = """\
Compared with the PyTorch checkpoint in fp32 on the same sentences and on those of other text of the same companies
that speak of a debt's rate or amount. The int8 variant takes one activation scale a token, so no row depends on the
sentences that share its batch."""

LIMITS = """\
English 10-K and 10-Q filings of 2019 and later, sentences of prose; tables, older filings and agreements were not
trained on. One sentence is read at a time: what an earlier sentence says is unknown. Labels follow the filers' habits,
their omissions included. A confidence is an estimate: not for decisions that nobody checks."""

GOLD = """\
The gold is the filers' own inline XBRL, which leaves out numbers that the text does state: a number found that the
filer did not tag counts as wrong here. Early stopping and the temperature were chosen on these companies. *Filtered*
counts only the sentences in which the filer tagged one of the labels."""


def model_card(record: dict[str, Any]) -> str:
    """Write the card (Markdown) of a trained and exported model."""
    config, development = record["config"], record["development"]
    labels = [name for name in development["unfiltered"] if name not in {"micro", "macro"}]
    parts = [
        f"# {config['name']}",
        "Labels the numbers of a sentence from an SEC filing. Each label is a us-gaap concept:",
        "\n".join(f"- {label}" for label in labels),
        "## Figures",
        _figures(record),
        _scores(development),
        _reliability(development),
        "## Variants",
        VARIANTS,
        _gates(record["gates"]),
        "## How it was made",
        _making(record),
        "## Limits",
        LIMITS,
    ]
    if config["notes"]:
        parts += ["## Provenance and licence", config["notes"].strip()]
    return "\n\n".join(parts) + "\n"


def _figures(record: dict[str, Any]) -> str:
    data, development = record["data"], record["development"]
    return (
        f"Development companies, never trained on: {data['dev_companies']}, with {development['sentences']:,} "
        f"sentences\nof notes that hold a number, {development['numbers']:,} numbers.\n{GOLD}"
    )


def _reliability(development: dict[str, Any]) -> str:
    return (
        f"Of the sentences without any of the labels {development['false_positive_sentences']:.2%} got one.\n"
        f"Calibration: expected error of the confidences {development['ece_before']:.3f}, and "
        f"{development['ece_after']:.3f} with the\ntemperature {development['temperature']:.2f} in use."
    )


def _making(record: dict[str, Any]) -> str:
    config, data, machine = record["config"], record["data"], record["machine"]
    tokens = sum(epoch["tokens"] for epochs in record["passes"].values() for epoch in epochs)
    epochs = ", ".join(f"{len(rows)} over the {name}" for name, rows in record["passes"].items())
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    return (
        f"- base encoder: `{config['base']}`\n"
        f"- data: inline XBRL of {data['documents'] or 'unknown'} filings; {data['train_companies']} companies and "
        f"{data['train_sentences']:,} sentences of notes train (dataset SHA-256 `{data['sha256'][:16]}`)\n"
        f"- epochs: {epochs}; {tokens:,} tokens, {record['seconds'] / 60:.0f} minutes on {machine['cpu']}, "
        f"{machine['threads']} threads, {record['trained'][:10]}\n"
        f"- versions: {versions}\n"
        "- `training.json` holds every setting and figure"
    )


def _scores(development: dict[str, Any]) -> str:
    rows = [
        "| label | numbers | P | R | F1 | P filtered | R filtered | F1 filtered |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, score in development["unfiltered"].items():
        sides = (score, development["filtered"][name])
        figures = [f"{side[key]:.3f}" for side in sides for key in ("precision", "recall", "f1")]
        rows.append(f"| {name} | {score['support']} | {' | '.join(figures)} |")
    return "\n".join(rows)


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
