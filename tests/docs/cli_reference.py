"""Write docs/cli.md, the reference of all commands, from the commands: `make docs`."""

import inspect
from pathlib import Path

import click

from finner_batch.cli.main import COMMANDS, commands
from finner_batch.cli.options import long_flag

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
HEAD = """\
# Command reference
This page is generated from the commands by `make docs`. A test fails if it is out of date.

A flag takes precedence over its environment variable, the variable over the job file (`--config FILE`, whose keys are
the long flags), and the job file over the default. Several values in one environment variable are separated by spaces,
several paths by `:`.
"""


def reference() -> str:
    """The whole page."""
    root = click.Context(commands, info_name="finner-batch")
    root.help_option_names = ["-h", "--help"]
    links = [f"- [`finner-batch {name}`](#finner-batch-{name}): {line}" for name, line in COMMANDS.items()]
    sections = [_section(name, commands.get_command(root, name), root) for name in COMMANDS]
    return "\n".join([HEAD, *links, "", *sections])


def _section(name: str, command: click.Command, root: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=root)
    usage = " ".join(["finner-batch", name, *command.collect_usage_pieces(context)])
    rows = [_row(name, option, context) for option in command.params if isinstance(option, click.Option)]
    return "\n".join(
        [
            f"## finner-batch {name}",
            "```text",
            usage,
            "```",
            _paragraphs(command.help or ""),
            "",
            "| option | value | default | environment variable | meaning |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _paragraphs(text: str) -> str:
    """Help as Markdown; what Click keeps as it is (after `\\b`) becomes a block of text."""
    shown = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        kept = paragraph.removeprefix("\b\n")
        shown.append(paragraph if kept == paragraph else f"```text\n{inspect.cleandoc(kept)}\n```")
    return "\n\n".join(shown)


def _row(name: str, option: click.Option, context: click.Context) -> str:
    flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
    variable = f"`FINNER_{name.upper()}_{long_flag(option).upper()}`" if option.expose_value else ""
    cells = [flags, _value(option, context), _default(option), variable, option.help or ""]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _value(option: click.Option, context: click.Context) -> str:
    if option.is_flag:
        return ""
    kind = option.to_info_dict()["type"]
    value = option.make_metavar(context).removesuffix(" RANGE").lower()
    if kind.get("max") is not None:
        value += f", {kind['min']} to {kind['max']}"
    elif kind.get("min") is not None:
        value += f", at least {kind['min']}"
    return f"{value}, repeatable" if option.multiple else value


def _default(option: click.Option) -> str:
    default = option.to_info_dict()["default"]
    if option.secondary_opts:
        default = (option.opts if default else option.secondary_opts)[0]
    elif isinstance(default, list | tuple):
        default = " ".join(default)
    return "" if default in (None, "") or default is False else f"`{default}`"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
