"""`finner-batch doctor`: what this machine can use, and why."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import click

from finner_batch import __version__
from finner_batch.cli.options import json_option
from finner_batch.config import usable_cpus
from finner_batch.errors import FinnerError
from finner_batch.machine import PACKAGES, cpu_name, int8_instructions

if TYPE_CHECKING:
    from finner_batch.tagger.tagger import Tagger


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
    from finner_batch.tagger.device import choose_device, cuda_obstacle, visible_gpus  # noqa: PLC0415 - heavy

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
    findings["device"] = f"{choose_device('auto').name} (with --device auto)"
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
        "backend": f"{session.backend} (with --backend auto): {session.backend_reason}",
        **_check_openvino(tagger),
        "variant": session.variant,
        "check": f"{sentence!r}: {seen}",
    }


def _check_openvino(tagger: "Tagger") -> dict[str, str]:
    """What `--backend openvino` would do, where it is installed and `auto` does not take it."""
    from finner_batch.tagger.device import Device  # noqa: PLC0415 - heavy
    from finner_batch.tagger.openvino import OPENVINO, OpenVinoSession, is_installed  # noqa: PLC0415 - heavy

    if tagger.session.backend == OPENVINO or not is_installed() or OPENVINO not in tagger.model.variants:
        return {}
    try:
        asked_for = OpenVinoSession(tagger.model, Device("cpu", "asked for"))
    except FinnerError as error:
        return {"--backend openvino": f"not usable: {error}"}
    return {"--backend openvino": f"usable: {asked_for.arithmetic}"}
