# SPDX-License-Identifier: MIT
from typing import Any

import gymnasium
import numpy as np
import pytest

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.components.classical import NAMES, PolicyError, make_policy
from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerError,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.artefact.queue_policy import controller_policy

HOP, PATH = "ns3kan/SingleHopScheduling-v0", "ns3kan/MultiPathRouting-v0"


def hop(**arguments: Any) -> gymnasium.Env[Any, Any]:
    arguments = {"num_queues": 3, "observe_rates": True} | arguments
    return gymnasium.make(HOP, **arguments)


def path(**arguments: Any) -> gymnasium.Env[Any, Any]:
    arguments = {"num_queues": 3, "service_rates": 1, "observe_rates": True} | arguments
    return gymnasium.make(PATH, **arguments)


@pytest.mark.parametrize(
    ("name", "state", "queue"),
    [
        # Rows of queue_length, capacity, arrival_rate, service_rate.
        ("longest_queue", [[2, 9, 0, 1], [7, 0, 0, 1], [3, 1, 0, 1]], 1),
        ("longest_connected_queue", [[2, 9, 0, 1], [7, 0, 0, 1], [3, 1, 0, 1]], 2),
        ("max_weight", [[2, 9, 0, 1], [7, 2, 0, 1], [3, 1, 0, 1]], 0),
        ("max_weight_served", [[2, 9, 0, 1], [7, 2, 0, 1], [3, 1, 0, 1]], 1),
        ("max_served", [[2, 9, 0, 1], [3, 4, 0, 1], [9, 1, 0, 1]], 1),
        ("c_mu", [[0, 9, 0, 3], [1, 0, 0, 1], [1, 1, 0, 2]], 2),
    ],
)
def test_scheduling_by_hand(name: str, state: list[list[float]], queue: int) -> None:
    for ties in ("random", "lowest"):
        policy = make_policy(name, hop(), ties=ties, seed=0)  # type: ignore[arg-type]
        assert policy(state) == queue


@pytest.mark.parametrize(
    ("name", "state", "queue"),
    [
        # Rows of queue_length, capacity, service_rate.
        ("shortest_queue", [[2, 9, 1], [1, 0, 1], [3, 3, 1]], 1),
        ("shortest_queue_after_service", [[3, 1, 1], [1, 0, 1], [3, 3, 1]], 2),
        ("shortest_expected_delay", [[2, 0, 1], [5, 0, 4], [1, 9, 0]], 1),
        ("shortest_expected_delay_after_service", [[2, 2, 0.5], [5, 4, 2], [1, 9, 0]], 1),
    ],
)
def test_routing_by_hand(name: str, state: list[list[float]], queue: int) -> None:
    for ties in ("random", "lowest"):
        policy = make_policy(name, path(), ties=ties, seed=0)  # type: ignore[arg-type]
        assert policy(state) == queue


def test_weights_of_c_mu() -> None:
    state = [[1, 1, 0, 1], [1, 1, 0, 1], [0, 1, 0, 9]]
    assert make_policy("c_mu", hop(), weights=[1, 2, 5])(state) == 1
    assert make_policy("c_mu", hop(), weights=[2, 1, 5])(state) == 0


def test_ties_are_broken_evenly_or_by_the_lowest() -> None:
    states = np.tile([[2, 0], [1, 0], [2, 0]], (6000, 1, 1))
    env = hop(observe_rates=False)
    shares = np.bincount(make_policy("longest_queue", env, seed=3)(states), minlength=3) / 6000
    assert shares == pytest.approx([0.5, 0, 0.5], abs=0.03)
    assert not make_policy("longest_queue", env, ties="lowest")(states).any()
    again = make_policy("longest_queue", env, seed=3)
    assert np.array_equal(again(states), make_policy("longest_queue", env, seed=3)(states))


