# SPDX-License-Identifier: MIT
"""The record of a training run: one row of numbers after each update."""

import contextlib
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def training_log(run_dir: Path | str | None) -> Iterator[Callable[[dict[str, float]], None]]:
    """Give a function that writes one row to ``metrics.csv`` and to TensorBoard.

    Parameters
    ----------
    run_dir
        Folder of the run, made if need be; None writes nothing.
    """
    if run_dir is None:
        yield lambda row: None
        return
    # Slow to import, and not needed without a run folder.
    from torch.utils.tensorboard import SummaryWriter

    folder = Path(run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metrics.csv").open("w", newline="") as file:
        board = SummaryWriter(str(folder))
        table: Any = None

        def record(row: dict[str, float]) -> None:
            nonlocal table
            if table is None:
                table = csv.DictWriter(file, row)
                table.writeheader()
            table.writerow(row)
            file.flush()
            for key, value in row.items():
                if key != "steps":
                    board.add_scalar(key, value, int(row["steps"]))

        try:
            yield record
        finally:
            board.close()
