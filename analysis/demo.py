# SPDX-License-Identifier: MIT
"""The whole loop once: train a KAN on ns-3, read out its equation, run the equation in ns-3."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ns3kan.agents.training.state import STATE
from ns3kan.analysis.report import write_report
from ns3kan.analysis.runs import folder as run_folder
from ns3kan.analysis.runs.config import PPORun
from ns3kan.analysis.runs.configuration import resolved
from ns3kan.analysis.runs.evaluation import evaluate_run
from ns3kan.analysis.runs.extraction import extract_run
from ns3kan.analysis.runs.folder import RunFolderError
from ns3kan.analysis.runs.progress import Progress
from ns3kan.analysis.runs.training import train
from ns3kan.analysis.runs.writing import LOCK, check_place, writing
from ns3kan.errors import InputError


@dataclass(frozen=True, kw_only=True)
class DemoConfig(PPORun):
    """Settings of the demonstration: those of a run that can be read out as an equation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.training.actor != "kan" or self.training.actor_hidden:
            raise InputError(
                "the demo reads its equation from a KAN without hidden layers: set "
                "training.actor to kan and training.actor_hidden to []"
            )


def run_demo(
    config: DemoConfig,
    run: Path,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    resume: bool = False,
) -> Path:
    """Train, extract, evaluate and report: the four commands of these names, one after the other.

    Everything is written into a hidden folder beside ``run``, which becomes ``run`` when it is
    complete. A finished run of that name is replaced then and not before. On a failure or an
    interrupt the hidden folder stays if there is training in it that can go on, see `unfinished`.

    Parameters
    ----------
    config : DemoConfig
    run : Path
        The run folder.
    on_progress : callable, optional
        Called often with a `Progress`.
    resume : bool
        Go on where an interrupted demonstration was; the result is as if it had not been.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    RunFolderError
        If ``run`` is something else than a run folder, its place cannot be written, somebody else
        writes it, or what was interrupted has other settings.
    BridgeError
        If a simulator is missing, refuses its arguments, dies or does not answer.
    """
    tell = on_progress or (lambda progress: None)
    check_place(run)
    work = _hidden(run)
    with writing(work):
        try:
            _prepare(work, config, resume)
            train(config, work, tell, resume=resume)
            extract_run(config, work, tell)
            evaluate_run(config, work, tell)
            tell(Progress("report", 0, 1))
            write_report(work)
            _put_in_place(work, run)
        finally:
            if not unfinished(run):
                shutil.rmtree(work, ignore_errors=True)
    return run / run_folder.REPORT


def unfinished(run: Path) -> bool:
    """Whether a demonstration was interrupted here that can go on."""
    return any((_hidden(run) / name).is_file() for name in (STATE, run_folder.CHECKPOINT))


def _hidden(run: Path) -> Path:
    return run.with_name(f".{run.name}.part")


def _prepare(work: Path, config: DemoConfig, resume: bool) -> None:
    """Make room for a new run, or check that an old one has the same settings."""
    if not resume:
        for path in work.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()
        return
    begun = work / run_folder.CONFIG
    if begun.is_file() and begun.read_text(encoding="utf-8") != resolved(config):
        raise RunFolderError(
            "the demonstration that was interrupted had other settings: give them again, or begin "
            "anew without --resume"
        )


def _put_in_place(work: Path, run: Path) -> None:
    """Rename a complete folder to its place; what was there goes only then."""
    (work / LOCK).unlink()
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
