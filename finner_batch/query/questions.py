"""The SQL that ships with the project: the views, and one question a file."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from finner_batch.errors import UsageError

VIEWS = "views"
DIFF = "diff"
"""The files that are no questions to one results folder."""

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

    `default`: the SQL expression that holds where it is not given; `meaning` says what holds where there is none.
    """

    name: str
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Question:
    """One file of `sql/`: its name without `.sql`, and the question of its first line."""

    name: str
    question: str
    path: Path

    @property
    def sql(self) -> str:
        """The file: one SELECT."""
        return self.path.read_text(encoding="utf-8")

    @property
    def parameters(self) -> list[Parameter]:
        """What may be given to it, from the lines `getvariable('name') … AS … -- meaning` of its file."""
        return [
            Parameter(found["name"] or found["bare"], found["default"], found["meaning"])
            for found in _DECLARED.finditer(self.sql)
        ]


def sql_folder() -> Path:
    """Return the folder of the SQL files: in the package where it is installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


def list_questions() -> list[Question]:
    """Return the shipped questions, by name."""
    return [
        Question(path.stem, path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("--").strip(), path)
        for path in sorted(sql_folder().glob("*.sql"))
        if path.stem not in {VIEWS, DIFF}
    ]


def shipped_sql(name: str) -> str:
    """Read a file of `sql/`, `VIEWS` or `DIFF`."""
    return (sql_folder() / f"{name}.sql").read_text(encoding="utf-8")


def variables_of(sql: str) -> set[str]:
    """Names of the variables that SQL reads with `getvariable`, but for those that the views are made of."""
    return set(_VARIABLE.findall(sql)) - set(_SET.findall(shipped_sql(VIEWS)))


def read_sql(name_or_path: str) -> str:
    """Read a file of SQL, or a shipped question by its name. Raises UsageError, which lists the names."""
    path = Path(name_or_path)
    if not path.is_file():
        path = next((question.path for question in list_questions() if question.name == path.stem), path)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = [question.name for question in list_questions()]
        near = get_close_matches(path.stem, names, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"{name_or_path}: {reason}. {hint}Shipped questions: {', '.join(names)}") from error
