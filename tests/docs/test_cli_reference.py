"""The reference of the commands is complete and up to date."""

import click
import pytest
from cli_reference import PAGE, reference

from finner_batch.cli.main import COMMANDS, commands


def test_the_reference_is_what_the_commands_say():
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make docs`"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_for_itself_and_each_flag(name):
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"
