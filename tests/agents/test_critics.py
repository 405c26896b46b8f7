# SPDX-License-Identifier: MIT
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.components.actor_critic import ComponentCritic
from ns3kan.agents.components.average_cost_ppo import AverageCostPPOConfig, _Estimator
from ns3kan.agents.components.critics import LeastSquaresCritic, NetworkCritic, minibatches
from ns3kan.agents.components.encodings import single_hop_encoding
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.components.runners import IndexRunner
from ns3kan.agents.components.trajectories import Trajectories
from ns3kan.agents.training.threads import torch_threads

HOP = "ns3kan/SingleHopScheduling-v0"


def queue(steps: int, seed: int = 0, lanes: int = 1, **arguments: Any) -> Trajectories:
    env = gymnasium.make_vec(HOP, lanes, vectorization_mode="vector_entry_point", **arguments)
    env.reset(seed=seed)
    runner = IndexRunner(env, lambda states: states[:, 0] * states[:, 1], seed=seed)
    return runner.record(steps, mode="greedy", ties="lowest")


BATCHES: dict[str, Any] = {
    "num_queues": 1,
    "arrivals": {"name": "table", "probabilities": [0.7, 0.1, 0.2]},
    "capacities": "deterministic",
    "service_rates": 1,
}


def states(lengths: Any, capacities: Any) -> Trajectories:
    """One lane that was in these states (steps, K) one after the other."""
    seen = np.stack(np.broadcast_arrays(lengths, capacities), -1)[:, None].astype(np.float32)
    return Trajectories(seen, np.zeros((len(seen) - 1, 1), np.int64), np.zeros((len(seen) - 1, 1)))


@pytest.mark.parametrize("trace_decay", [0.0, 0.9])
def test_least_squares_finds_the_values_of_a_queue(trace_decay: float) -> None:
    # One packet is served in each step and 0, 1 or 2 arrive, so that with u = [q − 1]⁺ the
    # differential value is a(u² + u), a = −1/(2(1 − λ)); it solves Poisson's equation for
    # the average cost λ + σ/(2(1 − λ)), σ = E[x(x − 1)].
    rate, second = 0.5, 0.4
    average = rate + second / (2 * (1 - rate))
    part = queue(100_000, **BATCHES)
    assert part.costs.mean() == pytest.approx(average, rel=0.03)
    critic = LeastSquaresCritic(0.9995, trace_decay)
    rewards = part.costs.mean() - part.costs
    never = np.zeros(1, dtype=np.bool_)
    for _ in range(2):
        critic.fit([part], [never], [rewards], np.zeros_like(rewards), 1.0)
    lengths = np.arange(8)
    values = critic.values(states(lengths[:, None], 1))[:, 0]
    u = np.maximum(lengths - 1, 0)
    expected = -(u**2 + u) / (2 * (1 - rate))
    np.testing.assert_allclose(values - values[0], expected, atol=0.08 * -expected[-1])
    assert values[1] - values[0] == pytest.approx(0, abs=0.3)


def test_pieces_of_a_rollout_are_one_rollout_unless_they_are_cut() -> None:
    part = queue(600, lanes=2, arrival_rates=[0.3, 0.2], service_rates=[0.9, 0.8])
    rewards = part.costs.mean(0) - part.costs
    none, second = np.zeros(2, dtype=np.bool_), np.array([False, True])

    def piece(first: int, last: int) -> Trajectories:
        return Trajectories(
            part.observations[first : last + 1], part.actions[first:last], part.costs[first:last]
        )

    def critic() -> LeastSquaresCritic:
        made = LeastSquaresCritic(0.99, 0.9)
        # Fixes the scale.
        made.values(part)
        return made

    whole, pieces, cut = critic(), critic(), critic()
    whole.fit([part], [none], [rewards], rewards, 1.0)
    parts = [piece(0, 250), piece(250, 251), piece(251, 600)]
    split = [rewards[:250], rewards[250:251], rewards[251:]]
    pieces.fit(parts, [none] * 3, split, rewards, 1.0)
    np.testing.assert_allclose(pieces.values(part), whole.values(part), rtol=1e-6, atol=1e-8)
    cut.fit(parts, [second, none, none], split, rewards, 1.0)
    np.testing.assert_allclose(cut.values(part)[:, 0], whole.values(part)[:, 0], rtol=1e-6)
    assert not np.allclose(cut.values(part)[:, 1], whole.values(part)[:, 1], rtol=1e-3)


