# SPDX-License-Identifier: MIT
"""The record of a training run: one row of numbers after each update."""

import contextlib
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ns3kan.io.files import naming, write_atomically


@contextlib.contextmanager
def training_log(
    run_dir: Path | str | None, resumed_at: int = 0
) -> Iterator[Callable[[dict[str, float]], None]]:
    """Give a function that writes one row to ``metrics.csv`` and to TensorBoard.

    Parameters
    ----------
    run_dir
        Folder of the run, made if need be; None writes nothing.
    resumed_at
        Steps after which an interrupted training goes on: later rows are dropped.
    """
    if run_dir is None:
        yield lambda row: None
        return
    # Slow to import, and not needed without a run folder.
    from torch.utils.tensorboard import SummaryWriter

    folder = Path(run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    metrics = folder / "metrics.csv"
    earlier = _rows_until(metrics, resumed_at) if resumed_at else ""
    write_atomically(metrics, earlier.encode())
    with metrics.open("a", newline="") as file:
        board = SummaryWriter(str(folder), purge_step=resumed_at + 1 if resumed_at else None)
        table: Any = None

        def record(row: dict[str, float]) -> None:
            nonlocal table
            if table is None:
                table = csv.DictWriter(file, row)
                if not earlier:
                    table.writeheader()
            with naming(metrics):
                try:
                    table.writerow(row)
                    file.flush()
                except OSError:
                    # What is left in its buffer would fail again at the end, without a name.
                    with contextlib.suppress(OSError):
                        file.close()
                    raise
            with naming(folder):
                for key, value in row.items():
                    if key != "steps":
                        board.add_scalar(key, value, int(row["steps"]))

        try:
            yield record
        finally:
            with naming(folder):
                board.close()


def _rows_until(path: Path, steps: int) -> str:
    """Return the beginning of a table, with the rows of the first so many steps."""
    if not path.is_file():
        return ""
    with path.open(newline="") as file:
        head, *rows = file.read().splitlines(keepends=True) or [""]
    place = next(csv.reader([head])).index("steps")
    # A row that was cut off has no end of line.
    whole = (row for row in rows if row.endswith("\n"))
    return head + "".join(row for row in whole if float(row.split(",")[place]) <= steps)
