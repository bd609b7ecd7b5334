"""Computes the figures of a benchmark from its repeats, and measures the machine's ceiling.

The ceiling is the speed at which the machine multiplies large matrices in the precisions of the model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finner_batch.benchmark.input_counts import Spread, Survey
from finner_batch.benchmark.stages import MODEL, OF_THE_MAIN_PROCESS, STAGES, Pass
from finner_batch.benchmark.whole_run import WholeRun
from finner_batch.errors import DeviceError
from finner_batch.machine import usable_cpus
from finner_batch.tagging.device import Device
from finner_batch.tagging.onnx_file import Encoder, Precision, matrix_product

SIZE = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrices, so large that only the multiplication takes time."""


class MatrixProduct:
    """A product of square matrices in one precision, run with the threads and the provider that the model gets.

    bf16 runs in OpenVINO, every other precision in onnxruntime. int8 means uint8 activations times int8 weights with
    32-bit sums. The weights are constant, as in a model. Raises DeviceError if onnxruntime does not run the product on
    the device.
    """

    def __init__(self, precision: Precision, device: Device, *, size: int | None = None) -> None:
        self.precision = precision
        self.size = size or SIZE[device.name]
        weights, given = _matrices(precision, self.size)
        self._run = _by_openvino(weights, given) if precision == "bf16" else _by_onnxruntime(weights, given, device)
        self._run()

    def operations_per_second(self, seconds: float) -> float:
        """Multiply for about `seconds` and return the rate; a multiply-add counts as two operations."""
        products = 0
        started = perf_counter()
        while True:
            self._run()
            products += 1
            if (elapsed := perf_counter() - started) >= seconds:
                return 2.0 * self.size**3 * products / elapsed


def seconds_at_the_ceiling(multiply_adds: Mapping[Precision, int], ceilings: Mapping[Precision, float]) -> float:
    """Return the seconds that products take at `ceilings` (operations per second), each in its own precision."""
    return sum(2.0 * amount / ceilings[precision] for precision, amount in multiply_adds.items())


def _matrices(precision: Precision, size: int) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    chance = np.random.default_rng(0)
    if precision == "int8":
        weights = chance.integers(-127, 128, (size, size), dtype=np.int8)
        return weights, chance.integers(0, 256, (size, size), dtype=np.uint8)
    kind = np.float16 if precision == "fp16" else np.float32
    one, other = (chance.standard_normal((size, size), dtype=np.float32).astype(kind) for _ in range(2))
    return one, other


def _by_onnxruntime(weights: NDArray[np.generic], given: NDArray[np.generic], device: Device) -> Callable[[], None]:
    import onnxruntime  # noqa: PLC0415 - heavy

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cpus()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    wanted = "CUDAExecutionProvider" if device.name == "cuda" else "CPUExecutionProvider"
    session = onnxruntime.InferenceSession(matrix_product(weights), options, providers=[wanted])
    if session.get_providers()[0] != wanted:
        raise DeviceError(f"onnxruntime should multiply on {wanted} but uses {session.get_providers()[0]}")
    return _on_the_device(session, given) if device.name == "cuda" else _on_the_cpu(session, given)


def _by_openvino(weights: NDArray[np.generic], given: NDArray[np.generic]) -> Callable[[], None]:
    import openvino  # noqa: PLC0415 - heavy

    settings = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": usable_cpus(), "NUM_STREAMS": 1}
    core = openvino.Core()
    request = core.compile_model(core.read_model(matrix_product(weights)), "CPU", settings).create_infer_request()

    def run() -> None:
        request.infer({"a": given})

    return run


def _on_the_cpu(session: Any, given: NDArray[np.generic]) -> Callable[[], None]:
    def run() -> None:
        session.run(["c"], {"a": given})

    return run


