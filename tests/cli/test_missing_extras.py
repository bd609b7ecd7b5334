"""What a command lacks because its extra is not installed is said in one line, with what to install."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys
from importlib.machinery import PathFinder

missing = sys.argv[1].split(",")
find = PathFinder.find_spec.__func__
PathFinder.find_spec = classmethod(
    lambda cls, name, *rest: None if name.partition(".")[0] in missing else find(cls, name, *rest)
)
sys.argv[:2] = ["finner-batch"]
from finner_batch.__main__ import main

main()
"""
S3 = "boto3,botocore,stamina"


ONE_OF_EACH = [
    (S3, ["run", "--input", "s3://bucket/key", "--output", "results"], "s3"),
    ("ray", ["run", "--input", ".", "--engine", "ray"], "ray"),
    ("openvino", ["run", "--input", ".", "--backend", "openvino"], "openvino"),
    ("gradio", ["demo"], "demo"),
    ("torch", ["train", "--data", "."], "train"),
    ("pysbd", ["benchmark", "--input", ".", "--compare"], "benchmark"),
]
OTHERS = [
    (S3, ["run", "--input", ".", "--output", "s3://bucket/key"], "s3"),
    ("boto3,botocore", ["query", "--output", "s3://bucket/key", "SELECT 1"], "s3"),
    ("stamina", ["compact", "--output", "s3://bucket/key"], "s3"),
    ("transformers,safetensors,onnx", ["train", "--data", "."], "train"),
    ("datasets", ["train", "--data", "somebody/finer"], "train"),
    ("onnx", ["export", "--model", "."], "train"),
    ("torch", ["export", "--model", "."], "train"),
    ("matplotlib", ["label", "--input", ".", "--report", "pictures"], "train"),
    ("mlflow", ["train", "--data", ".", "--mlflow", "sqlite:///runs.db"], "mlflow"),
    ("torch,transformers", ["benchmark", "--input", ".", "--compare"], "benchmark"),
]


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [*ONE_OF_EACH, *(pytest.param(*other, marks=pytest.mark.slow) for other in OTHERS)],
)
def test_a_missing_extra_is_one_line_with_what_to_install(missing, arguments, extra, tmp_path):
    (tmp_path / "a.htm").write_text("<p>The notes bear interest at 5.25%.</p>")
    command = [sys.executable, "-c", WITHOUT, missing, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    assert done.returncode == 2
    assert f"pip install 'finner-batch[{extra}]'" in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("Error:")] == done.stderr.splitlines()[-1:]
    assert "Traceback" not in done.stderr
