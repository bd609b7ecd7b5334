"""The choice of the backend, and rows that do not depend on batches, on this processor and on lesser ones."""

import json
import logging
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_job import small_job

from finner_batch.cli.doctor import examine
from finner_batch.errors import DeviceError
from finner_batch.machine import cpu_flags, fast_int8
from finner_batch.runner.outcomes import SessionOpened
from finner_batch.runner.recorder import Recorder
from finner_batch.tagging import openvino, session
from finner_batch.tagging.model import load_model
from finner_batch.tagging.openvino import WINDOWS, batch_dependence
from finner_batch.tagging.session import open_session

CHILD = Path(__file__).with_name("batches_child.py")
LABELS = 5

needs_openvino = pytest.mark.skipif(not openvino.is_installed(), reason="extra `openvino`")
LESS = {"AVX512_CORE_VNNI": "amx_int8", "AVX512_CORE": "avx512_vnni", "AVX2": "avx512f"}
"""Instruction sets to which oneDNN can be limited, and a flag of processors that have more."""
by_instructions = pytest.mark.parametrize(
    "instructions",
    [
        None,
        *(
            pytest.param(name, marks=pytest.mark.skipif(more not in cpu_flags(), reason=f"no {more} to leave unused"))
            for name, more in LESS.items()
        ),
    ],
)


