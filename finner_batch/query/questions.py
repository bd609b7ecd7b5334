"""The SQL files shipped with the project: the views, the diff, and one question per file."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from finner_batch.errors import UsageError

VIEWS = "views"
DIFF = "diff"
"""SQL files that are not questions."""

_VARIABLE = re.compile(r"getvariable\('(\w+)'\)")
_SET = re.compile(r"^SET VARIABLE (\w+)", re.MULTILINE)
_DECLARED = re.compile(
    r"^ *(?:coalesce\(getvariable\('(?P<name>\w+)'\)::\w+, (?P<default>[^)]+)\)|.*getvariable\('(?P<bare>\w+)'\).*)"
    r" AS \w+,? *-- *(?P<meaning>.+)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A variable that a question reads: `--param name=…`, or `SET VARIABLE name = …` in plain DuckDB.

    `default` is an SQL expression; if it is None, `meaning` says what happens without a value.
    """

    name: str
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Question:
    """One file of `sql/`: its name without `.sql`, and the question in its first line."""

    name: str
    question: str
    path: Path

    @property
    def sql(self) -> str:
        """The content of the file: one SELECT."""
        return self.path.read_text(encoding="utf-8")

    @property
    def parameters(self) -> list[Parameter]:
        """Its parameters, from the lines `getvariable('name') … AS … -- meaning` of the file."""
        return [
            Parameter(found["name"] or found["bare"], found["default"], found["meaning"])
            for found in _DECLARED.finditer(self.sql)
        ]


def sql_folder() -> Path:
    """Return the folder of the SQL files: inside an installed package, next to the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


def list_questions() -> list[Question]:
    """Return the shipped questions in the order of their names."""
    return [
        Question(path.stem, path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("--").strip(), path)
        for path in sorted(sql_folder().glob("*.sql"))
        if path.stem not in {VIEWS, DIFF}
    ]


def shipped_sql(name: str) -> str:
    """Read a file of `sql/`, `VIEWS` or `DIFF`."""
    return (sql_folder() / f"{name}.sql").read_text(encoding="utf-8")


def variables_of(sql: str) -> set[str]:
    """Return the variables that the SQL reads with `getvariable`, except those that the views set."""
    return set(_VARIABLE.findall(sql)) - set(_SET.findall(shipped_sql(VIEWS)))


def read_sql(name_or_path: str) -> str:
    """Read a file of SQL, or a shipped question by name. Raises UsageError, which lists the names."""
    path = Path(name_or_path)
    if not path.is_file():
        path = next((question.path for question in list_questions() if question.name == path.stem), path)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = [question.name for question in list_questions()]
        near = get_close_matches(path.stem, names, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"{name_or_path}: {reason}. {hint}Shipped questions: {', '.join(names)}") from error
