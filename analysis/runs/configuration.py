# SPDX-License-Identifier: MIT
"""Typed settings: dataclasses filled from layers of YAML, unknown keys refused."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ns3kan.agents.training.settings import FROM_TEXT, requirement
from ns3kan.errors import InputError
from ns3kan.io.documents import DocumentError, parse_yaml, read_bytes, shortened

CONFIGS = Path(__file__).parents[2] / "configs"

_UNKNOWN = "unexpected_keyword_argument"

T = TypeVar("T")


class ConfigurationError(InputError):
    """A setting is unknown, of the wrong type or out of range."""


def load(settings: type[T], *files: Path | str, changes: Mapping[str, object] | None = None) -> T:
    """Fill a dataclass from YAML files, later ones changing what earlier ones say.

    Parameters
    ----------
    settings : type
        A dataclass; its fields may be dataclasses, numbers, words, flags, mappings and tuples.
    files : Path or str
        YAML files, or names of experiments that come with the package (``"demo"``).
    changes : mapping of str to object, optional
        Last changes, by dotted name (``"evaluation.seeds": 3``).

    Returns
    -------
    object
        An instance of ``settings``.

    Raises
    ------
    ConfigurationError
        If a file is missing or damaged, or a setting is unknown, of the wrong type or refused by
        its dataclass; the message has the setting's dotted name and the file.
    """
    return Layers.read(*files, changes=changes).fill(settings)


@dataclasses.dataclass
class Layers:
    """Settings of several files and the command line on top of each other, not yet checked.

    Attributes
    ----------
    values
        By name; groups are mappings.
    sources
        For each dotted name where it was said last.
    """

    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    sources: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, *files: Path | str, changes: Mapping[str, object] | None = None) -> Layers:
        """Read files and changes, as `load` does.

        Raises
        ------
        ConfigurationError
            If a file is missing or damaged.
        """
        layers = cls()
        for file in files:
            path = _locate(file)
            _merge(layers.values, _read(path), layers.sources, str(path))
        for name, value in (changes or {}).items():
            layers.set(name, value)
        return layers

    def set(self, name: str, value: object, source: str = "the command line") -> None:
        """Change a setting by its dotted name."""
        layer: object = value
        for part in reversed(name.split(".")):
            layer = {part: layer}
        _merge(self.values, typing.cast(dict[str, Any], layer), self.sources, source)

    def get(self, name: str) -> Any:
        """Return a setting by its dotted name; None if nobody said it."""
        value: Any = self.values
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def fill(self, settings: type[T]) -> T:
        """Fill a dataclass, as `load` does.

        Raises
        ------
        ConfigurationError
            If a setting is unknown, of the wrong type or refused by its dataclass.
        """
        try:
            return TypeAdapter(settings).validate_python(self.values, context=FROM_TEXT)
        except ValidationError as error:
            # A misspelt name, which explains that another one is missing, comes first.
            first = min(error.errors(), key=lambda each: each["type"] != _UNKNOWN)
            raise ConfigurationError(self._sentence(settings, first)) from error

    def _sentence(self, settings: type, error: ErrorDetails) -> str:
        name = ".".join(part for part in error["loc"] if isinstance(part, str))
        if error["type"] == "value_error":
            return f"{name or 'the configuration'}: {error['ctx']['error']}"
        if error["type"] == "missing":
            return f"{name} must be given"
        source = self.sources.get(name, "the configuration")
        if error["type"] == _UNKNOWN:
            nearest = _nearest(name, list(_names(settings)))
            return f"unknown setting {name!r} in {source}: did you mean {nearest}?"
        shown = shortened(repr(error["input"]), 60)
        return f"{name} must {requirement(error)}, not {shown} (in {source})"


def parse_values(values: Mapping[str, str]) -> dict[str, object]:
    """Read the values of changes as they would stand in YAML.

    Parameters
    ----------
    values : mapping of str to str
        As people type them, by dotted name.

    Returns
    -------
    dict
        For `load`.

    Raises
    ------
    ConfigurationError
        If a value is not YAML.

    Examples
    --------
    >>> parse_values({"training.total_steps": "1e5", "training.actor_hidden": "[16, 16]"})
    {'training.total_steps': '1e5', 'training.actor_hidden': [16, 16]}
    """
    parsed: dict[str, object] = {}
    for name, text in values.items():
        try:
            parsed[name] = parse_yaml(text)
        except DocumentError as error:
            raise ConfigurationError(
                f"the value of {name} is not readable YAML ({error}): {shortened(text, 60)!r}; "
                "write it as in a file"
            ) from error
    return parsed


def resolved(settings: object) -> str:
    """Write a filled dataclass as YAML, every setting with its value.

    Parameters
    ----------
    settings : dataclass instance

    Returns
    -------
    str
        YAML that `load` reads back into an equal instance.
    """
    plain = TypeAdapter(type(settings)).dump_python(settings, mode="json")
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _locate(file: Path | str) -> Path:
    path = CONFIGS / f"{file}.yaml" if isinstance(file, str) and "." not in file else Path(file)
    if not path.is_file():
        raise ConfigurationError(f"there is no configuration file {path}: check its name")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        values = parse_yaml(read_bytes(path))
    except DocumentError as error:
        raise ConfigurationError(f"{path} is not readable YAML ({error}): correct it") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path} must hold settings as `name: value`, one per line")
    return values


def _merge(
    values: dict[str, Any],
    layer: Mapping[str, Any],
    sources: dict[str, str],
    source: str,
    prefix: str = "",
) -> None:
    for name, value in layer.items():
        sources[f"{prefix}{name}"] = source
        if isinstance(value, Mapping):
            if not isinstance(values.get(name), dict):
                values[name] = {}
            _merge(values[name], value, sources, source, f"{prefix}{name}.")
        else:
            values[name] = value


def _names(settings: type[Any], prefix: str = "") -> Iterator[str]:
    """Dotted names of all settings of a dataclass."""
    hints = typing.get_type_hints(settings)
    for field in dataclasses.fields(settings):
        if not field.init:
            continue
        yield f"{prefix}{field.name}"
        if dataclasses.is_dataclass(hints[field.name]):
            yield from _names(typing.cast(type[Any], hints[field.name]), f"{prefix}{field.name}.")


def _nearest(name: str, known: Sequence[str]) -> str:
    """Name the setting that was probably meant: one of another group, or a similar one."""
    last = name.rpartition(".")[2]
    elsewhere = [each for each in known if each.rpartition(".")[2] == last]
    return (elsewhere or difflib.get_close_matches(name, known, n=1, cutoff=0.0))[0]
