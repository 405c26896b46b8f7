# SPDX-License-Identifier: MIT
"""Whether a machine has what ns3kan needs, and how to install what it lacks."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import shared_memory
from pathlib import Path

from ns3kan.analysis.scratch import scratch_folder
from ns3kan.bridge.ns3.errors import SimulatorNotFoundError
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.registration import SCENARIOS

_EXTRAS = {
    "ray": "sweeps over many machines",
    "stable_baselines3": "policies of Stable-Baselines3",
    "kan": "conversion to and from pykan",
    "pettingzoo": "several agents by PettingZoo's interface",
}
_EXTRA_NAMES = {
    "ray": "ray",
    "stable_baselines3": "sb3",
    "kan": "pykan",
    "pettingzoo": "multi-agent",
}
_BUILD = "run `pip install .` in the repository to build it"
# Messages of one simulator, with room to spare [byte].
_SHARED = 1 << 20


class _MissingError(Exception):
    """What is wrong, for the answer of a check."""


@dataclass(frozen=True)
class Finding:
    """The answer of one check.

    Attributes
    ----------
    name
        What was looked at.
    is_well
        Whether it is as it should be.
    detail
        Which version was found, or what is wrong.
    remedy
        What to do, where it is not well.
    is_needed
        Whether ns3kan does not work without it.
    """

    name: str
    is_well: bool
    detail: str
    remedy: str = ""
    is_needed: bool = True

    def line(self) -> str:
        """Return it for a terminal."""
        if self.is_well:
            return f"ok       {self.name}: {self.detail}"
        state = "MISSING" if self.is_needed else "without"
        return f"{state}  {self.name}: {self.detail}; to repair it, {self.remedy}"


def examine() -> list[Finding]:
    """Check everything."""
    return list(_findings())


def _findings() -> Iterator[Finding]:
    yield Finding("Python", True, ".".join(map(str, sys.version_info[:3])))
    yield _checked(
        "compiler",
        _compiler,
        "install a C++20 compiler, on Debian `apt-get install build-essential`",
        needed=False,
    )
    yield _checked("ns-3", _ns3, "run `pip install 'ns3==3.44.*'`, or build against NS3_PREFIX")
    for name in SCENARIOS:
        yield _checked(f"simulator {name}", lambda name=name: _simulator(name), _BUILD)  # type: ignore[misc]  # mypy cannot type a lambda's default
    for module in ("ns3kan._native.bridge", "ns3kan._native.queues"):
        yield _checked(f"extension {module}", lambda module=module: _extension(module), _BUILD)  # type: ignore[misc]  # as above
    yield _checked("ports", _ports, "allow programs to listen at 127.0.0.1")
    yield _checked(
        "shared memory",
        _shared_memory,
        "make room in /dev/shm (in a container by --shm-size=256m); simulators talk over ZeroMQ "
        "otherwise",
        needed=False,
    )
    yield _checked("temporary files", _temporary, "set TMPDIR to a folder with space")
    yield _checked("torch", _torch, "run `pip install 'torch>=2.6'`")
    yield _checked("images digits", _digits, "run `pip install scikit-learn`")
    for name in ("mnist", "fashion-mnist"):
        yield _checked(
            f"images {name}",
            lambda name=name: _images(name),  # type: ignore[misc]  # as above
            f"run `ns3kan data fetch {name}`; all else works without",
            needed=False,
        )
    for module, purpose in _EXTRAS.items():
        yield _checked(
            f"extra {_EXTRA_NAMES[module]}",
            lambda module=module: _installed(module),  # type: ignore[misc]  # as above
            f"run `pip install 'ns3kan[{_EXTRA_NAMES[module]}]'`, for {purpose}",
            needed=False,
        )


def _checked(name: str, look: Callable[[], str], remedy: str, *, needed: bool = True) -> Finding:
    try:
        return Finding(name, True, look(), "", needed)
    except (_MissingError, OSError, ImportError, ValueError, SimulatorNotFoundError) as error:
        detail = " ".join(str(error).split()).rstrip(".")
        return Finding(name, False, detail, remedy, needed)


def _compiler() -> str:
    command = os.environ.get("CXX", "c++")
    path = shutil.which(command)
    if path is None:
        raise _MissingError(f"there is no {command}")
    with scratch_folder() as folder:
        source = folder / "try.cc"
        source.write_text("#include <span>\nint main() { std::span<int> s; return s.size(); }\n")
        done = subprocess.run(
            [path, "-std=c++20", "-fsyntax-only", str(source)], capture_output=True, check=False
        )
    if done.returncode:
        raise _MissingError(f"{path} does not know C++20")
    shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return shown.stdout.partition("\n")[0]


def _ns3() -> str:
    try:
        return f"{version('ns3')} from its wheel"
    except PackageNotFoundError:
        prefix = os.environ.get("NS3_PREFIX")
        if not prefix:
            raise _MissingError("it is not installed") from None
        if not Path(prefix).is_dir():
            raise _MissingError(f"NS3_PREFIX is {prefix}, which is no folder") from None
        return prefix


def _simulator(name: str) -> str:
    path = scenario_path(name)
    # Asks the loader for all of its libraries, ns-3's included.
    done = subprocess.run(
        [str(path), "--PrintHelp"], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise _MissingError(f"{path} does not start: {reason[-1] if reason else done.returncode}")
    return str(path)


def _extension(module: str) -> str:
    return str(Path(importlib.import_module(module).__file__ or "").name)


def _ports() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        return f"can listen at 127.0.0.1:{one.getsockname()[1]}"


def _shared_memory() -> str:
    block = shared_memory.SharedMemory(create=True, size=_SHARED)
    try:
        assert block.buf is not None
        block.buf[:_SHARED] = bytes(_SHARED)
    finally:
        block.close()
        block.unlink()
    return "can be had"


def _temporary() -> str:
    with tempfile.TemporaryFile() as file:
        file.write(bytes(_SHARED))
        file.flush()
    free = shutil.disk_usage(tempfile.gettempdir()).free
    return f"{free / 2**30:.1f} GiB left in {tempfile.gettempdir()}"


def _torch() -> str:
    importlib.import_module("torch")
    return f"{version('torch')}, {os.cpu_count()} cores"


def _installed(module: str) -> str:
    if importlib.util.find_spec(module) is None:
        raise _MissingError("it is not installed")
    return "installed"


def _digits() -> str:
    from ns3kan.bridge.images.datasets import load_images

    return f"{len(load_images('digits', 'train'))} images to train on"


def _images(name: str) -> str:
    from ns3kan.bridge.images.datasets import data_folder, load_images

    folder = data_folder() / name
    if not folder.is_dir():
        raise _MissingError(f"they are not in {folder}")
    load_images(name, "test")  # type: ignore[arg-type]  # one of the names that it knows
    return str(folder)
