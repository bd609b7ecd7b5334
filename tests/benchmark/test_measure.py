import json
import subprocess
import sys
from dataclasses import asdict, replace
from typing import get_args

import pytest
from click.testing import CliRunner

from finner_batch.benchmark import measure as measuring
from finner_batch.benchmark import throughput as ceiling
from finner_batch.benchmark.benchmark_summary import summary
from finner_batch.benchmark.compare import Comparison, Contest, Contestant
from finner_batch.benchmark.input_counts import Spread
from finner_batch.benchmark.measure import measure
from finner_batch.benchmark.stages import STAGES
from finner_batch.benchmark.usual_stack import require_packages
from finner_batch.benchmark.whole_run import TimedRun, WholeRun, run_whole
from finner_batch.cli import benchmark as command
from finner_batch.cli.main import commands
from finner_batch.config import BenchmarkConfig
from finner_batch.demo.answers import samples_folder
from finner_batch.errors import FinnerError, UsageError
from finner_batch.tagging.device import BackendChoice, Device
from finner_batch.tagging.model import load_model
from finner_batch.tagging.openvino import OpenVinoSession


@pytest.fixture(scope="module")
def figures(filings):
    config = BenchmarkConfig(
        input=(str(filings),), device="cpu", backend="onnxruntime", repeats=2, price_per_hour=3.6, ceiling_seconds=0.0
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ceiling.SIZE, "cpu", 64)
        return measure(config)


@pytest.mark.slow
def test_the_shares_of_the_stages_are_those_of_the_cores_time_and_sum_to_one(figures):
    assert [stage.name for stage in figures.stages] == list(STAGES)
    assert sum(stage.share for stage in figures.stages) == pytest.approx(1.0)
    core_seconds = {stage.name: stage.seconds.median for stage in figures.stages}
    core_seconds["model"] = figures.model.cpu_seconds.median  # of all its threads
    whole = sum(core_seconds.values())
    for stage in figures.stages:
        assert stage.seconds.n == 2
        assert stage.seconds.lowest <= stage.seconds.median <= stage.seconds.highest
        assert stage.share == pytest.approx(core_seconds[stage.name] / whole)
        seconds = max(stage.seconds.median, 1e-9)  # too few documents for `collect`
        assert stage.sentences_per_second.median == pytest.approx(figures.input.sentences / seconds)
        assert stage.clock == ("wall" if stage.name == "model" else "CPU")


@pytest.mark.slow
def test_the_other_stages_rate_is_prose_tokens_over_their_seconds(figures):
    lowest = sum(stage.seconds.lowest for stage in figures.stages if stage.name != "model")
    highest = sum(stage.seconds.highest for stage in figures.stages if stage.name != "model")
    rate = figures.all_but_the_model_tokens_per_second
    assert figures.input.prose_tokens / highest * 0.999 <= rate.median <= figures.input.prose_tokens / lowest * 1.001


@pytest.mark.slow
def test_hashing_sending_and_collecting_belong_to_everything_but_the_model(filings, monkeypatch):
    assert {"hash", "send", "collect"} < set(STAGES)
    run_stages = measuring.run_stages

    def a_second_each(*given):
        return replace(run_stages(*given), seconds=dict.fromkeys(STAGES, 1.0))

    first = TimedRun(seconds=1.0, peak_bytes=1, documents=2, failed=0, entities=1, workers=1)
    done = WholeRun(first=first, unchanged_seconds=1.0, help_seconds=1.0, small_seconds=1.0)
    monkeypatch.setattr(measuring, "run_stages", a_second_each)
    monkeypatch.setattr(measuring, "run_whole", lambda *_, **__: done)
    monkeypatch.setitem(ceiling.SIZE, "cpu", 64)
    config = BenchmarkConfig(input=(str(filings),), device="cpu", backend="onnxruntime", repeats=1, ceiling_seconds=0.0)
    found = measure(config)
    rate = found.all_but_the_model_tokens_per_second.median
    assert rate == pytest.approx(found.input.prose_tokens / (len(STAGES) - 1))


