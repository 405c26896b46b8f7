# SPDX-License-Identifier: MIT
"""The files of a run folder, read with their damage named.

A run folder is what a finished training leaves behind, and all that a report is made from. Each
reader here either returns a table that can be relied on or says in one sentence which file is
wrong and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.errors import Ns3kanError
from ns3kan.io.documents import DocumentError, parse_yaml, read_bytes

CONFIG, METRICS, CHECKPOINT = "config.yaml", "metrics.csv", "checkpoint.safetensors"
CONTROLLER, SPLINES = "controller.json", "splines.csv"
EVALUATION, INTERVALS, REPORT = "evaluation.csv", "intervals.csv", "report.html"

KINDS = ("network", "equation", "traditional")
QUANTITIES = ("reward", "goodput", "delay", "loss")


class RunFolderError(Ns3kanError):
    """A run folder lacks a file, or one of its files cannot be used."""


@dataclass(frozen=True)
class RunFolder:
    """Everything a report needs to know of a run.

    Parameters
    ----------
    path : Path
        The folder.
    config : mapping
        The resolved configuration, ``config.yaml``.
    metrics : DataFrame
        One row per training update: ``steps``, ``seconds``, ``mean_reward``, …
    controller : Controller
        The extracted equation, ``controller.json``.
    splines : DataFrame
        The network's edges beside their fits: ``feature``, ``x``, ``spline``, ``fit``, ``kept``,
        ``formula``.
    evaluation : DataFrame
        One row per controller and held-out seed: ``controller``, ``kind``, ``seed``, ``reward``
        (mean per interval) and, where the environment measures them, ``goodput`` (bit/s),
        ``delay`` (s), ``loss`` (share).
    intervals : DataFrame
        Every decision of a few episodes: ``controller``, ``seed``, ``time`` (s) and what the
        scenario measures: the features, ``ratio``, …
    """

    path: Path
    config: Mapping[str, Any]
    metrics: pd.DataFrame
    controller: Controller
    splines: pd.DataFrame
    evaluation: pd.DataFrame
    intervals: pd.DataFrame

    @classmethod
    def read(cls, path: Path | str) -> RunFolder:
        """Read and check the folder.

        Raises
        ------
        RunFolderError
            If the folder or one of its files is missing, damaged or incomplete.
        """
        parts = RunParts.read(path)
        for fault in parts.faults.values():
            raise RunFolderError(fault)
        return cls(
            path=parts.path,
            config=parts.files[CONFIG],
            metrics=parts.files[METRICS],
            controller=parts.files[CONTROLLER],
            splines=parts.files[SPLINES],
            evaluation=parts.files[EVALUATION],
            intervals=parts.files[INTERVALS],
        )


@dataclass(frozen=True)
class RunParts:
    """What a run folder holds, whole or not.

    Parameters
    ----------
    path : Path
        The folder.
    files : mapping of str to object
        Content of each file that can be used, as in `RunFolder`, by the file's name.
    faults : mapping of str to str
        Why each of the other files cannot be used.
    """

    path: Path
    files: Mapping[str, Any]
    faults: Mapping[str, str]

    @classmethod
    def read(cls, path: Path | str) -> RunParts:
        """Read what there is.

        Raises
        ------
        RunFolderError
            If the folder is missing or none of its files can be used.
        """
        folder = Path(path)
        files: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for name, read in _readers().items():
            try:
                files[name] = read(folder / name)
            except RunFolderError as error:
                faults[name] = str(error)
        if not files:
            raise RunFolderError(
                f"{folder} is not a run folder: name one that `ns3kan train`, `ns3kan demo` or "
                "learn(..., run_dir=...) in Python has written"
            )
        return cls(folder, files, faults)


def _readers() -> Mapping[str, Callable[[Path], Any]]:
    """Say how each file of a run is read."""
    return {
        CONFIG: _read_config,
        METRICS: _read_metrics,
        CONTROLLER: _read_controller,
        SPLINES: partial(
            _read_table,
            numbers=("x", "spline", "fit"),
            words=("feature", "formula"),
            flags=("kept",),
        ),
        EVALUATION: read_evaluation,
        INTERVALS: partial(_read_table, numbers=("seed", "time"), words=("controller",)),
    }


def read_evaluation(path: Path) -> pd.DataFrame:
    """Read ``evaluation.csv`` and check that all controllers ran on the same seeds.

    Raises
    ------
    RunFolderError
        If the file is missing, damaged or incomplete.
    """
    table = _read_table(
        path, numbers=("seed", "reward"), words=("controller", "kind"), optional=QUANTITIES
    )
    unknown = sorted(set(table["kind"]) - set(KINDS))
    if unknown:
        raise RunFolderError(
            f"{path} has the kind {unknown[0]!r}, which is not one of {', '.join(KINDS)}: "
            f"make the run again"
        )
    for kind, least in (("network", 1), ("equation", 0)):
        names = table.loc[table["kind"] == kind, "controller"].unique()
        if not least <= len(names) <= 1:
            raise RunFolderError(
                f"{path} has {len(names)} controllers of kind {kind!r} where one is needed: "
                f"make the run again"
            )
    seeds: set[int] | None = None
    for name, rows in table.groupby("controller", sort=False):
        own = set(rows["seed"])
        if len(own) != len(rows) or own != (seeds := seeds or own):
            raise RunFolderError(
                f"{path} does not have every seed exactly once for the controller {name!r}: "
                f"make the run again"
            )
    return table


def _read_table(
    path: Path,
    numbers: tuple[str, ...],
    words: tuple[str, ...] = (),
    flags: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Read a table; the numbers in ``optional`` are those that not every environment measures."""
    _present(path)
    try:
        table = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise RunFolderError(
            f"{path} is not a readable CSV table ({_first_line(error)}): make the run again"
        ) from error
    for column in (*numbers, *words, *flags):
        if column not in table.columns:
            raise RunFolderError(f"{path} has no column {column!r}: make the run again")
    if table.empty:
        raise RunFolderError(f"{path} has no rows: make the run again")
    for column in (*numbers, *(name for name in optional if name in table)):
        values = pd.to_numeric(table[column], errors="coerce")
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise RunFolderError(
                f"{path} has {table[column].iloc[row]!r} where a number is needed "
                f"(column {column!r}, row {row + 1}): make the run again"
            )
        table[column] = values
    for column in words:
        table[column] = table[column].fillna("").astype(str)
    for column in flags:
        if table[column].dtype != bool:
            raise RunFolderError(
                f"{path} has something other than True and False in column {column!r}: "
                f"make the run again"
            )
    return table


