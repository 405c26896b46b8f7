# SPDX-License-Identifier: MIT
"""Artefacts of strangers, in Python and inside ns-3: refused alike, within limits that are set.

Each reader runs in a process of its own, which the kernel ends when it takes more processor time or
memory than it may.
"""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from controller_mutations import differences
from controller_mutations import in_python as in_python_here

from ns3kan.agents.equations.artefact.controller import MAX_NAME, MAX_QUANTITIES
from ns3kan.agents.equations.expressions.parser import MAX_DEPTH, MAX_LENGTH
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.io.documents import MAX_BYTES, MAX_NESTING

SECONDS = 20
"""Processor time that a reader may take; most cases take a tenth of a second."""
MEMORY = 1 << 30
"""Address space that a reader may take."""

READ = """
import json, sys
from ns3kan.agents.equations.artefact.controller import Controller, ControllerError
for path in sys.argv[1:]:
    try:
        Controller.load(path)
        print(json.dumps(None), flush=True)
    except ControllerError as error:
        print(json.dumps(str(error)), flush=True)
"""


def set_limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def run(*command: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=set_limits,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


def in_python(*paths: Path) -> list[str | None]:
    """Read files one after another in one process; why each is refused."""
    done = run(sys.executable, "-c", READ, *paths)
    answers: list[str | None] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(paths), f"{paths[len(answers)]}: {done.returncode} {done.stderr}"
    return answers


def in_ns3(path: Path) -> str | None:
    """Read a file; why it is refused."""
    done = run(scenario_path("evaluate-controller"), path)
    assert done.returncode in (0, 1), (done.returncode, done.stderr[-500:])
    assert done.stdout == ""
    assert done.stderr.count("\n") == done.returncode
    return done.stderr.rstrip("\n") if done.returncode else None


def artefact(*expressions: str, count: int = 1, **changes: Any) -> dict[str, Any]:
    names = ["load", *(f"x_{i}" for i in range(1, count))]
    return {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": "ratio",
        "inputs": [{"name": name, "unit": "1", "range": [0, 1]} for name in names],
        "outputs": [
            {"name": f"y_{i}", "expression": text, "range": [0, 1]}
            for i, text in enumerate(expressions or ("load",))
        ],
        **changes,
    }


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


REFUSED: dict[str, tuple[Any, str]] = {
    # Malicious expressions.
    "attribute": (artefact("load.__class__"), "at position 4: '.' must be followed by a digit"),
    "call": (artefact("__import__('os')"), "at position 0: unknown function '__import__'"),
    "lambda": (artefact("(lambda: 0)()"), "at position 1: unknown input 'lambda'"),
    "subscript": (artefact("load[0]"), "at position 4: unexpected character '['"),
    "walrus": (artefact("(load := 1)"), "at position 6: comparisons, logic and assignments"),
    "statement": (artefact("load; import os"), "at position 4: unexpected character ';'"),
    "comment": (artefact("load # 1"), "at position 5: unexpected character '#'"),
    "brackets": (artefact("(" * 9000 + "load"), f"position {MAX_DEPTH}: nested more than"),
    "signs": (artefact("-" * 9000 + "load"), f"position {MAX_DEPTH}: nested more than"),
    "powers": (artefact("2^" * 9000 + "load"), f"position {2 * MAX_DEPTH + 1}: nested more than"),
    "logistic": (artefact("1/(1 + exp(" * 90 + "load"), "nested more than"),
    "tower": (artefact("9^9^9^9^9"), "at position 5: this power of numbers does not fit"),
    "tower of a fraction": (artefact("load*0.1^9^9"), "at position 8: this power of numbers"),
    "digits": (artefact("9" * 15_000), "at position 0: this number does not fit a double"),
    "exponent": (artefact("load + 1e" + "9" * 15_000), "at position 7: this number does not fit"),
    "length": (artefact("1+" * 200_000 + "1"), f"at position {MAX_LENGTH}: the expression is"),
    "long word": (artefact("a" * 19_000), "at position 0: unknown input 'aaaa"),
    "long function": (artefact("a" * 19_000 + "(2)"), "at position 0: unknown function 'aaaa"),
    "many inputs": (artefact("y", count=4000), "at position 0: unknown input 'y'"),
    # Files.
    "newer": (artefact(version=2, new={"a": 1}), "'version' is 2, this program reads version 1: "),
    "huge version": (artefact(version=10**300), "this program reads version 1: take a newer"),
    "long version": (artefact(version="1" * 500_000), "this program reads version 1"),
    "deep version": (
        json.dumps(artefact()).replace('"version": 1', f'"version": {nested(200_000)}'),
        f"nested more than {MAX_NESTING} levels deep at byte ",
    ),
    "deep decision": (artefact(decision=[[["ratio"]]]), "decision"),
    "long decision": (artefact(decision="a" * 500_000), "decision"),
    "deep": ("[" * 500_000, f"nested more than {MAX_NESTING} levels deep at byte {MAX_NESTING}"),
    "deep objects": ('{"a":' * 100_000, f"nested more than {MAX_NESTING} levels deep"),
    "deep provenance": (
        artefact(provenance=json.loads(nested(99))),
        f"nested more than {MAX_NESTING} levels deep|provenance",
    ),
    "open string": ('{"format": "' + "[" * 1000, "not JSON"),
    "blanks": (" " * (MAX_BYTES + 1), f"the file is longer than {MAX_BYTES} bytes"),
    "huge": (artefact(provenance={"a": "b" * MAX_BYTES}), f"is longer than {MAX_BYTES} bytes"),
    "quantities": (artefact(count=5000), f"inputs has more than {MAX_QUANTITIES} entries"),
    "rubbish": (artefact(inputs=[1] * 4000), "inputs"),
    "more rubbish": (artefact(outputs=[[]] * 200_000), "outputs has more than"),
    "unknown keys": (artefact(**{f"key_{i}": 0 for i in range(50_000)}), "key_"),
    "long name": (artefact("a" * 300), "at position 0: unknown input"),
    "long input": (
        artefact(inputs=[{"name": "a" * 900_000, "unit": "1", "range": [0, 1]}]),
        r"inputs\[0\].name",
    ),
    "digits in JSON": ('{"version": ' + "9" * 900_000 + "}", "not JSON"),
    "fraction in JSON": ('{"version": 1e' + "9" * 900_000 + "}", "not JSON"),
    "half a character": ('{"format": "\\ud800"}', "not JSON"),
    "UTF-16": (json.dumps(artefact()).encode("utf-16"), "not JSON"),
    "zeros": (b"\0" * 1000, "not JSON"),
    "a zero and more": (json.dumps(artefact()).encode() + b"\0" * 3, "not JSON"),
    "a zero within": (json.dumps(artefact()).replace("{", "{\0", 1).encode(), "not JSON"),
    "rubbish behind": (json.dumps(artefact()) + "}", "not JSON"),
    "a key twice": (
        json.dumps(artefact()).replace('"version": 1', '"version": 1, "version": 1'),
        'not JSON (the key "version" stands twice in one object)',
    ),
    "UTF-8 of a surrogate": (b'{"format": "\xed\xa0\x80"}', "not JSON"),
    "a range of one double": (
        artefact(inputs=[{"name": "load", "unit": "1", "range": [2**53, 2**53 + 1]}]),
        "inputs[0].range must be finite, the first number less than the second",
    ),
    "empty": ("", "not JSON"),
}


def write(path: Path, content: Any) -> Path:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str | None]]:
    """File of each case, and why Python refuses it."""
    folder = tmp_path_factory.mktemp("refused")
    paths = [write(folder / f"{i}.json", REFUSED[case][0]) for i, case in enumerate(REFUSED)]
    return dict(zip(REFUSED, zip(paths, in_python(*paths), strict=True), strict=True))


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_reason_in_time_and_memory(
    refusals: dict[str, tuple[Path, str | None]], case: str
) -> None:
    path, in_python = refusals[case]
    reason = REFUSED[case][1]
    pattern = reason if "|" in reason or "\\" in reason else re.escape(reason)
    for refusal in (in_python, in_ns3(path)):
        assert refusal is not None
        assert refusal.startswith(f"{path}: ")
        assert re.search(pattern, refusal), refusal
        assert "\n" not in refusal
        assert len(refusal) < 1500


