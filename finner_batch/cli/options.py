"""Options that several commands share, and flags made from the fields of a configuration."""

import codecs
import dataclasses
import os
import re
import sys
import tomllib
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

from finner_batch.config import Flag
from finner_batch.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])
_LISTED = "-"


class FlagOption(click.Option):
    """An option whose environment variable has the name of its long flag, not of its parameter."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """FINNER_<COMMAND>_<FLAG>."""
        if ctx.auto_envvar_prefix is None:
            return None
        return os.environ.get(f"{ctx.auto_envvar_prefix}_{long_flag(self).upper()}") or None


def long_flag(parameter: click.Parameter) -> str:
    """The long flag of an option with underscores, e.g. `timeout_s`."""
    return max(parameter.opts, key=len).lstrip("-").replace("-", "_")


class PathOrUrl(click.ParamType[str]):
    """A file, folder, glob or fsspec URL. In an environment variable several are separated by `:`."""

    name = "path"

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """Split at colons, except those of a URL's scheme or port."""
        return [part for part in re.split(r"(?<!:):(?!:|//|[0-9]+/)", rv) if part]


def input_option(default: str | None = None) -> Callable[[Command], Command]:
    """`--input PATH`, which may be repeated; `default` says what is read without it, else it is required."""
    return click.option(
        "--input",
        "-i",
        "inputs",
        cls=FlagOption,
        type=PathOrUrl(),
        multiple=True,
        help="File, folder, glob or URL; - for a list of them on standard input"
        + (f"; {default} by default." if default else ".  [required]"),
    )


def given_inputs(inputs: Sequence[str], *, may_be_none: bool = False) -> tuple[str, ...]:
    """Return the inputs, with the paths that standard input lists in the place of `-`.

    Paths are separated by newlines, or by NUL where there is one (`find -print0`); blank lines are ignored. Raises
    UsageError if no input is given, if standard input is a terminal, or if it lists no path, unless `may_be_none`.
    """
    if not inputs or not all(inputs):
        raise UsageError("nothing to read: give --input FILES, folders, globs or URLs, and no empty one")
    if _LISTED not in inputs:
        return tuple(inputs)
    place = inputs.index(_LISTED)
    listed = (*inputs[:place], *_listed_paths(), *(given for given in inputs[place:] if given != _LISTED))
    if not listed and not may_be_none:
        raise UsageError("--input -: standard input lists no path")
    return listed


def _listed_paths() -> list[str]:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "--input - reads a list of paths from standard input: give it one, as in "
            "find filings -name '*.txt' | finner-batch run --input -"
        )
    data = sys.stdin.buffer.read().removeprefix(codecs.BOM_UTF8)
    lines = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [os.fsdecode(line) for line in lines if line.strip()]


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
    options = {long_flag(option): option for option in ctx.command.params if isinstance(option, click.Option)}
    known = {flag: option for flag, option in options.items() if option is not param and flag not in {"help", "config"}}
    unknown = sorted(key for key in settings if key.replace("-", "_") not in known)
    if unknown:
        names = ", ".join(sorted(flag.replace("_", "-") for flag in known))
        raise UsageError(f"--config {value}: unknown key {', '.join(unknown)}; it may hold {names}")
    defaults = dict(ctx.default_map or {})
    for key, item in settings.items():
        option = known[key.replace("-", "_")]
        defaults[str(option.name)] = [item] if option.multiple and isinstance(item, str) else item
    ctx.default_map = defaults
    return value


def local_file(flag: str, file: str) -> Path:
    """The file that a flag names, with an absolute path. Raises UsageError for a URL."""
    if "://" in file:
        raise UsageError(f"{flag} {file}: this is written to a local file: name one, and copy it from there")
    return Path(file).absolute()


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
    return click.option("--json", "as_json", cls=FlagOption, is_flag=True, help="The result as JSON on stdout.")(
        command
    )


def format_options(command: Command) -> Command:
    """`--csv`, `--json` and `--parquet FILE`: all rows in this format instead of a table."""
    for option in (
        click.option("--parquet", type=click.Path(dir_okay=False), help="Write all rows to this Parquet file."),
        json_option,
        click.option("--csv", "as_csv", cls=FlagOption, is_flag=True, help="Write all rows as CSV to stdout."),
    ):
        command = option(command)
    return command


def setting_options(
    config: type, *names: str, repeatable: click.ParamType[str] | None = None
) -> Callable[[Command], Command]:
    """Flags for the fields of a configuration that have a `Flag`, of their types and defaults; `names` chooses some.

    A bool has a `--no-` flag too. A tuple is a flag that may be repeated, of the type `repeatable`.
    """
    kinds = get_type_hints(config, include_extras=True)
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    chosen = names or [name for name, kind in kinds.items() if get_origin(kind) is Annotated]

    def add_flags(command: Command) -> Command:
        for name in reversed(chosen):
            kind, own = get_args(kinds[name])
            is_tuple = get_origin(kind) is tuple
            flag = f"--{name.replace('_', '-')}"
            command = click.option(
                f"{flag}/--no-{flag.removeprefix('--')}" if kind is bool else flag,
                type=repeatable if is_tuple else _flag_type(kind, own),
                multiple=is_tuple,
                default=defaults[name],
                metavar=own.metavar,
                help=own.help,
            )(command)
        return command

    return add_flags


def _flag_type(kind: Any, own: Flag) -> Any:
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    if isinstance(kind, types.UnionType):  # or None
        kind = get_args(kind)[0]
    if own.least is None:
        return kind
    bounded: Any = click.IntRange if kind is int else click.FloatRange
    return bounded(own.least, own.most)
