# SPDX-License-Identifier: MIT
"""The whole loop once: train a KAN on ns-3, read out its equation, run the equation in ns-3."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ns3kan.analysis import run_folder
from ns3kan.analysis.evaluation import evaluate_run
from ns3kan.analysis.extraction import extract_run
from ns3kan.analysis.progress import Progress
from ns3kan.analysis.report import write_report
from ns3kan.analysis.run_config import PPORun
from ns3kan.analysis.run_folder import RunFolderError
from ns3kan.analysis.run_writing import check_place
from ns3kan.analysis.training import train


@dataclass(frozen=True, kw_only=True)
class DemoConfig(PPORun):
    """Settings of the demonstration: those of a run that can be read out as an equation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.training.actor != "kan" or self.training.actor_hidden:
            raise ValueError(
                "the demo reads its equation from a KAN without hidden layers: set "
                "training.actor to kan and training.actor_hidden to []"
            )


def run_demo(
    config: DemoConfig, run: Path, on_progress: Callable[[Progress], None] | None = None
) -> Path:
    """Train, extract, evaluate and report: the four commands of these names, one after the other.

    Everything is written into a hidden folder beside ``run``, which becomes ``run`` when it is
    complete. A finished run of that name is replaced then and not before; on any failure or
    interrupt it stays as it is, and nothing else is left.

    Parameters
    ----------
    config : DemoConfig
    run : Path
        The run folder.
    on_progress : callable, optional
        Called often with a `Progress`.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    RunFolderError
        If ``run`` is something else than a run folder, or its place cannot be written.
    BridgeError
        If a simulator is missing, refuses its arguments, dies or does not answer.
    """
    tell = on_progress or (lambda progress: None)
    check_place(run)
    try:
        run.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{run.name}-", dir=run.parent))
    except OSError as error:
        raise RunFolderError(
            f"cannot write in {run.parent} ({error.strerror}): choose another place for runs"
        ) from error
    try:
        train(config, work, tell)
        extract_run(config, work, tell)
        evaluate_run(config, work, tell)
        tell(Progress("report", 0, 1))
        write_report(work)
        _put_in_place(work, run)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return run / run_folder.REPORT


def _put_in_place(work: Path, run: Path) -> None:
    """Rename a complete folder to its place; what was there goes only then."""
    work.chmod(run.parent.stat().st_mode & 0o777)
    if not run.exists():
        work.rename(run)
        return
    old = work.with_name(f"{work.name}-old")
    run.rename(old)
    try:
        work.rename(run)
    except BaseException:
        old.rename(run)
        raise
    shutil.rmtree(old, ignore_errors=True)
