"""Reads names of rows back from the files, where a digest is not enough."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from finner_batch.store.place import Place
from finner_batch.store.rows import Rows, open_documents

KEPT_GROUPS = 4


class Names:
    """Columns of the documents files by place, a row group at a time.

    The latest groups are kept: sources are asked for in their order, and mostly stand in that order.
    """

    def __init__(self, results: Place, parts: Sequence[str]) -> None:
        self._results = results
        self._parts = parts
        self._group = lru_cache(KEPT_GROUPS)(self._read_group)
        self._starts = lru_cache(KEPT_GROUPS)(self._read_starts)

    def read(self, rows: Rows, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
        """Yield the columns' values of the given rows, in the order of their places."""
        for part in np.unique(rows.part):
            wanted = np.sort(rows.row[rows.part == part])
            starts = self._starts(int(part))
            groups = np.searchsorted(starts, wanted, "right") - 1
            for group in np.unique(groups):
                table = self._group(int(part), int(group), columns)
                chosen = table.take(pa.array(wanted[groups == group] - starts[group]))
                yield from zip(*(chosen.column(column).to_pylist() for column in columns), strict=True)

    def _read_starts(self, part: int) -> npt.NDArray[np.int64]:
        with open_documents(self._results, self._parts[part]) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        return np.cumsum([0, *sizes], dtype=np.int64)[:-1]

    def _read_group(self, part: int, group: int, columns: tuple[str, ...]) -> pa.Table:
        with open_documents(self._results, self._parts[part]) as file:
            return file.read_row_group(group, columns=list(columns), use_threads=False)
