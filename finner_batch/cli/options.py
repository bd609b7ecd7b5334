"""Options that several commands share."""

import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from finner_batch.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


class PathOrUrl(click.ParamType[str]):
    """A file, folder, glob or fsspec URL. In an environment variable several are separated by `:`."""

    name = "path"

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """Split at colons, except those of a URL's scheme."""
        return [part for part in re.split(r":(?!//)", rv) if part]


def load_job_file(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Callback of `--config`: the TOML file's keys become the command's defaults. Raises UsageError."""
    if value is None or ctx.resilient_parsing:
        return value
    try:
        settings = tomllib.loads(Path(value).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--config {value}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--config {value} is not valid TOML: {error}") from error
    known = {other.name for other in ctx.command.params if other.name not in {None, param.name}}
    defaults = {key.replace("-", "_"): item for key, item in settings.items()}
    unknown = sorted(set(defaults) - known)
    if unknown:
        names = ", ".join(sorted(str(name).replace("_", "-") for name in known))
        raise UsageError(f"--config {value}: unknown key {', '.join(unknown)}; it may hold {names}")
    ctx.default_map = {**(ctx.default_map or {}), **defaults}
    return value


def config_option(command: Command) -> Command:
    """`--config FILE`: a TOML job file whose keys are the long flags (flag > environment > file > default)."""
    return click.option(
        "--config",
        type=click.Path(dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=load_job_file,
        help="TOML job file; its keys are the long flags.",
    )(command)


def output_option(command: Command) -> Command:
    """`--output FOLDER`: the results folder."""
    return click.option(
        "--output", "-o", type=click.Path(file_okay=False), default="results", help="The results folder."
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: the result as JSON on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")(command)
