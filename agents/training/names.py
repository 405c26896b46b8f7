# SPDX-License-Identifier: MIT
"""Names and units of what an environment shows and takes."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gymnasium import spaces
from gymnasium.vector import VectorEnv

from ns3kan.errors import InputError


@dataclass(frozen=True)
class Names:
    """Names and units of the features and names of the actions of an environment."""

    features: tuple[str, ...]
    units: tuple[str, ...]
    actions: tuple[str, ...]


def names_of(vector_env: VectorEnv[Any, Any, Any], features: int, actions: int) -> Names:
    """Return the names that an environment gives, or ``observation_0``, ``action_0`` and so on."""
    return Names(
        features=given_names(vector_env, "feature_names", "observation", features),
        units=given_names(vector_env, "feature_units", None, features),
        actions=given_names(vector_env, "action_names", "action", actions),
    )


def numbered_names(features: int, actions: int) -> Names:
    """Name what has no names: ``observation_0`` …, ``action_0`` …, in the unit "1"."""
    return Names(
        tuple(f"observation_{i}" for i in range(features)),
        ("1",) * features,
        tuple(f"action_{i}" for i in range(actions)),
    )


def choice_names(
    vector_env: VectorEnv[Any, Any, Any], observed: spaces.Space[Any], actions: int
) -> Names:
    """Return the names of all numbers of an observation, and of the choices.

    The features of component k, a row of an observation (components, features), are called
    ``name_k``. Numbers of a Box of more axes are ``observation_0`` and so on.
    """
    assert isinstance(observed, spaces.Box)
    count = math.prod(observed.shape)
    numbered = numbered_names(count, actions)
    if attribute_of(vector_env, "feature_names") is None or len(observed.shape) not in (1, 2):
        return numbered
    given = names_of(vector_env, observed.shape[-1], actions)
    if len(observed.shape) == 1:
        return dataclasses.replace(given, actions=numbered.actions)
    components = range(observed.shape[0])
    features = tuple(f"{name}_{k}" for k in components for name in given.features)
    return Names(features, given.units * len(components), numbered.actions)


def given_names(
    vector_env: VectorEnv[Any, Any, Any], attribute: str, default: str | None, count: int
) -> tuple[str, ...]:
    """Return the names that an environment has as an attribute; see `attribute_of`.

    Without the attribute they are ``default_0``, ``default_1`` and so on, or "1", the unit of plain
    numbers, if there is no default. A simulator that does not say a unit leaves it empty, which
    then is "1", too.

    Raises
    ------
    ValueError
        If two have one name: no equation could tell them apart.
    """
    names = attribute_of(vector_env, attribute)
    if names is not None and default is None:
        return known_units(names)
    if names is not None:
        if repeated := repeated_name(tuple(names)):
            raise InputError(
                f"Two of the environment's {attribute} are '{repeated}'; give each a name of its "
                "own."
            )
        return tuple(names)
    return ("1",) * count if default is None else tuple(f"{default}_{i}" for i in range(count))


def known_units(units: Iterable[str]) -> tuple[str, ...]:
    """Return units with "1", that of plain numbers, in place of those that nobody knows."""
    return tuple(unit or "1" for unit in units)


def repeated_name(names: Sequence[str]) -> str | None:
    """Return the first name that is there twice, if there is one."""
    return next((name for place, name in enumerate(names) if name in names[:place]), None)


def attribute_of(vector_env: VectorEnv[Any, Any, Any], name: str) -> Any:
    """Return an attribute of the outermost wrapper that has it, or of the single environments.

    None if none of them has it.
    """
    layer: Any = vector_env
    while layer is not None:
        if hasattr(layer, name):
            return getattr(layer, name)
        layer = getattr(layer, "env", None)
    if not hasattr(vector_env.unwrapped, "get_attr"):
        return None
    try:
        return vector_env.unwrapped.get_attr(name)[0]
    except AttributeError:
        return None
