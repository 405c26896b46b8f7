# SPDX-License-Identifier: MIT
"""What environments are asked that they cannot do is refused in one sentence."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium
import pytest

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.bridge.ns3.arguments import format_arguments
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.leaf_spine_agents import LeafSpineParallelEnv
from ns3kan.bridge.ns3.parallel_env import DictParallelEnv, Ns3ParallelEnv
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

EXAMPLE = scenario_path("gym-example")
AGENTS = str(Path(__file__).with_name("foreign_agents.py"))

MAKERS: dict[str, Callable[[], Any]] = {
    "single": lambda: Ns3Env(EXAMPLE),
    "vector": lambda: Ns3VectorEnv(1, command=EXAMPLE),
    "dicts": lambda: DictParallelEnv(Ns3Env(EXAMPLE, space="dict")),
    "agents": lambda: Ns3ParallelEnv(sys.executable, [AGENTS, "well"], agents=3),
    "registered": lambda: gymnasium.make("ns3kan/SingleHopScheduling-v0"),
    "registered vector": lambda: gymnasium.make_vec("ns3kan/MultiPathRouting-v0", num_envs=2),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("call", [copy.deepcopy, pickle.dumps])
def test_a_running_simulation_is_not_copied(name: str, call: Callable[[Any], Any]) -> None:
    with closing(MAKERS[name]()) as env:
        with pytest.raises(TypeError, match="cannot be copied or pickled; make another"):
            call(env)
        # It goes on as if nothing had been asked.
        env.reset()


@pytest.mark.parametrize(
    "name",
    [
        "SdWan-v0",
        "ParallelPaths-v0",
        "LeafSpine-v0",
        "PacketMultiPathRouting-v0",
        "PacketSingleHopScheduling-v0",
    ],
)
def test_a_controller_inside_ns3_leaves_nothing_to_decide(name: str) -> None:
    with pytest.raises(ValueError, match=r"controller='equal' decides inside.*ns3kan simulate"):
        gymnasium.make(f"ns3kan/{name}", controller="equal")
    with pytest.raises(ValueError, match="ns3kan simulate"):
        gymnasium.make_vec(f"ns3kan/{name}", num_envs=2, controller=Path("controller.json"))


def test_a_controller_inside_ns3_leaves_nothing_to_decide_for_several_agents() -> None:
    with pytest.raises(ValueError, match="ns3kan simulate leaf-spine"):
        LeafSpineParallelEnv(controller="ecmp")


def test_programs_of_others_may_have_an_argument_of_that_name() -> None:
    assert format_arguments({"controller": "mine"}) == ["--controller=mine"]
