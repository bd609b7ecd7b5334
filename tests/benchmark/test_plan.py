import gzip
import json
import tarfile
from dataclasses import asdict, replace

import pytest
from click.testing import CliRunner

from finner_batch.benchmark import plan as rates
from finner_batch.benchmark import throughput as ceiling
from finner_batch.benchmark.benchmark_summary import plan_summary
from finner_batch.benchmark.measure import measure
from finner_batch.benchmark.plan import load_rates, plan
from finner_batch.benchmark.whole_run import run_whole
from finner_batch.cli.main import commands
from finner_batch.config import BenchmarkConfig, PlanConfig, RunConfig
from finner_batch.errors import UsageError
from finner_batch.readers.discover import share_of

SENTENCE = "The {number} Notes of ${size}.0 million bear interest at {rate}.25% per annum and mature in {number}. "
FACTOR = 2.5
"""By which an estimate may differ from a run here, where a start of a second or two is much of both."""


def page(name, paragraphs):
    text = "".join(
        f"<p>{SENTENCE.format(number=2000 + n % 50, size=len(name) * 100 + n, rate=n % 9)}</p>"
        for n in range(paragraphs)
    )
    return f"<html><body><p>{name}</p>{text}</body></html>"


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    """A benchmark file that was measured here, over a few short pages."""
    return measured(tmp_path_factory.mktemp("benchmark"), paragraphs=40)


def measured(folder, paragraphs):
    (folder / "in").mkdir()
    for number in range(4):
        (folder / "in" / f"{number}.htm").write_text(page("a" * (number + 1), paragraphs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ceiling.SIZE, "cpu", 64)
        config = BenchmarkConfig(
            input=(str(folder / "in"),), device="cpu", repeats=1, compare_sentences=16, ceiling_seconds=0.0
        )
        figures = measure(config)
    file = folder / "here.json"
    file.write_text(json.dumps(asdict(figures)))
    return figures, file


@pytest.fixture
def larger(tmp_path):
    """Twelve other pages, half of them compressed."""
    folder = tmp_path / "larger"
    folder.mkdir()
    for number in range(12):
        content = page("b" * (number + 1), 200).encode()
        name = f"{number}.htm" + ".gz" * (number % 2)
        (folder / name).write_bytes(gzip.compress(content) if number % 2 else content)
    return folder


def planned(benchmark, path, **options):
    """The plan of a first run over a path, by the benchmark measured here."""
    run = RunConfig(input=(path,), output=str(benchmark[1].parent / "results"))
    return plan(PlanConfig(run=run, benchmark=str(benchmark[1]), **options))


@pytest.mark.slow
def test_a_plan_is_within_a_factor_of_the_run_that_it_is_for(larger, model, tmp_path):
    made = planned(measured(tmp_path, paragraphs=250), str(larger), sample=6)
    run = run_whole([str(larger)], model=model.folder, device="cpu", backend="auto").first
    assert run.seconds / FACTOR < made.seconds_of_one < run.seconds * FACTOR
    assert (made.files, made.documents) == (12, run.documents)


def test_a_plan_for_what_was_measured_is_what_was_measured(benchmark):
    figures, file = benchmark
    own = asdict(figures.input)
    assert load_rates(str(file)).seconds(own) == pytest.approx(figures.end_to_end.seconds.median)
    twice = {name: 2 * amount for name, amount in own.items()}
    assert load_rates(str(file)).seconds(twice) == pytest.approx(2 * figures.end_to_end.seconds.median)


def test_amounts_of_files_that_were_not_read_are_estimated_by_kind_of_name(benchmark, larger):
    whole = planned(benchmark, str(larger), sample=1000)
    assert all(kind.sampled_files == kind.files == 6 for kind in whole.kinds)
    assert {kind.suffix for kind in whole.kinds} == {".htm", ".htm.gz"}
    assert whole.stored_bytes == sum(path.stat().st_size for path in larger.iterdir())
    part = planned(benchmark, str(larger), sample=1)
    assert all(kind.sampled_files == 3 for kind in part.kinds)
    for name in ("documents", "markup_bytes", "prose_tokens", "numbered_tokens", "seconds_of_one"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name), rel=0.1), name
    markup = {kind.suffix: kind.markup_bytes for kind in part.kinds}
    assert markup[".htm"] == pytest.approx(markup[".htm.gz"], rel=0.1)


