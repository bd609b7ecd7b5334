"""The house as CONTRIBUTING draws it: rooms in order, imports one way, one name for one module."""

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "finner_batch"
ROOMS = [
    *("errors", "log", "machine", "terminal", "version"),
    *("storage", "readers", "text", "tagging", "values", "results"),
    *("config", "query", "runner", "training", "report", "benchmark", "demo", "api", "cli", "__main__"),
]
"""Top-level modules and folders; each imports from those before it only."""
SAME_MEANING = {"compact", "diff", "evaluate", "export", "label", "plan", "run", "train"}
"""A command and the function that it calls."""


def modules() -> dict[str, Path]:
    """Every module of the package but the folders' own, by its dotted name below the package."""
    paths = (path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in paths}


def imports(path: Path) -> set[str]:
    """What a module imports of the package, wherever the import stands, by dotted name below the package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            below = (node.module or "").partition(".")[2]
            found |= {below, *(f"{below}.{each.name}".lstrip(".") for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name.partition(".")[2] for each in node.names if each.name.startswith(f"{PACKAGE.name}.")}
    return found & modules().keys()


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return {name: imports(path) - {name} for name, path in modules().items()}


def test_each_room_imports_from_the_rooms_below_it_only(graph):
    assert {name.split(".")[0] for name in graph} == set(ROOMS)
    floor = {room: place for place, room in enumerate(ROOMS)}
    climbing = [
        f"{name} -> {used}"
        for name, found in graph.items()
        for used in found
        if floor[used.split(".")[0]] > floor[name.split(".")[0]]
    ]
    assert climbing == []


def test_no_modules_import_each_other_in_a_circle(graph):
    assert set(TopologicalSorter(graph).static_order()) == graph.keys()


def test_no_file_name_stands_for_two_things(graph):
    times = Counter(name.rpartition(".")[2] for name in graph)
    assert {name for name, count in times.items() if count > 1} == SAME_MEANING
