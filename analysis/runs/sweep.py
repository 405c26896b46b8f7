# SPDX-License-Identifier: MIT
"""Train and evaluate every combination of settings and seeds, into one table."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ns3kan.analysis.comparison.evaluate import evaluate
from ns3kan.analysis.pool import on_ray, whatever_dies
from ns3kan.analysis.runs import folder as run_folder
from ns3kan.analysis.runs.config import RunConfig, load_run
from ns3kan.analysis.runs.configuration import ConfigurationError, resolved
from ns3kan.analysis.runs.contestants import of_run
from ns3kan.analysis.runs.folder import RunFolderError
from ns3kan.analysis.runs.training import train
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.errors import InputError
from ns3kan.io.files import explain, write_atomically

TABLE = "results.csv"
"""Name of the table in the folder of a sweep."""

_KEPT = (run_folder.CONFIG, run_folder.METRICS, run_folder.CHECKPOINT)


@dataclass(frozen=True)
class SweepTask:
    """One training with its evaluation.

    Attributes
    ----------
    name
        Of its run folder.
    values
        Its place in the grid: settings by name.
    settings
        All settings as YAML, so that no file has to be on the machine where it runs.
    """

    name: str
    values: Mapping[str, str]
    settings: str

    @property
    def digest(self) -> str:
        """Tells settings apart."""
        return hashlib.sha256(self.settings.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TaskResult:
    """What a task brings home.

    Attributes
    ----------
    rows
        One per evaluated episode.
    files
        Of the run folder, by name.
    """

    rows: list[dict[str, Any]]
    files: dict[str, bytes]


def plan(
    make: Callable[[dict[str, str]], RunConfig],
    grid: Mapping[str, Sequence[str]],
    seeds: Sequence[int],
) -> list[SweepTask]:
    """List the tasks of a grid, each checked.

    Parameters
    ----------
    make
        From changes of settings, as they are typed, to all settings.
    grid
        For each setting its values.
    seeds
        Of training.

    Raises
    ------
    ConfigurationError
        If a combination is refused, or the settings of two are the same.
    """
    tasks = []
    for combination in itertools.product(*grid.values()):
        for seed in seeds:
            values = {**dict(zip(grid, combination, strict=True)), "training.seed": str(seed)}
            words = [f"{name.rpartition('.')[2]}-{value}" for name, value in values.items()]
            name = "-".join(words).replace("/", "-").replace(" ", "")
            tasks.append(SweepTask(name, values, resolved(make(values))))
    known: dict[str, str] = {}
    for task in tasks:
        if known.setdefault(task.digest, task.name) != task.name or (
            sum(each.name == task.name for each in tasks) > 1
        ):
            raise ConfigurationError(
                f"the grid has {task.name} twice: name each setting and value once"
            )
    return tasks


def run_task(task: SweepTask) -> TaskResult:
    """Train and evaluate; runs anywhere."""
    with scratch_folder() as run:
        settings = run / run_folder.CONFIG
        settings.write_text(task.settings, encoding="utf-8")
        config = load_run(settings)
        train(config, run)
        found = evaluate(
            of_run(run),
            config.evaluation.held_out,
            environment=config.environment.id,
            arguments=dict(config.environment.arguments),
            steps=config.evaluation.steps,
            workers=1,
        ).results
        seconds = float(pd.read_csv(run / run_folder.METRICS)["seconds"].iloc[-1])
        told = {"task": task.name, **task.values, "digest": task.digest}
        rows = [{**told, **row, "training_seconds": seconds} for row in found.to_dict("records")]
        return TaskResult(
            [{str(key): value for key, value in row.items()} for row in rows],
            {each: (run / each).read_bytes() for each in _KEPT},
        )


def sweep(
    tasks: Sequence[SweepTask],
    folder: Path,
    *,
    address: str | None = None,
    workers: int | None = None,
    on_done: Callable[[str], None] | None = None,
    function: Callable[[SweepTask], TaskResult] = run_task,
) -> pd.DataFrame:
    """Run the tasks that have no result yet.

    Parameters
    ----------
    tasks
        As from `plan`.
    folder
        Has the table, and a run folder of each task; made if need be.
    address
        Of a Ray cluster; None uses processes of this machine.
    workers
        How many of these at the same time; by default as many as there are cores.
    on_done
        Called with a sentence after each task.
    function
        What is done for a task, by default a training with its evaluation; importable wherever it
        runs, with a ``reward`` in its rows.

    Returns
    -------
    DataFrame
        One row per task and evaluated episode. It is written after each task, so that an
        interrupted sweep loses only what was under way.

    Raises
    ------
    RunFolderError
        If the folder has results of other settings, or its table is damaged.
    ClusterError
        If the cluster cannot be reached.
    ValueError
        If tasks failed, after all others are done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = read_results(folder)
    missing = _missing(tasks, table, folder)
    tell = on_done or (lambda sentence: None)
    if len(missing) < len(tasks):
        tell(f"{len(tasks) - len(missing)} of {len(tasks)} tasks are done already")
    if address is None:
        results = whatever_dies(function, missing, workers or os.cpu_count() or 1)
    else:
        results = on_ray(function, missing, address)
    failed: list[str] = []
    for count, (task, result) in enumerate(results, start=1):
        if isinstance(result, Exception):
            reason = explain(result) if isinstance(result, OSError) else str(result)
            failed.append(f"{task.name}: {' '.join(reason.split())}")
            tell(f"{failed[-1]} ({count} of {len(missing)})")
            continue
        _write(folder / task.name, result.files)
        table = pd.concat([table, pd.DataFrame(result.rows)], ignore_index=True)
        _save(table, folder / TABLE)
        reward = float(pd.DataFrame(result.rows)["reward"].mean())
        tell(f"{task.name}: reward {reward:+.4f} ({count} of {len(missing)})")
    if failed:
        raise InputError(
            f"{len(failed)} of {len(tasks)} tasks failed, the first is {failed[0]}; the others are "
            f"in {folder / TABLE}, and the same command tries those again"
        )
    return table


def read_results(folder: Path) -> pd.DataFrame:
    """Read the table of a sweep; empty if there is none yet.

    Raises
    ------
    RunFolderError
        If it is damaged.
    """
    path = folder / TABLE
    if not path.is_file():
        return pd.DataFrame({"task": [], "digest": []})
    try:
        table = pd.read_csv(path)
        table[["task", "digest"]]
    except (OSError, ValueError, KeyError) as error:
        raise RunFolderError(
            f"{path} is no table of a sweep or damaged: move it away and sweep again"
        ) from error
    return table


def _missing(tasks: Sequence[SweepTask], table: pd.DataFrame, folder: Path) -> list[SweepTask]:
    done = dict(zip(table["task"], table["digest"], strict=True))
    for task in tasks:
        if done.get(task.name, task.digest) != task.digest:
            raise RunFolderError(
                f"{folder} has results of {task.name} with other settings: choose another folder "
                "by --folder"
            )
    return [task for task in tasks if task.name not in done]


def _write(run: Path, files: Mapping[str, bytes]) -> None:
    run.mkdir(exist_ok=True)
    for name, content in files.items():
        write_atomically(run / name, content)


def _save(table: pd.DataFrame, path: Path) -> None:
    write_atomically(path, table.to_csv(index=False))
