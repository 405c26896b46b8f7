# SPDX-License-Identifier: MIT
"""Files are written whole or not at all, also where the disk is full."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_disk import fill, small_disk

from ns3kan.io.files import explain, naming, whole_file, write_atomically, write_new

LONG = "x" * 100_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 64 << 10) as folder:
        yield folder


def test_text_and_bytes_are_written_with_their_line_ends(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", "ä\r\nb\n")
    write_atomically(str(tmp_path / "b"), b"\0\n")
    assert (tmp_path / "a").read_bytes() == "ä\r\nb\n".encode()
    assert (tmp_path / "b").read_bytes() == b"\0\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_mode_is_that_of_other_files_or_of_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "file"
    mask = os.umask(0o027)
    try:
        write_atomically(path, "new")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_atomically(path, "newer")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(mask)


def test_links_stay_and_pipes_are_written_into(tmp_path: Path) -> None:
    target = tmp_path / "target"
    link = tmp_path / "link"
    link.symlink_to("target")
    write_atomically(link, "through")
    assert link.is_symlink()
    assert target.read_text() == "through"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_atomically(pipe, "piped")
    reader.join(timeout=60)
    assert read == [b"piped"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_atomically("/dev/null", "gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_old_file_survives_whatever_ends_the_block(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(error), whole_file(path) as part:  # noqa: PT012  # both are the point
        assert part.suffix == ".csv"
        part.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def writers() -> list[Callable[[Path], None]]:
    def streamed(path: Path) -> None:
        with whole_file(path) as part, part.open("w") as file:
            file.write(LONG)

    return [lambda path: write_atomically(path, LONG), streamed]


@pytest.mark.parametrize("write", writers(), ids=["at once", "by a library"])
def test_old_file_survives_a_full_disk(disk: Path, write: Callable[[Path], None]) -> None:
    path = disk / "means.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left") as caught:
        write(path)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(path)
    assert explain(caught.value) == (
        f"{path}: No space left on device; free some space there, or choose another place"
    )
    assert path.read_text() == "old"
    assert list(disk.iterdir()) == [path]


def test_full_table_of_files_leaves_the_old_one(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64 << 10, "nr_inodes=3") as disk:
        path = disk / "one"
        path.write_text("old")
        (disk / "two").write_text("")
        with pytest.raises(OSError, match="No space left") as caught:
            write_atomically(path, "new")
        assert caught.value.filename == str(path)
        assert path.read_text() == "old"


def test_new_file_is_private_whole_and_never_replaces(disk: Path) -> None:
    path = disk / "keys.json"
    write_new(path, "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_new(path, "other")
    assert path.read_text() == "secret"
    other = disk / "other.json"
    with pytest.raises(OSError, match="No space left") as caught:
        write_new(other, LONG)
    assert caught.value.filename == str(other)
    assert list(disk.iterdir()) == [path]
    # Nothing was left that would be in the way.
    write_new(other, "short")


def test_errors_name_the_file_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, advice in (
        (tmp_path, "Is a directory; give the name of a file"),
        (tmp_path / "none" / "a", "No such file or directory; check its name, and make the folder"),
        (tmp_path / "file" / "a", "Not a directory; give a path whose parts are folders"),
        (tmp_path / ("n" * 300), "File name too long; give a shorter name"),
    ):
        with pytest.raises(OSError) as caught:  # noqa: PT011  # the sentence is what is tested
            write_atomically(path, "new")
        assert explain(caught.value).startswith(f"{path}: {advice}")


def test_read_only_disk_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64 << 10, "ro") as disk:
        with pytest.raises(OSError, match="Read-only") as caught:
            write_atomically(disk / "a", "new")
        assert explain(caught.value).endswith("choose a place that can be written")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write what is write-protected")
def test_write_protected_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write_atomically(path, "new")
    assert path.read_text() == "old"


def test_errors_without_a_name_get_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught, naming(tmp_path / "a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(tmp_path / "a")
    with pytest.raises(FileNotFoundError) as other, naming(tmp_path / "a"):
        (tmp_path / "b").read_text()
    assert other.value.filename == str(tmp_path / "b")


def test_disk_fills_to_the_byte(disk: Path) -> None:
    fill(disk, spare=8192)
    (disk / "fits").write_bytes(bytes(8192))
    with pytest.raises(OSError, match="No space left"):
        (disk / "one more").write_bytes(bytes(1))
