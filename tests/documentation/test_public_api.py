# SPDX-License-Identifier: MIT
"""What others may rely on, listed with signatures in ``public-api.txt``.

A change of it is meant or it is a mistake. If it is meant: ``python tests/documentation/
test_public_api.py`` writes the list anew, and CHANGELOG.md says what changed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ns3kan

LIST = Path(__file__).with_name("public-api.txt")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "python.md"


def public_names() -> list[str]:
    """All classes with their methods, and functions, that ``ns3kan`` exports."""
    lines: list[str] = []
    for name in ns3kan.__all__:
        lines += described(f"ns3kan.{name}", getattr(ns3kan, name))
    return sorted(lines)


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


def test_the_page_lists_all_of_it() -> None:
    rows = re.findall(r"^\| \[?`(\w+)", PAGE.read_text(encoding="utf-8"), flags=re.M)
    assert sorted(rows) == sorted(ns3kan.__all__)


if __name__ == "__main__":
    LIST.write_text("\n".join(public_names()) + "\n", encoding="utf-8")