@pytest.mark.slow
def test_the_fraction_of_the_ceiling_is_the_models_speed_over_the_machines(figures):
    model = figures.model
    assert set(model.operations) == set(model.ceilings) == {"int8", "fp32"}
    assert model.of_ceiling == pytest.approx(model.operations_per_second.median / model.ceilings["int8"].median)
    seconds = next(stage.seconds.median for stage in figures.stages if stage.name == "model")
    assert model.operations_per_second.median == pytest.approx(sum(model.operations.values()) / seconds)
    least = sum(amount / model.ceilings[name].median for name, amount in model.operations.items())
    assert model.of_mixed_ceiling == pytest.approx(least / seconds)
    assert model.tokens_per_second.median == pytest.approx(figures.tokens["run"] / seconds)


@pytest.mark.slow
def test_the_cost_is_the_price_of_the_whole_jobs_time(figures):
    whole = figures.end_to_end
    assert (whole.documents, whole.failed, whole.seconds.n) == (2, 0, 2)
    assert whole.cost_per_thousand_documents == pytest.approx(whole.seconds.median * 0.001 / 2 * 1000)
    assert whole.documents_per_second.median == pytest.approx(2 / whole.seconds.median)
    assert whole.peak_bytes.median > 50 << 20


@pytest.mark.slow
def test_the_part_that_takes_longest_by_itself_binds(figures):
    whole = figures.end_to_end
    seconds = {stage.name: stage.seconds.median for stage in figures.stages}
    own = seconds["batches"] + seconds["values"] + seconds["write"]
    assert whole.part_seconds["model"] == pytest.approx(seconds["model"])
    assert whole.part_seconds["main process"] == pytest.approx(own, rel=0.5)  # a median of sums
    read = sum(seconds.values()) - own - seconds["model"]
    assert whole.part_seconds["reading"] == pytest.approx(read / whole.workers, rel=0.5)
    assert whole.part_seconds[whole.binds] == max(whole.part_seconds.values())
    assert f"bottleneck: {whole.binds}" in summary(figures)


@pytest.mark.slow
def test_a_run_with_nothing_new_and_the_starts_are_measured(figures):
    whole = figures.end_to_end
    assert whole.unchanged_bytes_per_second.median == pytest.approx(
        figures.input.markup_bytes / whole.unchanged_seconds.median
    )
    assert 0 < whole.help_seconds.median < whole.small_seconds.median
    text = summary(figures)
    assert "again, with nothing new:" in text
    assert "start: --help" in text


@pytest.mark.slow
def test_openvinos_products_are_counted_as_they_are_computed_and_reach_a_part_of_their_ceilings(filings):
    pytest.importorskip("openvino")
    config = BenchmarkConfig(input=(str(filings),), device="cpu", backend="openvino", repeats=1, ceiling_seconds=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ceiling.SIZE, "cpu", 64)
        found = measure(config)
    assert (found.backend, found.variant) == ("openvino", "openvino")
    assert set(found.model.operations) <= {"int8", "bf16", "fp32"}
    products = OpenVinoSession(load_model(), Device("cpu", "a test")).products
    assert found.model.precision == products
    assert found.model.of_ceiling > 0


@pytest.mark.slow
def test_the_text_names_the_machine_every_stage_and_the_ceiling(figures):
    text = summary(figures)
    for needed in (*STAGES, figures.machine.cpu, figures.model_id, "everything but the model", "of the int8 ceiling"):
        assert needed in text
    assert "3.6 per hour" in text


@pytest.fixture(scope="module")
def compared(figures):
    """A comparison as text, by the load before the benchmark and at the end, on two CPUs."""
    second = Spread.of([1.0])
    contestant = Contestant(name="pysbd", seconds=second, rate=second, times_as_fast=second)
    contest = Contest(
        stage="split", sample="4 blocks", clock="CPU", unit="characters", amount=1, contestants=(contestant,)
    )
    job = dict(  # noqa: C408 - as JSON names them
        ours_seconds=1.0,
        every_sentence_seconds=9.0,
        numbered_only_seconds=8.0,
        every_sentence_ratio=9.0,
        numbered_only_ratio=8.0,
    )

    def text(before, after):
        machine = replace(figures.machine, load=before, cpus=2)
        comparison = Comparison(contests=(contest,), batches={"loop": 8}, load_after=after, whole_job=job)
        return summary(replace(figures, machine=machine, comparison=comparison)).partition("Comparison, ")[2]

    return text


