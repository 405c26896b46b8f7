# SPDX-License-Identifier: MIT
"""Simulators with other arguments, without names, and with choices that they did not declare."""

from __future__ import annotations

import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.error import InvalidAction

from ns3kan.bridge.ns3.arguments import format_arguments
from ns3kan.bridge.ns3.codec import decode_value, encode_value
from ns3kan.bridge.ns3.description import ChoiceCheck, describe
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import ProtocolError, SimulatorError
from ns3kan.bridge.ns3.flat import read_flat, write_flat
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.parallel_env import Ns3ParallelEnv
from ns3kan.bridge.ns3.simulator import complaint
from ns3kan.bridge.ns3.values import conform_action
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

FOREIGN = str(Path(__file__).with_name("foreign_simulator.py"))
SPACES = str(Path(__file__).with_name("foreign_spaces.py"))
AGENTS = str(Path(__file__).with_name("foreign_agents.py"))
EXAMPLE = scenario_path("gym-example")
ACTION = [0, 0]


def program(takes: str, behaviour: str = "well", **options: Any) -> Ns3Env:
    return Ns3Env(sys.executable, [SPACES, takes, behaviour], **options)


def test_the_seed_goes_by_the_programs_own_argument() -> None:
    with program("--seed", seed_argument="--seed") as env:
        first = env.reset(seed=3)[1]["extra_info"]
        assert 1 <= first < 2**31
        assert env.reset(seed=3)[1]["extra_info"] == first
        assert env.reset(seed=4)[1]["extra_info"] != first
    with closing(
        Ns3VectorEnv(1, command=sys.executable, args=[SPACES, "-s", "well"], seed_argument="-s")
    ) as vector:
        assert vector.reset(seed=3)[1]["extra_info"].tolist() == [first]


def test_a_program_without_a_seed_is_given_none() -> None:
    with program("none", seed_argument=None) as env:
        assert env.reset(seed=3)[1] == {"extra_info": "no seed"}


def test_agents_get_the_seed_by_the_programs_own_argument() -> None:
    def first(argument: str) -> float:
        env = Ns3ParallelEnv(
            scenario_path("agents-example"), agents=2, seed_argument=argument, steps=2
        )
        with closing(env):
            return float(env.reset(seed=1)[0]["agent_0"][0])

    assert first("--simSeed") == 0
    with pytest.raises(SimulatorError, match="Invalid command-line argument: --mySeed="):
        first("--mySeed")


@pytest.mark.parametrize("behaviour", ["ns-3", "argparse"])
def test_a_program_that_prints_its_usage_is_quoted_with_its_reason(behaviour: str) -> None:
    with pytest.raises(SimulatorError) as caught:
        program("none", behaviour)
    message = str(caught.value)
    reason = {"ns-3": "Invalid command-line argument:", "argparse": "unrecognized arguments:"}
    assert f"{reason[behaviour]} --simSeed=" in message
    assert "give seed_argument=" in message
    assert "Options" not in message
    assert "usage" not in message
    assert caught.value.exit_status == 1
    # What it wrote is not lost.
    assert "elp" in caught.value.stderr


def test_the_usage_of_ns3_itself_is_left_out() -> None:
    with pytest.raises(SimulatorError) as caught:
        Ns3Env(scenario_path("agents-example"), ["--noSuchThing=1"])
    assert "Invalid command-line argument: --noSuchThing=1" in str(caught.value)
    assert "PrintHelp" not in str(caught.value)
    # The complaint is not about the seed.
    assert "seed_argument" not in str(caught.value)


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("one\ntwo: error", "one\ntwo: error"),
        ("sim: bad rate\nUsage: sim [options]\n  --rate: an invalid one", "sim: bad rate"),
        ("Usage: sim [options]\n  --rate: a rate", "Usage: sim [options]\n  --rate: a rate"),
        ("usage: sim\nsim: error: unknown option", "sim: error: unknown option"),
        ("", ""),
    ],
)
def test_reasons_are_told_from_usages(stderr: str, said: str) -> None:
    assert complaint(stderr) == said


@pytest.mark.parametrize("argument", ["seed", "", "--seed=3", "--a b", "--"])
def test_what_is_no_name_of_an_argument_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match="seed_argument"):
        Ns3Env("true", seed_argument=argument)


def test_the_seeds_own_argument_cannot_be_given_by_name() -> None:
    with pytest.raises(ValueError, match=r"seed .*reset\(seed=…\)"):
        format_arguments({"seed": 3}, "--seed")
    assert format_arguments({"sim_seed": 3}, None) == ["--simSeed=3"]
    assert format_arguments({"seed": 3}) == ["--seed=3"]


def test_choices_outside_their_discrete_are_passed_on_with_one_warning() -> None:
    with program("--simSeed", "far") as env:
        assert env.reset()[0] == 0
        assert env.step(ACTION)[0] == 1
        with pytest.warns(UserWarning, match=r"the choice 7 was received for Discrete\(3\)"):
            assert env.step(ACTION)[0] == 7
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert env.step(ACTION)[0] == -1
            # Nor in the next episode.
            assert env.reset()[0] == 0
            assert [env.step(ACTION)[0] for _ in range(3)] == [1, 7, -1]


