"""The log: `key=value` lines on stderr that do not break a progress bar."""

import logging
import sys
from datetime import UTC, datetime

from tqdm import tqdm


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"time={time} level={record.levelname.lower()} {record.getMessage()}"


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            tqdm.write(self.format(record), file=sys.stderr)
        except OSError:  # stderr is closed: the job goes on
            return


def set_up_log(level: int = logging.INFO) -> None:
    """Send finner-batch's log to stderr."""
    handler = _Handler()
    handler.setFormatter(_Formatter())
    logger = logging.getLogger("finner_batch")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False


def fields(event: str, **values: object) -> str:
    """Return one log line, `event=… key=value …`; values with spaces or control characters are quoted."""
    return " ".join(
        [f"event={event}", *(f"{key}={_quoted(value)}" for key, value in values.items() if value is not None)]
    )


def _quoted(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    if text and text.isprintable() and not any(character in ' "=' for character in text):
        return text
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'
