"""The commands that the Markdown pages show: found in their fenced blocks, run or parsed.

The info string of a fence says what a test does with it:

| fence | what a test does |
|---|---|
| `sh` | runs each command |
| `console` | runs each line after `$ ` and compares what it prints, except for seconds and MiB |
| `sh not-run`, `console not-run` | parses each command: it needs a GPU, a cluster, a bucket, a network or a terminal |
| `sql` | runs each statement in plain DuckDB |
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click
import duckdb
from click.testing import CliRunner

from finner_batch.cli.main import COMMANDS, commands

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = sorted(
    str(path.relative_to(REPOSITORY))
    for pattern in ("*.md", "docs/*.md", "jobs/*.md", "data/**/*.md")
    for path in REPOSITORY.glob(pattern)
)
"""Every page of the project, except the model card, which `train` writes."""
OTHER_PROGRAMS = {"apt-get", "find", "logrotate", "mlflow", "pytest", "source", "torchrun"}
"""Programs that pages show and that no test here can check."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, whether a test runs it, and its lines."""

    language: str
    is_run: bool
    text: str

    def commands(self) -> list[tuple[str, str]]:
        """Each command with the output that the page shows below it."""
        text = self.text.replace("\\\n", " ")
        if self.language == "console":
            return re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
        return [(line, "") for line in text.splitlines() if line.strip() and not line.startswith("#")]


def text_of(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page that hold commands or SQL, in order."""
    found = re.findall(r"^```(sh|console|sql)( not-run)?\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE)
    return [Block(language, not not_run, text) for language, not_run, text in found]


def run_page(page: str) -> dict[str, str]:
    """Run the blocks of a page in the current folder, and parse those that are not run.

    Returns what each command of `finner-batch` printed, all of its calls one after the other.
    """
    printed: dict[str, str] = defaultdict(str)
    for block in blocks_of(page):
        if block.language == "sql":
            run_sql(block.text)
            continue
        for command, output in block.commands():
            if not block.is_run:
                parse(command)
                continue
            stdout = run(command)
            if block.language == "console":
                assert without_measurements(stdout) == without_measurements(output), command
            printed[command.split()[1]] += stdout
    return printed


def without_measurements(printed: str) -> str:
    """Output with its seconds and MiB replaced: they differ from run to run."""
    lines = [line.rstrip() for line in printed.strip().splitlines()]
    return re.sub(r"[\d.]+ (s|MiB)\b", r"N \1", "\n".join(lines))


def run(command: str) -> str:
    """Run a command as typed and return its stdout; a plain `finner-batch …` in this process, which is faster."""
    simple = simple_commands(command)
    if len(simple) == 1 and simple[0][0] == "finner-batch":
        done = CliRunner().invoke(commands, simple[0][1:], auto_envvar_prefix="FINNER", standalone_mode=False)
        if done.exception:
            raise AssertionError(command) from done.exception
        assert not done.return_value, (command, done.output)
        return done.stdout
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert shell.returncode == 0, (command, shell.stderr)
    return shell.stdout


def run_sql(text: str) -> None:
    """Run lines of the DuckDB shell in plain DuckDB; `.read FILE` is the shell's own command for a file of SQL."""
    with duckdb.connect() as plain:
        for line in text.strip().splitlines():
            sql = Path(line.split()[1]).read_text(encoding="utf-8") if line.startswith(".read ") else line
            plain.execute(sql)
        assert plain.fetchall(), text


def simple_commands(command: str) -> list[list[str]]:
    """The commands of a line, divided at `|`, `;`, `&&` and the like, each as words without assignments before it."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.wordchars += ":@%+,$[]{}"
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("();<>|&"):
            found.append([])
        elif found[-1] or not re.match(r"[A-Z_]+=", word):
            found[-1].append(word)
    return [words for words in found if words]


def parse(command: str) -> None:
    """Fail where a command names a program, subcommand, flag, extra, target or file that does not exist."""
    for program, *arguments in simple_commands(command):
        if program == "finner-batch":
            parse_arguments(arguments)
        elif program == "make":
            assert re.search(rf"^{arguments[-1]}:", text_of("Makefile"), re.MULTILINE), command
        elif program == "pip":
            extras = tomllib.loads(text_of("pyproject.toml"))["project"]["optional-dependencies"]
            for name in re.findall(r"\[(.+)\]", command):
                assert set(name.split(",")) <= extras.keys(), command
        elif program in {"python", "python3"}:
            if arguments[0] == "-m":
                assert find_spec(arguments[1]), command
            elif arguments[0] != "-c":
                assert (REPOSITORY / arguments[0]).is_file(), command
        else:
            assert program in OTHER_PROGRAMS, command


def parse_arguments(arguments: list[str]) -> None:
    """Parse the arguments of `finner-batch` as Click does; raises where a command, flag or value is not accepted."""
    parent = click.Context(commands, info_name="finner-batch")
    name, *rest = arguments
    if name.startswith("-"):
        return
    command = commands.get_command(parent, name)
    assert command, f"finner-batch {name}"
    command.make_context(name, rest, parent=parent)


def flags_of_all_commands() -> set[str]:
    context = click.Context(commands)
    options = [option for name in COMMANDS for option in commands.get_command(context, name).params]
    return {flag for option in options for flag in (*option.opts, *option.secondary_opts)} | {"--help", "--version"}