def compared(*arguments, instructions=None):
    limit = {} if instructions is None else {"ONEDNN_MAX_CPU_ISA": instructions}
    done = subprocess.run(
        [sys.executable, str(CHILD), *arguments],
        env=os.environ | limit,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_openvino
@by_instructions
def test_with_openvino_asked_for_rows_are_equal_in_every_batch_or_it_says_that_they_are_not(instructions):
    found = compared("openvino", instructions=instructions)
    assert found["backend"] == "openvino"
    if found["batch_dependence"] is None:
        assert "the same bits in every batch" in found["reason"]
        assert found["differing"] == 0
    else:
        assert "the last bits of a row depend on its batch" in found["reason"]
    if instructions == "AVX2" or "avx512f" not in cpu_flags():
        assert found["differing"] == 0, "with AVX2 it is made equal"


@needs_openvino
@by_instructions
def test_int8_products_that_pass_the_self_test_are_equal_in_every_batch(instructions):
    found = compared("openvino", "int8", instructions=instructions)
    assert found["products"] == "int8"
    assert found["differing"] == 0 or found["batch_dependence"] is not None, found
    if instructions is None and not fast_int8():
        assert found["differing"] > 0, "which is why they are not used here"


@by_instructions
def test_what_auto_takes_is_equal_in_every_batch(instructions):
    found = compared("auto", instructions=instructions)
    assert (found["batch_dependence"], found["differing"]) == (None, 0)


@needs_openvino
@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN's names of x86-64")
def test_a_processor_that_openvino_does_not_run_on_is_an_error_before_any_work():
    found = compared("openvino", instructions="SSE41")
    assert "OpenVINO does not run this model on" in found.get("refused", "") or found["differing"] == 0, found


def test_every_installed_backend_passes_the_self_test(backend):
    one = open_session(load_model(), "cpu", backend=backend, threads=1)
    assert batch_dependence(one.logits) is None


def independent(ids, mask):
    values = np.repeat(np.sin(ids * 1.7)[:, :, None], LABELS, axis=2).astype(np.float32)
    return np.where(mask[:, :, None] == 1, values, np.random.default_rng().random(1, dtype=np.float32))


def last_bit_of_few_rows(ids, mask):
    logits = independent(ids, mask)
    return logits if len(ids) > WINDOWS // 2 else np.nextafter(logits, np.float32(2))


def by_neighbour(ids, mask):
    return independent(ids, mask) + np.float32(1e-7) * np.roll(ids, 1, axis=0)[:, :, None]


def test_the_self_test_sees_a_last_bit_and_leaves_padding_out():
    assert batch_dependence(independent) is None
    for dependent in (last_bit_of_few_rows, by_neighbour):
        assert "windows differ from those among" in batch_dependence(dependent)


@pytest.mark.parametrize(
    "logits",
    [
        lambda ids, _: np.zeros((0, *ids.shape[1:], LABELS), np.float32),
        lambda ids, _: np.full((*ids.shape, LABELS), np.nan, np.float32),
    ],
)
def test_output_that_is_not_logits_is_refused(logits):
    with pytest.raises(DeviceError, match="logits of 32 x 8 tokens"):
        batch_dependence(logits)


@pytest.fixture
def processor(monkeypatch):
    """Make this processor one with or without int8 instructions, whose self-test finds this."""

    def make(*, int8, finds):
        def self_test(_):
            if isinstance(finds, Exception):
                raise finds
            return finds

        monkeypatch.setattr(session, "multiplies_int8", lambda: int8)
        monkeypatch.setattr(openvino, "multiplies_int8", lambda: int8)
        monkeypatch.setattr(openvino, "batch_dependence", self_test)

    return make


@needs_openvino
@pytest.mark.parametrize(
    ("int8", "finds", "backend_taken", "reason"),
    [
        (True, None, "openvino", "faster with AVX-512 VNNI or AMX.*int8 products, the same bits in every batch"),
        (True, "1 windows differ", "onnxruntime", "last bits of a row would depend on its batch: 1 windows differ"),
        (True, DeviceError("no numbers"), "onnxruntime", "OpenVINO does not run this model on .*no numbers"),
        (False, None, "onnxruntime", "slower without AVX-512 VNNI or AMX"),
    ],
)
def test_auto_takes_openvino_only_where_it_is_faster_and_equal(processor, int8, finds, backend_taken, reason):
    processor(int8=int8, finds=finds)
    taken = open_session(load_model(), "cpu")
    assert taken.backend == backend_taken
    assert re.search(reason, taken.backend_reason), taken.backend_reason


def test_auto_says_where_openvino_is_not_installed_or_was_not_gated(monkeypatch):
    assert open_session(load_model(), "cpu", variant="fp16").backend_reason == "OpenVINO does not run the variant fp16"
    monkeypatch.setattr(session, "is_installed", lambda: False)
    taken = open_session(load_model(), "cpu")
    assert (taken.backend, taken.backend_reason) == ("onnxruntime", "OpenVINO is not installed")


@needs_openvino
def test_openvino_asked_for_where_nothing_helps_says_so_in_the_log_the_report_and_the_doctor(
    processor, caplog, tmp_path
):
    processor(int8=False, finds="logits of 1 windows differ")
    asked_for = open_session(load_model(), "cpu", backend="openvino")
    assert asked_for.products == "fp32"
    recorder = Recorder(small_job(tmp_path))
    with caplog.at_level(logging.INFO, logger="finner_batch"):
        recorder.record(SessionOpened.of(asked_for, 0.5))
    report = recorder.report
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "event=last-bits-depend-on-the-batch backend=openvino" in warnings[0]
    assert report.as_json()["backend"] == "openvino"
    assert "the last bits of a row depend on its batch" in report.as_json()["backend_reason"]
    assert "the last bits of a row depend on its batch" in examine()["openvino on cpu"]


@needs_openvino
def test_openvino_asked_for_uses_int8_products_only_where_they_pass(processor, monkeypatch):
    processor(int8=True, finds=None)
    assert open_session(load_model(), "cpu", backend="openvino").products == "int8"
    answers = iter(["1 windows differ", None])
    monkeypatch.setattr(openvino, "batch_dependence", lambda _: next(answers))
    fell_back = open_session(load_model(), "cpu", backend="openvino")
    assert (fell_back.products, fell_back.float_precision, fell_back.batch_dependence) == ("fp32", "fp32", None)
    assert "fp32 fp32" in fell_back.computed_by


@needs_openvino
def test_openvino_asked_for_where_it_does_not_run_ends_the_run(processor):
    processor(int8=False, finds=DeviceError("no numbers"))
    with pytest.raises(DeviceError, match=r"OpenVINO does not run this model on .*no numbers"):
        open_session(load_model(), "cpu", backend="openvino")
    assert "not usable: OpenVINO does not run" in examine()["openvino on cpu"]


def test_doctor_says_which_backend_auto_takes_and_why():
    found = examine()
    taken = open_session(load_model(), "cpu")
    assert found["backend"] == f"{taken.backend} (with --backend auto): {taken.backend_reason}"
