"""The report of a labelled dataset: `report.md` with the tables, and its figures as PNG. Needs matplotlib."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from finner_batch.errors import UsageError
from finner_batch.storage.whole_file import whole_folder
from finner_batch.training.data.dataset import STATISTICS_FILE, LabelledSentence, read_sentences
from finner_batch.training.eda import dataset_tables as tables
from finner_batch.training.eda.dataset_tables import cue_lists, cues
from finner_batch.training.evaluation.plots import require_matplotlib
from finner_batch.training.evaluation.scores import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT_FILE = "report.md"
SHOWN_LABELS = 8
"""Number of labels, the most frequent ones, that are drawn and whose cues are listed."""
SHOWN_CONCEPTS = 30
HEADING = "What the labelled dataset holds"


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its heading, an explanation of its columns, and a figure."""

    heading: str
    text: str
    table: pa.Table
    picture: tuple[str, "Figure"] | None = None
    """Name of the file without `.png`, and the figure."""


def write_report(dataset: Path, folder: Path, labels: Sequence[str]) -> Path:
    """Write the report of a dataset folder into `folder`; return the path of `report.md`.

    The bytes depend only on dataset and labels. Raises UsageError if `dataset` is no dataset of this version or has
    none of the labels, or if matplotlib is missing; else as `whole_folder` does.
    """
    require_matplotlib()
    from finner_batch.training.eda.pictures import png  # noqa: PLC0415 - needs matplotlib

    sentences = read_sentences(dataset)
    statistics = json.loads((dataset / STATISTICS_FILE).read_text(encoding="utf-8"))
    sections = _sections(sentences, statistics, labels)
    with whole_folder(folder, last=REPORT_FILE) as new:
        parts = [f"# {HEADING}"]
        for section in sections:
            parts += [f"## {section.heading}", section.text]
            if section.picture:
                name, figure = section.picture
                (new / f"{name}.png").write_bytes(png(figure))
                parts.append(f"![{section.heading}]({name}.png)")
            rows = [[_cell(value) for value in row.values()] for row in section.table.to_pylist()]
            parts.append(markdown_table(section.table.column_names, rows))
        (new / REPORT_FILE).write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return folder / REPORT_FILE


def _sections(
    sentences: Sequence[LabelledSentence], statistics: Mapping[str, Any], labels: Sequence[str]
) -> list[Section]:
    from finner_batch.training.eda import pictures as draw  # noqa: PLC0415 - needs matplotlib

    counts = tables.label_counts(sentences, labels)
    present = counts.filter(pc.greater(counts["sentences"], 0))
    shown = present["label"].to_pylist()[:SHOWN_LABELS]
    if not shown:
        raise UsageError("no number of the dataset has one of the labels: give --labels concepts that its filers use")
    pairs, sizes = tables.together(sentences, shown), tables.sentence_sizes(sentences, labels)
    words, values = cues(sentences, labels), tables.values(sentences, labels)
    in_notes = tables.tags_against_readings([row for row in sentences if row.in_note])
    elsewhere = tables.tags_against_readings([row for row in sentences if not row.in_note])
    concepts = tables.concepts(sentences)
    sections = [
        Section(
            "Sentences",
            f"{statistics['documents']:,} filings gave {len(sentences):,} sentences with a number, a company's "
            "repetitions not counted. `read`: sentences that someone read; `with_label`: those with one of the "
            f"{len(labels)} labels.",
            tables.places(sentences, labels),
        ),
        Section("Left out", "What labelling left out, and why.", tables.left_out(statistics)),
        Section(
            "Labels",
            f"{len(present)} of the {len(labels)} labels occur. `tagged`: numbers with that tag of their filer; "
            "`read`: numbers with that reading; `train`, `validation`, `dev`: numbers that count as the label, by "
            f"the reading where there is one, else by the tag. At most {SHOWN_LABELS} are drawn, here and below.",
            present,
            ("labels", draw.draw_labels(present.slice(0, SHOWN_LABELS))),
        ),
        Section(
            "Sizes of sentences",
            "`tokens` are word pieces of the packaged model.",
            tables.size_quantiles(sizes),
            ("sizes", draw.draw_sizes(sizes)),
        ),
        Section(
            "Labels of one sentence",
            "Sentences that have both labels; on the diagonal, all that have the label.",
            pairs,
            ("together", draw.draw_together(pairs)),
        ),
        Section(
            "Cues",
            "Words that occur within six words of a label's numbers more often than near other numbers, with the "
            "z-score of their log-odds ratio; `#` is any number.",
            cue_lists(words, shown),
            ("cues", draw.draw_cues(words, shown)),
        ),
        Section(
            "Filers' tags against readings, in notes",
            "Tags of the numbers with each reading; `O` is no label.",
            in_notes,
            ("readings", draw.draw_tags_against_readings(in_notes)),
        ),
        Section("Filers' tags against readings, elsewhere", "Where filers need not tag.", elsewhere),
        Section("Tags that differ from the reading", "The most frequent ones.", tables.disagreements(sentences)),
        Section(
            "Values",
            "Read from the sentence alone: an amount whose scale, such as thousands, is stated elsewhere in the filing "
            "is too small by that factor. Rates are fractions of one.",
            tables.value_ranges(values),
            ("values", draw.draw_values(values, shown)),
        ),
    ]
    if len(concepts):  # filings older than inline XBRL have readings only
        once = concepts.filter(pc.equal(concepts["numbers"], 1)).num_rows
        half = concepts.filter(pc.less(concepts["share"], 0.5)).num_rows + 1
        text = (
            f"{len(concepts):,} concepts; {once:,} of them are used once, and {half:,} make half of all tags. "
            f"The first {SHOWN_CONCEPTS}; `share`: of all tags, up to this one."
        )
        picture = "concepts", draw.draw_concepts(concepts, labels)
        sections.append(Section("All concepts", text, concepts.slice(0, SHOWN_CONCEPTS), picture))
    return sections


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")
