import hashlib
import json
import shutil

from finner_batch.benchmark.measure import compare_backends
from finner_batch.cli.doctor import EXTRAS, examine
from finner_batch.tagging import runtimes as runtimes_module
from finner_batch.tagging.model import load_model
from finner_batch.tagging.runtimes import runtimes
from finner_batch.tagging.session import open_session

SENTENCES = [f"The 20{n} notes bear interest at a fixed rate of {n}.25% per annum." for n in range(31, 39)]


def test_a_missing_runtime_says_what_to_install(model, monkeypatch):
    monkeypatch.setattr(runtimes_module, "is_installed", lambda: False)
    monkeypatch.setattr(runtimes_module, "cuda_obstacle", lambda: "no NVIDIA driver")
    found = {runtime.name: runtime.obstacle for runtime in runtimes(model)}
    assert found["onnxruntime int8 on cpu"] is None
    assert found["openvino on cpu"] == "not installed: pip install 'finner-batch[openvino]'"
    assert "no NVIDIA driver" in found["onnxruntime fp16 on cuda"]
    assert "pip install 'finner-batch[cuda]'" in found["onnxruntime fp16 on cuda"]


def test_fp32_is_a_runtime_only_if_the_model_has_it(model, tmp_path):
    assert not [runtime for runtime in runtimes(model) if runtime.variant == "fp32"]
    folder = tmp_path / "model"
    shutil.copytree(model.folder, folder)
    config = json.loads((folder / "config.json").read_text())
    config["variants"]["fp32"] = config["variants"]["fp16"]
    (folder / "config.json").write_text(json.dumps(config))
    checksums = json.loads((folder / "checksums.json").read_text())
    checksums["config.json"] = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(checksums))
    assert [runtime.name for runtime in runtimes(load_model(folder))][1] == "onnxruntime fp32 on cpu"


def test_doctor_says_which_extras_are_missing(monkeypatch):
    present = {module: object() for module in EXTRAS.values()}
    monkeypatch.setattr("finner_batch.cli.doctor.find_spec", present.get)
    assert "not installed" not in examine()
    del present["gradio"], present["ray"]
    assert examine()["not installed"] == "demo, ray: install an extra with pip install 'finner-batch[demo]'"


def test_all_backends_that_are_installed_tag_the_same_sentences_in_one_benchmark(model, monkeypatch):
    monkeypatch.setattr(runtimes_module, "cuda_obstacle", lambda: "no NVIDIA driver")
    session = open_session(model, "cpu", backend="onnxruntime")
    figures = {one.name: one for one in compare_backends(model, session, SENTENCES, max_sentences=6, repeats=2)}
    chosen = figures["onnxruntime int8 on cpu"]
    assert (chosen.chosen, chosen.times_as_fast.median, chosen.same_spans) == (True, 1, 1)
    assert chosen.tokens_per_second.n == 2
    other = figures["openvino on cpu"]
    assert not other.chosen
    if other.obstacle is None:
        assert other.times_as_fast.median > 0
        assert other.same_spans > 0.5
    assert "no NVIDIA driver" in figures["onnxruntime fp16 on cuda"].obstacle
    assert figures["onnxruntime fp16 on cuda"].tokens_per_second is None
