# SPDX-License-Identifier: MIT
"""Where the compiled half of the package lies."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ns3kan.bridge.ns3.errors import SimulatorNotFoundError


def installed_file(relative: str) -> Path:
    """Path of a file that the build installed.

    Parameters
    ----------
    relative
        Path inside the package, such as ``"bin/sdwan"``.

    Raises
    ------
    SimulatorNotFoundError
        If the package is not installed or lacks the file.
    """
    # An editable install keeps the Python files elsewhere, but compiled files always lie beside
    # the distribution's metadata.
    try:
        path = Path(str(distribution("ns3kan").locate_file(f"ns3kan/{relative}")))
    except PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        where = f" at {path}" if path is not None else ""
        raise SimulatorNotFoundError(
            f"ns3kan's compiled file {relative} is missing{where}; "
            "run `pip install .` in the repository to build it."
        )
    return path


def scenario_path(name: str) -> Path:
    """Path of one of the package's own simulators.

    Parameters
    ----------
    name
        Name of the executable, such as ``"sdwan"``.

    Raises
    ------
    SimulatorNotFoundError
        If the package was installed without it.
    """
    return installed_file(f"bin/{name}")
