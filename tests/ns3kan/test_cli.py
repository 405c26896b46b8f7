# SPDX-License-Identifier: MIT
import subprocess
import sys
from pathlib import Path

import pytest


def ns3kan(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ns3kan.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command() -> None:
    done = ns3kan("--help")
    assert done.returncode == 0
    for command in (
        "demo",
        "report",
        "simulate",
        "attach",
        "run",
        "keys",
        "bench",
        "check",
        "export",
        "soak",
        "data",
        "version",
    ):
        assert f"  {command} " in done.stdout


def test_help_does_not_wait_for_torch() -> None:
    code = (
        "import sys\n"
        "from ns3kan.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "print(sorted({'torch', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_version_names_both_halves() -> None:
    done = ns3kan("version")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ns3kan", "ns3"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("dmeo",),
        ("demo", "--quik"),
        ("attach", "--port", "0"),
        ("attach", "--timeout", "nan"),
        ("run",),
        ("run", "--timeout", "0", "--", "true"),
        ("keys",),
        ("soak", "--resets", "3"),
        ("demo", "--seed", "-1"),
        ("report",),
        ("simulate", "sdwan"),
        ("simulate", "sdwan", "equal", "--output", "no-such-folder/means.csv"),
        ("simulate", "sdwan", "equal", "--seeds", "five"),
        ("simulate", "sdwan", "equal", "--seeds", "5..x"),
        ("simulate", "sdwan", "equal", "--seeds", "5..4"),
        ("simulate", "sdwan", "equal", "--set", "duration"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: tuple[str, ...]) -> None:
    done = ns3kan(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("report", "nowhere"), "nowhere is not a run folder"),
        (("bench", "nothing"), "no benchmark 'nothing'"),
        (
            ("simulate", "nonet", "equal"),
            "no scenario 'nonet'; choose one of leaf-spine, multipath-routing",
        ),
        (
            ("simulate", "parallel-paths", "equal", "--set", "topology=ring"),
            "no topology 'ring'; choose one of four-paths, sdwan",
        ),
        (("run", "--", "./no-sim"), "./no-sim does not exist"),
        (("run", "--", "true"), "exit status 0 before its first message"),
        (("run", "--timeout", "0.2", "--", "sh", "-c", "exec sleep 60"), "did not send its first"),
        (("keys", "/"), "exists already"),
    ],
)
def test_what_cannot_be_done_ends_with_1_and_a_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    done = ns3kan(*arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.startswith("ns3kan: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
