# SPDX-License-Identifier: MIT
import os
import subprocess
import sys
from pathlib import Path

import numpy as np


def data(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if folder is not None:
        environment["NS3KAN_DATA"] = str(folder)
    return subprocess.run(
        [sys.executable, "-m", "ns3kan.cli", "data", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )


def write_files(folder: Path) -> None:
    folder.mkdir()
    for part, count in (("train", 3), ("t10k", 2)):
        sizes = np.array([count, 28, 28], dtype=">u4").tobytes()
        images = b"\0\0\x08\x03" + sizes + bytes(count * 28 * 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(images)
        labels = b"\0\0\x08\x01" + sizes[:4] + bytes(range(count))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(labels)


def test_import_into_the_folder_of_the_environment(tmp_path: Path) -> None:
    write_files(tmp_path / "downloads")
    done = data("import", str(tmp_path / "downloads"), "--name", "mnist", folder=tmp_path / "data")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "mnist train: 3 images of 28 × 28 pixels",
        "mnist test: 2 images of 28 × 28 pixels",
        str(tmp_path / "data" / "mnist"),
    ]
    assert len(list((tmp_path / "data" / "mnist").iterdir())) == 4


def test_data_dir_comes_before_the_environment(tmp_path: Path) -> None:
    write_files(tmp_path / "mnist")
    done = data(
        "import", str(tmp_path / "mnist"), "--data-dir", str(tmp_path / "here"), folder=tmp_path
    )
    assert done.stdout.splitlines()[-1] == str(tmp_path / "here" / "mnist")


def test_what_goes_wrong_is_one_sentence(tmp_path: Path) -> None:
    # Nothing listens at the discard port.
    for arguments, words in (
        (("fetch", "cifar"), "There is no data set 'cifar'"),
        (("fetch", "mnist", "--url", "http://127.0.0.1:9"), "could not be fetched"),
        (("import", str(tmp_path / "nowhere")), "is no folder"),
    ):
        done = data(*arguments, folder=tmp_path / "data")
        assert done.returncode == 1
        assert words in done.stderr
        assert done.stderr.startswith("ns3kan: ")
        assert len(done.stderr.splitlines()) == 1


def test_wrong_command_line() -> None:
    assert data("fetch").returncode == 2
    assert data("export").returncode == 2
