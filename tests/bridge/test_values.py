# SPDX-License-Identifier: MIT
"""Which actions are taken, and that a refused one leaves the episode as it was."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.error import InvalidAction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ports import free_port
from test_codec import any_space, assert_same, values

from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.parallel_env import DictParallelEnv, Ns3ParallelEnv
from ns3kan.bridge.ns3.values import conform
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

SPACES = str(Path(__file__).with_name("foreign_spaces.py"))
AGENTS = str(Path(__file__).with_name("foreign_agents.py"))
EXAMPLE = scenario_path("gym-example")
POSITION = [0.5, 1, -2.0]


def as_lists(value: Any) -> Any:
    """Say a value with Python's own types, as a client in JSON or protocol buffers does."""
    if isinstance(value, dict):
        return {name: as_lists(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [as_lists(part) for part in value]
    return value.tolist()


@given(any_space.flatmap(lambda space: st.tuples(st.just(space), values(space))))
@settings(deadline=None)
def test_a_value_in_pythons_own_types_is_the_same_value(pair: tuple[Any, Any]) -> None:
    space, value = pair
    if not space.contains(value):
        with pytest.raises(ValueError, match=r"none of|lie between|is no"):
            conform(as_lists(value), space)
        return
    assert_same(conform(as_lists(value), space), value)
    assert_same(conform(value, space), value)


@given(
    st.sampled_from([np.int32, np.uint32]),
    hnp.arrays(
        st.sampled_from([np.int8, np.uint8, np.int64, np.uint64, np.float64, np.bool_]),
        hnp.array_shapes(max_dims=2, max_side=3),
    ),
)
@settings(deadline=None)
def test_whole_numbers_are_taken_exactly_where_the_type_holds_them(dtype: Any, array: Any) -> None:
    limits = np.iinfo(dtype)
    space = spaces.Box(limits.min, limits.max, array.shape, dtype)
    exact = all(
        float(number).is_integer() and limits.min <= int(number) <= limits.max
        for number in array.ravel().tolist()
        if np.isfinite(number)
    ) and bool(np.isfinite(array).all())
    try:
        taken = conform(array, space)
    except ValueError:
        assert not exact
        return
    assert exact
    assert taken.dtype == dtype
    assert taken.tolist() == array.astype(object).astype(int).tolist()


@pytest.mark.parametrize(
    ("action", "space", "complaint"),
    [
        ([1.5, 2], spaces.Box(0, 9, (2,), np.uint32), r"number 1.5 at \(0,\) is none of uint32"),
        ([1, 2**32], spaces.Box(0, 9, (2,), np.uint32), r"at \(1,\) is none of uint32"),
        ([1, -1], spaces.Box(0, 9, (2,), np.uint32), r"-1 at \(1,\)"),
        ([1e300], spaces.Box(-np.inf, np.inf, (1,), np.float32), "none of float32"),
        ([1, 10], spaces.Box(0, 9, (2,), np.int32), r"10 at \(1,\) does not lie between 0 and 9"),
        ([1, "2"], spaces.Box(0, 9, (2,)), "instead of numbers"),
        ([[1], [2, 3]], spaces.Box(0, 9, (2,)), r"an array of shape \(2,\) is needed"),
        (2, spaces.Box(0, 9, (2,)), r"shape \(\) instead of \(2,\)"),
        (1.5, spaces.Discrete(3), "whole number between 0 and 2"),
        (3, spaces.Discrete(3), "whole number between 0 and 2"),
        (float("nan"), spaces.Discrete(3), "whole number"),
        ([1], spaces.Discrete(3), "shape"),
        ({"a": 1, "c": 0}, spaces.Dict(a=spaces.Discrete(2), b=spaces.Discrete(2)), "keys a, b"),
        (
            {"a": (1, 5)},
            spaces.Dict(a=spaces.Tuple([spaces.Discrete(2)] * 2)),
            "element 'a', in el",
        ),
        ("no", spaces.Tuple([spaces.Discrete(2)] * 2), "a sequence of 2"),
        (None, spaces.Tuple([spaces.Discrete(2)]), "a sequence of 1"),
    ],
)
def test_what_is_wrong_with_an_action_is_said(action: Any, space: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        conform(action, space)


WRONG: tuple[Any, ...] = ([1.5, 2], [1, -1], [2**40, 0], [1], "no", None, {"a": 1}, [[1], [1, 2]])


@pytest.mark.parametrize("action", [[1000, 2000], (1000.0, 2000), np.array([1000, 2000], np.int64)])
def test_whole_numbers_of_any_type_reach_a_simulator_of_uint32(action: Any) -> None:
    with Ns3Env(sys.executable, [SPACES, "--simSeed", "well"]) as env:
        env.reset()
        for wrong in WRONG:
            with pytest.raises(InvalidAction, match="which is not in"):
                env.step(wrong)
        assert env.step(action)[1] == 3000


@pytest.mark.parametrize("transport", ["zmq", "shm"])
def test_nested_actions_in_lists_come_back_as_they_were_meant(transport: Any) -> None:
    dictionary = {"position": POSITION, "choice": 3}
    with Ns3Env(EXAMPLE, space="nested", transport=transport, steps=3) as env:
        env.reset()
        for wrong in (
            {"inner": dictionary},
            {"inner": dictionary, "pair": [dictionary, [9, np.zeros((2, 3))]]},
            {"inner": dictionary, "pair": [dictionary, [1, np.zeros((3, 2))]]},
            [dictionary, dictionary],
            None,
        ):
            with pytest.raises(InvalidAction):
                env.step(wrong)
        pair = [dictionary, [np.int8(4), [[1, 2, 3], [4, 5, 6]]]]
        observation, *_ = env.step({"inner": dictionary, "pair": pair})
        assert observation["inner"]["choice"] == 3
        assert observation["pair"][0]["position"].tolist() == POSITION
        assert observation["pair"][1][0] == 4
        assert observation["pair"][1][1].tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("space", ["discrete", "int", "float", "tuple"])
@pytest.mark.parametrize("transport", ["zmq", "shm"])
def test_a_refused_action_does_not_lose_the_episode(space: str, transport: Any) -> None:
    with Ns3Env(EXAMPLE, space=space, transport=transport, steps=3) as env:
        env.reset()
        for wrong in (object(), [object()], b"bytes", 1j, 10**30, [[[]]], {"a": {}}):
            with pytest.raises(InvalidAction):
                env.step(wrong)
        action = env.action_space.sample()
        assert_same(env.step(as_lists(action) if space != "tuple" else action)[0], action)


def test_a_refused_batch_does_not_lose_the_episodes() -> None:
    env = Ns3VectorEnv(2, command=sys.executable, args=[SPACES, "--simSeed", "well"])
    with closing(env):
        env.reset()
        for wrong in ([[1, 2]], [[1, 2]] * 3, [1, 2], None, {"a": 1}, 5):
            with pytest.raises(InvalidAction):
                env.step(wrong)
        with pytest.raises(InvalidAction, match=r"Environment 1: .* 1.5"):
            env.step([[1, 2], [1.5, 2]])
        assert env.step([[1, 2], [1000, 2000]])[1].tolist() == [3, 3000]


def test_a_refused_batch_of_dicts_does_not_lose_the_episodes() -> None:
    with closing(Ns3VectorEnv(2, command=EXAMPLE, space="dict", steps=3)) as env:
        env.reset()
        for wrong in ({"position": [POSITION]}, {"choice": [1, 1]}, [1, 2]):
            with pytest.raises(InvalidAction):
                env.step(wrong)
        observations, *_ = env.step({"position": [POSITION, POSITION], "choice": [1, 4]})
        assert observations["choice"].tolist() == [1, 4]
        assert observations["position"].tolist() == [POSITION, POSITION]


def test_a_refused_action_of_an_agent_does_not_lose_the_episode() -> None:
    with closing(Ns3ParallelEnv(sys.executable, [AGENTS, "well"], agents=3)) as env:
        env.reset()
        for wrong in (5, 0.5, "no", None, [0]):
            with pytest.raises(InvalidAction, match="agent_0 was given"):
                env.step({"agent_0": wrong, "agent_1": 0, "agent_2": 0})
        assert env.step({"agent_0": 1.0, "agent_1": np.uint8(2), "agent_2": 3})[1]["agent_2"] == 3
    with closing(DictParallelEnv(Ns3Env(EXAMPLE, space="dict", steps=3))) as dicts:
        dicts.reset()
        with pytest.raises(InvalidAction):
            dicts.step({"position": [1, 2], "choice": 0})
        assert dicts.step({"position": [1, 2, 3], "choice": 2})[0]["choice"] == 2


def test_a_refused_action_does_not_lose_the_episode_of_an_attached_simulator() -> None:
    port = free_port()
    program = [sys.executable, SPACES, "--simSeed", "well", f"--openGymPort={port}"]
    simulator = subprocess.Popen(program)
    try:
        with Ns3Env(port=port) as env:
            env.reset()
            for wrong in WRONG:
                with pytest.raises(InvalidAction):
                    env.step(wrong)
            assert env.step([7, 8])[1] == 15
        assert simulator.wait(20) == 0
    finally:
        simulator.kill()
        simulator.wait()
