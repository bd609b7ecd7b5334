import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from finner_batch.errors import FinnerError, UsageError
from finner_batch.training.data.dataset import read_sentences
from finner_batch.training.data.label import company_splits, label, merge_duplicates

FILING = """<html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL" xmlns:dei="http://xbrl.sec.gov/dei/2023"
 xmlns:us-gaap="http://fasb.org/us-gaap/2023"><body>
<div style="display:none"><ix:header><ix:hidden>
<ix:nonNumeric name="dei:EntityCentralIndexKey" contextRef="c">{cik}</ix:nonNumeric>
<ix:nonNumeric name="dei:DocumentType" contextRef="c">10-K</ix:nonNumeric>
</ix:hidden></ix:header></div>
<p>The notes bear interest at 4.25% in 2023.</p>
<ix:nonNumeric name="us-gaap:DebtDisclosureTextBlock" contextRef="c" escape="true">
<p>In 2021 we issued {extra}notes that bear interest at
<ix:nonFraction name="us-gaap:DebtInstrumentInterestRateStatedPercentage" contextRef="c" unitRef="p" scale="-2"
>4.25</ix:nonFraction>%. We have <ix:nonFraction name="us-gaap:NumberOfReportableSegments" contextRef="c" unitRef="p"
 format="ixt-sec:numwordsen">two</ix:nonFraction> segments and 3 sites.</p>
</ix:nonNumeric></body></html>"""


@pytest.fixture
def filings(tmp_path):
    folder = tmp_path / "filings"
    folder.mkdir()
    for place in range(3):
        (folder / f"{place}.htm").write_text(FILING.format(cik=f"{place + 1:010}", extra=""))
    (folder / "again.htm").write_text(FILING.format(cik=f"{1:010}", extra="") + "<!-- of another year -->")
    return folder


def test_each_number_has_the_concept_that_its_filer_gave_it_and_notes_are_marked(filings, tmp_path):
    statistics = label([str(filings)], tmp_path / "dataset")
    sentences = [row for row in read_sentences(tmp_path / "dataset") if row.company == "0000000001"]
    seen = {
        row.text: (row.in_note, [(row.text[number.start : number.end], number.concept) for number in row.numbers])
        for row in sentences
    }
    assert seen == {
        "The notes bear interest at 4.25% in 2023.": (False, [("4.25", None), ("2023", None)]),
        "In 2021 we issued notes that bear interest at 4.25%.": (
            True,
            [("2021", None), ("4.25", "DebtInstrumentInterestRateStatedPercentage")],
        ),
        "We have two segments and 3 sites.": (True, [("3", None)]),
    }
    assert statistics.facts["in_prose"] == sum(count for name, count in statistics.facts.items() if name != "in_prose")
    assert statistics.facts["no_digit"] == statistics.facts["kept"] == 4


def test_a_company_that_says_the_same_twice_gives_one_sentence(filings, tmp_path):
    statistics = label([str(filings)], tmp_path / "dataset")
    sentences = read_sentences(tmp_path / "dataset")
    assert len(sentences) == len({(row.company, row.text) for row in sentences}) == 9
    assert statistics.duplicates == 3
    assert json.loads((tmp_path / "dataset" / "statistics.json").read_text())["duplicates"] == 3


def test_a_filing_that_is_met_twice_counts_once(filings, tmp_path):
    once = label([str(filings)], tmp_path / "once")
    (filings / "primary-document.html").write_bytes((filings / "0.htm").read_bytes().replace(b"\n", b"\r\n"))
    twice = label([str(filings)], tmp_path / "twice")
    assert (once.documents_repeated, twice.documents_repeated) == (0, 1)
    assert replace(twice, documents_repeated=0) == once


def test_a_number_is_tagged_if_any_copy_of_its_sentence_tags_it(labelled):
    bare = labelled("We owe 5 and 6.", in_note=False)
    tagged = labelled("We owe 5 and 6.", None, "Debt")
    assert merge_duplicates([bare, tagged]) == [replace(tagged, in_note=True)]


def test_labelling_twice_writes_the_same_bytes(filings, tmp_path):
    for name in ("one", "two"):
        label([str(filings)], tmp_path / name)
    assert (tmp_path / "one" / "sentences.parquet").read_bytes() == (
        tmp_path / "two" / "sentences.parquet"
    ).read_bytes()


