# SPDX-License-Identifier: MIT
"""What all studies share: tasks that are run once, and the tables in which their results stay.

A study is its settings, its tasks and its tables. ``reproduce(study, folder, names, on_message)``
of each runs the tasks whose results ``folder`` lacks, writes the named tables and figures anew, and
yields their files.
"""

from __future__ import annotations

import fcntl
import functools
import gzip
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

from ns3kan.analysis.pool import in_processes
from ns3kan.errors import InputError
from ns3kan.io.files import write_atomically

Task = TypeVar("Task")
Result = TypeVar("Result")

TASK = "task"
"""Column of a table that names the task of a row."""


@dataclass(frozen=True)
class TaskRows:
    """The rows of one task in a CSV file of many tasks; all of them are there, or none.

    Tasks in several processes may write at the same time. Numbers stay as they were written, digit
    by digit.

    Parameters
    ----------
    path
        The file, with a column `TASK` beside those of the tasks; packed if it ends in ``.gz``.
    task
        Name of the task.
    """

    path: Path
    task: str

    def exist(self) -> bool:
        """Whether the task is done."""
        return self.path.is_file() and self.task in _tasks(self.path, self._version())

    def read(self) -> pd.DataFrame:
        """Return the task's rows without the column of its name.

        Raises
        ------
        FileNotFoundError
            If there are none.
        """
        if not self.exist():
            raise FileNotFoundError(f"{self.path} has no rows of {self.task}")
        table = _texts(self.path, self._version())
        rows = table[table[TASK] == self.task].drop(columns=TASK)
        # Columns of other tasks are empty here.
        rows = rows.loc[:, (rows != "").any()]
        return pd.read_csv(io.StringIO(rows.to_csv(index=False)))

    def write(self, rows: str) -> None:
        """Write the task's rows, CSV text with a head, in place of those that are there."""
        table = pd.read_csv(io.StringIO(rows), dtype=str, keep_default_na=False)
        table.insert(0, TASK, self.task)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path.parent):
            if self.path.is_file():
                others = _texts(self.path, self._version())
                table = pd.concat([others[others[TASK] != self.task], table])
            table = table.sort_values(TASK, kind="stable").fillna("")
            text = table.to_csv(index=False).encode()
            is_packed = self.path.suffix == ".gz"
            write_atomically(self.path, gzip.compress(text, mtime=0) if is_packed else text)

    def _version(self) -> tuple[int, int]:
        status = self.path.stat()
        return status.st_mtime_ns, status.st_size


@functools.lru_cache(maxsize=8)
def _texts(path: Path, version: tuple[int, int]) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@functools.lru_cache(maxsize=8)
def _tasks(path: Path, version: tuple[int, int]) -> frozenset[str]:
    return frozenset(_texts(path, version)[TASK])


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, which ends with the process too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def run_missing(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    is_done: Callable[[Task], bool],
    workers: int,
    on_done: Callable[[Task, Result, str], None] = lambda task, result, count: None,
) -> None:
    """Run the tasks that are not done, in processes of their own; the first error ends it.

    Parameters
    ----------
    function
        Importable; writes what `is_done` looks for.
    tasks
        Which can be pickled.
    is_done
        Whether the results of a task are there.
    workers
        Tasks at the same time.
    on_done
        Called after each with its result and a text such as ``"2 of 7"``.
    """
    missing = [task for task in tasks if not is_done(task)]
    for count, (task, result) in enumerate(in_processes(function, missing, workers), start=1):
        on_done(task, result, f"{count} of {len(missing)}")


def save_table(table: pd.DataFrame, path: Path, digits: int) -> Path:
    """Write a table as CSV with so many significant digits, whole or not at all."""
    write_atomically(path, table.to_csv(index=False, float_format=f"%.{digits}g"))
    return path


def require_known(study: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse names of tables and figures that a study does not have.

    Raises
    ------
    ValueError
        With those that it has.
    """
    if unknown := [name for name in names if name not in known]:
        raise InputError(
            f"The study {study} has no {', '.join(unknown)}; it has {', '.join(known)}."
        )
