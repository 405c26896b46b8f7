# SPDX-License-Identifier: MIT
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ns3kan

ROOT = Path(__file__).parents[2]
# Wrong command lines that must be found out before anything slow is imported.
WRONG = [
    ("dmeo",),
    ("demo", "--quik"),
    ("demo", "--set", "training"),
    ("train",),
    ("train", "demo", "--set", "training.seed="),
    ("extract", "run", "--most-nodes", "0"),
    ("evaluate", "run", "--seeds", "5..4"),
    ("evaluate", "run", "--output", "no-such-folder/means.csv"),
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
]
SLOW = "{'torch', 'pandas', 'matplotlib', 'scipy', 'sympy'}"


@pytest.mark.parametrize("command", [(), ("train",), ("reproduce", "switch-type"), ("data",)])
def test_help_is_short_or_long(command: tuple[str, ...]) -> None:
    short, long = ns3kan(*command, "-h"), ns3kan(*command, "--help")
    assert short.returncode == 0
    assert short.stdout == long.stdout


def test_the_version_is_an_option_and_a_command() -> None:
    option, command = ns3kan("--version"), ns3kan("version")
    assert option.returncode == 0
    assert option.stdout == command.stdout
    assert option.stdout.startswith("ns3kan ")


def test_commands_for_maintenance_are_a_group_of_their_own() -> None:
    usual, maintenance = ns3kan("--help").stdout.split("Measuring ns3kan itself:")
    for command in ("bench", "scaling", "soak"):
        assert f"  {command} " in maintenance
        assert f"  {command} " not in usual
    assert "  train " not in maintenance


@pytest.mark.parametrize(
    ("command", "option"),
    [
        *(((name,), "--folder") for name in ("demo", "train", "sweep", "scaling", "soak")),
        *((("reproduce", name), "--folder") for name in ("switch-type", "load-balancing")),
        (("reproduce", "feature-selection"), "--folder"),
        *(((name,), "--output") for name in ("simulate", "evaluate", "report", "export")),
    ],
)
def test_a_folder_and_a_file_have_one_name_each(command: tuple[str, ...], option: str) -> None:
    assert f" {option}" in ns3kan(*command, "--help").stdout


def test_a_fault_that_is_not_the_user_s_is_shown_with_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "faulty.py").write_text(
        "import gymnasium\n"
        "class Faulty(gymnasium.Env):\n"
        "    def __init__(self):\n"
        "        [].index(3)\n"
        "gymnasium.register('Faulty-v0', Faulty)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ns3kan.cli", "train", "faulty:Faulty-v0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "[].index(3)" in done.stderr


def test_the_traceback_of_a_user_s_error_is_shown_where_that_is_asked_for() -> None:
    for options, has_traceback in (([], False), (["--debug"], True)):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ns3kan.cli", *options, "report", "nowhere"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert "nowhere is not a run folder" in done.stderr
        assert ("Traceback" in done.stderr) == has_traceback


@pytest.mark.parametrize("module", ["agents", "analysis", "bridge", "ns3kan"])
def test_no_error_is_raised_that_is_not_the_package_s(module: str) -> None:
    """A bare ValueError would be shown as a fault of the package."""
    files = [path for path in (ROOT / module).rglob("*.py") if "notebooks" not in path.parts]
    assert files
    assert [path for path in files if "raise ValueError(" in path.read_text()] == []


def test_help_names_every_command() -> None:
    done = ns3kan("--help")
    assert done.returncode == 0
    for command in (
        "demo",
        "envs",
        "train",
        "extract",
        "evaluate",
        "report",
        "doctor",
        "schema",
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
        f"print(sorted({SLOW} & set(sys.modules)))"
    )
    assert printed(code)[-1] == "[]"


def test_version_names_both_halves() -> None:
    done = ns3kan("version")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ns3kan", "ns3"]


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_command_line_ends_with_2(arguments: tuple[str, ...]) -> None:
    done = ns3kan(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr


def printed(code: str) -> list[str]:
    """Lines that a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


def test_a_wrong_command_line_does_not_wait_for_torch_either() -> None:
    code = (
        "import sys\n"
        f"sys.path.append({str(Path(__file__).parents[1] / 'helpers')!r})\n"
        "from command_line import ns3kan\n"
        f"print({{ns3kan(*arguments).returncode for arguments in {WRONG!r}}})\n"
        f"print(sorted({SLOW} & set(sys.modules)))"
    )
    assert printed(code) == ["{2}", "[]"]


@pytest.mark.parametrize("names", ["ns3kan, gymnasium", "gymnasium, ns3kan"])
def test_importing_the_package_does_not_import_torch_and_registers_the_environments(
    names: str,
) -> None:
    code = (
        f"import sys, {names}\n"
        f"print(sorted({SLOW} & set(sys.modules)))\n"
        "print(gymnasium.make('ns3kan/SingleHopScheduling-v0').action_space)"
    )
    assert printed(code) == ["[]", "Discrete(4)"]


def test_the_shell_completes_commands() -> None:
    # As the installed script, for the shell knows no other name.
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv = ['ns3kan']; import ns3kan.cli as c; c.main()",
        ],
        env={
            **os.environ,
            "_NS3KAN_COMPLETE": "complete_bash",
            "COMP_WORDS": "ns3kan ex",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["extract", "export"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("report", "nowhere"), "nowhere is not a run folder"),
        (("extract", "nowhere"), "nowhere is not a run folder"),
        (("evaluate", "nowhere/run"), "no environment is named"),
        (("train", "demmo"), "'demmo': did you mean demo?"),
        (("train", "ns3kan/SdWann-v0"), "did you mean ns3kan/SdWan-v0?"),
        (("train", "demo", "--set", "training.sed=1"), "did you mean training.seed?"),
        (("train", "demo", "--set", "seed=3"), "did you mean training.seed?"),
        (("train", "demo", "--set", "agent=stn"), "agent must be one of kan, mlp, not 'stn'"),
        (("train", "no.yaml"), "no configuration file no.yaml"),
        (("envs", "ns3kan/Nothing-v0"), "Nothing"),
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
