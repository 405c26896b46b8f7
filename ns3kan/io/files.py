# SPDX-License-Identifier: MIT
"""Files that are written whole or not at all, and errors of the file system that say what to do.

Every part of the package writes its files with these functions.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ADVICE = {
    errno.ENOSPC: "free some space there, or choose another place",
    errno.EDQUOT: "free some of your quota there, or choose another place",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or choose another place",
    errno.EACCES: "choose a place where you may read and write, or change its permissions",
    errno.EPERM: "choose a place where you may read and write, or change its permissions",
    errno.EROFS: "choose a place that can be written",
    errno.EISDIR: "give the name of a file",
    errno.ENOTDIR: "give a path whose parts are folders",
    errno.EEXIST: "give another name, or remove what is there",
    errno.ENOENT: "check its name, and make the folder it is to be in",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "give a path without circular links",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close some programs, for the system's table of open files is full",
    errno.EIO: "check the disk, or choose another place",
}


def explain(error: OSError) -> str:
    """Say an error of the system in one sentence, with the file and what to do about it.

    Examples
    --------
    >>> explain(OSError(errno.ENOSPC, "No space left on device", "/data/means.csv"))
    '/data/means.csv: No space left on device; free some space there, or choose another place'
    """
    reason = error.strerror or " ".join(str(error).split())
    # A rename has two names, and the second is the one that people know.
    name = error.filename2 or error.filename
    if name is None:
        return reason
    advice = _ADVICE.get(error.errno or 0)
    return f"{os.fsdecode(name)}: {reason}" + (f"; {advice}" if advice else "")


@contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Name a file in the errors of what is done with it, where they name none."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def write_atomically(path: Path | str, content: bytes | str) -> None:
    """Write a file; if that is interrupted or fails, what was there before stays.

    Parameters
    ----------
    path
        A new file or one that is replaced. A link stays and its target is replaced; what is no
        regular file, such as a pipe, is written into.
    content
        Text is written as UTF-8, with line ends as they are.

    Raises
    ------
    OSError
        If the file cannot be written; ``filename`` is ``path``.
    """
    data = content.encode() if isinstance(content, str) else content
    with whole_file(path) as part:
        part.write_bytes(data)


def write_new(path: Path | str, content: str) -> None:
    """Write a file that nobody but its owner may read, and none that exists.

    Raises
    ------
    FileExistsError
        If there is something of that name.
    OSError
        If the file cannot be written; ``filename`` is ``path``.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    part = _beside(Path(path))
    try:
        with _named_after(part, path):
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.encode())
                file.flush()
                os.fsync(file.fileno())
            # Unlike a renaming, a link does not replace what came in the meantime.
            os.link(part, path)
    finally:
        with suppress(OSError):
            part.unlink()


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Give a name beside a file to write to; at the end it takes the file's place.

    The name ends as the file's does, for libraries that choose a format by it. If the block ends
    with an error or an interrupt, the new file is removed and the old one stays.

    Parameters
    ----------
    path
        As for `write_atomically`.

    Yields
    ------
    Path
        Where to write; must exist at the end.

    Raises
    ------
    OSError
        If the file cannot be written; ``filename`` is ``path``.

    Examples
    --------
    >>> with whole_file("curves.png") as part:  # doctest: +SKIP
    ...     figure.savefig(part)
    """
    with _named_after(Path(path), path):
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            yield target
            return
        if target.exists() and not os.access(target, os.W_OK):
            # A renaming would not ask.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    part = _beside(target)
    try:
        with _named_after(part, path):
            # Made here, so that a folder that cannot be written is found before the work is done.
            part.touch(exist_ok=False)
            yield part
            if target.exists():
                part.chmod(target.stat().st_mode & 0o777)
            _flush(part)
            part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink()


def _beside(target: Path) -> Path:
    """Return an unused hidden name in the same folder, so that a renaming is all it takes."""
    return target.parent / f".ns3kan-{secrets.token_hex(6)}{target.suffix}"


def _flush(part: Path) -> None:
    """Bring a file to the disk: a renaming may get there before what is renamed."""
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _named_after(part: Path, path: Path | str) -> Iterator[None]:
    """Let errors about a file's unfinished part, or about no file, name the file itself."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(part)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
