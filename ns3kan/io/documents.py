# SPDX-License-Identifier: MIT
"""JSON and YAML of strangers, read in bounded time and memory.

ns3_scenarios/network/document.cc accepts and refuses the same JSON.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ns3kan.errors import InputError

MAX_BYTES = 2**20
"""Longest document that is read."""
MAX_NESTING = 100
"""Deepest nesting of arrays and objects that is read."""
MAX_WORD = 1000
"""Longest number or word of YAML without quotes [character]."""

_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
# The parser of libyaml, where PyYAML was built with it.
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DocumentError(InputError):
    """A document is longer or nested deeper than is read here, or not what its format allows."""


def read_bytes(path: str | os.PathLike[str], longest: int = MAX_BYTES) -> bytes:
    """Read a file of limited length.

    Parameters
    ----------
    path
        The file; of a device that never ends no more than the limit is read.
    longest
        Most bytes.

    Raises
    ------
    OSError
        If it cannot be read.
    DocumentError
        If it is longer; the message does not name the file.
    """
    with Path(path).open("rb") as file:
        content = file.read(longest + 1)
    if len(content) > longest:
        raise DocumentError(f"the file is longer than {longest} bytes")
    return content


def parse_json(content: bytes, longest: int = MAX_BYTES) -> Any:
    """Read JSON as RFC 8259 has it, in UTF-8, with or without a byte order mark.

    Parameters
    ----------
    content
        The document.
    longest
        Most bytes.

    Raises
    ------
    DocumentError
        If it is longer or nested deeper than is read here, holds a key twice in one object or a
        number beyond those of doubles, or is not JSON.
    """
    if len(content) > longest:
        raise DocumentError(f"the file is longer than {longest} bytes")
    _check_nesting(content)
    try:
        document = json.loads(
            content.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            parse_float=_read_number,
            parse_int=_read_integer,
            object_pairs_hook=_without_twins,
        )
        if rb"\u" in content:
            # Half a character can be escaped, but not written.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"not JSON ({shortened(str(error))})") from error
    return document


def parse_yaml(content: str | bytes) -> Any:
    """Read one document of YAML without aliases.

    Parameters
    ----------
    content
        The document; bytes are UTF-8.

    Raises
    ------
    DocumentError
        If it is longer or nested deeper than is read here, holds an alias, a key twice in one
        mapping or a very long number, or is not YAML.
    """
    if len(content) > MAX_BYTES:
        raise DocumentError(f"longer than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        _check_events(text)
        return yaml.load(text, Loader=_Loader)  # a subclass of a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise DocumentError(f"{where}{shortened(' '.join(str(problem).split()))}") from error
    except DocumentError:
        raise
    except (ValueError, RecursionError) as error:
        # A date that does not exist, bytes that are no UTF-8.
        raise DocumentError(shortened(" ".join(str(error).split()))) from error


def shortened(text: str, longest: int = 300) -> str:
    """Leave the end out of words of someone else that are very long."""
    return f"{text[:longest]}..." if len(text) > longest else text


def _check_nesting(content: bytes) -> None:
    depth = 0
    for found in _STRUCTURE.finditer(content):
        match found.group()[:1]:
            case b"[" | b"{":
                depth += 1
                if depth > MAX_NESTING:
                    raise DocumentError(
                        f"not JSON that is read here (nested more than {MAX_NESTING} levels deep "
                        f"at byte {found.start()})"
                    )
            case b"]" | b"}":
                depth = max(depth - 1, 0)


def _refuse_constant(name: str) -> NoReturn:
    raise InputError(f"{name} is no JSON number")


def _read_number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InputError(f"the number {text[:20]}... does not fit a double")
    return value


def _read_integer(text: str) -> int:
    # Digits beyond those of a double take time that grows with their square.
    _read_number(text)
    return int(text)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise InputError(
                f"the key {json.dumps(shortened(name, 60))} stands twice in one object"
            )
        values[name] = value
    return values


def _check_events(text: str) -> None:
    """Refuse what would be deep, endless or slow, before anything is built of it."""
    depth = 0
    for event in _events(text):
        where = f"line {event.start_mark.line + 1}: "
        if isinstance(event, yaml.AliasEvent):
            raise DocumentError(f"{where}an alias is not allowed; write out what it stands for")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_NESTING:
                raise DocumentError(f"{where}nested more than {MAX_NESTING} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and _is_long_word(event):
            raise DocumentError(
                f"{where}a number or word of {len(event.value)} characters, where {MAX_WORD} are "
                "allowed; put a longer text in quotes"
            )


def _is_long_word(event: Any) -> bool:
    """Whether it could be a number of so many digits that reading it takes long."""
    return bool(event.implicit[0]) and len(event.value) > MAX_WORD


def _events(text: str) -> Iterator[Any]:
    yield from yaml.parse(text, Loader=_PARSER)


class _Loader(_PARSER):  # type: ignore[misc]  # which of the two is known at run time
    """The safe loader, for mappings whose keys differ."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Make a mapping, as the safe loader does."""
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, _ in node.value:
                name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)
                if name in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f'the key "{shortened(str(key.value), 60)}" stands twice in one '
                        "mapping",
                        problem_mark=key.start_mark,
                    )
                seen.add(name)
        values: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return values
