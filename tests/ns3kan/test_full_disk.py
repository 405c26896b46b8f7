# SPDX-License-Identifier: MIT
"""Commands whose disk is full: what was there stays, and the file is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import ns3kan
from small_disk import fill, small_disk

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.analysis.exact.decision_regions import write_figure

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "analysis" / "results" / "demo" / "controller.json"
SHORT = ("--set", "duration=5s", "--set", "warmup=1s")
FREE = "No space left on device; free some space there, or choose another place"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 4 << 20) as folder:
        yield folder


@pytest.mark.parametrize(
    "command",
    [
        ["export", str(DEMO), "--to", "cpp", "--output"],
        ["export", str(DEMO), "--to", "latex", "--output"],
        ["simulate", "sdwan", "equal", "--seeds", "1", *SHORT, "--output"],
        ["evaluate", "equal", "--env", "ns3kan/SdWan-v0", "--seeds", "1000", "--set",
         "environment.arguments={duration: 5s, warmup: 1s}", "--output"],
    ],
    ids=lambda command: " ".join(command[:2] + command[3:4])[:20].replace("/", "-"),
)  # fmt: skip
def test_an_old_result_survives(disk: Path, command: list[str]) -> None:
    path = disk / "result"
    path.write_text("old")
    fill(disk)
    done = ns3kan(*command, str(path))
    assert done.returncode == 1, done.stdout
    assert done.stderr == f"ns3kan: {path}: {FREE}\n"
    assert path.read_text() == "old"
    assert {each.name for each in disk.iterdir()} == {"result", "ballast"}
    (disk / "ballast").unlink()
    assert ns3kan(*command, str(path)).returncode == 0
    assert path.read_text() != "old"


def test_keys_leave_nothing_in_the_way(disk: Path) -> None:
    fill(disk)
    path = disk / "keys.json"
    done = ns3kan("keys", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"ns3kan: {path}: {FREE}\n"
    (disk / "ballast").unlink()
    assert ns3kan("keys", str(path)).returncode == 0


def test_a_report_and_guarantees_survive(disk: Path) -> None:
    run = disk / "run"
    run.mkdir()
    controller, page = run / "controller.json", run / "report.html"
    ratio = ControllerOutput("ratio", "load/2", (0.0, 1.0))
    Controller([ControllerInput("load", "1", (0.0, 1.0))], [ratio]).save(controller)
    page.write_text("old")
    fill(disk)
    for command, path in (
        (["report", str(run)], page),
        (["check", "--write", str(controller)], controller),
    ):
        before = path.read_bytes()
        done = ns3kan(*command)
        assert done.returncode == 1
        assert done.stderr == f"ns3kan: {path}: {FREE}\n"
        assert path.read_bytes() == before


def test_temporary_files_that_do_not_fit_are_named(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(disk))
    monkeypatch.setattr("tempfile.tempdir", None)
    # Enough for Python to take the folder, and not for a thousand intervals.
    fill(disk, spare=16384)
    done = ns3kan("simulate", "sdwan", "equal", "--seeds", "1", "--set", "interval=10ms", *SHORT)
    assert done.returncode == 1, done.stdout
    assert f"cannot complete {disk}" in done.stderr
    assert "is the disk full?" in done.stderr
    assert [each.name for each in disk.iterdir()] == ["ballast"]


def test_half_a_figure_is_not_left(disk: Path) -> None:
    folder = disk / "figure"
    folder.mkdir()
    fill(disk, spare=4096)
    with pytest.raises(OSError, match="No space left") as caught:
        write_figure(folder)
    assert Path(caught.value.filename).parent == folder
    assert all(path.read_bytes().endswith(b"\n") for path in folder.iterdir())
