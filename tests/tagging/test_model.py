import hashlib
import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest

from finner_batch.errors import DeviceError, ModelError
from finner_batch.tagging import device as device_module
from finner_batch.tagging.device import choose_device, cuda_obstacle
from finner_batch.tagging.model import DEFAULT_MODEL, load_model
from finner_batch.tagging.onnx_file import matrix_product
from finner_batch.tagging.session import Session
from finner_batch.tagging.tagger import Tagger
from finner_batch.tagging.tokens import SentenceTokenizer


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


@pytest.fixture
def light(tmp_path):
    """The packaged model, its ONNX files as links."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in DEFAULT_MODEL.iterdir():
        if path.suffix == ".onnx":
            (folder / path.name).symlink_to(path)
        else:
            shutil.copyfile(path, folder / path.name)
    return folder


def seal(folder):
    """Make checksums.json that of the folder as it is now: nothing but its content is wrong then."""
    checksums = json.loads((DEFAULT_MODEL / "checksums.json").read_text())
    changed = [path for path in folder.iterdir() if not path.is_symlink() and path.name != "checksums.json"]
    checksums |= {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in changed}
    (folder / "checksums.json").write_text(json.dumps(checksums))


LABELS = json.loads((DEFAULT_MODEL / "config.json").read_text())["labels"]
THRESHOLDS = dict.fromkeys(LABELS[1:], 0.5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"labels": LABELS[:3]}, "lists 3 labels"),
        ({"labels": [*LABELS, "New"], "thresholds": THRESHOLDS | {"New": 0.5}}, "lists 6 labels"),
        ({"labels": [*LABELS[:-1], LABELS[1]]}, "twice"),
        ({"labels": "OABCD", "thresholds": dict.fromkeys("ABCD", 0.5)}, "must list labels"),
        ({"labels": ["O", 1, 2, 3, 4]}, "must list labels"),
        ({"labels": LABELS[1:]}, "must list labels"),
        ({"labels": None}, "lacks or garbles"),
        ({"thresholds": {}}, "no threshold for"),
        ({"thresholds": [0.5]}, "lacks or garbles"),
        *(({"thresholds": THRESHOLDS | {LABELS[1]: value}}, "threshold") for value in (math.nan, math.inf, -0.1, 1.5)),
        *(({"temperature": value}, "temperature") for value in (math.nan, math.inf, 0, -1)),
        ({"temperature": "warm"}, "lacks or garbles"),
        ({"max_length": 8}, "max_length"),
        ({"max_length": 513}, "512 positions"),
        ({"variants": None}, "lacks or garbles"),
        ({"variants": {"int8": {"file": "../model.onnx"}}}, "does not list"),
        ({"cues": ["loan"]}, "lacks or garbles"),
        ({"cues": {"debt": "("}}, "not a regular expression"),
        ({"format_version": 99}, "format_version 99"),
    ],
)
def test_settings_that_cannot_be_are_refused(light, settings, said):
    config = json.loads((light / "config.json").read_text())
    (light / "config.json").write_text(json.dumps(config | settings))
    seal(light)
    with pytest.raises(ModelError, match=said):
        load_model(light).onnx_path("int8")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "checksums.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"[" * 100_000, b"\xff\xfe{}", b"5"])
def test_a_file_that_is_no_json_object_is_refused(light, name, content):
    (light / name).write_bytes(content)
    if name != "checksums.json":
        seal(light)
    with pytest.raises(ModelError, match=r"cannot be read|is not a JSON object"):
        tokenizer_of(load_model(light))


@pytest.mark.parametrize("value", [None, 5, "0", ["0"]])
def test_an_invalid_checksum_is_refused(light, value):
    checksums = json.loads((light / "checksums.json").read_text())
    (light / "checksums.json").write_text(json.dumps(checksums | {"config.json": value}))
    with pytest.raises(ModelError, match=r"config.json"):
        load_model(light)


def tokenizer_of(model):
    return SentenceTokenizer(model.folder / "tokenizer.json", model.max_length)


@pytest.mark.parametrize(
    "change",
    [
        lambda definition: definition.pop("model"),
        lambda definition: definition.update(model="WordPiece"),
        lambda definition: definition.update(pre_tokenizer=None),
        lambda definition: definition.update(normalizer=5),
        lambda definition: definition.update(post_processor=None),
        lambda definition: definition["model"].pop("vocab"),
        lambda definition: definition["model"].update(vocab=["a", "b"]),
        lambda definition: definition["model"].update(vocab={"a": "b"}),
        lambda definition: definition["model"].update(vocab={}),
        lambda definition: definition["model"].update({"unk_token": "[NONE]"}),
    ],
)
def test_an_invalid_tokenizer_is_refused(light, change):
    definition = json.loads((light / "tokenizer.json").read_text())
    change(definition)
    (light / "tokenizer.json").write_text(json.dumps(definition))
    seal(light)
    with pytest.raises(ModelError, match="tokenizer"):
        tokenizer_of(load_model(light))


@pytest.mark.parametrize(("kept", "added"), [(3000, {}), (30522, {"longword": 200_000}), (30522, {"w": 30_522})])
def test_a_vocabulary_that_is_not_that_of_the_onnx_file_is_refused(light, kept, added):
    definition = json.loads((light / "tokenizer.json").read_text())
    vocabulary = definition["model"]["vocab"]
    definition["model"]["vocab"] = {word: id_ for word, id_ in vocabulary.items() if id_ < kept} | added
    (light / "tokenizer.json").write_text(json.dumps(definition))
    seal(light)
    with pytest.raises(ModelError, match=r"has 30522 word pieces, and tokenizer\.json ids for"):
        load_model(light).onnx_path("int8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an ONNX model"),
        (b"garbage", "not an ONNX model"),
        (b"\x08\x09", "not an ONNX model"),
        (matrix_product(np.ones((4, 5), np.float32)), "takes a and returns c, no logits of tokens"),
    ],
)
def test_an_onnx_file_of_something_else_is_refused(light, content, said):
    (light / "model.int8.onnx").unlink()
    (light / "model.int8.onnx").write_bytes(content)
    seal(light)
    with pytest.raises(ModelError, match=said):
        load_model(light).onnx_path("int8")


def test_a_model_that_does_not_fit_itself_ends_the_run_with_exit_code_5_and_one_line(light, tmp_path):
    config = json.loads((light / "config.json").read_text())
    (light / "config.json").write_text(json.dumps(config | {"labels": LABELS[:3]}))
    seal(light)
    filing = tmp_path / "a.htm"
    filing.write_text("<p>The notes bear interest at a fixed rate of 5.25% per annum.</p>")
    command = [sys.executable, "-m", "finner_batch", "run", "-i", filing, "-o", tmp_path / "results", "--model", light]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    errors = [line for line in done.stderr.splitlines() if " level=" not in line]
    assert len(errors) == 1
    assert "and config.json lists 3 labels; export the model again" in errors[0]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match="nowhere"):
        load_model(tmp_path / "nowhere")


def test_an_unknown_variant_is_refused():
    with pytest.raises(ModelError, match="no fp8 variant"):
        load_model().onnx_path("fp8")


def test_the_model_id_follows_from_what_can_change_a_row(light):
    assert load_model(light).model_id == load_model().model_id
    checksums = json.loads((light / "checksums.json").read_text())
    (light / "checksums.json").write_text(json.dumps(checksums | {"model.int8.onnx": "0" * 64}))
    assert load_model(light).model_id != load_model().model_id


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
