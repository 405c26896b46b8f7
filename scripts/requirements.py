# SPDX-License-Identifier: MIT
"""Print what ``pip install .[EXTRA,…]`` would install, without ns-3's own requirements in mind.

``requirements.py [EXTRA …]`` reads pyproject.toml. The package ``ns3`` is left out: of it only
libraries and headers are used, while its requirements, the Python bindings, are large and compile
for minutes. Who installs it with ``pip install --no-deps ns3`` and then this list has all that is
needed.
"""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


def requirements(extras: list[str]) -> list[str]:
    """List requirements, those of extras that extras name included."""
    found: list[str] = list(PROJECT["dependencies"])
    waiting, seen = list(extras), set[str]()
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for one in PROJECT["optional-dependencies"][extra]:
            own = re.fullmatch(rf"{PROJECT['name']}\[(.*)\]", one)
            if own is None:
                found.append(one)
            else:
                waiting += own[1].split(",")
    return sorted(one for one in found if not re.match(r"ns3\b(?!kan)", one))


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1:])))
