# SPDX-License-Identifier: MIT
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ns3kan.agents.components.classical import make_policy
from ns3kan.analysis.exact.average_cost import ConvergenceError, Solution, solve
from ns3kan.analysis.exact.decision_regions import PANELS, WINDOW, paper_instance, write_figure
from ns3kan.bridge.queues.environment_sampling import mean_costs
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.multi_path import MultiPathRouting, MultiPathVectorEnv
from ns3kan.bridge.queues.single_hop import SingleHopScheduling, SingleHopVectorEnv
from ns3kan.bridge.queues.vector_env import QueueVectorEnv

PAPER: dict[str, Any] = {
    "arrivals": "bernoulli",
    "arrival_rates": [0.4, 0.4],
    "capacities": {"name": "table", "probabilities": [0.5, 0.3, 0.2]},
}


@pytest.fixture(scope="module")
def paper() -> Solution:
    return solve(paper_instance(), window=WINDOW)


def confidence(env: QueueVectorEnv, policy: Any, steps: int = 4000) -> tuple[float, float]:
    """Mean over the lanes and four standard errors."""
    costs = mean_costs(env, policy, steps, seed=7)
    return costs.mean(), 4 * costs.std(ddof=1) / np.sqrt(costs.size)


@pytest.mark.parametrize(("queues", "rate", "connected"), [(2, 0.3, 0.6), (3, 0.2, 0.5)])
def test_longest_connected_queue_is_optimal(queues: int, rate: float, connected: float) -> None:
    env = SingleHopScheduling(
        arrivals="bernoulli",
        arrival_rates=[rate] * queues,
        capacities="bernoulli",
        service_rates=connected,
    )
    best = solve(env.model)
    longest = make_policy("longest_connected_queue", env)
    assert solve(env.model, policy=longest.scores).gain == pytest.approx(best.gain, rel=2e-4)
    # State by state: what it may choose is optimal.
    inside = (slice(0, best.dynamics.longest // 2),) * queues
    for _, capacity in best.dynamics.capacities():
        chosen = best.dynamics.chances(longest.scores, capacity) > 0
        assert (best.best_actions(capacity) | ~chosen)[inside].all()


def test_no_policy_beats_the_optimum(paper: Solution) -> None:
    env = SingleHopScheduling(**PAPER)
    for name in ("max_weight", "max_weight_served", "longest_connected_queue", "max_served"):
        other = solve(env.model, policy=make_policy(name, env).scores)
        assert other.upper > paper.lower
        assert other.gain > paper.gain * 1.001
    path = MultiPathRouting(service_rates=[0.9, 0.5], observe_rates=True)
    best = solve(path.model, tolerance=5e-4)
    for name in ("shortest_queue", "shortest_expected_delay_after_service"):
        other = solve(path.model, policy=make_policy(name, path).scores, tolerance=5e-4)
        assert other.gain > best.gain


def test_simulated_cost_matches_the_gain(paper: Solution) -> None:
    mean, error = confidence(SingleHopVectorEnv(200, **PAPER), paper.policy())
    # Started from empty queues, which matters little over 4000 steps.
    assert mean == pytest.approx(paper.gain, abs=error)
    assert error < 0.07
    rates = [0.9, 0.5]
    best = solve(MultiPathRouting(service_rates=rates).model, tolerance=5e-4)
    mean, error = confidence(MultiPathVectorEnv(200, service_rates=rates), best.policy())
    assert mean == pytest.approx(best.gain, abs=error)


def test_evaluated_policy_matches_its_simulation() -> None:
    lanes = SingleHopVectorEnv(200, **PAPER)
    policy = make_policy("max_weight", lanes, seed=1)
    gain = solve(paper_instance(), policy=policy.scores).gain
    mean, error = confidence(lanes, policy)
    assert mean == pytest.approx(gain, abs=error)


def test_gain_of_a_system_known_in_closed_form() -> None:
    # Nothing arrives at queue 1. Queue 0 has Bernoulli arrivals and services, which makes it a
    # Geo/Geo/1 queue, whose mean length right after arrivals is λ(1 − λ)/(μ − λ).
    arrival, service = 0.3, 0.5
    env = SingleHopScheduling(
        arrivals="bernoulli",
        arrival_rates=[arrival, 0.0],
        capacities="bernoulli",
        service_rates=[service, 1.0],
    )
    solution = solve(env.model, tolerance=1e-6)
    assert solution.gain == pytest.approx(arrival * (1 - arrival) / (service - arrival), rel=1e-5)
    assert solution.lower <= solution.gain <= solution.upper


def test_decision_regions_of_the_paper(paper: Solution, tmp_path: Path) -> None:
    inside = slice(0, WINDOW + 1)
    first, second = np.indices((WINDOW + 1, WINDOW + 1))
    for capacity in ((1, 1), (2, 2)):
        best = paper.best_actions(capacity)[inside, inside]
        assert best[first > second][:, 0].all()
        assert best[first < second][:, 1].all()
        assert best[first == second].all()
    for capacity in PANELS:
        serves_first = paper.best_actions(capacity)[inside, inside, 0]
        # Switch-type: once queue 1 is served, it stays so when it gets longer.
        assert (serves_first[1:] >= serves_first[:-1])[1:].all()
    table, figure = write_figure(tmp_path / "new")
    assert figure.read_bytes().startswith(b"\x89PNG")
    frame = pd.read_csv(table)
    assert len(frame) == 4 * (WINDOW + 1) ** 2
    assert set(frame["queue"]) == {0, 1, 2}


def test_too_small_a_truncation_says_what_it_reached() -> None:
    with pytest.raises(ConvergenceError, match=r"truncation at 18 packets .* at least 5\.\d+ and"):
        solve(
            SingleHopScheduling(
                arrivals="bernoulli",
                arrival_rates=[0.45] * 2,
                capacities="bernoulli",
                service_rates=0.8,
            ).model,
            largest=18,
        )
    with pytest.raises(ConvergenceError, match=r"5 sweeps are too few .* between .* and"):
        solve(paper_instance(), sweeps=5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"num_queues": 4}, "1 systems of 4 queues"), ({"num_queues": 2, "buffer": 5}, "buffer")],
)
def test_what_has_no_exact_solution(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(QueueError, match=message):
        solve(SingleHopScheduling(**arguments).model)
