# SPDX-License-Identifier: MIT
"""Random counts for many lanes: each lane has its own stream, and all are drawn in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ns3kan.bridge.queues.distributions import Distributions, IntArray

Counts: TypeAlias = npt.NDArray[np.signedinteger[Any]]

# Draws are 32 bits; the first eight of them find their place in the table in one look-up.
_CELL_BITS = 8
_CELLS = 1 << _CELL_BITS
_FULL = 1 << 32
# Numbers drawn at once: few enough to stay in a processor's cache, enough to amortise the calls.
_CHUNK = 1 << 16
_BLOCK = 1 << 21
_MIN_ROWS, _MAX_ROWS = 16, 1024


class LaneSampler:
    """Independent counts of given distributions, one row of columns per lane and step.

    A lane's numbers come from an SFC64 generator of its own, in the order of steps and columns.
    They depend on its seed and on nothing else: not on the number of lanes, nor on the blocks in
    which they are drawn. Inversion of the cumulative probabilities, rounded to multiples of 2⁻³²,
    turns each 32 bits into one count.

    Parameters
    ----------
    columns
        Distributions of shape (lanes, n₁), (lanes, n₂), …, put side by side.
    """

    def __init__(self, columns: Sequence[Distributions]) -> None:
        self.num_lanes = columns[0].mean.shape[0]
        self.num_columns = sum(column.mean.shape[1] for column in columns)
        # An even number of 32-bit draws makes a whole number of 64-bit words per row.
        self._words = (self.num_columns + 1) // 2
        self._build_tables(columns)
        size = self.num_lanes * self.num_columns
        self._rows = int(np.clip(_BLOCK // size, _MIN_ROWS, _MAX_ROWS))
        self._block = np.empty(
            (self._rows, self.num_lanes, self.num_columns), dtype=self._guide.dtype
        )
        self._cursor = self._rows
        self._generators: list[np.random.SFC64] = [np.random.SFC64() for _ in range(self.num_lanes)]

    def seed(self, seeds: Iterable[int | None]) -> None:
        """Start streams anew; a lane whose seed is None goes on with its own."""
        seeded = []
        for lane, seed in enumerate(seeds):
            if seed is not None:
                self._generators[lane] = np.random.SFC64(np.random.SeedSequence(seed))
                seeded.append(lane)
        if len(seeded) == self.num_lanes:
            self._cursor = self._rows
        elif self._cursor < self._rows:
            for lane in seeded:
                self._draw(lane, lane + 1, self._cursor)

    def next_row(self) -> Counts:
        """Return the counts of the next step, shape (lanes, columns); valid until the next call."""
        if self._cursor == self._rows:
            lanes = max(_CHUNK // (self._rows * self.num_columns), 1)
            for first in range(0, self.num_lanes, lanes):
                self._draw(first, min(first + lanes, self.num_lanes), 0)
            self._cursor = 0
        row: Counts = self._block[self._cursor]
        self._cursor += 1
        return row

    def _build_tables(self, columns: Sequence[Distributions]) -> None:
        """Thresholds of each distinct distribution, and where to start in them for each cell."""
        width = max(column.probabilities.shape[-1] for column in columns)
        mass = np.zeros((self.num_lanes, self.num_columns, width))
        offset = np.empty((self.num_lanes, self.num_columns), dtype=np.int64)
        start = 0
        for column in columns:
            end = start + column.mean.shape[1]
            mass[:, start:end, : column.probabilities.shape[-1]] = column.probabilities
            offset[:, start:end] = column.offset
            start = end
        rows = mass.reshape(-1, width)
        rows, table = np.unique(rows, axis=0, return_inverse=True)
        # A count is the number of thresholds at or below the draw; the last is out of reach.
        thresholds = np.rint(np.cumsum(rows, axis=1) * _FULL).astype(np.int64)
        thresholds[thresholds > _FULL - 1] = _FULL
        thresholds[:, -1] = _FULL
        # Thresholds at or below the least and at or below the greatest draw of each cell.
        shift = 32 - _CELL_BITS
        lowest = _count_up_to((thresholds + (1 << shift) - 1) >> shift)
        highest = _count_up_to(thresholds >> shift)
        small = width + offset.max(initial=0) < 2**15
        dtype: Any = np.int16 if small else np.int32 if offset.max(initial=0) < 2**30 else np.int64
        # A cell in which the count is not yet certain holds ~(its least count), which is negative.
        guide = np.where(lowest == highest, lowest, ~lowest)
        self._guide: Counts = guide.astype(dtype).ravel()
        self._thresholds = thresholds.ravel()
        table = table.reshape(self.num_lanes, 1, self.num_columns).astype(np.int64)
        self._first_cell = table * _CELLS
        self._first_threshold = table * width
        self._offset: IntArray | None = offset[:, None] if offset.any() else None

    def _draw(self, first: int, last: int, row: int) -> None:
        """Fill the block from ``row`` on for the lanes from ``first`` to before ``last``."""
        rows = self._rows - row
        words = np.empty((last - first, rows * self._words), dtype=np.uint64)
        for lane in range(first, last):
            words[lane - first] = self._generators[lane].random_raw(rows * self._words)
        draws = words.view(np.uint32).reshape(last - first, rows, 2 * self._words)
        draws = np.ascontiguousarray(draws[:, :, : self.num_columns])
        # Lane by lane, so that the look-ups of one lane find its tables in the nearest cache.
        cells = self._first_cell[first:last] + (draws >> (32 - _CELL_BITS))
        counts = self._guide.take(cells)
        open_ones = np.flatnonzero(counts < 0)
        if open_ones.size:
            self._settle(counts, draws, first, open_ones)
        if self._offset is not None:
            counts += self._offset[first:last].astype(counts.dtype)
        self._block[row:, first:last] = counts.transpose(1, 0, 2)

    def _settle(
        self,
        counts: Counts,
        draws: npt.NDArray[np.uint32],
        first: int,
        places: npt.NDArray[np.intp],
    ) -> None:
        """Count up from the least count of the cell where a cell holds several."""
        flat = counts.reshape(-1)
        columns = self.num_columns
        lanes = first + places // (counts.shape[1] * columns)
        starts = self._first_threshold.reshape(-1)[lanes * columns + places % columns]
        values = draws.reshape(-1)[places]
        found = ~flat[places].astype(np.int64)
        above = values >= self._thresholds[starts + found]
        found += above
        rising = np.flatnonzero(above)
        while rising.size:
            rising = rising[values[rising] >= self._thresholds[starts[rising] + found[rising]]]
            found[rising] += 1
        flat[places] = found


def _count_up_to(cells: IntArray) -> IntArray:
    """How many entries of each row are at most 0, 1, …, shape (rows, cells)."""
    rows = np.arange(len(cells))[:, None] * (_CELLS + 1)
    counts = np.bincount((rows + cells).ravel(), minlength=len(cells) * (_CELLS + 1))
    return np.asarray(counts.reshape(len(cells), -1)[:, :-1].cumsum(axis=1))
