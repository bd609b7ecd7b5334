"""How long each compiled pattern takes on repeated pieces: `python tests/torture/patterns.py [PART OF A MODULE NAME]`.

Prints the patterns whose time grows faster than the text, and exits with 1 where there are any. A pattern that only
sees short text stands in `LONGEST` with the length of that text, and must be quick at that length.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import signal
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from time import process_time
from types import ModuleType

import finner_batch

SHORT, LONG = 2_000, 16_000
"""Characters of the texts: eight times the length may take `WORST_RATIO` times as long."""
WORST_RATIO = 24
"""A linear pattern takes 8 times as long, a quadratic one 64 times."""
NOTICEABLE_SECONDS = 0.05
LIMIT_SECONDS = 3.0
QUICK_SECONDS = 0.05

LONGEST = {
    "finner_batch.values.currencies._LETTERS": 24,
    "finner_batch.values.currencies._SIGN_THEN_CODE": 24,
    "finner_batch.values.currencies._WORD_AT_END": 24,
    "finner_batch.text.line_breaks._LOWER_WORD": 20,
    "finner_batch.text.headings": 240,
}
"""Module, or pattern of one -> the longest text, in characters, that it is given."""
_HOW = {
    "search": "search",
    "finditer": "search",
    "findall": "search",
    "sub": "search",
    "subn": "search",
    "split": "search",
}
_HOW |= {"match": "match", "fullmatch": "fullmatch"}
"""Method of a pattern -> the one that looks at as much of the text."""

_APPLIED = {"finner_batch.text.numbers._DECIMALS": {"fullmatch"}}
"""How a pattern without a name of its own is applied."""

_LEFT_OUT = (
    "finner_batch.training",
    "finner_batch.benchmark",
    "finner_batch.runner.on_ray",
    "finner_batch.query",
    "finner_batch.__main__",
)
"""What no text of a filing reaches."""
_STARTS = (
    *("", "shares were ", "shares ", "stock of ", "(in millions", "per share ", "price ", "par value ", "note 1 "),
    *("$", "item 7 ", "items 1", "part i ", "notes to ", "1", "1.", "1,", "<a", "<table ", "<!--", '{"', "<meta "),
    *("x   ", "  ", "(", "one ", "dividends ", "a{", "5 ", "5%", "<pre "),
)
_PIECES = (
    *("a", "A", "1", ",", "1,", "1, ", "1 ", "11,", " ", ". ", ".", "-", "- ", "=", "(", ")", "a ", "Aa ", "A. "),
    *("one ", "of ", "and ", "shares ", "share ", "per ", "to ", "note 1 ", "item 1, ", "1 and ", "$1 ", "$1"),
    *("1 million ", "million ", "<a ", "<!--", "a=", '"', "'", "1.1", "1/2", "1/2 ", "\n", " \n", "\t", "the "),
    *("(a) ", "(1)", "i", "x", "*", "_", "|", "a-", "a.", "in ", "stock ", "u.s. ", "unit ", "one-half ", "1, and "),
    *("a total of ", "statement ", "approximately ", "notes to ", "\u2013", "<td ", "1,00", "% ", "; ", " a=b"),
    *("a:b;", "continued ", "\u00b9", "\u00ad", "item 1 and ", "10-K\n", "<p>", "</p>", "ps.", "0001-", "page 1 of "),
    *("<TYPE>", "&lt;"),
)
_ENDS = ("", "!", "\n", "\0")


class TooLongError(Exception):
    """A pattern took `LIMIT_SECONDS`."""


def modules() -> Iterator[ModuleType]:
    """The modules that read the text of filings."""
    for found in pkgutil.walk_packages(finner_batch.__path__, "finner_batch."):
        if not found.name.startswith(_LEFT_OUT):
            try:
                yield importlib.import_module(found.name)
            except ImportError as error:
                print(f"{found.name} left out: {error}")


def patterns_of(value: object) -> Iterator[re.Pattern[str] | re.Pattern[bytes]]:
    """The compiled patterns in a value of a module, in containers too."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for item in value.items():
            yield from patterns_of(item)
    elif isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from patterns_of(item)


def uses(source: str) -> dict[str, set[str]]:
    """For each name in the source, how it is applied: `search`, `match`, `fullmatch`."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in _HOW:
            found[node.value.id].add(_HOW[node.attr])
    return found


def seconds(pattern: re.Pattern, text: str, how: Iterable[str]) -> float:
    """CPU seconds of the slowest of these ways to apply the pattern; `LIMIT_SECONDS` where it takes longer."""
    given = text.encode() if isinstance(pattern.pattern, bytes) else text
    slowest = 0.0
    for way in how:
        apply = getattr(pattern, way)
        started = process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_SECONDS)
        try:
            apply(given)
        except TooLongError:
            return LIMIT_SECONDS
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        slowest = max(slowest, process_time() - started)
    return slowest


def worst(pattern: re.Pattern, how: Iterable[str], longest: int | None) -> str | None:
    """What the pattern is slow on; None where it is on nothing."""
    for start in _STARTS:
        for piece in _PIECES:
            for end in _ENDS:
                text = start + piece * ((longest or SHORT) // len(piece)) + end
                short = seconds(pattern, text, how)
                if longest:
                    if short > QUICK_SECONDS:
                        return f"{start!r}, {piece!r} repeated, {end!r}: {short:.3f} s for {longest:,} characters"
                elif short > NOTICEABLE_SECONDS / 256:
                    repeated = start + piece * (LONG // len(piece)) + end
                    long = seconds(pattern, repeated, how)
                    if long > NOTICEABLE_SECONDS:  # a busy machine is slow once
                        short, long = (
                            max(short, seconds(pattern, text, how)),
                            min(long, seconds(pattern, repeated, how)),
                        )
                    if long >= LIMIT_SECONDS or (long > NOTICEABLE_SECONDS and long > WORST_RATIO * short):
                        return (
                            f"{start!r}, {piece!r} repeated, {end!r}: {short:.4f} s, eight times as long {long:.3f} s"
                        )
    return None


def main(chosen: str) -> int:
    """Measure the patterns of the modules whose name holds `chosen`."""

    def stop(*_: object) -> None:
        raise TooLongError

    signal.signal(signal.SIGVTALRM, stop)
    measured: set[tuple[str | bytes, int]] = set()
    slow = 0
    for module in modules():
        if chosen not in module.__name__:
            continue
        applied = uses(inspect.getsource(module))
        of_unnamed = {way for other, ways in applied.items() if other not in vars(module) for way in ways}
        for name, value in vars(module).items():
            place = f"{module.__name__}.{name}"
            longest = LONGEST.get(place) or LONGEST.get(module.__name__)
            for pattern in patterns_of(value):
                if (pattern.pattern, pattern.flags) in measured:
                    continue
                measured.add((pattern.pattern, pattern.flags))
                how = _APPLIED.get(place) or applied.get(name) or of_unnamed or set(_HOW.values())
                if told := worst(pattern, how, longest):
                    slow += 1
                    print(f"{place}: {told}\n    {pattern.pattern!r}", flush=True)
    print(f"{len(measured)} patterns, {slow} of them slow")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
