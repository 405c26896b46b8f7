# SPDX-License-Identifier: MIT
"""What an environment's numbers mean: spaces, and names and units of their components."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import logger, spaces

from ns3kan._native import bridge as _native
from ns3kan.bridge.ns3.codec import Space
from ns3kan.bridge.ns3.errors import ProtocolError
from ns3kan.bridge.ns3.values import refuse_other_choices
from ns3kan.errors import InputError

MAX_NAMES = 1 << 17


class ChoiceCheck:
    """What is done about an observed choice outside its Discrete.

    Simulators of this project cannot send one. ns3-gym does not check, and programs written for it
    do: its example ``opengym-2`` declares as many choices as there are nodes and sends more.

    Parameters
    ----------
    refuse
        Whether it is an error. Otherwise the first is warned of, and all are passed on.
    """

    def __init__(self, *, refuse: bool = False) -> None:
        self._refuse = refuse
        self._has_warned = False

    def check(self, observation: Any, space: Space) -> None:
        """Look for such a choice.

        Parameters
        ----------
        observation
            With the structure of the space.
        space
            As declared by a simulator.

        Raises
        ------
        ProtocolError
            If there is one, and it is refused.
        """
        if self._has_warned:
            return
        try:
            refuse_other_choices(observation, space)
        except ValueError as error:
            problem = f"In the simulator's observation {error}"
            if self._refuse:
                raise ProtocolError(f"{problem}; declare as many choices as are sent.") from None
            self._has_warned = True
            logger.warn(
                f"{problem}; it and others like it are passed on. Declare as many choices as are "
                "sent, or refuse them with check_choices=True."
            )


@dataclass(frozen=True)
class Description:
    """Spaces of an environment with named components.

    Attributes
    ----------
    observation_space, action_space
        Gymnasium spaces; the bounds of a Box are those of its components where they are known.
    feature_names, action_names
        One name per number of a flattened observation or action; none if they are more than
        `MAX_NAMES` and the simulator names none.
    feature_units, action_units
        Their units, ``""`` where unknown.
    choices
        What is done about observed choices outside their Discretes.
    """

    observation_space: Space
    action_space: Space
    feature_names: tuple[str, ...]
    feature_units: tuple[str, ...]
    action_names: tuple[str, ...]
    action_units: tuple[str, ...]
    choices: ChoiceCheck = field(default_factory=ChoiceCheck, compare=False)

    def check_observation(self, observation: Any) -> None:
        """Refuse an observation that is not a number somewhere, and look at its choices.

        The same check for whatever carried it. Bounds of Boxes are not checked: ns3-gym's own
        examples overstep them.

        Raises
        ------
        ProtocolError
            Which names the first component that is not a number; or from `choices`.
        """
        if isinstance(observation, np.ndarray) and not _native.has_nan(observation):
            return
        self.choices.check(observation, self.observation_space)
        for numbers, start in _boxes(self.observation_space, observation, 0):
            bad = np.isnan(numbers)
            if bad.any():
                index = start + int(np.argmax(bad))
                names = self.feature_names
                name = names[index] if names else f"observation_{index}"
                raise ProtocolError(f"The simulator reports a {name} that is not a number (NaN).")


def _boxes(space: Space, value: Any, start: int) -> Iterator[tuple[Any, int]]:
    """Arrays in an observation, with the index of their first number when it is flattened.

    It is not flattened for that: a Discrete of n choices then becomes n numbers.
    """
    if isinstance(space, spaces.Box):
        yield value, start
    elif isinstance(space, spaces.Tuple | spaces.Dict):
        inner = space.spaces
        pairs = (
            zip(inner, value, strict=True)
            if isinstance(inner, tuple)
            else ((inner[name], value[name]) for name in inner)
        )
        for element, part in pairs:
            yield from _boxes(element, part, start)
            start += spaces.flatdim(element)


@dataclass(frozen=True)
class GivenNames:
    """Names and units that a user gives for the numbers of a simulator that names none.

    Attributes
    ----------
    kind
        ``"feature"`` or ``"action"``.
    names, units
        None if they were not given.
    """

    kind: str
    names: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None


def given_names(
    kind: str, names: Sequence[str] | None, units: Sequence[str] | None
) -> GivenNames | None:
    """Check names and units that a user gives.

    Parameters
    ----------
    kind
        ``"feature"`` or ``"action"``.
    names, units
        As given, or None.

    Returns
    -------
    GivenNames or None
        None if neither was given.

    Raises
    ------
    TypeError
        If they are no sequences of strings.
    ValueError
        If a name or unit is empty, or a name is given twice.
    """
    if names is None and units is None:
        return None
    for what, words in ((f"{kind}_names", names), (f"{kind}_units", units)):
        if words is None:
            continue
        if isinstance(words, str) or not all(isinstance(word, str) for word in words):
            raise TypeError(f"{what}={words!r} must be a sequence of strings.")
        if not all(words):
            raise InputError(
                f"{what}={words!r} must not hold an empty string; a plain number's unit is '1'."
            )
    if names is not None and len(set(names)) != len(names):
        raise InputError(f"{kind}_names={names!r} must be different names.")
    return GivenNames(
        kind, None if names is None else tuple(names), None if units is None else tuple(units)
    )


def describe(
    observation_space: Space,
    action_space: Space,
    told: object,
    *,
    features: GivenNames | None = None,
    actions: GivenNames | None = None,
    choices: ChoiceCheck | None = None,
) -> Description:
    """Put together what a simulator declared and what it told about its numbers.

    Parameters
    ----------
    observation_space, action_space
        Spaces as declared.
    told
        The object under ``"ns3kan"`` in the first state's info, or None:
        ``{"features": [{"name", "unit", "low", "high"}, …], "actions": […]}``, where a bound of
        None means none.
    features, actions
        Names and units from the user, where the simulator tells none.
    choices
        What is done about observed choices outside their Discretes; by default the first is warned
        of.

    Raises
    ------
    ProtocolError
        If what was told is malformed or does not fit the spaces.
    ValueError
        If the user gives more or fewer names than there are numbers, or names them although the
        simulator does.
    """
    if told is None:
        told = {}
    if not isinstance(told, Mapping):
        raise ProtocolError("The simulator's description of its numbers is not a JSON object.")
    observation_space, feature_names, feature_units = _name(
        observation_space, told.get("features"), "observation", features
    )
    action_space, action_names, action_units = _name(
        action_space, told.get("actions"), "action", actions
    )
    return Description(
        observation_space,
        action_space,
        feature_names,
        feature_units,
        action_names,
        action_units,
        choices or ChoiceCheck(),
    )


def _name(
    space: Space, components: object, kind: str, given: GivenNames | None
) -> tuple[Space, tuple[str, ...], tuple[str, ...]]:
    size = spaces.flatdim(space)
    if given is not None:
        if components:
            raise InputError(
                f"The simulator names its {kind}s itself; leave {given.kind}_names and "
                f"{given.kind}_units out."
            )
        names = given.names or tuple(f"{kind}_{i}" for i in range(size))
        # A quantity whose unit nobody knows is a plain number.
        units = given.units or ("1",) * size
        for what, words in (("names", names), ("units", units)):
            if len(words) != size:
                raise InputError(
                    f"{given.kind}_{what} holds {len(words)} entries, but the {kind}s of {space} "
                    f"are {size} numbers; give one for each."
                )
        return space, names, units
    if not components:
        # A few bytes can declare billions of choices.
        size = size if size <= MAX_NAMES else 0
        return space, tuple(f"{kind}_{i}" for i in range(size)), ("",) * size
    if not isinstance(components, list) or len(components) != size:
        raise ProtocolError(
            f"The simulator describes its {kind}s in a way that does not fit {space}: "
            f"a list of {size} components is needed."
        )
    try:
        names = tuple(str(component["name"]) for component in components)
        units = tuple(str(component["unit"]) for component in components)
        low = [_bound(component["low"], -math.inf) for component in components]
        high = [_bound(component["high"], math.inf) for component in components]
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(
            f"The simulator describes a component of its {kind}s "
            "without a proper name, unit, low or high."
        ) from error
    if len(set(names)) != size:
        raise ProtocolError(f"The simulator uses a name twice for its {kind}s: {', '.join(names)}.")
    if not isinstance(space, spaces.Box):
        return space, names, units
    low_array = np.reshape(low, space.shape)
    high_array = np.reshape(high, space.shape)
    if not np.all(low_array <= high_array):
        raise ProtocolError(f"The simulator gives a {kind} a lower bound above its upper bound.")
    if space.dtype.kind in "iu":
        low_array, high_array = np.maximum(low_array, space.low), np.minimum(high_array, space.high)
    box = spaces.Box(
        low_array.astype(space.dtype), high_array.astype(space.dtype), dtype=space.dtype.type
    )
    return box, names, units


def _bound(value: object, unbounded: float) -> float:
    if value is None:
        return unbounded
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{value!r} is not a bound")
    return float(value)
