# SPDX-License-Identifier: MIT
"""The front of complexity against return: how much each further node of an equation is worth."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import sem

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.errors import InputError
from ns3kan.io.files import write_atomically

Array = NDArray[np.float64]
Returns = Callable[[Controller], ArrayLike]
"""Returns (seeds,) of a controller on validation seeds, the same for all; the more the better."""

TABLE = "front.csv"
"""Name of the table in the folder of a front."""
_COLUMNS = ("nodes", "mean return", "standard error", "on front", "knee", "file")
_SEED = "return with seed "


def shortest_near_best(nodes: Sequence[int], returns: ArrayLike) -> int:
    """Choose the shortest candidate that validation cannot tell from the best.

    That is, whose return falls short of the candidate with the greatest mean return, seed by seed,
    by a mean difference of at most one standard error of it (the rule of one standard error of
    Breiman et al. 1984). A single seed says nothing about the error, which is taken as 0 then.

    Parameters
    ----------
    nodes
        Sizes of the candidates, at least one.
    returns
        Shape (candidates, seeds), the more the better; columns are the same seeds for all.

    Returns
    -------
    int
        Its place; the first of equally short ones.

    Examples
    --------
    >>> shortest_near_best([5, 9], [[1.0, 2.0, 2.7], [1.1, 2.0, 2.7]])
    0
    >>> shortest_near_best([5, 9], [[1.0, 1.9, 2.6], [1.1, 2.0, 2.7]])
    1
    """
    values = np.asarray(returns, dtype=np.float64)
    shortfalls = values[int(values.mean(axis=1).argmax())] - values
    seeds = values.shape[1]
    errors = sem(shortfalls, axis=1) if seeds > 1 else np.zeros(len(values))
    near = np.flatnonzero(shortfalls.mean(axis=1) <= errors)
    return int(min(near, key=lambda place: nodes[int(place)]))


def undominated(nodes: Sequence[int], values: Sequence[float]) -> list[int]:
    """Return the places of candidates than which no shorter or equally short one is as good.

    Parameters
    ----------
    nodes
        Sizes of the candidates.
    values
        The more the better.

    Returns
    -------
    list of int
        From short to long, with growing values; of equals the first.
    """
    kept: list[int] = []
    for place in sorted(range(len(nodes)), key=lambda place: (nodes[place], -values[place])):
        if not kept or values[place] > values[kept[-1]]:
            kept.append(place)
    return kept


def knee_place(nodes: Sequence[int], returns: ArrayLike, most_nodes: int | None = None) -> int:
    """Choose of all candidates the one of the front that `shortest_near_best` says.

    Parameters
    ----------
    nodes, returns
        As for `shortest_near_best`.
    most_nodes
        Longest equation allowed; None allows all.

    Returns
    -------
    int
        Its place among all candidates.

    Raises
    ------
    ValueError
        If all are longer.
    """
    values = np.asarray(returns, dtype=np.float64)
    places = _short_ones(nodes, values, most_nodes)
    return places[shortest_near_best([nodes[place] for place in places], values[places])]


def _short_ones(nodes: Sequence[int], returns: Array, most_nodes: int | None) -> list[int]:
    """Return the places of the front's candidates that are not longer than allowed."""
    places = undominated(nodes, returns.mean(axis=1).tolist())
    if most_nodes is None:
        return places
    short = [place for place in places if nodes[place] <= most_nodes]
    if not short:
        raise InputError(
            f"No equation has at most {most_nodes} nodes; the shortest has {nodes[places[0]]}, "
            "allow as many."
        )
    return short


@dataclass(frozen=True)
class Point:
    """A controller with its returns.

    Attributes
    ----------
    controller
        An equation.
    returns
        On each of the validation seeds.
    """

    controller: Controller
    returns: tuple[float, ...]

    @property
    def nodes(self) -> int:
        """Size of its expressions, all outputs together."""
        return sum(expression.nodes() for expression in self.controller.expressions)

    @property
    def mean_return(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.returns))

    @property
    def standard_error(self) -> float:
        """Standard error of the mean over the seeds; NaN of a single one."""
        return float(sem(self.returns)) if len(self.returns) > 1 else math.nan


