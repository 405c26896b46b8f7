# SPDX-License-Identifier: MIT
"""Typed settings: dataclasses filled from layers of YAML, unknown keys refused."""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ns3kan.errors import InputError
from ns3kan.io.documents import DocumentError, parse_yaml, read_bytes, shortened

CONFIGS = Path(__file__).parents[2] / "configs"

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
        return _fill(settings, self.values, "", self.sources, list(_names(settings)))


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
    return yaml.safe_dump(_plain(settings), sort_keys=False, allow_unicode=True)


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


def _fill(
    settings: type[T],
    values: Mapping[str, Any],
    prefix: str,
    sources: dict[str, str],
    everything: Sequence[str],
) -> T:
    known = {field.name for field in dataclasses.fields(settings) if field.init}  # type: ignore[arg-type]  # T is a dataclass
    hints = typing.get_type_hints(settings)
    filled = {}
    for name, value in values.items():
        full = f"{prefix}{name}"
        if name not in known:
            raise ConfigurationError(
                f"unknown setting {full!r} in {sources.get(full, 'the configuration')}: "
                f"did you mean {_nearest(full, everything)}?"
            )
        filled[name] = _convert(hints[name], value, full, sources, everything)
    try:
        return settings(**filled)
    except (TypeError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        group = prefix.rstrip(".") or "the configuration"
        raise ConfigurationError(f"{group}: {error}") from error


def _convert(
    hint: Any, value: Any, name: str, sources: dict[str, str], everything: Sequence[str]
) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (hint,) = (argument for argument in arguments if argument is not type(None))
        return _convert(hint, value, name, sources, everything)
    wanted = "a group of settings"
    if dataclasses.is_dataclass(hint):
        if isinstance(value, Mapping):
            return _fill(typing.cast(type[Any], hint), value, f"{name}.", sources, everything)
    elif origin is typing.Literal:
        if value in arguments:
            return value
        wanted = "one of " + ", ".join(map(str, arguments))
    elif origin is tuple:
        if isinstance(value, list | tuple):
            return tuple(_convert(arguments[0], item, name, sources, everything) for item in value)
        wanted = "a list"
    elif origin in (dict, collections.abc.Mapping):
        if isinstance(value, Mapping):
            return dict(value)
    elif hint is float:
        number = _number(value)
        if number is not None:
            return number
        wanted = "a number"
    elif hint is int:
        whole = _whole(value)
        if whole is not None:
            return whole
        wanted = "a whole number"
    elif type(value) is hint:
        return value
    else:
        wanted = {str: "a word", bool: "true or false"}[hint]
    source = sources.get(name, "the configuration")
    raise ConfigurationError(
        f"{name} must be {wanted}, not {shortened(repr(value), 60)} (in {source})"
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        # YAML 1.1 reads 3e-4 as a word; people mean the number.
        return float(value)
    except (ValueError, OverflowError):
        return None


def _whole(value: object) -> int | None:
    number = _number(value)
    # No setting counts further than 64 bits do.
    if number is None or abs(number) > 2**64:
        return None
    if isinstance(value, int):
        return value
    # People write a million steps as 1e6.
    return int(number) if number.is_integer() else None


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.init
        }
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
