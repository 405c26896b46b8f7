# SPDX-License-Identifier: MIT
"""Files that scenarios record in, when several runs are given the same arguments."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

RECORDINGS = (
    "intervals",
    "flows",
    "summary",
    "links",
    "pcap",
    "netanim",
    "flowMonitor",
    "flow_monitor",
)
"""Arguments of scenarios that name a file to write, or what the names of files begin with."""

_PREFIXES = ("pcap",)
_MOST_BYTES = 80


def separate(arguments: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Let each of several runs record in files of its own.

    A file that several runs name becomes one for each, with the run's name in it; one that a
    single run names stays.

    Parameters
    ----------
    arguments
        The scenario's arguments of each run, in camel or snake case.
    names
        What each run is called; equal names are numbered.

    Returns
    -------
    list of dict
        The arguments, with other values for `RECORDINGS` where need be.

    Examples
    --------
    >>> separate([{"flows": "f.csv"}, {"flows": "f.csv"}], ["equal-1", "equal-2"])
    [{'flows': 'f-equal-1.csv'}, {'flows': 'f-equal-2.csv'}]
    """
    uses = Counter(
        Path(value).absolute()
        for of_one in arguments
        for name, value in of_one.items()
        if _names_file(name, value)
    )

    def of_run(of_one: Mapping[str, Any], run: str) -> dict[str, Any]:
        return {
            name: _with_run(name, value, run)
            if _names_file(name, value) and uses[Path(value).absolute()] > 1
            else value
            for name, value in of_one.items()
        }

    return [of_run(*pair) for pair in zip(arguments, _numbered(names), strict=True)]


def separate_simulators(arguments: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """Let each of several simulators of the same arguments record in files of its own.

    Parameters
    ----------
    arguments
        Of `ns3kan.bridge.ns3.env.Ns3Env` or of a scenario's environment; in ``args``, too, files
        are recognised, where they are written as ``--name=value``.
    count
        How many simulators there are; they are numbered from 0.

    Returns
    -------
    list of dict
        The arguments of each; those of a single simulator stay as they are.
    """
    words = list(arguments.get("args", ()))
    matches = [re.fullmatch(r"--(\w+)=(.*)", str(word), re.DOTALL) for word in words]
    # Numbered, since a program may take the same argument several times.
    named = {
        (place, match[1]): match[2] for place, match in enumerate(matches) if match is not None
    }

    def of_simulator(number: int) -> dict[str, Any]:
        separated = {name: _of_simulator(name, value, number) for name, value in arguments.items()}
        if named:
            separated["args"] = list(words)
            for (place, name), value in named.items():
                separated["args"][place] = f"--{name}={_of_simulator(name, value, number)}"
        return separated

    return [dict(arguments)] if count == 1 else [of_simulator(number) for number in range(count)]


def _of_simulator(name: str, value: Any, number: int) -> Any:
    return _with_run(name, value, str(number)) if _names_file(name, value) else value


def _names_file(name: str, value: Any) -> bool:
    return name in RECORDINGS and isinstance(value, str | os.PathLike) and bool(os.fspath(value))


def run_names(controllers: Sequence[str | Path], seeds: Sequence[int]) -> list[str]:
    """Name runs by their controllers and seeds, in letters that file names can have.

    Parameters
    ----------
    controllers
        Of each run the name of its controller, or the path of its file.
    seeds
        Of each run its seed.

    Returns
    -------
    list of str
        Such as ``"least-delay-7"``. Different runs have different names: files of the same name
        are told apart by their folders, and by numbers where that is not enough.

    Examples
    --------
    >>> run_names(["equal", "a/controller.json", "b/controller.json"], [1, 1, 2])
    ['equal-1', 'a-controller-1', 'b-controller-2']
    """
    texts = list(dict.fromkeys(map(str, controllers)))
    labels = [_plain(PurePath(text).stem if text.endswith(".json") else text) for text in texts]
    uses = Counter(labels)
    longer = [
        _plain(text.removesuffix(".json")) if uses[label] > 1 else label
        for text, label in zip(texts, labels, strict=True)
    ]
    label_of = dict(zip(texts, _numbered(longer), strict=True))
    return [
        f"{label_of[str(controller)]}-{seed}"
        for controller, seed in zip(controllers, seeds, strict=True)
    ]


def _with_run(argument: str, value: Any, run: str) -> str:
    if argument in _PREFIXES:
        return f"{os.fspath(value)}-{run}"
    path = Path(value)
    return str(path.with_name(f"{path.stem}-{run}{path.suffix}"))


def _plain(text: str) -> str:
    """Replace what file names cannot have, or what is awkward in them, and bound the length."""
    plain = "".join(char if char.isalnum() or char in "._-" else "-" for char in text)
    # The end tells long paths apart more often than the beginning.
    return plain.encode()[-_MOST_BYTES:].decode(errors="ignore").strip("-.") or "run"


def _numbered(names: Sequence[str]) -> list[str]:
    """Make names different: those that occur again get a number that no other name has."""
    taken = set(names)
    seen = set[str]()
    different = []
    for name in names:
        candidate, number = name, 2
        while candidate in seen or (candidate != name and candidate in taken):
            candidate, number = f"{name}-{number}", number + 1
        seen.add(candidate)
        different.append(candidate)
    return different