@dataclass(frozen=True)
class Front:
    """Candidates by size and return; any of them can be taken.

    Parameters
    ----------
    seeds
        Validation seeds.
    candidates
        At least one, each with a finite return on every seed.

    Attributes
    ----------
    candidates
        From short to long; of equally long ones the best first.

    Raises
    ------
    ValueError
        If there is no candidate or seed, a seed repeats, or returns are missing or not finite.
    """

    seeds: tuple[int, ...]
    candidates: tuple[Point, ...]

    def __post_init__(self) -> None:
        if not self.candidates:
            raise InputError("A front needs at least one candidate; extract or distil one first.")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise InputError(
                f"A front needs different validation seeds, at least one, not {list(self.seeds)}."
            )
        for point in self.candidates:
            if len(point.returns) != len(self.seeds) or not np.isfinite(point.returns).all():
                raise InputError(
                    f"A candidate of {point.nodes} nodes has the returns {list(point.returns)} on "
                    f"{len(self.seeds)} seeds; give one finite return per seed."
                )
        ordered = sorted(self.candidates, key=lambda point: (point.nodes, -point.mean_return))
        object.__setattr__(self, "candidates", tuple(ordered))

    @property
    def points(self) -> tuple[Point, ...]:
        """The front itself: candidates than which no shorter or equally short one is as good.

        From short to long, with growing returns.
        """
        return tuple(self.candidates[place] for place in _short_ones(*self._measured, None))

    def knee(self, most_nodes: int | None = None) -> Point:
        """Choose the point of the front that `shortest_near_best` says.

        Parameters
        ----------
        most_nodes
            Longest equation allowed; None allows all.

        Raises
        ------
        ValueError
            If all are longer.
        """
        return self.candidates[knee_place(*self._measured, most_nodes)]

    def best(self, most_nodes: int | None = None) -> Point:
        """Take the point of the front with the greatest return.

        The parameter and what is raised are those of `knee`.
        """
        return self.candidates[_short_ones(*self._measured, most_nodes)[-1]]

    @property
    def _measured(self) -> tuple[list[int], Array]:
        """Nodes and returns (candidates, seeds)."""
        returns = np.array([each.returns for each in self.candidates], dtype=np.float64)
        return [each.nodes for each in self.candidates], returns

    def table(self) -> pd.DataFrame:
        """Return one row per candidate, from short to long.

        ``nodes``, ``mean return``, ``standard error``, ``on front``, ``knee``, ``file`` (where
        `save` puts the controller), and ``return with seed N`` for each seed N.
        """
        points, knee = self.points, self.knee()
        rows = [
            (
                point.nodes,
                point.mean_return,
                point.standard_error,
                any(point is each for each in points),
                point is knee,
                f"controller-{place:02d}.json",
                *point.returns,
            )
            for place, point in enumerate(self.candidates, start=1)
        ]
        return pd.DataFrame(rows, columns=[*_COLUMNS, *(f"{_SEED}{seed}" for seed in self.seeds)])

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``front.csv`` and the artefact of each candidate into a folder, made if need be."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        table = self.table()
        for name, point in zip(table["file"], self.candidates, strict=True):
            point.controller.save(target / name)
        write_atomically(target / TABLE, table.to_csv(index=False))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Front:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the table or an artefact is missing or damaged, or they do not belong together.
        """
        path = Path(folder) / TABLE
        table, columns = _read_table(path)
        try:
            seeds = tuple(int(name.removeprefix(_SEED)) for name in columns)
            points = []
            for name, nodes, *returns in table[["file", "nodes", *columns]].itertuples(index=False):
                if Path(name).name != name:
                    raise InputError(f"{name!r} is no file of this folder")
                point = Point(Controller.load(path.parent / name), tuple(map(float, returns)))
                if point.nodes != int(nodes):
                    raise InputError(f"{name} has {point.nodes} nodes, not {nodes}")
                points.append(point)
            return cls(seeds, tuple(points))
        except ValueError as error:
            reason = str(error).removesuffix(".")
            raise InputError(f"{path}: {reason}; save the front once more.") from error


def read_returns(folder: str | os.PathLike[str]) -> tuple[list[int], Array]:
    """Read sizes and returns of a saved front; the artefacts need not be there.

    Returns
    -------
    nodes, returns
        As for `knee_place`, in the order of the table: from short to long.

    Raises
    ------
    ValueError
        If the table is missing or damaged.
    """
    table, seeds = _read_table(Path(folder) / TABLE)
    try:
        return table["nodes"].astype(int).tolist(), table[seeds].to_numpy(np.float64)
    except ValueError as error:
        raise InputError(f"{Path(folder) / TABLE}: {error}; save the front once more.") from error


def _read_table(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read the table of a front as text, for pandas reads numbers to within a rounding.

    With it the names of the columns of returns.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); give the folder of a saved front."
        ) from error
    columns = [name for name in table.columns if str(name).startswith(_SEED)]
    missing = [name for name in ("nodes", "file") if name not in table.columns]
    if missing or not columns:
        raise InputError(
            f"{path}: has no column {' or '.join(missing) or _SEED + 'N'}; "
            "give the folder of a saved front."
        )
    return table, columns


def measure(controllers: Iterable[Controller], returns: Returns, seeds: Sequence[int]) -> Front:
    """Measure the returns of controllers.

    Parameters
    ----------
    controllers
        Candidates, at least one.
    returns
        Called with each of them; runs the controller on all ``seeds``, in their order.
    seeds
        Validation seeds, other ones than those of the final evaluation.

    Raises
    ------
    ValueError
        As `Front`.
    """
    points = [
        Point(each, tuple(np.asarray(returns(each), dtype=np.float64).reshape(-1).tolist()))
        for each in controllers
    ]
    return Front(tuple(seeds), tuple(points))