def test_devices_and_folders(tmp_path: Path) -> None:
    paths = (Path("/dev/zero"), tmp_path, tmp_path / "missing")
    for refusals in (in_python(*paths), [in_ns3(path) for path in paths]):
        device, folder, missing = map(str, refusals)
        assert f"longer than {MAX_BYTES} bytes" in device
        assert "cannot be read" in folder
        assert "cannot be read" in missing


LARGEST = {
    "deep provenance": artefact(provenance={"a": json.loads(nested(MAX_NESTING - 2))}),
    "long name": artefact(outputs=[{"name": "y" * MAX_NAME, "expression": "load",
                                              "range": [0, 1]}]),
    "expressions": artefact(*["load" + "+1" * 9_000] * 50),
    "numbers": artefact(*["+".join(str(n) for n in range(10_000, 13_000))] * 50),
    "many inputs": artefact(
        *["+".join(f"x_{i}" for i in range(1, 3_000))] * 20, count=3_000
    ),
    "many outputs": artefact(*["load"] * 4_000),
    "calls": artefact(*["min(" + ",".join(["exp(load)"] * 1_900) + ")"] * 50),
}  # fmt: skip


@pytest.mark.parametrize("case", LARGEST)
def test_what_keeps_to_the_limits_is_read_in_time_and_memory(tmp_path: Path, case: str) -> None:
    path = write(tmp_path / "controller.json", LARGEST[case])
    assert in_python(path) == [None]
    assert in_ns3(path) is None


SLOW = {
    "logistic": "1/(1 + exp(" * 33 + "load" + "))" * 33,
    "tower": "2^" * MAX_DEPTH + "load",
    "sines": "sin(9*" * 90 + "load" + ")" * 90,
    "minima": "min(load, max(0.5 - load, " * 40 + "load" + "))" * 40,
    "wide": " + ".join(f"sin({i}*load)*cos({i}/(1 + load))" for i in range(1, 400)),
}


@pytest.mark.parametrize("case", SLOW)
def test_a_check_ends_in_time(tmp_path: Path, case: str) -> None:
    path = write(tmp_path / "controller.json", artefact(SLOW[case]))
    done = run(sys.executable, "-m", "ns3kan.cli", "check", path, "--json")
    assert done.returncode in (0, 1), (done.returncode, done.stderr[-500:])
    assert json.loads(done.stdout)["valid"] is True


def test_python_and_ns3_agree_on_damaged_files(tmp_path: Path) -> None:
    """A short form of `make fuzz`."""
    program = scenario_path("evaluate-controller")
    assert list(differences(3000, 20, tmp_path, program)) == []
    accepted = sum(in_python_here(path) is not None for path in sorted(tmp_path.glob("*.json")))
    # Otherwise this would compare little.
    assert 150 < accepted < 2500
