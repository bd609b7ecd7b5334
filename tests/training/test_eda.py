import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.image import imread
from notebooks import assert_stored_as_run, code_cells, run_cells

from finner_batch.cli.main import commands
from finner_batch.errors import UsageError
from finner_batch.training.data.annotations import Reading, sentence_digest, write_annotations
from finner_batch.training.data.dataset import LABEL_SETS, READ_LABELS, read_labels, read_sentences
from finner_batch.training.data.label import label
from finner_batch.training.eda import dataset_tables as eda
from finner_batch.training.eda import pictures as eda_pictures
from finner_batch.training.eda.dataset_report import write_report
from finner_batch.training.eda.dataset_tables import cues

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "data"
FILING = SAMPLES / "filings" / "alder-ridge-packaging-10-k-2023.htm"
NOTEBOOK = SAMPLES / "eda.ipynb"
LABELS = LABEL_SETS["debt4"]
SPREAD, RATE, CAPACITY, EFFECTIVE = LABELS


def read_as(sentence, *readings):
    numbers = zip(sentence.numbers, readings, strict=True)
    return replace(sentence, numbers=tuple(replace(number, reading=reading) for number, reading in numbers))


@pytest.fixture(scope="module")
def sentences(labelled):
    """Two companies: a spread and a capacity in one sentence, a rate without a tag, and one with another tag."""
    first, second = {"company": "0000000001"}, {"company": "0000000002", "split": "dev"}
    return [
        labelled("The $500 million facility bears interest at SOFR plus 1.25%.", CAPACITY, SPREAD, **first),
        labelled("Loans bear interest at SOFR plus 2%.", SPREAD, **first),
        read_as(labelled("The 5% notes are due in 2030.", **second), RATE, "O"),
        read_as(labelled("We issued 4% notes.", "DebtInstrumentFaceAmount", **second), RATE),
        read_as(labelled("We issued 3% notes.", RATE, **second), RATE),
        labelled("Interest at 5% grew to $40 million.", None, "InterestExpense", **second),
        labelled("Our notes bear 5%.", in_note=False, exhaustive=False, **second),
    ]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Label the sample filing with readings of three labels, one of which differs from its tag."""
    folder = tmp_path_factory.mktemp("labelled")
    label([str(FILING)], folder / "first")
    readings = []
    for row in read_sentences(folder / "first"):
        tagged = {(number.start, number.end): number.concept for number in row.numbers if number.concept in READ_LABELS}
        if tagged and len(readings) < 12:
            labels = {span: (RATE if concept == SPREAD else concept, False) for span, concept in tagged.items()}
            readings.append(Reading(row.document_id, row.start, sentence_digest(row.text), labels))
    write_annotations(readings, folder / "readings.jsonl")
    label([str(FILING)], folder / "dataset", folder / "readings.jsonl", LABELS)
    return folder / "dataset"


def rows(table, key):
    return {row[key]: row for row in table.to_pylist()}


def test_labels_are_counted_by_who_says_so_in_how_many_sentences_and_companies(sentences):
    counts = rows(eda.label_counts(sentences, LABELS), "label")
    assert counts[RATE] == {
        "label": RATE,
        "tagged_notes": 1,
        "tagged_elsewhere": 0,
        "read_notes": 3,
        "read_elsewhere": 0,
        "train": 0,
        "validation": 0,
        "dev": 3,
        "sentences": 3,
        "companies": 1,
        "largest_company": 1.0,
    }
    assert (counts[SPREAD]["train"], counts[SPREAD]["dev"], counts[EFFECTIVE]["sentences"]) == (2, 0, 0)
    assert next(iter(counts)) == RATE
    places = [row for row in eda.places(sentences, LABELS).to_pylist() if row["sentences"]]
    assert [(row["split"], row["place"], row["sentences"], row["read"], row["with_label"]) for row in places] == [
        ("train", "notes", 2, 0, 2),
        ("dev", "notes", 4, 3, 3),
        ("dev", "elsewhere", 1, 0, 0),
    ]


def test_tags_are_set_against_readings(sentences):
    table = rows(eda.tags_against_readings(sentences), "reading")
    assert table[RATE] == {
        "reading": RATE,
        "numbers": 3,
        "same": 1,
        "another_label": 0,
        "other_concept": 1,
        "untagged": 1,
    }
    assert (table["O"]["numbers"], table["O"]["untagged"], table[CAPACITY]["numbers"]) == (1, 1, 0)
    assert eda.disagreements(sentences).to_pylist() == [
        {"reading": RATE, "tag": "DebtInstrumentFaceAmount", "numbers": 1, "companies": 1}
    ]


def test_labels_of_one_sentence_are_paired_and_its_sizes_measured(sentences):
    pairs = rows(eda.together(sentences, LABELS), "label")
    assert (pairs[SPREAD][SPREAD], pairs[SPREAD][CAPACITY], pairs[SPREAD]["alone"]) == (2, 1, 1)
    assert (pairs[CAPACITY][SPREAD], pairs[CAPACITY]["alone"]) == (1, 0)
    sizes = eda.sentence_sizes(sentences, LABELS).to_pylist()
    assert sizes[3] == {"tokens": 6, "characters": 19, "numbers": 1, "labelled": 1}
    quantiles = eda.size_quantiles(eda.sentence_sizes(sentences, LABELS)).to_pylist()
    assert [row["count"] for row in quantiles if row["measure"] == "tokens"] == [7, 5]
    assert next(row for row in quantiles if row["measure"] == "numbers")["max"] == 2


def test_values_come_with_their_units_and_concepts_in_order_of_use(sentences):
    ranges = rows(eda.value_ranges(eda.values(sentences, LABELS)), "label")
    assert (ranges[CAPACITY]["unit"], ranges[CAPACITY]["median"]) == ("USD", 5e8)
    assert (ranges[RATE]["unit"], ranges[RATE]["min"], ranges[RATE]["max"]) == ("pure", 0.03, 0.05)
    concepts = eda.concepts(sentences).to_pylist()
    assert concepts[0] == {"rank": 1, "concept": SPREAD, "numbers": 2, "companies": 1, "share": round(2 / 6, 3)}
    assert concepts[-1]["share"] == 1.0


def test_a_cue_is_a_word_near_the_numbers_of_a_label_and_seldom_near_others(sentences):
    found = cues(sentences * 10, LABELS).to_pylist()
    before = [row["word"] for row in found if (row["label"], row["side"]) == (SPREAD, "before")]
    assert before[:2] == ["plus", "sofr"]
    after = [row for row in found if (row["label"], row["side"]) == (RATE, "after")]
    assert after[0]["word"] == "notes"
    assert (after[0]["with_label"], after[0]["without"]) == (1.0, 0.0)
    assert all(row["z"] > 0 and row["rank"] <= 15 for row in found)
    assert not any(row["word"] == "grew" for row in found)


def test_a_picture_shows_the_counts(sentences):
    counts = eda.label_counts(sentences, LABELS)
    numbers, companies = eda_pictures.draw_labels(counts).axes
    widths = [bar.get_width() for bar in numbers.patches]
    assert widths == [*counts["train"].to_pylist(), *counts["validation"].to_pylist(), *counts["dev"].to_pylist()]
    assert [bar.get_width() for bar in companies.patches] == counts["companies"].to_pylist()


def test_a_picture_has_the_same_bytes_each_time(sentences):
    one, two = (eda_pictures.png(eda_pictures.draw_together(eda.together(sentences, LABELS))) for _ in range(2))
    assert one == two


def test_label_counts_the_given_labels_keeps_every_concept_and_writes_its_report(dataset, tmp_path):
    (tmp_path / "own.txt").write_text("DebtInstrumentFaceAmount\nNoSuchConcept\n")
    report = tmp_path / "report"
    flags = {"--output": tmp_path / "dataset", "--labels": tmp_path / "own.txt", "--report": report}
    arguments = ["label", "--input", FILING, *(part for flag in flags.items() for part in flag)]
    done = CliRunner().invoke(commands, list(map(str, arguments)), standalone_mode=False)
    assert done.exception is None, done.output
    assert "labels: 2 concepts" in done.output
    statistics = json.loads((tmp_path / "dataset" / "statistics.json").read_text())
    tagged = statistics["concepts"]["DebtInstrumentFaceAmount"]
    assert statistics["labels"] == {
        "DebtInstrumentFaceAmount": {"tagged": tagged, "read": 0},
        "NoSuchConcept": {"tagged": 0, "read": 0},
    }
    assert statistics["concepts"] == json.loads((dataset / "statistics.json").read_text())["concepts"]
    text = (report / "report.md").read_text()
    assert "1 of the 2 labels occur" in text
    split = statistics["split_sentences"]
    assert f"| {split['with_number'] + split['without_number']} | {split['without_number']} | holds no number |" in text
    assert str(tmp_path) not in text
    pictures = list(report.glob("*.png"))
    assert len(pictures) == 7
    for picture in pictures:
        assert f"({picture.name})" in text
        assert imread(io.BytesIO(picture.read_bytes())).std() > 0.02, f"{picture.name} is blank"


def test_a_report_on_labels_that_no_filer_uses_is_an_error_of_use(dataset, tmp_path):
    with pytest.raises(UsageError, match="has one of the labels"):
        write_report(dataset, tmp_path / "report", ["NoSuchConcept"])
    assert not (tmp_path / "report").exists()


def test_a_dataset_of_readings_alone_has_a_report_without_the_filers_concepts(tmp_path):
    text = "The notes bear interest at 4.25% per year."
    (tmp_path / "old.htm").write_text(f"<html><body><p>{text}</p></body></html>")
    labels = {(27, 31): (RATE, False)}
    write_annotations([Reading("old.htm", 0, sentence_digest(text), labels)], tmp_path / "readings.jsonl")
    label([str(tmp_path / "old.htm")], tmp_path / "dataset", tmp_path / "readings.jsonl", LABELS)
    report = write_report(tmp_path / "dataset", tmp_path / "report", LABELS)
    written = report.read_text()
    assert "1 of the 4 labels occur" in written
    assert "## Values" in written
    assert "All concepts" not in written
    assert not (report.parent / "concepts.png").exists()


def test_the_notebook_is_executed_and_says_nothing_of_the_machine():
    assert_stored_as_run(NOTEBOOK, pictures=7)
    assert all(cell["outputs"] for cell in code_cells(NOTEBOOK))


def test_the_notebook_runs_on_any_dataset(dataset, monkeypatch):
    monkeypatch.chdir(dataset.parent)
    shown = "".join(run_cells(NOTEBOOK))
    assert f"{len(read_sentences(dataset)):,} sentences" in shown
    assert "same  another_label" in shown


@pytest.mark.parametrize("path", sorted((SAMPLES / "annotations").rglob("*.jsonl")), ids=lambda path: path.stem)
def test_the_figures_of_the_readings_are_those_of_their_files(path):
    """A row of the table: sentences, those with a label, the labels in the order of debt4, doubtful numbers."""
    read = [json.loads(line)["numbers"] for line in path.read_text().splitlines()]
    numbers = [number for sentence in read for number in sentence]
    figures = [len(read), sum(map(bool, read)), *(sum(number[2] == name for number in numbers) for name in LABELS)]
    name = path.relative_to(SAMPLES / "annotations")
    row = f"| `{name}` | {' | '.join(f'{figure:,}' for figure in [*figures, sum(len(each) > 3 for each in numbers)])} |"
    assert row in (SAMPLES / "annotations" / "README.md").read_text()


def test_the_figures_of_the_generated_sentences_are_those_of_their_file():
    rows = [json.loads(line) for line in (SAMPLES / "generated" / "debt4.jsonl").read_text().splitlines()]
    assert {row["origin"] for row in rows} == {"generated"}
    text = (SAMPLES / "generated" / "README.md").read_text()
    assert f"{len(rows):,} sentences" in text
    assert f"| none | {sum(not row['entities'] for row in rows)} |" in text
    for name in LABELS:
        having = [row for row in rows if name in {entity["label"] for entity in row["entities"]}]
        numbers = sum(entity["label"] == name for row in rows for entity in row["entities"])
        assert f"| {name} | {len(having)} | {numbers} |" in text


def test_the_label_sets_are_the_four_of_debt_and_those_of_finer(tmp_path):
    assert set(LABEL_SETS["debt4"]) == READ_LABELS
    assert len(set(read_labels("finer139"))) == 139
    (tmp_path / "wrong.json").write_text('[{"name": "Goodwill"}]')
    with pytest.raises(UsageError, match="concept names"):
        read_labels(str(tmp_path / "wrong.json"))
