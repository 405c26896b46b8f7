# SPDX-License-Identifier: MIT
"""Simulations with several agents."""

from __future__ import annotations

import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults import descriptors
from gymnasium import spaces
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from pettingzoo.test import parallel_api_test, parallel_seed_test
from ports import free_port

import ns3kan
from ns3kan.bridge.ns3.channel import Channel
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import PortInUseError, SimulatorError, SimulatorTimeoutError
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.parallel_env import DictParallelEnv, Ns3ParallelEnv

AGENTS = str(Path(__file__).with_name("foreign_agents.py"))
EXAMPLE = scenario_path("gym-example")
NAMES = ["agent_0", "agent_1", "agent_2"]


def several(behaviour: str = "well", **arguments: Any) -> Any:
    return closing(
        Ns3ParallelEnv(sys.executable, [AGENTS, behaviour], **{"agents": 3, **arguments})
    )


def acts(*actions: int) -> dict[str, int]:
    return dict(zip(NAMES, actions, strict=True))


def test_pettingzoos_tests_are_content_with_one_port_per_agent() -> None:
    with several() as env, warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(env, num_cycles=20)


def test_pettingzoos_tests_are_content_with_dict_spaces() -> None:
    with closing(DictParallelEnv(Ns3Env(EXAMPLE, space="dict", steps=5))) as env:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parallel_api_test(env, num_cycles=20)
        assert env.possible_agents == ["position", "choice"]


def test_the_same_seed_gives_the_same_episode() -> None:
    def make() -> Ns3ParallelEnv:
        return Ns3ParallelEnv(sys.executable, [AGENTS, "well"], agents=3)

    parallel_seed_test(make, num_cycles=5)


def test_all_observe_one_moment_and_the_last_acts_at_once() -> None:
    with several() as env:
        observations, infos = env.reset(seed=1)
        assert env.agents == NAMES
        assert [env.action_space(name) for name in NAMES] == [spaces.Discrete(n) for n in (2, 3, 4)]
        assert infos == {name: {"extra_info": f"of {i}"} for i, name in enumerate(NAMES)}
        assert [observations[name][1] for name in NAMES] == [0, 0, 0]
        # The first two have taken their first action, so that the others could be heard.
        assert [observations[name][3] for name in NAMES] == [-1, 0, 0]
        observations, rewards, *_ = env.step(acts(1, 2, 3))
        assert [observations[name][1] for name in NAMES] == [1, 1, 1]
        assert rewards == acts(0, 0, 3)
        observations, rewards, *_ = env.step(acts(0, 0, 0))
        assert rewards == acts(1, 2, 0)


@pytest.mark.parametrize("behaviour", ["well", "backwards"])
def test_the_end_of_the_simulation_truncates_all(behaviour: str) -> None:
    with several(behaviour) as env:
        env.reset()
        for _step in range(1, 4):
            observations, _, terminations, truncations, _ = env.step(acts(1, 1, 1))
            assert not any(truncations.values())
        observations, _, terminations, truncations, _ = env.step(acts(1, 1, 1))
        assert {observations[name][1] for name in NAMES} == {4}
        assert not any(terminations.values())
        assert all(truncations.values())
        assert env.agents == []
        with pytest.raises(ResetNeeded):
            env.step(acts(1, 1, 1))
        assert env.reset()[0]["agent_0"][1] == 0


def test_game_over_of_one_ends_the_episode_of_all() -> None:
    with several("game-over") as env:
        env.reset()
        env.step(acts(1, 1, 1))
        observations, _, terminations, truncations, infos = env.step(acts(1, 1, 1))
        assert terminations == dict(zip(NAMES, (False, True, False), strict=True))
        assert truncations == dict(zip(NAMES, (True, False, True), strict=True))
        # The third had nothing more to say.
        assert [observations[name][1] for name in NAMES] == [2, 2, 1]
        assert infos["agent_2"] == {}
        env.reset()


def test_who_is_asked_twice_repeats_its_action() -> None:
    with several("slow") as env:
        env.reset()
        observations, rewards, *_ = env.step(acts(1, 2, 3))
        # The second agent is asked every other time: the others have had two decisions.
        assert [observations[name][1] for name in NAMES][1] == 2
        assert rewards["agent_2"] == 3


def test_a_death_tells_status_and_stderr() -> None:
    with several("crash") as env:
        env.reset()
        env.step(acts(0, 0, 0))
        with pytest.raises(SimulatorError, match="agent 1 is gone") as caught:
            env.step(acts(0, 0, 0))
        assert caught.value.exit_status == 3
        assert env.agents == []
        env.reset()


def test_a_stall_runs_into_the_timeout() -> None:
    with several("stall", timeout=1.0) as env:
        env.reset()
        env.step(acts(0, 0, 0))
        with pytest.raises(SimulatorTimeoutError, match="message of an agent within 1 s"):
            env.step(acts(0, 0, 0))