def test_choices_outside_their_discrete_lose_no_transition_of_a_vector() -> None:
    env = Ns3VectorEnv(1, command=sys.executable, args=[SPACES, "--simSeed", "far"])
    with closing(env):
        assert env.reset()[0] == [0]
        assert env.step([ACTION])[0] == [1]
        with pytest.warns(UserWarning, match="the choice 7"):
            observations, _, _, truncations, infos = env.step([ACTION])
        assert observations == [7]
        assert not truncations
        assert "transition_lost" not in infos
        assert env.step([ACTION])[0] == [-1]


def test_a_choice_outside_its_discrete_is_refused_if_asked_for() -> None:
    with program("--simSeed", "far", check_choices=True) as env:
        env.reset()
        env.step(ACTION)
        with pytest.raises(ProtocolError, match=r"the choice 7 .*Discrete\(3\)"):
            env.step(ACTION)
        assert env.reset()[0] == 0


@pytest.mark.parametrize("refuse", [True, False])
def test_choices_in_shared_memory_and_nested_are_treated_alike(refuse: bool) -> None:
    outer = spaces.Dict(a=spaces.Tuple([spaces.Box(0, 1, (2,)), spaces.Discrete(9)]))
    inner = spaces.Dict(a=spaces.Tuple([spaces.Box(0, 1, (2,)), spaces.Discrete(3)]))
    value = {"a": (np.zeros(2, np.float32), np.int64(7))}
    flat = read_flat(inner, write_flat(outer, value))
    wired = decode_value(encode_value(value, outer), inner)
    for received in (flat, wired):
        assert received["a"][1] == 7
        choices = ChoiceCheck(refuse=refuse)
        description = describe(inner, spaces.Discrete(2), None, choices=choices)
        said = r"the choice 7 was received for Discrete\(3\)"
        with (
            pytest.raises(ProtocolError, match=said)
            if refuse
            else pytest.warns(UserWarning, match=said)
        ):
            description.check_observation(received)


@pytest.mark.parametrize("action", [2, -1])
def test_choices_of_actions_are_always_checked(action: int) -> None:
    with pytest.raises(InvalidAction, match="whole number between 0 and 1"):
        conform_action(action, spaces.Discrete(2))


def test_agents_choices_are_passed_on_with_one_warning() -> None:
    def env(**options: Any) -> Ns3ParallelEnv:
        return Ns3ParallelEnv(sys.executable, [SPACES, "--simSeed", "far"], agents=1, **options)

    def steps(one: Ns3ParallelEnv) -> list[int]:
        first = one.reset()[0]["agent_0"]
        return [first, *(one.step({"agent_0": ACTION})[0]["agent_0"] for _ in range(3))]

    with closing(env()) as one:
        with pytest.warns(UserWarning, match="the choice 7"):
            assert steps(one) == [0, 1, 7, -1]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert steps(one) == [0, 1, 7, -1]
    with closing(env(check_choices=True)) as one, pytest.raises(ProtocolError, match="choice 7"):
        steps(one)


def test_numbers_without_names_are_named_by_the_user() -> None:
    with Ns3Env(
        sys.executable,
        [FOREIGN, "well"],
        feature_names=["seed", "step", "left", "right"],
        feature_units=["1", "1", "bit/s", "bit/s"],
        action_names=["left", "right"],
    ) as env:
        assert env.feature_names == ("seed", "step", "left", "right")
        assert env.feature_units == ("1", "1", "bit/s", "bit/s")
        assert env.action_names == ("left", "right")
        assert env.action_units == ("1", "1")
    with Ns3Env(sys.executable, [FOREIGN, "well"], feature_units=["s"] * 4) as env:
        assert env.feature_names == tuple(f"observation_{i}" for i in range(4))
        assert env.feature_units == ("s",) * 4
    with closing(
        Ns3VectorEnv(
            1, command=sys.executable, args=[FOREIGN, "well"], action_names=["left", "right"]
        )
    ) as vector:
        assert vector.action_names == ("left", "right")


@pytest.mark.parametrize(
    ("options", "complaint_"),
    [
        ({"feature_names": ["a", "b"]}, "feature_names holds 2 entries.* 4 numbers"),
        ({"feature_units": ["s"]}, "feature_units holds 1 entries.* 4 numbers"),
        ({"action_names": ["a", "a"]}, "different names"),
        ({"action_names": ["a", ""]}, "empty string"),
        ({"feature_units": ["", "", "", ""]}, "unit is '1'"),
    ],
)
def test_names_that_do_not_fit_are_refused(options: dict[str, Any], complaint_: str) -> None:
    with pytest.raises(ValueError, match=complaint_):
        Ns3Env(sys.executable, [FOREIGN, "well"], **options)


def test_names_are_sequences_of_strings() -> None:
    for names in ("ab", [1, 2]):
        with pytest.raises(TypeError, match="a sequence of strings"):
            Ns3Env(sys.executable, [FOREIGN, "well"], action_names=names)  # type: ignore[arg-type]


def test_a_simulator_that_names_its_numbers_is_not_named_again() -> None:
    with pytest.raises(ValueError, match="names its observations itself"):
        Ns3Env(EXAMPLE, feature_names=["a", "b", "c"])
