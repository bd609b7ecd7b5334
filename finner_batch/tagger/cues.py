"""Cues: patterns that a sentence must contain for the model to read it.

Few sentences with a number are about debt, and only those have labels of debt. A model folder may list groups of
patterns (`cues` in `config.json`). A sentence without a match of every group is not read, and its numbers get no label.
The cues are part of the model, and its scores are measured with them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from finner_batch.errors import ModelError


@dataclass(frozen=True, slots=True)
class Cues:
    """Compiled groups of patterns. Without a group, every sentence is read."""

    groups: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(cls, patterns: Mapping[str, str], *, where: str) -> "Cues":
        """Compile the patterns of a folder, by group name. Raises ModelError if one is not a regular expression."""
        groups = []
        for name, pattern in patterns.items():
            try:
                groups.append(re.compile(pattern, re.IGNORECASE))
            except (re.error, TypeError) as error:
                raise ModelError(f"{where}: the cues {name!r} are no regular expression ({error})") from error
        return cls(tuple(groups))

    def found_in(self, sentence: str) -> bool:
        """Return whether every group matches in the sentence."""
        return all(group.search(sentence) for group in self.groups)


EVERY_SENTENCE = Cues()
