"""`finner-batch doctor`: reports what this machine can run, and why."""

import json
import platform
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from finner_batch.cli.options import json_option
from finner_batch.errors import FinnerError
from finner_batch.machine import PACKAGES, cpu_name, installed_versions, int8_instructions, usable_cpus
from finner_batch.version import __version__

if TYPE_CHECKING:
    from finner_batch.tagging.tagger import Tagger

EXTRAS = {
    "demo": "gradio",
    "openvino": "openvino",
    "ray": "ray",
    "s3": "boto3",
    "train": "transformers",
    "mlflow": "mlflow",
    "benchmark": "pysbd",
    "notebook": "jupyterlab",
}
"""One module that only this extra installs. The row on the GPU covers the extra `cuda`, which installs libraries."""


@click.command
@click.option("--model", help="Model folder to check; the packaged one by default.")
@json_option
def doctor(model: str | None, as_json: bool) -> int:
    """Show what this machine can run, and why, and run the model once as a check.

    Exit code 5 if the model is missing or damaged.
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
    """Return the findings by name; `exit_code` is among them only if something is wrong."""
    from finner_batch.tagging.device import cuda_obstacle, visible_gpus  # noqa: PLC0415 - heavy

    findings: dict[str, Any] = {
        "finner-batch": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cpus": usable_cpus(),
        "cpu": cpu_name(),
        "cpu int8": int8_instructions(),
    }
    findings |= dict.fromkeys(PACKAGES, "not installed") | installed_versions()
    if findings["onnxruntime"] != "not installed" and findings["onnxruntime-gpu"] != "not installed":
        findings["conflict"] = "onnxruntime and onnxruntime-gpu overwrite each other: uninstall both, install one"
    obstacle = cuda_obstacle()
    findings["cuda"] = "usable" if obstacle is None else f"not usable: {obstacle}"
    findings["gpus"] = ", ".join(visible_gpus()) or "none"
    if missing := [name for name, module in EXTRAS.items() if find_spec(module) is None]:
        findings["not installed"] = (
            f"{', '.join(missing)}: install an extra with pip install 'finner-batch[{missing[0]}]'"
        )
    findings.update(_check_model(model))
    return findings


def _check_model(folder: str | None) -> dict[str, Any]:
    from finner_batch.tagging.tagger import Tagger  # noqa: PLC0415 - heavy
    from finner_batch.text.numbers import number_tokens  # noqa: PLC0415 - heavy

    sentence = "The notes bear interest at a fixed rate of 4.25% and mature in 2031."
    try:
        tagger = Tagger.load(folder)
        windows = tagger.tokenizer().windows(sentence, number_tokens(sentence))
        spans = tagger.spans(windows, tagger.probabilities(windows)[0])[0]
    except FinnerError as error:
        return {"model": f"not usable: {error}", "exit_code": error.exit_code}
    labelled = [f"{sentence[span.start : span.end]} {span.label} {span.confidence:.2f}" for span in spans]
    session = tagger.session
    return {
        "model": f"{tagger.model.model_id} in {tagger.model.folder}",
        "device": f"{session.device.name} (with --device auto): {session.device.reason}",
        "backend": f"{session.backend} (with --backend auto): {session.backend_reason}",
        "variant": session.variant,
        **_examine_runtimes(tagger),
        "check": f"{sentence!r}: {', '.join(labelled) or 'nothing found'}",
    }


def _examine_runtimes(tagger: "Tagger") -> dict[str, str]:
    """Say of each runtime of the model how to use it here, or what is missing and how to get it."""
    from finner_batch.tagging.openvino import OpenVinoSession  # noqa: PLC0415 - heavy
    from finner_batch.tagging.runtimes import runtimes  # noqa: PLC0415 - heavy

    findings = {}
    for runtime in runtimes(tagger.model):
        if runtime.is_of(tagger.session):
            findings[runtime.name] = "chosen"
        elif runtime.obstacle is not None:
            findings[runtime.name] = f"not usable: {runtime.obstacle}"
        else:
            try:
                opened = runtime.open(tagger.model)
            except FinnerError as error:
                findings[runtime.name] = f"not usable: {error}"
            else:
                findings[runtime.name] = f"usable with {runtime.flags}"
                if isinstance(opened, OpenVinoSession):
                    findings[runtime.name] += f": {opened.arithmetic}"
    return findings
