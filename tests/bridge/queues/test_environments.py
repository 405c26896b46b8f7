# SPDX-License-Identifier: MIT
import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.bridge.queues.errors import QueueError

HOP, PATH = "ns3kan/SingleHopScheduling-v0", "ns3kan/MultiPathRouting-v0"


def constant(arrivals: list[int], capacities: list[int], **arguments: Any) -> dict[str, Any]:
    return {
        "arrivals": "deterministic",
        "arrival_rates": arrivals,
        "capacities": "deterministic",
        "service_rates": capacities,
        "allow_unstable": True,
        **arguments,
    }


def play(env: gymnasium.Env[Any, Any], actions: list[int]) -> tuple[list[list[int]], list[float]]:
    queues, rewards = [], []
    env.reset(seed=1)
    for action in actions:
        observation, reward, *_ = env.step(action)
        queues.append(observation[:, 0].astype(int).tolist())
        rewards.append(float(reward))
    return queues, rewards


def test_single_hop_by_hand() -> None:
    env = gymnasium.make(HOP, **constant([1, 2], [2, 1]))
    # (0,0) serve 0 → (0,0) + (1,2); serve 1 → (1,1) + (1,2); serve 0 → (0,3) + (1,2).
    queues, rewards = play(env, [0, 1, 0])
    assert queues == [[1, 2], [2, 3], [1, 5]]
    assert rewards == [-3, -5, -6]


def test_multi_path_by_hand() -> None:
    env = gymnasium.make(PATH, **constant([3], [1, 2]))  # type: ignore[arg-type]
    # (0,0) → 3 to 0; all serve → (2,0), 3 to 1; → (1,1), 3 to 0; → (3,0), 3 to 1.
    queues, rewards = play(env, [0, 1, 0, 1])
    assert queues == [[3, 0], [2, 3], [4, 1], [3, 3]]
    assert rewards == [-3, -5, -5, -6]


def test_example_of_the_manual() -> None:
    env = gymnasium.make(HOP, **constant([0, 2], [2, 2])).unwrapped
    env.reset(seed=1)
    env._lanes._queues[0] = (3, 1)  # type: ignore[attr-defined]
    observation, reward, *_ = env.step(0)
    assert observation[:, 0].tolist() == [1, 3]
    assert reward == -4
    env._lanes._queues[0] = (3, 1)  # type: ignore[attr-defined]
    observation, reward, *_ = env.step(1)
    assert observation[:, 0].tolist() == [3, 2]
    assert reward == -5


def test_the_capacity_that_is_seen_is_the_one_that_serves() -> None:
    env = gymnasium.make(HOP, num_queues=3, arrivals="geometric", arrival_rates=0.5)
    before, _ = env.reset(seed=3)
    for step in range(300):
        after, *_ = env.step(step % 3)
        left = before[:, 0].copy()
        left[step % 3] = max(left[step % 3] - before[step % 3, 1], 0)
        assert (after[:, 0] >= left).all()
        before = after


def test_buffers_drop_and_count() -> None:
    arguments = constant([1, 2], [0, 0], buffer=[2, 3], drop_cost=10.0, reward_scale=0.5)
    env = gymnasium.make(HOP, **arguments)
    env.reset(seed=0)
    drops, rewards = [], []
    for _ in range(3):
        observation, reward, _, _, info = env.step(0)
        drops.append(info["drops"])
        rewards.append(reward)
    assert observation[:, 0].tolist() == [2, 3]
    assert drops == [0, 1, 3]
    assert rewards == [-1.5, -0.5 * (5 + 10), -0.5 * (5 + 30)]
    vector = gymnasium.make_vec(HOP, 2, vectorization_mode="vector_entry_point", **arguments)
    vector.reset(seed=0)
    for _ in range(3):
        infos = vector.step(np.zeros(2, dtype=int))[4]
    assert infos["drops"].tolist() == [3, 3]
    assert infos["_drops"].tolist() == [True, True]


def test_costs_and_weights() -> None:
    env = gymnasium.make(HOP, **constant([1, 2], [0, 0], cost="quadratic", cost_weights=[3, 1]))
    assert play(env, [0, 0])[1] == [-(3 * 1 + 4), -(3 * 4 + 16)]
    env = gymnasium.make(HOP, **constant([1, 2], [0, 0], cost_weights=[3, 1]))
    assert play(env, [0])[1] == [-5]


def test_features_and_rates() -> None:
    env = gymnasium.make(HOP, observe_rates=True, arrival_rates=[0.1, 0.3]).unwrapped
    assert env.feature_names == ("queue_length", "capacity", "arrival_rate", "service_rate")  # type: ignore[attr-defined]
    assert env.feature_units == ("packet", "packet/step", "packet/step", "packet/step")  # type: ignore[attr-defined]
    assert env.reset(seed=0)[0][:, 2:].tolist() == [[0.1, 1.0], [0.3, 1.0]]
    env = gymnasium.make(PATH, observe_rates=True, service_rates=[0.7, 0.6]).unwrapped
    assert env.feature_names == ("queue_length", "capacity", "service_rate")  # type: ignore[attr-defined]
    assert env.reset(seed=0)[0][:, 2].tolist() == [0.7, 0.6]


@pytest.mark.parametrize("name", [HOP, PATH])
@pytest.mark.parametrize("arguments", [{}, {"observe_rates": True, "max_steps": 7}, {"buffer": 4}])
def test_checkers(name: str, arguments: dict[str, Any]) -> None:
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    env = gymnasium.make(name, **arguments).unwrapped
    with warnings.catch_warnings():
        # Queues without bounds and two axes are meant.
        warnings.simplefilter("ignore")
        check_env(env)
        sb3.check_env(env)