def _read_metrics(path: Path) -> pd.DataFrame:
    # An average cost is learned from its opposite.
    table = _read_table(path, numbers=("steps", "seconds"), optional=("mean_reward", "mean_cost"))
    if "mean_reward" not in table and "mean_cost" in table:
        return table.assign(mean_reward=-table["mean_cost"])
    return _read_table(path, numbers=("steps", "seconds", "mean_reward"))


def _read_config(path: Path) -> Mapping[str, Any]:
    _present(path)
    try:
        config = parse_yaml(read_bytes(path))
    except DocumentError as error:
        raise RunFolderError(
            f"{path} is not readable YAML ({error}): make the run again"
        ) from error
    if not isinstance(config, dict):
        raise RunFolderError(f"{path} holds no settings: make the run again")
    return config


def _read_controller(path: Path) -> Controller:
    _present(path)
    try:
        return Controller.load(path)
    except ValueError as error:
        raise RunFolderError(str(error)) from error


# By what a file of a run is made.
_MADE_BY = {
    CONFIG: "only `ns3kan train` writes it, not what trains in Python",
    CONTROLLER: "read the equation with `ns3kan extract {run}`",
    EVALUATION: "measure with `ns3kan evaluate {run}`",
    SPLINES: "only `ns3kan extract` of a KAN without hidden layers makes it",
    INTERVALS: "only `ns3kan evaluate` in a scenario of paths makes it",
}


def _present(path: Path) -> None:
    if path.is_file():
        return
    run = path.parent
    usual = "make the run again, or restore the file"
    advice = _MADE_BY.get(path.name, usual).format(run=run)
    # Whoever was evaluated had been trained.
    trained = any((run / name).is_file() for name in (CHECKPOINT, EVALUATION))
    if path.name in (CONTROLLER, EVALUATION) and not trained:
        advice = "the training has not finished, and there is no network to make it from"
    raise RunFolderError(f"{path} is missing: {advice}")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