@pytest.mark.parametrize("cuts", [(), (0, 1), (2,)])
def test_advantages_are_the_sums_of_the_definition(cuts: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    lengths = (3, 1, 4)
    values = [rng.normal(size=(steps + 1, 2)) for steps in lengths]
    rewards = [rng.normal(size=(steps, 2)) for steps in lengths]
    marks = [np.array([place in cuts, False]) for place in range(3)]
    for place in range(2):
        values[place + 1][0] = np.where(marks[place], values[place + 1][0], values[place][-1])
    config = AverageCostPPOConfig(gamma=0.9)
    found = _Estimator(LeastSquaresCritic(0.9), config, 2)._sums(values, rewards, marks, 0.8)
    expected = np.zeros((8, 2))
    ahead, row = np.zeros(2), 8
    for value, reward, mark in zip(values[::-1], rewards[::-1], marks[::-1], strict=True):
        ahead = np.where(mark, 0.0, ahead)
        for t in reversed(range(len(reward))):
            row -= 1
            ahead = reward[t] + 0.9 * value[t + 1] - value[t] + 0.9 * 0.8 * ahead
            expected[row] = ahead
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_slopes_tell_which_queue_is_dear() -> None:
    # The second queue is rarely connected, so that its packets wait longer.
    part = queue(
        60_000,
        arrivals="bernoulli",
        arrival_rates=[0.2, 0.2],
        capacities="bernoulli",
        service_rates=[0.9, 0.35],
    )
    rewards = part.costs.mean() - part.costs
    critic = LeastSquaresCritic(0.998, 0.9)
    critic.fit([part], [np.zeros(1, np.bool_)], [rewards], rewards, 1.0)
    lengths = np.array([[0, 0], [3, 0], [0, 3], [6, 0], [0, 6]])
    empty, first, second, long_first, long_second = critic.values(states(lengths, 1))[:, 0]
    assert empty > first > second
    assert long_first > long_second
    # Longer queues cost more than in proportion.
    assert empty - long_second > 2 * (empty - second)


def test_signs_of_lengths_do_not_matter() -> None:
    part = queue(3000, arrival_rates=[0.3, 0.3], service_rates=[0.8, 0.9])
    turned = part.observations.copy()
    turned[..., 0] *= -1
    signed = Trajectories(turned, part.actions, part.costs)
    rewards = part.costs.mean() - part.costs
    values = []
    for each in (part, signed):
        critic = LeastSquaresCritic(0.99)
        critic.fit([each], [np.zeros(1, np.bool_)], [rewards], rewards, 1.0)
        values.append(critic.values(each))
    np.testing.assert_array_equal(values[0], values[1])


def test_a_network_learns_values() -> None:
    # Lanes of the same kind, since the network does not see rates.
    part = queue(2000, lanes=2, arrival_rates=[0.3, 0.3], service_rates=[0.8, 0.9])
    torch.manual_seed(0)
    network = ComponentCritic(ComponentArchitecture(single_hop_encoding()))
    critic = NetworkCritic(network, 3e-3, 0.5, 5, 100, 5.0, np.random.default_rng(0))
    assert not critic.values(part).any()
    lengths = part.observations[:-1, :, :, 0].astype(float)
    # Of another size in each environment, and without tails, which the loss would forgive.
    returns = -np.log1p(lengths).sum(-1) * [1.0, 30.0]
    with torch_threads(1):
        for _ in range(12):
            critic.fit([part], [np.zeros(2, np.bool_)], [returns], returns, 1.0)
    found = critic.values(part)[:-1]
    for lane in range(2):
        wanted = returns[:, lane] - returns[:, lane].mean()
        # A function without noise: all but a few per cent of its variance is there to be learned.
        assert (found[:, lane] - wanted).std() < 0.2 * wanted.std()


def test_minibatches_hold_each_row_once_an_epoch() -> None:
    columns = (np.arange(12), 10 * np.arange(12))
    parts = list(minibatches(columns, 2, 4, np.random.default_rng(0)))
    assert [len(first) for first, _ in parts] == [4] * 6
    assert all(np.array_equal(second, 10 * first) for first, second in parts)
    for epoch in (parts[:3], parts[3:]):
        rows = np.concatenate([first for first, _ in epoch])
        assert sorted(rows.tolist()) == list(range(12))
        assert rows.tolist() != list(range(12))