def test_random_round_robin_and_power_of_d() -> None:
    env = path(num_queues=4, service_rates=1, observe_rates=False)
    states = np.tile([[0, 1], [1, 1], [2, 1], [3, 1]], (8000, 1, 1))
    shares = np.bincount(make_policy("random", env, seed=0)(states)) / 8000
    assert shares == pytest.approx([0.25] * 4, abs=0.03)
    turns = make_policy("round_robin", env)
    assert [turns(states[0]).tolist() for _ in range(6)] == [0, 1, 2, 3, 0, 1]
    shares = np.bincount(make_policy("power_of_d", env, seed=0)(states), minlength=4) / 8000
    assert shares == pytest.approx([3 / 6, 2 / 6, 1 / 6, 0], abs=0.03)
    assert not make_policy("power_of_d", env, d=4)(states).any()
    shares = np.bincount(make_policy("power_of_d", env, d=1, seed=0)(states)) / 8000
    assert shares == pytest.approx([0.25] * 4, abs=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_keeps_its_environment_stable(name: str) -> None:
    env_id = PATH if "shortest" in name or name == "power_of_d" else HOP
    arguments: dict[str, Any] = {"service_rates": 2, "num_queues": 3, "observe_rates": True}
    env = gymnasium.make_vec(env_id, 50, vectorization_mode="vector_entry_point", **arguments)
    policy = make_policy(name, env, seed=1)
    observations, _ = env.reset(seed=0)
    for _ in range(200):
        actions = policy(observations)
        assert actions.shape == (50,)
        observations, rewards, *_ = env.step(actions)
    assert rewards.mean() > -10


def index_controller(expression: str = "min(queue_length, capacity)") -> Controller:
    return Controller(
        [
            ControllerInput("queue_length", "packet", (0, 10)),
            ControllerInput("capacity", "packet/step", (0, 10)),
        ],
        [ControllerOutput("index", expression)],
        "index",
    )


def test_equation_as_a_policy() -> None:
    states = np.random.default_rng(0).integers(0, 9, (500, 3, 4)).astype(float)
    equation = controller_policy(index_controller(), hop(), seed=5)
    known = make_policy("max_served", hop(), seed=5)
    assert np.array_equal(equation(states), known(states))
    lowest = controller_policy(index_controller(), hop(), ties="lowest")
    assert np.array_equal(lowest(states), index_controller()(states[..., :2]))


def test_misfits_are_refused() -> None:
    with pytest.raises(PolicyError, match="no policy 'longest'"):
        make_policy("longest", hop())
    with pytest.raises(PolicyError, match="is for multi_path, but the environment is single_hop"):
        make_policy("shortest_queue", hop())
    with pytest.raises(PolicyError, match="needs service_rate"):
        make_policy("c_mu", hop(observe_rates=False))
    with pytest.raises(PolicyError, match=r"takes \(…, 3, 4\)"):
        make_policy("max_weight", hop())(np.zeros((4, 4)))
    with pytest.raises(PolicyError, match="takes no weights"):
        make_policy("max_weight", hop(), weights=[1, 1, 1])
    with pytest.raises(PolicyError, match="must be 3 numbers"):
        make_policy("c_mu", hop(), weights=[1, 1])
    with pytest.raises(PolicyError, match="d=4"):
        make_policy("power_of_d", path(), d=4)
    with pytest.raises(PolicyError, match="tie rule 'first'"):
        make_policy("random", hop(), ties="first")  # type: ignore[arg-type]
    with pytest.raises(PolicyError, match="no environment of queues"):
        make_policy("random", gymnasium.make("CartPole-v1"))
    with pytest.raises(ControllerError, match="does not have the inputs service_rate"):
        controller_policy(
            Controller(
                [ControllerInput("service_rate", "packet/step", (0, 1))],
                [ControllerOutput("index", "service_rate")],
                "index",
            ),
            hop(observe_rates=False),
        )
    ratio = Controller(
        [ControllerInput("capacity", "packet/step", (0, 1))],
        [ControllerOutput("ratio", "capacity", (0, 1))],
    )
    with pytest.raises(PolicyError, match="decision is 'ratio'"):
        controller_policy(ratio, hop())
