"""`finner-batch doctor`: what this machine can use, and why."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from finner_batch import __version__
from finner_batch.cli.options import json_option
from finner_batch.errors import FinnerError
from finner_batch.machine import PACKAGES, cpu_name, int8_instructions, usable_cpus

if TYPE_CHECKING:
    from finner_batch.tagger.tagger import Tagger

EXTRAS = {
    "demo": "gradio",
    "openvino": "openvino",
    "ray": "ray",
    "s3": "s3fs",
    "train": "transformers",
    "mlflow": "mlflow",
    "benchmark": "pysbd",
    "notebook": "jupyterlab",
}
"""A module that only each extra brings; `cuda` brings libraries, which the GPU's row tells of."""


@click.command(short_help="Show what this machine can use, and why.")
@click.option("--model", help="Model folder to check; the packaged one by default.")
@json_option
def doctor(model: str | None, as_json: bool) -> int:
    """Show what this machine can use, and why; run the model once as a check.

    Exit code 5 where the model is missing or damaged.
    """
    findings = examine(model)
    if as_json:
        click.echo(json.dumps(findings, indent=2))
    else:
        width = max(map(len, findings))
        for name, finding in findings.items():
            click.echo(f"{name.ljust(width)}  {finding}")
    return int(findings.get("exit_code", 0))


def examine(model: str | None = None) -> dict[str, Any]:
    """What was found, by name; `exit_code` is there only where something is wrong."""
    from finner_batch.tagger.device import cuda_obstacle, visible_gpus  # noqa: PLC0415 - heavy

    findings: dict[str, Any] = {
        "finner-batch": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cpus": usable_cpus(),
        "cpu": cpu_name(),
        "cpu int8": int8_instructions(),
    }
    for package in PACKAGES:
        try:
            findings[package] = version(package)
        except PackageNotFoundError:
            findings[package] = "not installed"
    if findings["onnxruntime"] != "not installed" and findings["onnxruntime-gpu"] != "not installed":
        findings["conflict"] = "onnxruntime and onnxruntime-gpu overwrite each other: uninstall both, install one"
    obstacle = cuda_obstacle()
    findings["cuda"] = "usable" if obstacle is None else f"not usable: {obstacle}"
    findings["gpus"] = ", ".join(visible_gpus()) or "none"
    missing = [name for name, module in EXTRAS.items() if find_spec(module) is None]
    if missing:
        findings["not installed"] = f"{', '.join(missing)}: pip install 'finner-batch[{missing[0]}]' and so on"
    findings.update(_check_model(model))
    return findings


def _check_model(folder: str | None) -> dict[str, Any]:
    from finner_batch.entities.numbers import number_tokens  # noqa: PLC0415 - heavy
    from finner_batch.tagger.tagger import Tagger  # noqa: PLC0415 - heavy

    sentence = "The notes bear interest at a fixed rate of 4.25% and mature in 2031."
    try:
        tagger = Tagger.load(folder)
        windows = tagger.tokenizer().windows(sentence, number_tokens(sentence))
        spans = tagger.spans(windows, tagger.probabilities(windows)[0])[0]
    except FinnerError as error:
        return {"model": f"not usable: {error}", "exit_code": error.exit_code}
    seen = (
        ", ".join(f"{sentence[span.start : span.end]} {span.label} {span.confidence:.2f}" for span in spans)
        or "nothing"
    )
    session = tagger.session
    return {
        "model": f"{tagger.model.model_id} in {tagger.model.folder}",
        "device": f"{session.device.name} (with --device auto): {session.device.reason}",
        "backend": f"{session.backend} (with --backend auto): {session.backend_reason}",
        "variant": session.variant,
        **_every_way(tagger),
        "check": f"{sentence!r}: {seen}",
    }


def _every_way(tagger: "Tagger") -> dict[str, str]:
    """What each runtime of the model would do here, or what it lacks and how to get it."""
    from finner_batch.tagger.openvino import OpenVinoSession  # noqa: PLC0415 - heavy
    from finner_batch.tagger.runtimes import runtimes  # noqa: PLC0415 - heavy

    told = {}
    for runtime in runtimes(tagger.model):
        if runtime.is_of(tagger.session):
            told[runtime.name] = "chosen"
        elif runtime.obstacle is not None:
            told[runtime.name] = f"not usable: {runtime.obstacle}"
        else:
            try:
                opened = runtime.open(tagger.model)
            except FinnerError as error:
                told[runtime.name] = f"not usable: {error}"
            else:
                told[runtime.name] = f"usable with {runtime.flags}"
                if isinstance(opened, OpenVinoSession):
                    told[runtime.name] += f": {opened.arithmetic}"
    return told
