# SPDX-License-Identifier: MIT
"""What strangers may expect of every environment that ns3kan registers."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AsyncVectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import NormalizeObservation, RecordEpisodeStatistics, TimeLimit

from ns3kan.registration import ENVIRONMENTS

IDS = sorted(ENVIRONMENTS)
# A fabric warms up for seconds of computing time otherwise.
SHORT: dict[str, dict[str, Any]] = {"ns3kan/LeafSpine-v0": {"warmup": "1ms"}}


@pytest.fixture(params=IDS)
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield request.param


def make(name: str) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(name, **SHORT.get(name, {}))


def actions(env: Any, count: int) -> list[Any]:
    env.action_space.seed(3)
    return [env.action_space.sample() for _ in range(count)]


def trajectory(env: gymnasium.Env[Any, Any], chosen: list[Any], seed: int | None) -> list[Any]:
    states: list[Any] = [env.reset(seed=seed)[0].tolist()]
    for action in chosen:
        observation, reward, terminated, truncated, _ = env.step(action)
        assert observation in env.observation_space
        assert not terminated
        assert not truncated
        states.append((observation.tolist(), reward))
    return states


def test_a_seed_repeats_an_episode_and_without_one_another_follows(name: str) -> None:
    with gymnasium.make(name, render_mode=None, **SHORT.get(name, {})) as env:
        assert env.render_mode is None
        chosen = actions(env, 4)
        first = trajectory(env, chosen, 5)
        second = trajectory(env, chosen, None)
        assert trajectory(env, chosen, 5) == first
        assert trajectory(env, chosen, None) == second != first
        assert trajectory(env, chosen, 6) != first


def test_a_specification_travels(name: str) -> None:
    spec = gymnasium.spec(name)
    for copy in (pickle.loads(pickle.dumps(spec)), EnvSpec.from_json(spec.to_json())):
        with gymnasium.make(copy) as env:
            assert env.spec is not None
            assert env.spec.id == name
            json.loads(env.spec.to_json())
            assert len(env.unwrapped.feature_names) == len(env.unwrapped.feature_units)  # type: ignore[attr-defined]


def test_usual_wrappers(name: str) -> None:
    with RecordEpisodeStatistics(NormalizeObservation(TimeLimit(make(name), 3))) as env:
        for _ in range(2):
            env.reset(seed=1)
            steps = [env.step(action) for action in actions(env, 3)]
            assert [truncated for *_, truncated, _ in steps] == [False, False, True]
            assert steps[-1][4]["episode"]["l"] == 3
            rewards = sum(float(reward) for _, reward, *_ in steps)
            assert steps[-1][4]["episode"]["r"] == pytest.approx(rewards)


def vector_states(env: Any) -> list[Any]:
    """What two lanes return, the first observation and then four steps."""
    assert env.observation_space == batch_space(env.single_observation_space, 2)
    assert env.action_space == batch_space(env.single_action_space, 2)
    states = [env.reset(seed=1)[0], *(env.step(chosen) for chosen in actions(env, 4))]
    for observation, rewards, terminations, truncations, infos in states[1:]:
        assert observation in env.observation_space
        assert rewards.shape == terminations.shape == truncations.shape == (2,)
        assert terminations.dtype == truncations.dtype == np.bool_
        assert all(infos[f"_{key}"].all() for key in infos if not key.startswith("_"))
    return states


def test_make_vec(name: str) -> None:
    with closing(gymnasium.make_vec(name, 2, **SHORT.get(name, {}))) as env:
        assert env.spec is not None
        own = vector_states(env.unwrapped)
    env.close()
    with closing(
        gymnasium.make_vec(name, 2, vectorization_mode="sync", **SHORT.get(name, {}))
    ) as env:
        several = vector_states(env)
    if "Image" in name:
        return  # Its lanes share one stream of images, as its manual says.
    assert np.array_equal(own[0], several[0])
    for one, other in zip(own[1:], several[1:], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one[:4], other[:4], strict=True))


def test_other_processes(name: str) -> None:
    with closing(AsyncVectorEnv([lambda: make(name)] * 2)) as env:
        first, _ = env.reset(seed=1)
        env.step(env.action_space.sample())
        assert np.array_equal(first, env.reset(seed=1)[0])


def test_a_render_mode_is_refused(name: str) -> None:
    with (
        pytest.warns(UserWarning, match="render"),
        pytest.raises(TypeError, match="nothing to draw"),
    ):
        gymnasium.make(name, render_mode="human")


def test_stable_baselines3_makes_and_learns(name: str) -> None:
    pytest.importorskip("stable_baselines3")
    from stable_baselines3 import A2C
    from stable_baselines3.common.env_util import make_vec_env

    # make_vec_env asks for render_mode="rgb_array" first, and goes on without.
    warnings.filterwarnings("ignore", ".*environment creation.*render|.*render_mode")
    env = make_vec_env(name, n_envs=2, seed=1, wrapper_class=gymnasium.wrappers.FlattenObservation)
    model = A2C("MlpPolicy", env, n_steps=3, device="cpu", policy_kwargs={"net_arch": [4]})
    before = [parameter.clone() for parameter in model.policy.parameters()]
    model.learn(6)
    assert any(
        not old.equal(new) for old, new in zip(before, model.policy.parameters(), strict=True)
    )
    env.close()
