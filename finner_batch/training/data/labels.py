"""Label sets: the concepts that a tagger looks for, by name or from a file of one's own."""

import json
import tomllib
from pathlib import Path

from finner_batch.errors import ModelError, UsageError
from finner_batch.tagger.cues import Cues
from finner_batch.training.data.dataset import OUTSIDE


def labels_folder() -> Path:
    """Return the folder of the label sets: in the package where it is installed, in `data/` of a checkout."""
    package = Path(__file__).resolve().parent.parent.parent
    installed = package / "labels"
    return installed if installed.is_dir() else package.parent / "data" / "labels"


LABEL_SETS: dict[str, tuple[str, ...]] = {
    path.stem: tuple(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(labels_folder().glob("*.json"))
}
"""The label sets that come with the project, by name: the four of debt, and those of FiNER-139."""


def read_labels(name: str) -> list[str]:
    """Read a label set: a known name, or a file of concept names (a JSON list, or one a line). Raises UsageError."""
    if name in LABEL_SETS:
        return list(LABEL_SETS[name])
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"--labels {name}: neither a label set ({', '.join(LABEL_SETS)}) nor a file of concept names")
    content = path.read_text(encoding="utf-8")
    try:
        labels = json.loads(content)
    except ValueError:
        labels = content.split()
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise UsageError(f"--labels {name}: needs concept names, a JSON list of them or one a line")
    if len(set(labels)) < len(labels) or OUTSIDE in labels:
        raise UsageError(f"--labels {name}: needs distinct concept names, without {OUTSIDE}")
    return labels


def read_cues(name: str) -> dict[str, str]:
    """Read cues, by group one pattern: those of a label set (`debt4`), or a TOML file of lists; none for an empty name.

    Raises UsageError where the file is not so.
    """
    if not name:
        return {}
    path = labels_folder() / f"{name}.cues.toml"
    path = path if path.is_file() else Path(name)
    try:
        groups = tomllib.loads(path.read_text(encoding="utf-8"))
        cues = {group: "|".join(patterns) for group, patterns in groups.items()}
        Cues.of(cues, where=str(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ModelError) as error:
        raise UsageError(
            f"--cues {name}: needs a label set with cues (debt4), or a TOML file of groups, each a list of patterns"
            f" ({error})"
        ) from error
    return cues
