"""Entry point of `python -m finner_batch` and of the installed `finner-batch`."""

from finner_batch.cli.interrupt import until_interrupted


def main() -> None:
    """Run the command line and exit."""
    until_interrupted(_command_line)


def _command_line() -> None:
    from finner_batch.cli.main import main as run_command_line  # noqa: PLC0415 - interruptible from here on

    run_command_line()


if __name__ == "__main__":
    main()
