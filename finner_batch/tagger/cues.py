"""Cues: what a sentence must hold for the model to read it.

Few sentences with a number speak of debt, and no label of debt stands in one that does not. A model folder may list
groups of patterns (`cues` in `config.json`); a sentence in which any group finds nothing is not read, and its numbers
get no label. The cues are part of the model: its figures are measured with them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from finner_batch.errors import ModelError


@dataclass(frozen=True, slots=True)
class Cues:
    """Compiled groups of patterns; without any group every sentence is read."""

    groups: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(cls, patterns: Mapping[str, str], *, where: str) -> "Cues":
        """Compile the patterns of a folder, by group name. Raises ModelError where one is no regular expression."""
        groups = []
        for name, pattern in patterns.items():
            try:
                groups.append(re.compile(pattern, re.IGNORECASE))
            except (re.error, TypeError) as error:
                raise ModelError(f"{where}: the cues {name!r} are no regular expression ({error})") from error
        return cls(tuple(groups))

    def found_in(self, sentence: str) -> bool:
        """Whether every group finds something in the sentence."""
        return all(group.search(sentence) for group in self.groups)


EVERY_SENTENCE = Cues()
