"""The SQL that ships with the project: the views, and one question a file."""

from dataclasses import dataclass
from pathlib import Path

from finner_batch.errors import UsageError

VIEWS = "views"


@dataclass(frozen=True, slots=True)
class Question:
    """One file of `sql/`: its name without `.sql`, and the question of its first line."""

    name: str
    question: str
    path: Path


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
        if path.stem != VIEWS
    ]


def read_sql(name_or_path: str) -> str:
    """Read a file of SQL, or a shipped question by its name. Raises UsageError, which lists the names."""
    path = Path(name_or_path)
    if not path.is_file():
        path = next((question.path for question in list_questions() if question.name == path.stem), path)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = ", ".join(question.name for question in list_questions())
        raise UsageError(f"no SQL in {name_or_path} ({error}); shipped questions: {names}") from error
