import json
import shutil

import pytest

from finner_batch.errors import DeviceError, ModelError
from finner_batch.tagger import device as device_module
from finner_batch.tagger.device import choose_device, cuda_obstacle
from finner_batch.tagger.model import DEFAULT_MODEL, load_model
from finner_batch.tagger.session import Session
from finner_batch.tagger.tagger import Tagger


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(DEFAULT_MODEL, tmp_path / "model")


def test_the_packaged_model_is_whole_and_small():
    model = load_model()
    assert model.labels[0] == "O"
    assert len(model.labels) == 5
    for variant in model.variants:
        assert model.onnx_path(variant).is_file()
    assert {"int8", "fp16"} <= set(model.variants)
    assert sum(path.stat().st_size for path in DEFAULT_MODEL.rglob("*")) < 75e6


def test_nothing_in_the_packaged_model_executes():
    suffixes = {path.suffix for path in DEFAULT_MODEL.rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".onnx", ".md", ".safetensors", ".txt"}


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.int8.onnx"])
def test_a_damaged_file_is_found_before_it_is_used(folder, name):
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged|cannot be read"):
        Tagger.load(folder, device="cpu", variant="int8")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "checksums.json", "model.int8.onnx"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        Tagger.load(folder, device="cpu", variant="int8")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match="nowhere"):
        load_model(tmp_path / "nowhere")


def test_an_unknown_format_or_variant_is_refused(folder):
    with pytest.raises(ModelError, match="no fp8 variant"):
        load_model(folder).onnx_path("fp8")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"format_version": 99}))
    with pytest.raises(ModelError, match="damaged"):
        load_model(folder)


def test_the_model_id_follows_from_what_can_change_a_row(folder):
    assert load_model(folder).model_id == load_model().model_id
    checksums = json.loads((folder / "checksums.json").read_text())
    (folder / "checksums.json").write_text(json.dumps(checksums | {"model.int8.onnx": "0" * 64}))
    assert load_model(folder).model_id != load_model().model_id


def test_auto_leaves_a_gpu_that_onnxruntime_cannot_use_and_says_so(monkeypatch):
    if cuda_obstacle() is None:
        pytest.skip("this machine has a usable GPU")
    monkeypatch.setattr(device_module, "cuda_obstacle", lambda: None)
    tagger = Tagger.load(device="auto")
    assert tagger.session.device.name == "cpu"
    assert "there is a GPU, but" in tagger.session.device.reason
    assert tagger.session.variant == "int8"


@pytest.mark.skipif(cuda_obstacle() is None, reason="this machine has a usable GPU")
def test_without_a_gpu_auto_says_why_and_cuda_is_refused():
    assert choose_device("auto").name == "cpu"
    assert choose_device("auto").reason
    with pytest.raises(DeviceError, match="doctor"):
        choose_device("cuda")


def test_a_session_that_falls_back_in_silence_is_refused(monkeypatch):
    if cuda_obstacle() is None:
        pytest.skip("this machine has a usable GPU")
    monkeypatch.setattr(device_module, "cuda_obstacle", lambda: None)
    with pytest.raises(DeviceError, match="CUDAExecutionProvider"):
        Session(load_model(), choose_device("cuda"))
