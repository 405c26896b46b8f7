# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from ns3kan.bridge.ns3.description import describe
from ns3kan.bridge.ns3.errors import ProtocolError

OBSERVATION = spaces.Box(-np.inf, np.inf, (2,), np.float64)
ACTION = spaces.Discrete(3)
LOAD = {"name": "load", "unit": "1", "low": 0, "high": 1.5}
DELAY = {"name": "delay", "unit": "s", "low": 0.0, "high": None}


def test_told_components_name_and_bound_the_numbers() -> None:
    description = describe(OBSERVATION, ACTION, {"features": [LOAD, DELAY]})
    assert description.feature_names == ("load", "delay")
    assert description.feature_units == ("1", "s")
    expected = spaces.Box(np.array([0.0, 0.0]), np.array([1.5, np.inf]), dtype=np.float64)
    assert description.observation_space == expected


def test_untold_components_get_derived_names() -> None:
    description = describe(OBSERVATION, ACTION, None)
    assert description.observation_space is OBSERVATION
    assert description.feature_names == ("observation_0", "observation_1")
    assert description.feature_units == ("", "")
    assert description.action_names == ("action_0", "action_1", "action_2")


@pytest.mark.parametrize(
    "told",
    [
        [],
        {"features": [LOAD]},
        {"features": "load"},
        {"features": [LOAD, LOAD]},
        {"features": [LOAD, {"name": "delay"}]},
        {"features": [LOAD, DELAY | {"low": "much"}]},
        {"features": [LOAD, DELAY | {"low": 1, "high": 0}]},
        {"features": [LOAD, 3]},
    ],
)
def test_senseless_descriptions_are_refused(told: Any) -> None:
    with pytest.raises(ProtocolError, match="The simulator"):
        describe(OBSERVATION, ACTION, told)


def test_what_is_not_a_number_is_refused_by_name() -> None:
    description = describe(OBSERVATION, ACTION, {"features": [LOAD, DELAY]})
    description.check_observation(np.array([1.0, np.inf]))
    with pytest.raises(ProtocolError, match="a delay that is not a number"):
        description.check_observation(np.array([1.0, np.nan]))


def test_what_is_not_a_number_is_refused_in_nested_spaces() -> None:
    space = spaces.Dict({"choice": spaces.Discrete(2), "level": spaces.Box(0, 1, (1,))})
    description = describe(space, ACTION, None)
    with pytest.raises(ProtocolError, match="observation_2"):
        description.check_observation({"choice": np.int64(1), "level": np.array([np.nan])})


@pytest.mark.parametrize("inner", [spaces.Discrete(2**31 - 1), spaces.Box(0, 1, (2**20,))])
def test_what_is_too_much_to_name_is_not_named_nor_spelt_out(inner: spaces.Space[Any]) -> None:
    space = spaces.Tuple([inner, spaces.Box(0, 1, (1,))])
    description = describe(space, ACTION, None)
    assert description.feature_names == description.feature_units == ()
    value = np.int64(3) if isinstance(inner, spaces.Discrete) else np.zeros(inner.shape)
    description.check_observation((value, np.array([1.0])))
    with pytest.raises(ProtocolError, match=f"observation_{spaces.flatdim(inner)} that is not"):
        description.check_observation((value, np.array([np.nan])))