@pytest.mark.slow
def test_a_comparison_is_marked_busy_where_the_load_was_high_before_it_or_after_it(compared):
    assert "BUSY" not in compared(0.1, 2.2)  # its own two threads
    assert "BUSY: 0.9 running processes before the benchmark, 2.2 at the end" in compared(0.9, 2.2)
    assert "BUSY: 0.1 running processes before the benchmark, 3.4 at the end" in compared(0.1, 3.4)


@pytest.mark.slow
def test_the_text_of_a_comparison_says_the_batches_and_what_the_whole_job_adds_up(compared):
    text = compared(0.0, 0.0)
    assert "sentences per batch, in the order given: loop 8\n" in text
    assert "9 s = 9.0x (one process, CPU + wall)" in text
    assert "8 s = 8.0x, one process, CPU + wall" in text


@pytest.mark.slow
def test_a_stage_that_took_no_time_has_no_rate_in_the_text(figures):
    collect = next(stage for stage in figures.stages if stage.name == "collect")
    assert collect.seconds.median == 0  # two documents are too few for the garbage collector
    (row,) = (line for line in summary(figures).splitlines() if line.startswith("collect"))
    assert row.split()[-4:] == ["-", "-", "-", "0.0%"]


@pytest.mark.slow
def test_the_json_holds_machine_settings_and_figures(figures):
    found = json.loads(json.dumps(asdict(figures)))
    assert found["machine"]["versions"]["finner-batch"]
    assert found["settings"]["repeats"] == found["stages"][0]["seconds"]["n"] == 2
    assert found["comparison"] is None


@pytest.fixture
def invoke(figures, monkeypatch):
    """Call the command without measuring; gives what it printed and the configuration it asked for."""
    seen = []
    monkeypatch.setattr("finner_batch.benchmark.measure.measure", lambda config: seen.append(config) or figures)

    def call(*flags):
        done = CliRunner(catch_exceptions=False).invoke(commands, ["benchmark", *flags])
        return done.stdout, seen[-1]

    return call


@pytest.mark.slow
def test_json_goes_to_stdout_or_with_the_text_into_a_file(invoke, figures, tmp_path):
    alone, _ = invoke("--input", "x", "--json")
    assert json.loads(alone)["model_id"] == figures.model_id
    text, _ = invoke("--input", "x", "--json", str(tmp_path / "figures.json"))
    assert "everything but the model" in text
    assert json.loads((tmp_path / "figures.json").read_text()) == json.loads(alone)
    with pytest.raises(FinnerError, match="absent"):
        invoke("--json", str(tmp_path / "absent" / "figures.json"))


@pytest.mark.slow
def test_flags_reach_the_measurement_and_the_samples_are_the_default(invoke):
    _, config = invoke("--repeats", "3", "--device", "cpu", "--price-per-hour", "2")
    assert config == BenchmarkConfig(input=(str(samples_folder()),), repeats=3, device="cpu", price_per_hour=2.0)


def test_the_command_offers_the_backends_that_are_measured():
    (option,) = (option for option in command.benchmark.params if option.name == "backend")
    assert tuple(option.type.choices) == get_args(BackendChoice)


def test_looking_for_the_packages_of_a_comparison_imports_none_of_them():
    code = (
        "import sys; from finner_batch.benchmark import usual_stack; usual_stack._NEEDED = ('colorsys', 'wave'); "
        "usual_stack.require_packages(); assert not {'colorsys', 'wave'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_package_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pysbd", None)
    with pytest.raises(UsageError, match=r"needs pysbd: pip install 'finner-batch\[benchmark\]'"):
        require_packages()


def test_a_run_that_breaks_off_is_no_measurement(filings, tmp_path):
    with pytest.raises(FinnerError, match=r"exit code 5: Error: no model folder"):
        run_whole([str(filings)], model=tmp_path / "absent", device="cpu", backend="auto")


def test_settings_of_a_run_in_the_environment_do_not_reach_the_run_that_is_measured(filings, tmp_path, monkeypatch):
    monkeypatch.setenv("FINNER_RUN_CONFIG", str(tmp_path / "absent.toml"))
    monkeypatch.setenv("FINNER_RUN_WORKERS", "none")
    with pytest.raises(FinnerError, match=r"exit code 5: Error: no model folder"):
        run_whole([str(filings)], model=tmp_path / "absent", device="cpu", backend="auto")
