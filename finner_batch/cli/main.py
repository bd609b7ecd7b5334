"""The command group: imports a command when it is called, and shows a user error as one line with an exit code."""

import errno
import importlib
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import click

from finner_batch.errors import FinnerError, UsageError
from finner_batch.version import __version__

COMMANDS = {
    "run": "Read filings or shards and write the financial numbers they state.",
    "query": "Ask a results folder in SQL.",
    "diff": "Show what differs between two results folders.",
    "report": "Write one HTML page of a results folder.",
    "retry": "Process the failed documents of a results folder again.",
    "compact": "Rewrite a results folder into fewer, larger Parquet files.",
    "text": "Show the text that is read from a file.",
    "doctor": "Show what this machine can run, and why.",
    "label": "Make labelled sentences from the filings' own inline XBRL.",
    "train": "Fine-tune, evaluate and export a tagger.",
    "evaluate": "Measure a model on labelled sentences.",
    "export": "Export a model to ONNX, if it agrees with its checkpoint.",
    "demo": "Open a web page to try the tagger on a text or a filing.",
    "benchmark": "Measure the job on this machine, and compare it with the usual stack.",
    "plan": "Estimate documents, bytes, time and cost of a run before starting it.",
}
"""One line of help for each command; `finner_batch.cli.<name>` holds the command under the same name."""
_PREFIX = "FINNER"
"""Prefix of the environment variables that set flags."""
_EXTRAS = {
    **dict.fromkeys(("boto3", "botocore", "stamina"), "s3"),
    **dict.fromkeys(("datasets", "matplotlib", "onnx", "safetensors", "torch", "transformers"), "train"),
    "gradio": "demo",
    "mlflow": "mlflow",
    "openvino": "openvino",
    "pysbd": "benchmark",
    "ray": "ray",
}
"""The extra that installs each optional module."""
_WRITE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EPIPE}


class _Commands(click.Group):
    """Imports a command's module only when the command is called, so that `--help` starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - Click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"finner_batch.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            name, command, rest = super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = _near(args[0], COMMANDS, " Did you mean {}?")
            raise click.UsageError(f"{error.message}{hint}", error.ctx) from error
        if name and command:
            _warn_of_unknown_settings(f"{_PREFIX}_{name.upper()}_", command)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - Click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": _PREFIX,
        "show_default": True,
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="finner-batch")
def commands() -> None:
    """Extract the financial numbers of EDGAR filings to Parquet, ready to query with DuckDB.

    Every flag can also be set by an environment variable, FINNER_<COMMAND>_<FLAG>.

    Exit codes: 0 done, 1 unexpected error, 2 wrong usage, 3 done but some documents failed, 4 another run holds the
    lock, 5 model missing or damaged, 6 required GPU not usable, 130/143 interrupted (the next run resumes).
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    _open_closed_streams()
    try:
        code: Any = commands.main(arguments, standalone_mode=False)
        sys.stdout.flush()
    except FinnerError as error:
        _show_error(str(error))
        code = error.exit_code
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in _EXTRAS:
            raise
        _show_error(f"{module} is not installed: pip install 'finner-batch[{_EXTRAS[module]}]'")
        code = UsageError.exit_code
    except click.ClickException as error:
        _with_hint(error).show()
        code = error.exit_code
    except click.exceptions.Exit as error:
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error.__cause__, EOFError):  # Click turned it into an Abort
            raise error.__cause__ from None
        code = 130
    except OSError as error:
        code = 1
        if error.filename is None and error.errno in _WRITE_ERRORS:
            _show_error(f"the output: {error.strerror}")
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the buffer cannot be flushed any more
        else:
            reason = error.strerror or str(error) or type(error).__name__
            _show_error(f"{f'{error.filename}: ' if error.filename else ''}{reason}. Fix this and start again")
    sys.exit(code if isinstance(code, int) else 0)


def _near(name: str, known: Iterable[str], hint: str) -> str:
    """Fill the hint with the closest known name; empty if none is close."""
    from difflib import get_close_matches  # noqa: PLC0415 - rarely needed

    near = get_close_matches(name, list(known), n=1)
    return hint.format(near[0]) if near else ""


def _with_hint(error: click.ClickException) -> click.ClickException:
    """Point to --output when a results folder was given as an argument."""
    if not (isinstance(error, click.UsageError) and error.ctx and "unexpected extra argument" in error.message):
        return error
    if "output" not in [parameter.name for parameter in error.ctx.command.params]:
        return error
    return click.UsageError(f"{error.message}. The results folder is given as --output FOLDER", error.ctx)


def _warn_of_unknown_settings(prefix: str, command: click.Command) -> None:
    """Warn about environment variables that name no flag of the command, with the flag probably meant."""
    from finner_batch.cli.options import long_flag  # noqa: PLC0415 - `--help` alone does not need it

    flags = [long_flag(option) for option in command.params if isinstance(option, click.Option)]
    known = {f"{prefix}{flag.upper()}" for flag in flags}
    for name in sorted(os.environ):
        if name.startswith(prefix) and name not in known:
            hint = _near(name, known, ": did you mean {}?") or f": `finner-batch {command.name} --help` lists the flags"
            click.echo(f"Warning: {name} is not a setting{hint}", err=True)


def _show_error(reason: str) -> None:
    from finner_batch.terminal import visible  # noqa: PLC0415 - for an error only

    with suppress(OSError):  # stderr may be closed: the exit code reports the error too
        click.echo("\n".join(map(visible, f"Error: {reason}".split("\n"))), err=True)


def _open_closed_streams() -> None:
    """Open the null device for closed standard streams: otherwise the next file opened would take their number."""
    for number, (name, mode) in enumerate([("stdin", "r"), ("stdout", "w"), ("stderr", "w")]):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open until exit
