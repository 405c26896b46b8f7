# SPDX-License-Identifier: MIT
"""A controller.json that was damaged at random, and what Python and C++ say of it.

By command, for as many files as wanted (``make fuzz``):

    python tests/helpers/controller_mutations.py --count 20000 --seed 1
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ns3kan.agents.equations.artefact.controller import Controller, ControllerError
from ns3kan.agents.equations.expressions.grammar import EvaluationError
from ns3kan.bridge.ns3.installed import scenario_path

# Bytes that mean something in JSON, in expressions or in UTF-8, and texts at the edges of numbers.
PIECES = [
    *(bytes([each]) for each in range(256)),
    *(b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\\ud800", b"\\u0000"),
    *(b"\\udc00\\ud800", b"\\ud83d\\ude00", b"NaN", b"-Infinity", b"null", b"true", b"1e999"),
    *(b"-0", b"-0.0", b"1e-999", b"01", b".5", b"5.", b"+1", b"0x10", b"1_0", b"1e5", b"1E+2"),
    *(b"9007199254740993", b"18446744073709551616", b"9" * 400, b"0." + b"3" * 400, b"5e-324"),
    *(b"/*x*/", b"//x\n", b",", b"[]", b"{}", b"[" * 101, b"{\"a\":" * 101, b'"name": "load",'),
    *(b'"version": 1,', b'"range": [0, 1],', b"load", b"tanh(", b"^-0", b"^0", b"/0", b"min(1,"),
    *(b"\r\n", b"\x0b", b"\x0c", b"\xc2\xa0", b"\xe2\x80\xa8", b"\x7f"),
]  # fmt: skip
NUMBERS = [b"0", b"7", b"1.5", b"1e2", b"2E-3", b"9007199254740993", b"0.1000000000000000055"]
DECISIONS = ("ratio", "softmax", "argmax", "index")
EXPRESSIONS = ("0.5*load", "tanh(load - delay)^2", "min(load, delay)/3", "1/(1 + exp(-3*load))")


def artefact(generator: np.random.Generator) -> bytes:
    """Write one that is right."""
    decision = str(generator.choice(DECISIONS))
    count = 1 if decision == "index" else int(generator.integers(2, 4))
    document: dict[str, Any] = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": decision,
        "inputs": [
            {"name": "load", "unit": "1", "range": [0, 1.5]},
            {"name": "delay", "unit": "s", "range": [-1e-3, 2e3]},
        ],
        "outputs": [
            {"name": f"y_{i}", "expression": str(generator.choice(EXPRESSIONS)), "range": [0, 1]}
            for i in range(count)
        ],
        "provenance": {"steps": 10, "who": "ä"},
        "fidelity": {"r2": 0.99},
    }
    indent = int(generator.integers(0, 3)) or None
    return json.dumps(document, indent=indent, ensure_ascii=False).encode()


def mutated(generator: np.random.Generator) -> bytes:
    """Write one and damage it: anywhere, or where much of it stays right."""
    data = bytearray(artefact(generator))
    if generator.random() < 0.5:
        for _ in range(int(generator.integers(1, 4))):
            _damage(data, generator)
    else:
        _change(data, generator)
    return bytes(data)


def _damage(data: bytearray, generator: np.random.Generator) -> None:
    place = int(generator.integers(0, len(data) + 1))
    length = int(generator.integers(0, 12))
    piece = PIECES[int(generator.integers(len(PIECES)))]
    match int(generator.integers(6)):
        case 0:
            data[place:place] = piece
        case 1:
            data[place : place + length] = piece
        case 2:
            del data[place : place + length]
        case 3:
            data[place:place] = data[place : place + length]
        case 4:
            data += piece
        case _:
            del data[place:]


def _change(data: bytearray, generator: np.random.Generator) -> None:
    piece = PIECES[int(generator.integers(len(PIECES)))]
    match int(generator.integers(5)):
        case 0:
            # A digit becomes something else: a number of the document, or of an expression.
            _at(data, rb"\d", piece, generator)
        case 1:
            _at(data, rb"\d", NUMBERS[int(generator.integers(len(NUMBERS)))], generator)
        case 2:
            # Something between the tokens, which blanks may be.
            _at(data, rb"(?<=[,:{\[])", piece, generator)
        case 3:
            # A word within quotes.
            _at(data, rb"(?<=\w)(?=[\w\"])", piece, generator)
        case _:
            # Before and behind the document.
            data[0:0] = PIECES[int(generator.integers(len(PIECES)))]
            data += b"\n" + piece if generator.random() < 0.5 else b"\n"


def _at(data: bytearray, pattern: bytes, piece: bytes, generator: np.random.Generator) -> None:
    found = [match.span() for match in re.finditer(pattern, bytes(data))]
    start, end = found[int(generator.integers(len(found)))]
    data[start:end] = piece


def in_python(path: Path) -> list[float] | None:
    """Read a file: None if it is refused, else the decision in the middle of all ranges.

    An empty list is that of an expression without a value there.
    """
    try:
        controller = Controller.load(path)
    except ControllerError:
        return None
    middle = np.array([low / 2 + high / 2 for low, high in controller.box.values()])
    try:
        with np.errstate(all="ignore"):
            decided = controller(middle[None] if controller.decision == "index" else middle)
    except EvaluationError:
        return []
    return [float(each) for each in np.atleast_1d(decided)]


def in_ns3(paths: list[Path], program: Path) -> list[list[float] | None]:
    """Read files with the program that evaluates controllers, in one process."""
    done = subprocess.run(
        [program, "--each"],
        input="".join(f"{path}\n" for path in paths),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0 or done.stderr:
        raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr[-3000:]}")
    answers: list[list[float] | None] = []
    for line in done.stdout.splitlines():
        verdict, _, rest = line.partition(" ")
        if verdict == "accepted":
            answers.append([] if rest == "no value" else [float(word) for word in rest.split()])
        else:
            answers.append(None)
    if len(answers) != len(paths):
        raise RuntimeError(f"{program} answered {len(answers)} of {len(paths)}: {done.stdout}")
    return answers


def differences(count: int, seed: int, folder: Path, program: Path) -> Iterator[tuple[Path, str]]:
    """Give each file of which Python and C++ say different things, and what they say."""
    generator = np.random.default_rng(seed)
    paths = [folder / f"{i}.json" for i in range(count)]
    for path in paths:
        path.write_bytes(mutated(generator))
    for path, other in zip(paths, in_ns3(paths, program), strict=True):
        own = in_python(path)
        same = (
            own == other
            if own is None or other is None or len(own) != len(other)
            else np.allclose(own, other, rtol=1e-9, atol=1e-12)
        )
        if not same:
            yield path, f"Python says {own}, C++ {other}"


def main() -> None:
    """Compare many files; the status is 1 if one of them is read differently."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--program", type=Path, default=scenario_path("evaluate-controller"))
    arguments.add_argument("--keep", type=Path, help="folder for files that are read differently")
    given = arguments.parse_args()
    found = 0
    with tempfile.TemporaryDirectory() as name:
        for path, what in differences(given.count, given.seed, Path(name), given.program):
            found += 1
            if given.keep is not None:
                given.keep.mkdir(parents=True, exist_ok=True)
                (given.keep / path.name).write_bytes(path.read_bytes())
            print(f"{path.name}: {what}\n  {path.read_bytes()[:2000]!r}")
    print(f"{found} of {given.count} files are read differently (seed {given.seed})")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
