# SPDX-License-Identifier: MIT
"""Upper bounds on a function over a box, made as close as is wanted by cutting the box.

Branch and bound (Moore, Kearfott and Cloud 2009, section 11.3): the boxes on which the bound is
greatest are cut in two, in the input in which that lowers the bound most, until the bound is close
to a value that is attained. What is done depends on counts of operations, never on the clock, so
that a proof is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.proofs.intervals import Array

BATCH = 256
"""Most boxes that are cut at once."""
_TRIED = 16
"""Most inputs that are tried for a cut."""
_OVERHEAD = 1_000
"""How many boxes cost about as much as a call on none."""
_KEEPING = 30
"""How many nodes cost about as much as keeping a box."""


@dataclass(frozen=True)
class Boxes:
    """Boxes of some inputs.

    Attributes
    ----------
    low, high
        Ends, shape (boxes, inputs).
    """

    low: Array
    high: Array

    def __len__(self) -> int:
        return len(self.low)

    def __getitem__(self, chosen: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Boxes:
        return Boxes(self.low[chosen], self.high[chosen])

    def middle(self) -> Boxes:
        """Return the points in the middle, as boxes without extent."""
        # Each half first, for ends may be as large as doubles are.
        middle = np.clip(0.5 * self.low + 0.5 * self.high, self.low, self.high)
        return Boxes(middle, middle)

    def halves(self, inputs: NDArray[np.intp]) -> tuple[Boxes, Boxes]:
        """Cut each box in the middle of one input."""
        rows = np.arange(len(self))
        cut = self.middle().low[rows, inputs]
        lower_high, upper_low = self.high.copy(), self.low.copy()
        lower_high[rows, inputs] = cut
        upper_low[rows, inputs] = cut
        return Boxes(self.low, lower_high), Boxes(upper_low, self.high)

    @staticmethod
    def joined(parts: Sequence[Boxes]) -> Boxes:
        """Return all boxes of several."""
        return Boxes(
            np.concatenate([part.low for part in parts]),
            np.concatenate([part.high for part in parts]),
        )


Function = Callable[[Boxes], tuple[Array, Array]]
"""Lower and upper bound on each box, shape (boxes,); at points, on the value there."""


@dataclass(frozen=True)
class Bound:
    """What was found.

    Attributes
    ----------
    upper
        No value is greater.
    attained
        Some value is at least this.
    boxes
        Boxes that cover all of it.
    """

    upper: float
    attained: float
    boxes: Boxes


def bound_above(
    function: Function,
    start: Boxes,
    upper: Array,
    *,
    nodes: int,
    work: float,
    cuttable: Sequence[int],
    tolerance: float = 0.0,
    enough: float = -np.inf,
    stop_above: float = np.inf,
) -> Bound:
    """Bound a function from above over boxes.

    Parameters
    ----------
    function
        What to bound.
    start
        Boxes that cover where.
    upper
        What is known already: an upper bound on each of them.
    nodes
        What one evaluation on one box costs.
    work
        What all of it may cost.
    cuttable
        Inputs that the function depends on.
    tolerance
        How far the bound may lie above an attained value.
    enough
        A bound that is good enough.
    stop_above
        An attained value that says all that is asked.
    """
    boxes, attained = start, -np.inf
    widths = (start.high.max(axis=0) - start.low.min(axis=0))[list(cuttable)]
    while cuttable and attained <= stop_above:
        good = max(enough, attained + tolerance)
        open_ = np.flatnonzero(upper > good)
        worst = open_[np.argsort(-upper[open_], kind="stable")[:BATCH]]
        # A box that is as narrow as doubles allow cannot be cut.
        middle, chosen = boxes[worst].middle().low, boxes[worst]
        inside = (middle > chosen.low) & (middle < chosen.high)
        worst = worst[inside[:, list(cuttable)].any(axis=1)]
        if len(worst) == 0:
            break
        tried = _promising(boxes[worst], cuttable, widths)
        work -= (nodes + _KEEPING) * (_OVERHEAD + 2 * tried.size + 3 * len(tried))
        if work < 0:
            break
        children, bounds, seen = _best_cut(function, boxes[worst], tried)
        attained = max(attained, seen)
        remaining = np.ones(len(boxes), dtype=np.bool_)
        remaining[worst] = False
        # A cut cannot make a bound worse.
        bounds = np.minimum(bounds, np.tile(upper[worst], 2))
        boxes = Boxes.joined([boxes[remaining], children])
        upper = np.concatenate([upper[remaining], bounds])
    return Bound(float(np.max(upper)), attained, boxes)


def _promising(boxes: Boxes, cuttable: Sequence[int], widths: Array) -> NDArray[np.intp]:
    """For each box the inputs in which it is widest, shape (boxes, tried)."""
    columns = np.asarray(cuttable, dtype=np.intp)
    extent = (boxes.high - boxes.low)[:, columns] / np.where(widths > 0, widths, 1.0)
    order = np.argsort(-extent, axis=1, kind="stable")[:, :_TRIED]
    return np.asarray(columns[order])


def _best_cut(
    function: Function, boxes: Boxes, tried: NDArray[np.intp]
) -> tuple[Boxes, Array, float]:
    """Cut each box in the input that lowers the greater bound most, the lesser one if none does.

    Returns
    -------
    the lower halves followed by the upper ones; a bound on each; a value that is attained
    """
    count, trials = tried.shape
    pairs = [boxes.halves(tried[:, trial]) for trial in range(trials)]
    halves = Boxes.joined([half for pair in pairs for half in pair])
    # Points within, of which some are not on a cut: kinks often are.
    points = Boxes.joined([boxes.middle(), pairs[0][0].middle(), pairs[0][1].middle()])
    lower, upper = function(Boxes.joined([halves, points]))
    attained = float(np.max(lower[len(halves) :]))
    upper = upper[: len(halves)].reshape(trials, 2, count)
    greater, lesser = upper.max(axis=1), upper.min(axis=1)
    # Inputs were sorted by width, so that of equals the widest is taken.
    best, rows = np.lexsort((lesser, greater), axis=0)[0], np.arange(count)
    low = halves.low.reshape(trials, 2, count, -1)[best, :, rows]
    high = halves.high.reshape(trials, 2, count, -1)[best, :, rows]
    children = [Boxes(low[:, side], high[:, side]) for side in (0, 1)]
    return Boxes.joined(children), upper[best, :, rows].T.ravel(), attained