@pytest.mark.parametrize("name", [HOP, PATH])
def test_vector_and_single_do_the_same(name: str) -> None:
    rng = np.random.default_rng(5)
    rates = {"service_rates": rng.uniform(0.5, 2, (4, 3))}
    if name == HOP:
        rates["arrival_rates"] = rng.uniform(0, 0.3, (4, 3))
    common: dict[str, Any] = {"max_steps": 40, "observe_rates": True, "buffer": 6}
    vector = gymnasium.make_vec(name, 4, vectorization_mode="vector_entry_point", **rates, **common)
    singles = [
        gymnasium.make(name, **{key: value[i] for key, value in rates.items()}, **common)
        for i in range(4)
    ]
    observations, _ = vector.reset(seed=11)
    for i, env in enumerate(singles):
        assert np.array_equal(env.reset(seed=11 + i)[0], observations[i])
    over = False
    for _ in range(130):
        actions = rng.integers(0, 3, 4)
        observations, rewards, terminations, truncations, _ = vector.step(actions)
        for i, env in enumerate(singles):
            if over:
                assert np.array_equal(env.reset()[0], observations[i])
                assert rewards[i] == 0
            else:
                observation, reward, terminated, truncated, _ = env.step(actions[i])
                assert np.array_equal(observation, observations[i])
                assert (reward, terminated) == (rewards[i], terminations[i])
                assert truncated == truncations[i]
        over = bool(truncations[0])


def test_truncation_and_autoreset() -> None:
    vector = gymnasium.make_vec(HOP, 2, vectorization_mode="vector_entry_point", max_steps=3)
    assert vector.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    vector.reset(seed=0)
    ends = []
    for _ in range(9):
        _, _, terminations, truncations, _ = vector.step(np.zeros(2, int))
        ends.append(truncations.tolist())
        assert not terminations.any()
    assert ends == [[step % 4 == 2] * 2 for step in range(9)]
    endless = gymnasium.make_vec(HOP, 1, vectorization_mode="vector_entry_point")
    endless.reset(seed=0)
    assert not any(endless.step(np.zeros(1, int))[3][0] for _ in range(500))


def test_observations_stay_as_they_were_returned() -> None:
    vector = gymnasium.make_vec(HOP, 2, vectorization_mode="vector_entry_point")
    first, _ = vector.reset(seed=0)
    kept = first.copy()
    second = vector.step(np.zeros(2, int))[0]
    kept_second = second.copy()
    for _ in range(50):
        vector.step(np.zeros(2, int))
    assert np.array_equal(first, kept)
    assert np.array_equal(second, kept_second)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (HOP, {"num_queues": 0}, "num_queues=0"),
        (PATH, {"num_queues": -2}, "num_queues=-2"),
        (HOP, {"num_queues": 1.5}, "num_queues=1.5"),
        (PATH, {"service_rates": [1.0, float("nan")]}, "nan"),
        (PATH, {"arrival_rates": -1.0}, "not negative"),
        (HOP, {"num_queues": 3, "arrival_rates": [0.1, 0.1]}, "of 2 queues, expected 3"),
        (HOP, {"arrival_rates": [0.1, 0.1], "service_rates": [1, 1, 1]}, "of 2 and 3 queues"),
        (HOP, {"arrival_rates": [0.1, -0.1]}, "not negative"),
        (HOP, {"arrival_rates": [0.1, float("nan")]}, "nan"),
        (HOP, {"arrival_rates": [0.1, 1.2]}, "Queue 1 of environment 0 cannot be stabilised"),
        (HOP, {"arrival_rates": [0.9] * 4}, "Environment 0 cannot be stabilised: 3.6 packets"),
        (PATH, {"service_rates": [0.4, 0.5]}, "Environment 0 cannot be stabilised: 1 packets"),
        (PATH, {"arrival_rates": [1, 1]}, "arrival rates of shape"),
        (HOP, {"buffer": 0}, "buffer=0"),
        (HOP, {"buffer": 1.5}, "buffer=1.5"),
        (HOP, {"cost": "cubic"}, "no cost 'cubic'"),
        (HOP, {"cost_weights": [1, -1, 1, 1]}, "cost_weights"),
        (HOP, {"cost_weights": [1, 1]}, r"cost_weights of shape \(2,\)"),
        (HOP, {"reward_scale": 0}, "reward_scale=0"),
        (HOP, {"drop_cost": -1}, "drop_cost=-1"),
        (HOP, {"max_steps": 0}, "max_steps=0"),
    ],
)
def test_bad_arguments(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(QueueError, match=message):
        gymnasium.make(name, **arguments)


def test_bad_calls() -> None:
    env = gymnasium.make(HOP, disable_env_checker=True, max_steps=1).unwrapped
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (4, -1, 0.5):
        with pytest.raises(InvalidAction):
            env.step(action)
    with pytest.raises(QueueError, match="no options"):
        env.reset(options={"x": 1})
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ResetNeeded, match="after the end"):
        env.step(0)
    env.close()
    with pytest.raises(ClosedEnvironmentError):
        env.reset()
    vector = gymnasium.make_vec(HOP, 2, vectorization_mode="vector_entry_point")
    with pytest.raises(QueueError, match="3 seeds"):
        vector.reset(seed=[1, 2, 3])  # type: ignore[arg-type]
    vector.reset(seed=0)
    with pytest.raises(InvalidAction, match=r"shape \(1,\)"):
        vector.step(np.zeros(1, int))


def test_making_one_does_not_wait_for_torch() -> None:
    code = (
        "import sys, gymnasium, ns3kan\n"
        f"gymnasium.make('{PATH}').reset(seed=0)\n"
        "print(sorted({'torch', 'pandas', 'scipy', 'sympy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