def test_n_machines_take_as_long_as_their_largest_shard_and_cost_what_they_all_take(benchmark, larger):
    made = planned(benchmark, str(larger), machines=3, price_per_hour=36.0)
    one = planned(benchmark, str(larger), price_per_hour=36.0)
    sizes = {path.name: path.stat().st_size for path in larger.iterdir() if path.suffix == ".htm"}
    assert len({share_of(name, 3) for name in sizes}) == 3
    assert 1 / 3 < made.largest_share < 1
    work = made.seconds_of_one - made.listing_seconds
    assert made.seconds_of_machines == pytest.approx(work * made.largest_share + made.listing_seconds)
    assert made.cost_of_one == pytest.approx(0.01 * made.seconds_of_one)
    assert made.cost_of_machines == pytest.approx(0.01 * (work + 3 * made.listing_seconds))
    assert one.seconds_of_machines == pytest.approx(one.seconds_of_one)
    assert one.largest_share == pytest.approx(1)


def test_a_gpu_works_in_parallel_to_the_reading_processes(benchmark):
    """On a GPU the slower of model and reading decides; on CPUs they share the cores."""
    on_cpu = load_rates(str(benchmark[1]))
    with_gpu = replace(on_cpu, on_gpu=True, cpus=2, workers=4, factor=1.0)
    nothing = {"stored_bytes": 0, "markup_bytes": 0, "prose_tokens": 0, "numbered_tokens": 0}
    only_model, only_markup = nothing | {"numbered_tokens": 1e6}, nothing | {"markup_bytes": 1e9}
    both = only_markup | {"numbered_tokens": 1e6}
    each = with_gpu.seconds_each
    assert with_gpu.seconds(only_markup) == pytest.approx(1e9 * (each["read"] + each["extract"]) / 4)
    assert with_gpu.seconds(both) < with_gpu.seconds(only_model) + with_gpu.seconds(only_markup)
    without = replace(with_gpu, on_gpu=False)
    assert without.seconds(both) == pytest.approx(without.seconds(only_model) + without.seconds(only_markup))


def test_the_text_says_what_was_assumed(benchmark, larger):
    made = planned(benchmark, str(larger), machines=4, price_per_hour=2.0, sample=1)
    text = plan_summary(made)
    assert "12 files, about 12 documents" in text
    assert "counted in 6 files" in text
    assert str(benchmark[1]) in text
    assert "--shard i/4" in text
    assert "cost" in text
    other = replace(made, rates=replace(made.rates, model_id="other", is_busy=True), seconds_of_one=7384.0)
    assert "measured with the model other" in plan_summary(other)
    assert "BUSY" in plan_summary(other)
    assert "1 machine  2 h 3 min" in plan_summary(other)


def test_the_command_prints_text_or_json_and_finds_the_newest_benchmark_by_itself(
    benchmark, larger, tmp_path, monkeypatch
):
    def call(*arguments):
        return CliRunner().invoke(commands, ["plan", str(larger), "--sample", "2", *arguments], standalone_mode=False)

    monkeypatch.setattr(rates, "MEASURED", tmp_path / "measured")
    nowhere = call()
    assert isinstance(nowhere.exception, UsageError)
    assert "finner-batch benchmark" in str(nowhere.exception)
    (tmp_path / "measured").mkdir()
    figures = json.loads(benchmark[1].read_text())
    for name, started in (("a", "2026-02-01"), ("b", "2026-01-01")):
        (tmp_path / "measured" / f"{name}.json").write_text(json.dumps(figures | {"started": started}))
    found = json.loads(call("--json").output)
    assert found["rates"]["started"] == "2026-02-01"
    assert found["files"] == 12
    assert "1 machine" in call("--benchmark", str(benchmark[1])).output


def test_an_archive_is_estimated_by_its_first_members(benchmark, larger, tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "day.tar.gz", "w:gz") as tar:
        for path in sorted(larger.glob("*.htm")):
            tar.add(path, path.name)
    archive = str(tmp_path / "day.tar.gz")
    whole = planned(benchmark, archive)
    loose = planned(benchmark, str(larger / "*.htm"))
    assert (whole.documents, whole.markup_bytes) == (loose.documents, loose.markup_bytes)
    monkeypatch.setattr("finner_batch.benchmark.plan._SAMPLED_MEMBERS", 2)
    part = planned(benchmark, archive)
    assert (part.files, part.documents) == (1, 6)
    assert part.markup_bytes == pytest.approx(whole.markup_bytes, rel=0.1)


@pytest.mark.parametrize("content", ["[1, 2]", "{}", "not json", '{"format_version": 1}'])
def test_a_file_that_is_no_benchmark_is_refused_with_what_to_do(tmp_path, content):
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(UsageError, match=r"not a benchmark file.*finner-batch benchmark"):
        load_rates(str(tmp_path / "b.json"))
    with pytest.raises(UsageError, match="No such file"):
        load_rates(str(tmp_path / "none.json"))
