# SPDX-License-Identifier: MIT
"""Action spaces that an algorithm cannot decide are refused before it begins, with advice."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

from ns3kan.agents.ddqn import DDQN
from ns3kan.agents.discretise import DiscretiseRatios
from ns3kan.agents.equations.artefact.decider import Decider
from ns3kan.agents.equations.search.teachers import DistillationError
from ns3kan.agents.ppo import PPO, PPOConfig
from ns3kan.agents.spaces import are_ratios
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.installed import scenario_path

RATIO = spaces.Box(0, 1, (1,), np.float64)
OTHERS: list[tuple[spaces.Space[Any], str]] = [
    *((spaces.Box(0, 1, (1,), t), r"whole \(" + np.dtype(t).name) for t in (np.int32, np.uint32)),
    *((spaces.Box(0, 1, (1,), t), r"whole \(" + np.dtype(t).name) for t in (np.int8, np.int64)),
    (spaces.Box(0, 1, (1,), np.float16), "float16 is too coarse"),
    (spaces.Box(0, 1, (1, 1), np.float32), "give it one axis"),
    (spaces.Box(0, 1, (), np.float32), "give it one axis"),
    (spaces.Box(0, 2, (1,), np.float32), "scale them itself"),
    (spaces.Discrete(2), "take DDQN"),
    (spaces.MultiDiscrete([2, 2]), "one Box, or one Discrete"),
    (spaces.MultiBinary(2), "one Box, or one Discrete"),
    (spaces.Tuple([RATIO]), "one Box, or one Discrete"),
    (spaces.Dict(a=RATIO), "one Box, or one Discrete"),
]


class Idle(gymnasium.Env[Any, Any]):
    """Any spaces; must never be stepped, nor reset by who refuses it."""

    observation_space = spaces.Box(0, 1, (2,), np.float32)

    def __init__(self, action_space: spaces.Space[Any]) -> None:
        self.action_space = action_space

    def reset(self, **_: Any) -> Any:
        raise AssertionError("reset before the spaces were checked")


def idle(space: spaces.Space[Any]) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: Idle(space)])


@pytest.mark.parametrize(("space", "advice"), OTHERS)
def test_who_decides_ratios_refuses_other_spaces(space: Any, advice: str) -> None:
    assert not are_ratios(space)
    with closing(idle(space)) as env:
        with pytest.raises(ValueError, match=rf"PPO decides ratios.*{advice}"):
            PPO(PPOConfig(total_steps=1)).learn(env)
        with pytest.raises(ValueError, match=rf"can be made levels.*{advice}"):
            DiscretiseRatios(env)
        if not isinstance(space, spaces.Discrete):
            with pytest.raises(DistillationError, match="float32 or float64"):
                Decider(env, None, 0)
            with pytest.raises(ValueError, match=r"one choice of a Discrete|DiscretiseRatios"):
                DDQN().learn(env)


def test_ddqn_sends_ratios_to_their_wrapper() -> None:
    with closing(idle(RATIO)) as env, pytest.raises(ValueError, match="DiscretiseRatios"):
        DDQN().learn(env)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ratios_of_full_precision_are_taken(dtype: Any) -> None:
    assert are_ratios(spaces.Box(0, 1, (3,), dtype))


def test_observations_that_are_no_box_are_refused_with_advice() -> None:
    class Nested(Idle):
        observation_space = spaces.Dict(a=RATIO)  # type: ignore[assignment]

    for learner, space in ((PPO(), RATIO), (DDQN(), spaces.Discrete(2))):
        with (
            closing(SyncVectorEnv([lambda space=space: Nested(space)])) as env,  # type: ignore[misc]
            pytest.raises(ValueError, match="FlattenObservation"),
        ):
            learner.learn(env)  # type: ignore[attr-defined]


def test_stable_baselines_refuses_whole_numbers_too() -> None:
    pytest.importorskip("stable_baselines3")
    from ns3kan.agents.stable_baselines import RatioPolicy

    with pytest.raises(ValueError, match="float32 or float64"):
        RatioPolicy(RATIO, spaces.Box(0, 1, (1,), np.int32), lambda _: 0.1)


def test_a_simulators_own_whole_numbers_are_refused() -> None:
    with Ns3Env(scenario_path("gym-example"), space="uint", steps=2) as env:
        assert not are_ratios(env.action_space)