def _on_the_device(session: Any, given: NDArray[np.generic]) -> Callable[[], None]:
    """Bind input and output to GPU memory, so that no transfer is measured."""
    import onnxruntime  # noqa: PLC0415 - heavy

    binding = session.io_binding()
    binding.bind_ortvalue_input("a", onnxruntime.OrtValue.ortvalue_from_numpy(given, "cuda", 0))
    binding.bind_output("c", "cuda")

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage over the whole input. `clock` is `wall` for the model, `CPU` for every other stage.

    The rates are the bytes of markup, sentences and tokens of all prose of the whole input, divided by the stage's
    seconds. `share` is the fraction of the time of all cores: CPU time, or wall-clock time of a model on a GPU.
    """

    name: str
    clock: str
    seconds: Spread
    bytes_per_second: Spread
    sentences_per_second: Spread
    prose_tokens_per_second: Spread
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStage:
    """The model against the machine's ceiling; a multiply-add is two operations.

    Tokens per second count what the model reads, without and with padding. `operations` counts its matrix products by
    precision, without padding; `ceilings` are the device's operations per second (for several GPUs, one GPU's times
    their number). `of_ceiling` is the fraction of the ceiling of `precision`, which most products use;
    `of_mixed_ceiling` applies to each product the ceiling of its own precision.
    """

    precision: Precision
    tokens_per_second: Spread
    padded_tokens_per_second: Spread
    cpu_seconds: Spread
    operations: dict[Precision, int]
    operations_per_second: Spread
    ceilings: dict[Precision, Spread]
    of_ceiling: float
    of_mixed_ceiling: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndToEnd:
    """The whole job as a separate process, in wall-clock time; the cost is in the currency of the price.

    `part_seconds` are the times of its parts without any waiting: the reading processes in parallel, the model, and the
    main process without the model. `binds` names the part that takes longest. `unchanged_seconds` is the same command
    once more, with nothing new to read; `unchanged_stored_bytes_per_second` counts the files as stored,
    `unchanged_bytes_per_second` their markup. `help_seconds` and `small_seconds` are the times of `finner-batch --help`
    and of a run on one small filing.
    """

    seconds: Spread
    unchanged_seconds: Spread
    unchanged_bytes_per_second: Spread
    unchanged_stored_bytes_per_second: Spread
    help_seconds: Spread
    small_seconds: Spread
    documents_per_second: Spread
    bytes_per_second: Spread
    peak_bytes: Spread
    documents: int
    failed: int
    workers: int
    part_seconds: dict[str, float]
    binds: str
    price_per_hour: float | None
    cost_per_thousand_documents: float | None


def stage_figures(passes: Sequence[Pass], found: Survey, device: str) -> tuple[Stage, ...]:
    """Return one row per stage, in the order of the data; the model ran on `device`."""
    seconds = {stage: Spread.of([one.seconds[stage] for one in passes]) for stage in STAGES}
    times = {stage: spread.median for stage, spread in seconds.items()}
    if device == "cpu":
        times[MODEL] = Spread.of([one.model_cpu_seconds for one in passes]).median
    whole = sum(times.values())
    return tuple(
        Stage(
            name=stage,
            clock="wall" if stage == MODEL else "CPU",
            seconds=spread,
            bytes_per_second=spread.rate(found.markup_bytes),
            sentences_per_second=spread.rate(found.sentences),
            prose_tokens_per_second=spread.rate(found.prose_tokens),
            share=times[stage] / whole,
        )
        for stage, spread in seconds.items()
    )


def model_figures(passes: Sequence[Pass], encoder: Encoder, rates: Mapping[Precision, Sequence[float]]) -> ModelStage:
    """Compare the model with the ceilings; their `rates` were measured in turns with the passes."""
    multiply_adds = encoder.multiply_adds(passes[-1].tokens_run, passes[-1].squared_lengths)
    seconds = Spread.of([one.seconds[MODEL] for one in passes])
    operations: dict[Precision, int] = {precision: 2 * amount for precision, amount in multiply_adds.items()}
    precision = max(operations, key=lambda one: operations[one])
    speed = seconds.rate(sum(operations.values()))
    ceilings = {name: Spread.of(values) for name, values in rates.items()}
    least = seconds_at_the_ceiling(multiply_adds, {name: spread.median for name, spread in ceilings.items()})
    return ModelStage(
        precision=precision,
        tokens_per_second=seconds.rate(passes[-1].tokens_run),
        padded_tokens_per_second=seconds.rate(passes[-1].tokens_padded),
        cpu_seconds=Spread.of([one.model_cpu_seconds for one in passes]),
        operations=operations,
        operations_per_second=speed,
        ceilings=ceilings,
        of_ceiling=speed.median / ceilings[precision].median,
        of_mixed_ceiling=least / seconds.median,
    )


def part_seconds(one: Pass, workers: int) -> dict[str, float]:
    """Return the seconds of each part of the job that could be its bottleneck."""
    main = sum(one.seconds[stage] for stage in OF_THE_MAIN_PROCESS)
    reading = sum(one.seconds.values()) - one.seconds[MODEL] - main
    return {"reading": reading / workers, MODEL: one.seconds[MODEL], "main process": main}


def end_to_end_figures(
    runs: Sequence[WholeRun], passes: Sequence[Pass], found: Survey, price_per_hour: float | None
) -> EndToEnd:
    """Return the times of the whole job, its bottleneck, and its cost if the price of the machine is known."""
    firsts = [one.first for one in runs]
    last = firsts[-1]
    seconds = Spread.of([one.seconds for one in firsts])
    unchanged = Spread.of([one.unchanged_seconds for one in runs])
    documents = last.documents
    hours = seconds.median / 3600
    of_passes = [part_seconds(one, last.workers) for one in passes]
    parts = {part: Spread.of([one[part] for one in of_passes]).median for part in of_passes[0]}
    return EndToEnd(
        seconds=seconds,
        unchanged_seconds=unchanged,
        unchanged_bytes_per_second=unchanged.rate(found.markup_bytes),
        unchanged_stored_bytes_per_second=unchanged.rate(found.stored_bytes),
        help_seconds=Spread.of([one.help_seconds for one in runs]),
        small_seconds=Spread.of([one.small_seconds for one in runs]),
        documents_per_second=seconds.rate(documents),
        bytes_per_second=seconds.rate(found.markup_bytes),
        peak_bytes=Spread.of([one.peak_bytes for one in firsts]),
        documents=documents,
        failed=last.failed,
        workers=last.workers,
        part_seconds=parts,
        binds=max(parts, key=lambda part: parts[part]),
        price_per_hour=price_per_hour,
        cost_per_thousand_documents=None if price_per_hour is None else price_per_hour * hours / documents * 1000,
    )
