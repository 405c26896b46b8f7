# SPDX-License-Identifier: MIT
"""Every command and every piece of Python in the documentation, as its comment says.

They run in a folder of their own that has what readers have by then: the committed run as
``runs/demo``, its ``controller.json``, and a simulation that speaks the ns3-gym protocol under the
names that stand for the reader's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from documentation import PAGES, ROOT, Block, blocks, parts
from typer.testing import CliRunner

from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.cli import app

RUN = [page for page in PAGES if any(block.is_run for block in blocks(page))]
PARSED = [page for page in PAGES if any(block.is_parsed for block in blocks(page))]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    demo = ROOT / "analysis" / "results" / "demo"
    shutil.copytree(demo, tmp_path / "runs" / "demo")
    shutil.copy(demo / "controller.json", tmp_path)
    (tmp_path / "build" / "scratch").mkdir(parents=True)
    for name in ("my-simulation", "build/scratch/my-sim"):
        (tmp_path / name).symlink_to(scenario_path("gym-example"))
    (tmp_path / "rate-control").symlink_to(scenario_path("rate-control"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_every_block_says_how_it_is_checked() -> None:
    silent = [
        block.place
        for page in PAGES
        for block in blocks(page)
        if not (block.is_run or block.is_parsed or block.reason)
    ]
    assert silent == []


@pytest.mark.timeout(600)  # seconds of processor time, on whatever share of a core there is
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_blocks_run(page: Path, reader: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if not block.is_run:
            continue
        if block.language == "python":
            exec(compile(block.short(), block.place, "exec", dont_inherit=True), namespace)
        else:
            for command in block.commands():
                run(command, block)


@pytest.mark.parametrize("page", PARSED, ids=name_of)
def test_commands_exist_with_their_options(page: Path) -> None:
    for block in blocks(page):
        if block.is_parsed:
            for command in block.commands():
                for words in parts(command):
                    parse(words, block)


def run(command: str, block: Block) -> None:
    """Run a command of a page; one of ns3kan in this process, which has imported it already."""
    words = parts(command)
    if [simple[0] for simple in words] == ["ns3kan"]:
        done = CliRunner().invoke(app, words[0][1:])
        assert done.exit_code == 0, f"{block.place}: {command}\n{done.output}{done.exception}"
    else:
        subprocess.run(["bash", "-euc", command], check=True, timeout=300)


def parse(words: list[str], block: Block) -> None:
    """Let the parser of the command line, or the Makefile, take a command."""
    words = [word for word in words if not re.match(r"[A-Z_][A-Z0-9_]*=", word)]
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        for target in words[1:]:
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), block.place
        return
    assert words[0] == "ns3kan", f"{block.place}: only ns3kan and make can be parsed"
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="ns3kan")
    rest = words[1:]
    while hasattr(command, "commands"):
        name, *rest = rest
        assert name in command.commands, f"{block.place}: ns3kan has no command {name}"
        command = command.commands[name]
    try:
        command.make_context(command.name, rest, parent=context)
    except Exception as error:
        raise AssertionError(f"{block.place}: {' '.join(words)}: {error}") from error
