"""Reports on many labels of which few occur."""

from dataclasses import asdict
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest

from finner_batch.training.data.dataset import read_labels
from finner_batch.training.evaluation.evaluate import Evaluation
from finner_batch.training.evaluation.evaluation_summary import summary
from finner_batch.training.evaluation.model_figures import report
from finner_batch.training.evaluation.plots import draw_confusion
from finner_batch.training.evaluation.scores import AVERAGES, Scored, occurring_labels
from finner_batch.training.evaluation.thresholds import Cost, choose_thresholds
from finner_batch.training.export.model_folder import _scores
from finner_batch.training.learning.tracking import Tracker

LABELS = ("O", *read_labels("finer139"))
GOLD = [5, 5, 5, 90, 90, 30, 0, 0, 0]
GIVEN = [5, 5, 0, 90, 90, 0, 77, 0, 0]


@pytest.fixture(scope="module")
def found():
    logits = np.full((len(GIVEN), len(LABELS)), -9.0)
    logits[np.arange(len(GIVEN)), GIVEN] = 9.0
    return Scored(logits, np.array(GOLD), np.arange(len(GOLD)))


@pytest.fixture(scope="module")
def figures(found):
    return report(found, LABELS, 1.0)


@pytest.fixture(scope="module")
def text(found, figures):
    probabilities = np.exp(found.logits) / np.exp(found.logits).sum(axis=1, keepdims=True)
    return summary(
        Evaluation(
            model_id="m@1",
            variant="int8",
            labels=LABELS,
            split="dev",
            gold="filers",
            text="notes",
            from_filings=False,
            companies=0,
            sentences_read=0,
            known_elsewhere=0,
            trained_on=False,
            figures=figures,
            other_gold=figures,
            doubtful=0,
            without_doubtful=None,
            breakdown={},
            cost=Cost(1, 1),
            thresholds=choose_thresholds(probabilities, found.gold, LABELS, Cost(1, 1)),
            errors=[],
        )
    )


def lines_of(text, name):
    return [line.split()[1:] for line in text.splitlines() if line.split()[:1] == [name]]


def test_a_report_lists_the_labels_that_occur_the_most_frequent_first(text):
    first = [line.split()[0] for line in text.split("filtered: only")[0].splitlines() if line.strip()]
    assert [name for name in first if name in LABELS or name in AVERAGES] == [
        *(LABELS[place] for place in (5, 90, 30)),
        *AVERAGES,
    ]
    assert lines_of(text, LABELS[90])[0] == ["2", *["1.000"] * 6]
    assert lines_of(text, LABELS[30])[0] == ["1", "-", "0.000", "0.000", "-", "0.000", "0.000"]


def test_labels_that_no_number_has_are_counted_and_those_given_nevertheless_are_named(text):
    assert text.count("136 of the 139 labels: no number has them") == 1
    assert f"given, though no number has them: {LABELS[77]} 1" in text
    absent = [LABELS[place] for place in range(1, 140) if place not in {5, 90, 30, 77}]
    assert not any(lines_of(text, name) for name in absent), "nor do the thresholds list them"


def test_the_confusion_matrix_holds_what_occurs(figures, text, tmp_path):
    assert occurring_labels(figures.confusion) == [0, 5, 90, 30, 77]
    table = text.split("gold \\ predicted")[1].splitlines()
    assert [line.split()[-5:] for line in table[1:6]] == [
        ["2", "0", "0", "0", "1"],
        ["1", "2", "0", "0", "0"],
        ["0", "0", "2", "0", "0"],
        ["1", "0", "0", "0", "0"],
        ["0", "0", "0", "0", "0"],
    ]
    draw_confusion(figures.confusion, LABELS, tmp_path / "few.png")
    everything = np.ones((140, 140), dtype=int)
    draw_confusion(everything.tolist(), LABELS, tmp_path / "many.png")
    few, many = (matplotlib.image.imread(tmp_path / f"{name}.png").shape for name in ("few", "many"))
    assert few[0] < 1000
    assert many[0] < 3000


def test_the_card_and_the_metrics_hold_no_figure_of_a_label_that_does_not_occur(figures):
    card = _scores(asdict(figures))
    assert f"| {LABELS[5]} | 3 | 1.000 | 0.667" in card
    assert "136 of the 139 labels: no number has them." in card
    recorded = []
    client = SimpleNamespace(log_batch=lambda _run, metrics: recorded.extend(metric.key for metric in metrics))
    Tracker(client, "run").scores("dev", asdict(figures)["unfiltered"])
    assert {name.split("/")[1] for name in recorded} == {LABELS[5], LABELS[90], LABELS[30], *AVERAGES}
