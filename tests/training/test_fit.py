import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent))

from fitting_child import CONFIG, prepared, share_right

from finner_batch.errors import UsageError
from finner_batch.training.data.dataset import write_sentences
from finner_batch.training.data.examples import MASKED
from finner_batch.training.learning import processes
from finner_batch.training.learning.checkpoints import Checkpoints, identify
from finner_batch.training.learning.loop import _averaged, class_weights, fit, trains_in_bf16

CHILD = Path(__file__).with_name("fitting_child.py")
KILLED = -9


@pytest.fixture(scope="module")
def folder(tmp_path_factory, bert_folder, lesson):
    """Write the input of every training here: a tiny base, and sentences whose words alone determine the labels."""
    path = tmp_path_factory.mktemp("fit")
    shutil.copytree(bert_folder, path / "base")
    write_sentences(lesson(16), path / "sentences.parquet")
    return path


@pytest.fixture(scope="module")
def undisturbed(folder):
    model, examples = prepared(folder)
    return fit(model, examples, CONFIG, score=share_right(examples)), model.state_dict()


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def start(folder, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, CHILD, folder, *map(str, arguments)],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def start_two(folder, *arguments, **environment):
    """Start two processes that train together."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2)]
    return [start(folder, *arguments, **environment, **place, **rank) for rank in ranks]


def progress_in(path):
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["progress"])


def test_the_loss_falls_and_a_second_training_ends_with_the_same_weights(folder, undisturbed):
    epochs, weights = undisturbed
    assert epochs[-1].loss < epochs[0].loss / 2
    model, examples = prepared(folder)
    again = fit(model, examples, CONFIG, score=share_right(examples))
    assert [epoch.loss for epoch in again] == [epoch.loss for epoch in epochs]
    assert equal(model.state_dict(), weights)


def test_the_average_of_the_weights_is_what_is_scored_and_kept(folder):
    seen = []

    def score(model):
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return 0.0

    model, examples = prepared(folder)
    fit(model, examples, replace(CONFIG, epochs=1, average=0.5), score=score)
    plain, _ = prepared(folder)
    fit(plain, examples, replace(CONFIG, epochs=1, average=0.0))
    assert equal(model.state_dict(), seen[0])
    assert not equal(model.state_dict(), plain.state_dict())


@pytest.mark.parametrize(
    ("decay", "steps", "share"), [(0.5, 100, 0.5), (0.99, 0, 1 - 2 / 11), (0.0, 0, 1.0)], ids=["late", "first", "none"]
)
def test_the_average_moves_by_its_decay_and_faster_in_the_first_steps(folder, decay, steps, share):
    model, _ = prepared(folder)
    before = model.classifier.bias.detach().clone()
    averaged = _averaged(model, decay, steps, {})
    with torch.no_grad():
        model.classifier.bias += 1.0
    averaged.update_parameters(model)
    torch.testing.assert_close(averaged.module.classifier.bias.detach(), before + share)
    torch.testing.assert_close(model.classifier.bias.detach(), before + 1.0)
    resumed = _averaged(model, decay, steps + 1, averaged.module.state_dict())
    assert equal(resumed.module.state_dict(), averaged.module.state_dict())


@pytest.mark.slow
def test_a_killed_and_resumed_training_ends_with_the_weights_of_an_undisturbed_one(folder, undisturbed, tmp_path):
    shutil.copytree(folder, tmp_path / "killed")
    child = start(tmp_path / "killed", 15)
    assert child.wait() == KILLED, child.stderr.read()
    left = progress_in(tmp_path / "killed" / "state.safetensors")
    assert left["groups"] > 0, "killed within an epoch, in a step after its last checkpoint"
    assert (left["steps"], len(left["history"])) == (12, 1)
    seen = []
    model, examples = prepared(folder)
    epochs = fit(
        model,
        examples,
        CONFIG,
        score=share_right(examples),
        checkpoints=Checkpoints(folder=tmp_path / "killed", every_steps=4, resume=True),
        watch=lambda number, epoch: seen.append((number, epoch.loss)),
    )
    assert [epoch.loss for epoch in epochs] == [epoch.loss for epoch in undisturbed[0]]
    assert [epoch.score for epoch in epochs] == [epoch.score for epoch in undisturbed[0]]
    assert seen == list(enumerate([epoch.loss for epoch in epochs], start=1))
    assert equal(model.state_dict(), undisturbed[1])


def test_a_finished_training_that_is_resumed_trains_no_further(folder, undisturbed, tmp_path):
    histories = []
    for resume in (False, True):
        model, examples = prepared(folder)
        checkpoints = Checkpoints(folder=tmp_path, resume=resume)
        histories.append(fit(model, examples, CONFIG, score=share_right(examples), checkpoints=checkpoints))
        assert equal(model.state_dict(), undisturbed[1])
    assert histories[0] == histories[1], "seconds and all"


def test_a_state_of_another_training_or_a_damaged_one_is_refused(folder, tmp_path):
    model, examples = prepared(folder)
    checkpoints = Checkpoints(folder=tmp_path, key="one", resume=True)
    short = replace(CONFIG, epochs=1)
    fit(model, examples, short, checkpoints=checkpoints)
    other_weights = prepared(folder)[0]
    torch.nn.init.ones_(other_weights.classifier.bias)
    for changed, kept in (
        (lambda: fit(prepared(folder)[0], examples[1:], short, checkpoints=checkpoints), "data"),
        (lambda: fit(prepared(folder)[0], examples, CONFIG, checkpoints=checkpoints), "settings"),
        (lambda: fit(other_weights, examples, short, checkpoints=checkpoints), "base"),
        (lambda: fit(prepared(folder)[0], examples, short, checkpoints=replace(checkpoints, key="two")), "other"),
    ):
        with pytest.raises(UsageError, match=kept):
            changed()
    checkpoints.path.write_bytes(checkpoints.path.read_bytes()[:-100])
    with pytest.raises(UsageError, match="damaged"):
        fit(prepared(folder)[0], examples, short, checkpoints=checkpoints)


def test_a_state_of_one_kind_of_device_is_not_that_of_another(folder):
    model, _ = prepared(folder)
    elsewhere = SimpleNamespace(parameters=lambda: iter([torch.empty(0, device="meta")]), state_dict=model.state_dict)
    assert identify(model, "settings") == identify(prepared(folder)[0], "settings")
    assert identify(model, "settings") != identify(elsewhere, "settings")


def test_a_rank_in_the_environment_of_one_process_alone_leaves_it_the_main_one(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert (processes.rank(), processes.size(), processes.is_main()) == (0, 1, True)


def test_the_state_holds_tensors_and_json_and_nothing_else(folder, tmp_path):
    model, examples = prepared(folder)
    checkpoints = Checkpoints(folder=tmp_path)
    fit(model, examples, replace(CONFIG, epochs=1), checkpoints=checkpoints)
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]
    names = load_file(checkpoints.path).keys()
    assert {name.partition(".")[0] for name in names} == {"model", "average", "optimizer", "random"}
    assert progress_in(checkpoints.path)["steps"] > 4


def test_training_stops_after_epochs_without_a_better_score_and_keeps_the_best(folder):
    model, examples = prepared(folder)
    scores, weights = iter([0.1, 0.5, 0.3, 0.5, 0.9]), []

    def score(current):
        weights.append({name: tensor.clone() for name, tensor in current.state_dict().items()})
        return next(scores)

    epochs = fit(model, examples, replace(CONFIG, epochs=5, patience=2), score=score)
    assert [epoch.score for epoch in epochs] == [0.1, 0.5, 0.3, 0.5]
    assert equal(model.state_dict(), weights[1])


@pytest.mark.slow
def test_two_processes_end_with_equal_weights_which_are_those_of_one_with_twice_the_batches(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "two")
    for child in start_two(tmp_path / "two"):
        assert child.wait() == 0, child.stderr.read()
    first, second = (load_file(tmp_path / "two" / f"weights.{rank}.safetensors") for rank in range(2))
    assert equal(first, second)
    epochs = [json.loads((tmp_path / "two" / f"epochs.{rank}.json").read_text()) for rank in range(2)]
    assert epochs[0] == epochs[1], "the others get the score of the one that scores"
    losses, scores = zip(*epochs[0], strict=True)
    assert losses[-1] < losses[0] / 2
    state = tmp_path / "two" / "state.safetensors"
    assert {"random.cpu.0", "random.cpu.1"} <= load_file(state).keys()
    assert len(progress_in(state)["history"]) == len(losses)
    model, examples = prepared(folder, dropout=0.0)
    epochs = fit(model, examples, replace(CONFIG, accumulate=2), score=share_right(examples))
    assert losses == pytest.approx([epoch.loss for epoch in epochs], rel=1e-3)
    assert scores == pytest.approx([epoch.score for epoch in epochs], abs=0.05)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(first[name], tensor, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_two_processes_that_died_go_on_to_the_same_weights(folder, tmp_path):
    for name in ("whole", "broken"):
        shutil.copytree(folder, tmp_path / name)
    for child in start_two(tmp_path / "whole", DROPOUT="1"):
        assert child.wait() == 0, child.stderr.read()
    assert KILLED in {child.wait() for child in start_two(tmp_path / "broken", 7, DROPOUT="1")}
    done, steps = (progress_in(tmp_path / name / "state.safetensors")["steps"] for name in ("broken", "whole"))
    assert 0 < done < 7 < steps
    for child in start_two(
        tmp_path / "broken", steps - done + 1, DROPOUT="1", RESUME="1"
    ):  # from the beginning it would die
        assert child.wait() == 0, child.stderr.read()
    for rank in range(2):
        assert equal(*(load_file(tmp_path / name / f"weights.{rank}.safetensors") for name in ("whole", "broken")))


def test_accumulated_batches_teach_what_one_batch_of_all_their_sentences_does(folder):
    found = []
    for budget, accumulate in ((64, 1000), (100_000, 1)):
        model, examples = prepared(folder, dropout=0.0)
        config = replace(CONFIG, epochs=2, warmup=0.0, budget_tokens=budget, accumulate=accumulate)
        found.append([epoch.loss for epoch in fit(model, examples, config)])
    assert found[0] == pytest.approx(found[1], rel=0.01)


def test_balanced_weights_give_every_label_the_same_share_of_the_loss(folder):
    _, examples = prepared(folder)
    examples = [*examples, replace(examples[0], targets=tuple(MASKED for _ in examples[0].targets))]
    counts = np.bincount([target for example in examples for target in example.targets if target != MASKED])
    weights = class_weights(examples, 3, "balanced")
    assert len(set(counts)) > 1
    assert weights * counts == pytest.approx(np.full(3, counts.sum() / 3))
    assert class_weights(examples, 3, "none").tolist() == [1, 1, 1]
    assert class_weights(examples, 4, "balanced")[3] == 1
    rare = replace(CONFIG, epochs=1, class_weights="balanced")
    losses = [fit(prepared(folder)[0], examples, config)[0].loss for config in (rare, replace(CONFIG, epochs=1))]
    assert losses[0] != pytest.approx(losses[1], rel=0.01)


@pytest.mark.parametrize(("flags", "used"), [("fpu avx2", False), ("avx512f avx512_bf16", True), ("amx_bf16", True)])
def test_bf16_is_used_only_by_processors_that_multiply_it(monkeypatch, flags, used):
    monkeypatch.setattr("finner_batch.training.learning.loop.cpu_flags", lambda: frozenset(flags.split()))
    assert trains_in_bf16("cpu") is used