def test_more_agents_than_there_are_run_into_the_end_or_the_timeout() -> None:
    with pytest.raises(ns3kan.BridgeError):
        Ns3ParallelEnv(sys.executable, [AGENTS, "well"], agents=4, timeout=1.0)


def test_first_actions_can_be_chosen() -> None:
    with several(first_actions={"agent_0": 1}) as env:
        assert env.reset()[0]["agent_1"][3] == 1
    with pytest.raises(InvalidAction):
        several(first_actions={"agent_0": 7})


def test_wrong_calls_are_told_apart() -> None:
    with several(agents=["left", "middle", "right"]) as env:
        with pytest.raises(ResetNeeded):
            env.step({})
        env.reset()
        with pytest.raises(InvalidAction, match="one of each of"):
            env.step({"left": 0})
        with pytest.raises(InvalidAction, match="left was given the action 5"):
            env.step({"left": 5, "middle": 0, "right": 0})
        env.step({"left": 0, "middle": 0, "right": 0})
        env.close()
        with pytest.raises(ClosedEnvironmentError):
            env.reset()
    for agents in (0, [], ["a", "a"]):
        with pytest.raises(ValueError, match="different names"):
            several(agents=agents)


def test_a_port_of_the_row_that_is_taken_is_an_error() -> None:
    port = free_port(row=2)
    with closing(Channel(port + 1)), pytest.raises(PortInUseError, match=str(port + 1)):
        several(port=port)


def test_nothing_is_left_behind() -> None:
    with several() as env:
        env.reset()
    before = descriptors()
    for _ in range(3):
        with several() as env:
            env.reset()
            env.step(acts(0, 0, 0))
            env.reset()
    assert descriptors() == before


def test_rewards_and_infos_are_dealt_out_by_name() -> None:
    env = Ns3Env(EXAMPLE, space="dict", steps=5)
    with closing(DictParallelEnv(env)) as parallel:
        parallel.reset()
        step = env.step

        def with_rewards(action: Any) -> Any:
            observation, reward, terminated, truncated, _ = step(action)
            info = {"rewards": {"choice": 2.0}, "choice": {"a": 1}, "time": 3.0}
            return observation, reward, terminated, truncated, info

        env.step = with_rewards  # type: ignore[method-assign]
        actions = {"position": np.zeros(3), "choice": np.int64(1)}
        _, rewards, _, _, infos = parallel.step(actions)
        assert rewards == {"position": 0.0, "choice": 2.0}
        assert infos == {"position": {"time": 3.0}, "choice": {"time": 3.0, "a": 1}}


def test_spaces_that_are_not_keyed_by_agent_are_refused() -> None:
    with pytest.raises(ValueError, match="not two Dicts keyed by agent"):
        DictParallelEnv(Ns3Env(EXAMPLE))


def test_without_pettingzoo_the_extra_is_named() -> None:
    program = """
import sys
sys.modules["pettingzoo"] = None
import ns3kan
ns3kan.Ns3Env
try:
    ns3kan.Ns3ParallelEnv
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'ns3kan[multi-agent]'" in done.stdout


def levels(*values: float) -> dict[str, Any]:
    return {name: np.array([value]) for name, value in zip(NAMES, values, strict=True)}


def test_several_interfaces_in_one_ns3_process() -> None:
    example = scenario_path("agents-example")
    with closing(Ns3ParallelEnv(example, ["--agents=3"], agents=3, steps=3)) as env:
        assert env.observation_space("agent_1").shape == (3,)
        assert np.all(env.observation_space("agent_1").high[1:] == 1)
        observations, _ = env.reset(seed=1)
        assert observations["agent_2"].tolist() == [0, -1, 0]
        observations, rewards, *_ = env.step(levels(0.25, 0.5, 1))
        assert observations["agent_0"].tolist() == [1, 0, 1]
        assert rewards == acts(0, 0, 1)
        *_, truncations, _ = env.step(levels(0.25, 0.5, 1))
        assert not any(truncations.values())
        observations, rewards, terminations, truncations, _ = env.step(levels(0.25, 0.5, 1))
        assert observations["agent_2"].tolist() == [3, 1, 0.5]
        assert all(truncations.values())
        assert not any(terminations.values())
        env.reset()
        env.step(levels(0, 0, 0))


def test_game_over_of_one_in_an_ns3_process_is_told_to_the_others() -> None:
    example = scenario_path("agents-example")
    with closing(Ns3ParallelEnv(example, ["--agents=3"], agents=3, game_over=2)) as env:
        env.reset()
        env.step(levels(0, 0, 0))
        observations, _, terminations, truncations, _ = env.step(levels(0, 0, 0))
        assert terminations == dict(zip(NAMES, (True, False, False), strict=True))
        assert truncations == dict(zip(NAMES, (False, True, True), strict=True))
        assert [observations[name][0] for name in NAMES] == [2, 2, 2]