def test_labelling_that_a_full_disk_breaks_off_leaves_the_earlier_dataset_or_none(filings, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    label([str(filings)], tmp_path / "earlier")
    before = {path.name: path.read_bytes() for path in (tmp_path / "earlier").iterdir()}
    (filings / "2.htm").unlink()
    monkeypatch.setattr("os.fsync", refuse)
    for name in ("earlier", "new"):
        with pytest.raises(FinnerError, match=r"cannot write .*No space left on device"):
            label([str(filings)], tmp_path / name)
    assert {path.name: path.read_bytes() for path in (tmp_path / "earlier").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["earlier", "filings"]


def test_labelling_that_is_killed_leaves_the_earlier_dataset_or_none(filings, tmp_path):
    label([str(filings)], tmp_path / "earlier")
    before = {path.name: path.read_bytes() for path in (tmp_path / "earlier").iterdir()}
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom finner_batch.training.data import label\n"
        "original = label.write_sentences\n"
        "def write_and_die(rows, path):\n"
        "    original(rows, path)\n    os.truncate(path, 100)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "label.write_sentences = write_and_die\nlabel.label([sys.argv[1]], Path(sys.argv[2]))\n"
    )
    for name in ("earlier", "new"):
        done = subprocess.run([sys.executable, "-c", code, filings, tmp_path / name], check=False)
        assert done.returncode == -signal.SIGKILL
    whole = {path.name: path for path in (tmp_path / "earlier").iterdir() if not path.name.startswith(".")}
    assert {name: path.read_bytes() for name, path in whole.items()} == before
    assert not (tmp_path / "new").exists()
    for name in ("earlier", "new"):
        label([str(filings)], tmp_path / name)
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == sorted(before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["earlier", "filings", "new"]


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_labelling_that_is_killed_between_its_files_leaves_no_statistics_of_other_sentences(filings, tmp_path, renames):
    label([str(filings)], tmp_path / "dataset")
    (filings / "2.htm").unlink()
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom finner_batch.training.data import label\n"
        "original, left = Path.replace, [int(sys.argv[3])]\n"
        "def replace_or_die(self, to):\n"
        "    if not left[0]:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    left[0] -= 1\n    return original(self, to)\n"
        "Path.replace = replace_or_die\nlabel.label([sys.argv[1]], Path(sys.argv[2]))\n"
    )
    command = [sys.executable, "-c", code, filings, tmp_path / "dataset", str(renames)]
    assert subprocess.run(command, check=False).returncode == (-signal.SIGKILL if renames < 2 else 0)
    statistics = tmp_path / "dataset" / "statistics.json"
    assert len(read_sentences(tmp_path / "dataset")) == (9 if renames == 0 else 6)
    if statistics.exists():
        assert sum(json.loads(statistics.read_text())["sentences"].values()) == 6
    label([str(filings)], tmp_path / "dataset")
    assert sorted(path.name for path in (tmp_path / "dataset").iterdir()) == ["sentences.parquet", "statistics.json"]


def test_a_filing_that_states_no_company_is_left_out_for_it_could_be_on_both_sides_of_the_split(filings, tmp_path):
    (filings / "nobody.htm").write_text(FILING.format(cik="", extra="other ").replace("dei:EntityCentral", "dei:No"))
    statistics = label([str(filings)], tmp_path / "dataset")
    assert statistics.documents_without_company == 1
    assert not any("other notes" in row.text for row in read_sentences(tmp_path / "dataset"))


def test_companies_are_split_by_name_alone_and_those_with_many_filings_train():
    filings = {f"{place:010}": 1 for place in range(500)}
    splits = company_splits(filings)
    share = sum(split == "dev" for split in splits.values()) / len(splits)
    assert 0.15 < share < 0.25
    assert company_splits(dict.fromkeys(list(filings)[:50], 1)).items() <= splits.items()
    assert set(company_splits(dict.fromkeys(filings, 9)).values()) == {"train"}


def test_input_without_inline_xbrl_is_an_error_of_use(tmp_path):
    (tmp_path / "plain.htm").write_text("<html><body><p>The notes bear interest at 4.25%.</p></body></html>")
    with pytest.raises(UsageError, match="no inline XBRL"):
        label([str(tmp_path / "plain.htm")], tmp_path / "dataset")
    with pytest.raises(UsageError, match="no labelled dataset"):
        read_sentences(tmp_path / "dataset")


@pytest.mark.parametrize(
    ("file", "words"),
    [("notes.txt", r"files \(notes.txt\)"), ("entities/a.parquet", "results of"), ("checksums.json", "a model of")],
)
def test_a_folder_of_something_else_is_not_written_to(filings, tmp_path, file, words):
    path = tmp_path / "dataset" / file
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UsageError, match=f"--output .*dataset holds .*{words}.*and no dataset: name a new"):
        label([str(filings)], tmp_path / "dataset")
    assert [each for each in (tmp_path / "dataset").rglob("*") if each.is_file()] == [path]
