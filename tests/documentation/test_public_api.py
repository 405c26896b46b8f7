# SPDX-License-Identifier: MIT
"""What others may rely on, listed with signatures in ``public-api.txt``.

A change of it is meant or it is a mistake. If it is meant: ``python tests/documentation/
test_public_api.py`` writes the list anew, and CHANGELOG.md says what changed.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

LIST = Path(__file__).with_name("public-api.txt")
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
MODULE = re.compile(r"^::: (ns3kan[\w.]*)\n(?:    options: \{members: \[([\w, ]+)\]\})?", re.M)


def public_names() -> list[str]:
    """All public classes with their methods, and functions: those of the reference's modules."""
    lines: set[str] = set()
    package = importlib.import_module("ns3kan")
    lines.update(f"ns3kan.{name}" for name in package.__all__)
    for page in sorted(REFERENCE.glob("*.md")):
        for name, members in MODULE.findall(page.read_text(encoding="utf-8")):
            value = pkgutil.resolve_name(name)
            if not isinstance(value, ModuleType):
                lines.update(described(name, value))
                continue
            for member in re.findall(r"\w+", members) or own_names(value):
                lines.update(described(f"{name}.{member}", getattr(value, member)))
    return sorted(lines)


def own_names(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def described(path: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        yield path + signature(value)
        for name, member in vars(value).items():
            if name.startswith("_"):
                continue
            if isinstance(member, property):
                yield f"{path}.{name}"
            elif isinstance(member, classmethod | staticmethod):
                yield f"{path}.{name}{signature(member.__func__)}"
            elif inspect.isfunction(member):
                yield f"{path}.{name}{signature(member)}"
    elif inspect.isfunction(value):
        yield path + signature(value)


def signature(value: Any) -> str:
    """Names and kinds of the parameters, and which have defaults; those may change."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return ""
    shown = [
        each.replace(
            annotation=inspect.Parameter.empty,
            default=each.empty if each.default is each.empty else ...,
        )
        for each in parameters
    ]
    return str(inspect.Signature(shown)).replace("=Ellipsis", "=…")


def test_nothing_public_has_changed_unnoticed() -> None:
    assert public_names() == LIST.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    LIST.write_text("\n".join(public_names()) + "\n", encoding="utf-8")
