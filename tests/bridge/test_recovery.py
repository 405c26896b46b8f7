# SPDX-License-Identifier: MIT
"""`Ns3VectorEnv` with simulators that fail, and its autoreset modes."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from processes import living_children

from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import SimulatorError, SimulatorTimeoutError
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

EXAMPLE = scenario_path("gym-example")


def kill_simulator(env: Ns3Env) -> None:
    assert env._session is not None
    os.kill(env._session._simulator.pid, signal.SIGKILL)  # type: ignore[attr-defined]


def examples(num_envs: int, **arguments: Any) -> closing[Ns3VectorEnv]:
    return closing(Ns3VectorEnv(num_envs, command=EXAMPLE, **arguments))


def actions(num_envs: int) -> Any:
    return np.full((num_envs, 1), 0.5)


def test_a_dead_simulator_costs_its_episode_and_no_other() -> None:
    with examples(3, steps=10) as env:
        env.reset(seed=1)
        env.step(actions(3))
        kill_simulator(env.envs[1])
        observations, rewards, terminations, truncations, infos = env.step(actions(3))
        np.testing.assert_array_equal(observations[:, 1], [2, 1, 2])
        # What the action brought is not known.
        np.testing.assert_array_equal(rewards, [0.5, np.nan, 0.5])
        assert infos["transition_lost"].tolist() == [False, True, False]
        assert truncations.tolist() == [False, True, False]
        assert not terminations.any()
        assert "was killed by SIGKILL" in infos["simulator_error"][1]
        assert infos["simulator_error"][0] is None
        assert infos["_simulator_error"].tolist() == [False, True, False]
        observations, *_, truncations, infos = env.step(actions(3))
        np.testing.assert_array_equal(observations[:, 1], [3, 0, 3])
        assert not truncations.any()
        assert "simulator_error" not in infos
        np.testing.assert_array_equal(env.step(actions(3))[0][:, 1], [4, 1, 4])


def test_several_that_stall_are_waited_for_no_longer_than_one() -> None:
    with examples(3, steps=9, fault="stall", fault_step=1, timeout=0.5) as env:
        env.reset()
        started = time.monotonic()
        *_, truncations, infos = env.step(actions(3))
        assert time.monotonic() - started < 1.3
        assert truncations.all()
        assert all("within 0.5 s" in error for error in infos["simulator_error"])
        # Once more, and then it is too often.
        env.step(actions(3))
        env.step(actions(3))
        env.step(actions(3))
        with pytest.raises(SimulatorTimeoutError) as caught:
            env.step(actions(3))
        assert any("3 times in a row" in note for note in caught.value.__notes__)
        assert env.closed
    assert not living_children()


@pytest.mark.parametrize("transport", ["zmq", "shm"])
def test_the_time_that_is_allowed_is_a_steps_and_not_the_episodes(transport: Any) -> None:
    with Ns3Env(EXAMPLE, transport=transport, steps=9, work=0.1, timeout=0.4) as env:
        env.reset()
        while not env.step(np.array([0.5]))[3]:
            pass


def test_a_step_between_makes_failures_forgotten() -> None:
    with examples(1, steps=9, fault="exit-1", fault_step=2) as env:
        env.reset()
        for _ in range(5):
            assert not env.step(actions(1))[3].any()
            assert env.step(actions(1))[3].all()
            assert not env.step(actions(1))[3].any()


def test_in_the_same_step_a_dead_simulator_is_replaced_at_once() -> None:
    with examples(2, steps=10, autoreset_mode="SameStep") as env:
        env.reset()
        env.step(actions(2))
        kill_simulator(env.envs[0])
        observations, _, _, truncations, infos = env.step(actions(2))
        np.testing.assert_array_equal(observations[:, 1], [0, 2])
        assert truncations.tolist() == [True, False]
        assert infos["final_obs"][0][1] == 1
        assert "SIGKILL" in infos["simulator_error"][0]


def test_without_autoreset_a_dead_simulator_waits_for_its_reset() -> None:
    with examples(2, steps=10, autoreset_mode=AutoresetMode.DISABLED) as env:
        env.reset()
        env.step(actions(2))
        kill_simulator(env.envs[0])
        assert env.step(actions(2))[3].tolist() == [True, False]
        with pytest.raises(ResetNeeded, match=r"\[0\] have ended"):
            env.step(actions(2))
        observations, infos = env.reset(options={"reset_mask": np.array([True, False])})
        np.testing.assert_array_equal(observations[:, 1], [0, 2])
        assert infos["_time"].tolist() == [True, False]
        np.testing.assert_array_equal(env.step(actions(2))[0][:, 1], [1, 3])


def test_a_reset_that_fails_is_repeated_and_then_raised() -> None:
    with examples(1, steps=9) as env:
        env.reset()
        env.envs[0]._source._command = ["false"]
        kill_simulator(env.envs[0])
        with pytest.raises(SimulatorError, match="exit status 1") as caught:
            env.reset(seed=1)
        assert any("simulator 0 of 1" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_episodes_follow_each_other_as_in_gymnasiums_own(mode: AutoresetMode) -> None:
    def make() -> Ns3Env:
        return Ns3Env(EXAMPLE, steps=3)

    ours = Ns3VectorEnv(2, make, autoreset_mode=mode)
    theirs = SyncVectorEnv([make, make], autoreset_mode=mode)
    assert ours.metadata["autoreset_mode"] is mode
    rng = np.random.default_rng(5)

    def compare(mine: tuple[Any, ...], other: tuple[Any, ...]) -> None:
        for left, right in zip(mine[:-1], other[:-1], strict=True):
            np.testing.assert_array_equal(left, right)
        assert mine[-1].keys() == other[-1].keys()
        np.testing.assert_array_equal(mine[-1]["time"], other[-1]["time"])
        for left, right in zip(
            mine[-1].get("final_obs", []), other[-1].get("final_obs", []), strict=True
        ):
            np.testing.assert_array_equal(left, right)

    compare(ours.reset(seed=3), theirs.reset(seed=3))
    for _ in range(8):
        action = rng.uniform(size=(2, 1))
        mine, other = ours.step(action), theirs.step(action)
        compare(mine, other)
        ended = mine[2] | mine[3]
        if mode is AutoresetMode.DISABLED and ended.any():
            options = [{"reset_mask": ended.copy()} for _ in range(2)]
            compare(ours.reset(options=options[0]), theirs.reset(options=options[1]))
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "mask", [np.zeros(2, np.bool_), np.ones(3, np.bool_), np.ones(2), [True, True]]
)
def test_masks_that_make_no_sense_are_refused(mask: Any) -> None:
    with examples(2, steps=2) as env:
        with pytest.raises(ResetNeeded):
            env.reset(options={"reset_mask": np.array([True, False])})
        with pytest.raises(ValueError, match="array of 2 flags"):
            env.reset(options={"reset_mask": mask})


def test_make_vec_passes_the_options_through() -> None:
    env = gymnasium.make_vec(
        "ns3kan/SdWan-v0",
        num_envs=2,
        autoreset_mode=AutoresetMode.SAME_STEP,
        on_failure="raise",
        duration=4,
    )
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    env.close()
    with pytest.raises(ValueError, match="on_failure='maybe' must be"):
        gymnasium.make_vec("ns3kan/SdWan-v0", num_envs=1, on_failure="maybe")
