# SPDX-License-Identifier: MIT
"""Writing a run folder: whether its place can be taken, and by whom."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ns3kan.analysis.runs.folder import CHECKPOINT, CONFIG, RunFolderError

LOCK = ".lock"


@contextmanager
def writing(run: Path) -> Iterator[None]:
    """Make a run folder if need be, and be the only one that writes it.

    The kernel ends the claim with the process, however that ends. A folder that was made here and
    into which nothing was written because of an error is removed, so that it is not in the way of
    the next try.

    Raises
    ------
    RunFolderError
        If the folder cannot be written, or somebody else writes it.
    """
    is_new = not run.exists()
    try:
        run.mkdir(parents=True, exist_ok=True)
        file = (run / LOCK).open("a")
    except OSError as error:
        raise RunFolderError(
            f"cannot write in {run} ({error.strerror}): choose another folder for the run"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunFolderError(
                f"another ns3kan is writing {run}: wait for its end, or choose another folder"
            ) from error
        try:
            yield
        except BaseException:
            # Whoever writes may have removed it already.
            if is_new and run.is_dir() and not _files(run):
                (run / LOCK).unlink()
                run.rmdir()
            raise


def check_place(run: Path) -> None:
    """Refuse to write over what is not a run.

    Raises
    ------
    RunFolderError
        If there is something else.
    """
    if run.is_symlink() or (run.exists() and not run.is_dir()):
        raise RunFolderError(f"{run} is not a folder: move it away or choose another place")
    if run.is_dir() and _files(run) and not (run / CONFIG).is_file():
        raise RunFolderError(
            f"{run} holds other things than a run: move it away or choose another place for runs"
        )


def check_new(run: Path, advice: str = "resume it by --resume, remove it") -> None:
    """Refuse to begin a run where there is one already.

    Parameters
    ----------
    run
        The folder.
    advice
        What can be done with the run that is there.

    Raises
    ------
    RunFolderError
        If there is a run, or something else.
    """
    check_place(run)
    if (run / CONFIG).is_file():
        state = "a finished run" if (run / CHECKPOINT).is_file() else "a run that is not finished"
        raise RunFolderError(f"{run} holds {state}: {advice}, or choose another folder by --folder")


def _files(run: Path) -> list[Path]:
    return [path for path in run.iterdir() if path.name != LOCK]
