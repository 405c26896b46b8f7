# SPDX-License-Identifier: MIT
from itertools import pairwise
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from lane_sampler import LaneSampler
from scipy import stats

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.bridge.queues.distributions import FloatArray
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.trajectory import Trajectory

HOP, PATH = "ns3kan/SingleHopScheduling-v0", "ns3kan/MultiPathRouting-v0"
LANES, QUEUES = 7, 3


def make(name: str, lanes: int = LANES, **arguments: Any) -> Any:
    return gymnasium.make_vec(name, lanes, vectorization_mode="vector_entry_point", **arguments)


def random_model(rng: np.random.Generator, name: str) -> dict[str, Any]:
    """Rates of every family, some of them of many or of large values."""
    queues = int(rng.integers(1, 6))

    def law(kind: str, columns: int) -> tuple[Any, Any]:
        shape = (LANES, columns)
        match kind:
            case "binomial":
                return {"name": "binomial", "trials": 40}, rng.uniform(0, 40, shape)
            case "table":
                mass = rng.dirichlet(np.full(30, 0.3), shape) * (rng.random(30) < 0.6)
                mass[..., 29] += 1e-3
                return {"name": kind, "probabilities": mass / mass.sum(-1, keepdims=True)}, None
            case "deterministic":
                return kind, rng.integers(0, 5, shape)
            case "bernoulli":
                return kind, rng.uniform(0, 1, shape)
            case _:
                return kind, rng.uniform(0, 1, shape) * 10.0 ** rng.integers(0, 4, shape)

    kinds = ["poisson", "geometric", "binomial", "bernoulli", "deterministic", "table"]
    arrivals, arrival_rates = law(str(rng.choice(kinds)), queues if name == HOP else 1)
    capacities, service_rates = law(str(rng.choice(kinds)), queues)
    return {
        "num_queues": queues,
        "arrivals": arrivals,
        "arrival_rates": arrival_rates,
        "capacities": capacities,
        "service_rates": service_rates,
        "buffer": [None, 50][rng.integers(2)],
        "cost": ["total", "quadratic"][rng.integers(2)],
        "cost_weights": [None, rng.integers(1, 9, queues) / 4][rng.integers(2)],
        "drop_cost": 2.5,
        "reward_scale": 0.5,
        "observe_rates": bool(rng.integers(2)),
        "allow_unstable": True,
    }


@pytest.mark.parametrize("name", [HOP, PATH])
@pytest.mark.parametrize("number", range(12))
def test_steps_agree_with_arrays_of_counts(name: str, number: int) -> None:
    rng = np.random.default_rng(number)
    env = make(name, **random_model(rng, name))
    model = env.unwrapped.model
    sampler = LaneSampler([model.arrivals, model.capacities])
    sampler.seed(range(5, 5 + LANES))
    first = model.arrivals.mean.shape[1]
    queues = np.zeros((LANES, env.num_queues))
    capacities = sampler.next_row()[:, first:].copy()
    lanes = np.arange(LANES)
    observations, _ = env.reset(seed=5)
    for _ in range(200):
        assert np.array_equal(observations[..., 0], queues)
        assert np.array_equal(observations[..., 1], capacities)
        actions = rng.integers(0, env.num_queues, LANES)
        row = sampler.next_row()
        if name == HOP:
            served = queues[lanes, actions] - capacities[lanes, actions]
            queues[lanes, actions] = np.maximum(served, 0)
            queues += row[:, :first]
        else:
            queues = np.maximum(queues - capacities, 0)
            queues[lanes, actions] += row[:, 0]
        capacities = row[:, first:].copy()
        drops = np.zeros(LANES)
        if model.buffers is not None:
            drops = np.maximum(queues - model.buffers, 0).sum(axis=1)
            queues = np.minimum(queues, model.buffers)
        costs = queues**2 if model.cost == "quadratic" else queues
        costs = costs if model.cost_weights is None else costs * model.cost_weights
        observations, rewards, *_, infos = env.step(actions)
        assert np.array_equal(rewards, -0.5 * (costs.sum(axis=1) + 2.5 * drops))
        if model.buffers is not None:
            assert np.array_equal(infos["drops"], drops)
    if model.observe_rates:
        assert np.array_equal(observations[..., -1], model.capacities.mean)
    assert capacities.max() <= env.unwrapped.largest_capacity


def tables(rng: np.random.Generator, env: Any, lengths: int, dtype: Any = np.float64) -> Any:
    """Values that keep all queues short."""
    capacities = env.unwrapped.largest_capacity + 1
    sign = 1 if env.unwrapped.problem == "single_hop" else -1
    values = np.arange(lengths)[:, None] * sign + 0.1 * np.arange(capacities)
    noise = np.random.default_rng(0).random((4, 1000, capacities))[:, :lengths]
    rows = rng.integers(0, 4, (LANES, QUEUES)).astype(np.int32)
    return (values + noise).astype(dtype), rows


def replay(env: Any, trajectory: Trajectory) -> None:
    assert trajectory.actions is not None
    assert trajectory.costs is not None
    assert trajectory.queue_lengths is not None
    assert trajectory.capacities is not None
    assert len(trajectory.actions) == len(trajectory.costs) == trajectory.steps
    assert len(trajectory.queue_lengths) == len(trajectory.capacities) == trajectory.steps + 1
    observations = env.unwrapped.observe()
    for step in range(trajectory.steps):
        assert np.array_equal(observations[..., 0], trajectory.queue_lengths[step])
        assert np.array_equal(observations[..., 1], trajectory.capacities[step])
        observations, rewards, *_ = env.step(trajectory.actions[step])
        assert np.array_equal(-rewards, trajectory.costs[step])
    assert np.array_equal(observations[..., 0], trajectory.queue_lengths[-1])
    assert np.array_equal(observations[..., 1], trajectory.capacities[-1])
    assert trajectory.total_cost == pytest.approx(trajectory.costs.sum(axis=0))


@pytest.mark.parametrize("name", [HOP, PATH])
@pytest.mark.parametrize("mode", ["greedy", "sample"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_replay_and_early_stop(name: str, mode: Any, dtype: Any) -> None:
    arguments: dict[str, Any] = {"service_rates": [1.0, 0.8, 1.2], "buffer": 60}
    env, again = make(name, **arguments), make(name, **arguments)
    env.reset(seed=3)
    again.reset(seed=3)
    values, rows = tables(np.random.default_rng(1), env, 61, dtype)
    whole = env.unwrapped.run_index(values, rows, 500, mode=mode, seed=9, record=True)
    assert whole.steps == 500
    replay(again, whole)
    if mode == "greedy":
        for step, actions in enumerate(whole.actions):
            seen = values[rows, whole.queue_lengths[step], whole.capacities[step]]
            # Queues of the same table may tie.
            assert np.array_equal(seen[np.arange(LANES), actions], seen.max(axis=1))
    # Tables too small at first, enlarged whenever the lanes stop.
    env.reset(seed=3)
    pieces, lengths, seed = [], 2, 9
    while (done := sum(piece.steps for piece in pieces)) < 500:
        piece = env.unwrapped.run_index(
            values[:, :lengths], rows, 500 - done, mode=mode, seed=seed, record=True
        )
        longest = piece.queue_lengths[:-1].max(initial=0)
        assert longest < lengths
        assert piece.steps == 500 - done or piece.queue_lengths[-1].max() >= lengths
        pieces.append(piece)
        seed, lengths = None, lengths + 1
    assert len(pieces) > 1
    for key in ("actions", "costs"):
        parts = np.concatenate([getattr(piece, key) for piece in pieces])
        assert np.array_equal(parts, getattr(whole, key))
    totals = np.sum([piece.total_cost for piece in pieces], axis=0)
    assert totals == pytest.approx(whole.total_cost)


def test_averages_of_blocks() -> None:
    env = make(HOP, num_queues=QUEUES)
    values, rows = tables(np.random.default_rng(1), env, 300)
    env.reset(seed=3)
    whole = env.unwrapped.run_index(values, rows, 250, seed=1, record=True)
    env.reset(seed=3)
    blocks = env.unwrapped.run_index(values, rows, 250, seed=1, every=100)
    assert blocks.queue_lengths is None
    assert blocks.costs.shape == (3, LANES)
    assert blocks.costs[0] == pytest.approx(whole.costs[:100].mean(axis=0))
    assert blocks.costs[2] == pytest.approx(whole.costs[200:].mean(axis=0))
    env.reset(seed=3)
    bare = env.unwrapped.run_index(values, rows, 250, seed=1)
    assert bare.costs is None
    assert np.array_equal(bare.total_cost, whole.total_cost)


def test_ties() -> None:
    env = make(HOP, 3000, num_queues=3, observe_rates=True)
    values = np.array([[[1.0]], [[0.0]]]).repeat(200, 1).repeat(30, 2)
    rows = np.tile(np.array([0, 1, 0], np.int32), (3000, 1))
    for ties, expected in (("random", [0.5, 0, 0.5]), ("lowest", [1, 0, 0])):
        env.reset(seed=0)
        actions = env.unwrapped.run_index(values, rows, 3, ties=ties, seed=0, record=True).actions
        shares = np.bincount(actions.ravel(), minlength=3) / actions.size
        assert shares == pytest.approx(expected, abs=0.02)
        if ties == "random":
            # Lanes and steps differ.
            assert 0.45 < np.mean(actions[0] == actions[1]) < 0.55
            assert 0.45 < np.mean(actions[0, 1:] == actions[0, :-1]) < 0.55


def test_samples_follow_the_softmax() -> None:
    logits = np.array([0.3, -1.0, 1.2, 700.0, -700.0])
    for chosen in ([0, 1, 2], [2, 2, 1], [3, 3, 4]):
        env = make(HOP, 2000, num_queues=3)
        env.reset(seed=0)
        values = logits[:, None, None].repeat(200, 1).repeat(30, 2)
        rows = np.tile(np.array(chosen, np.int32), (2000, 1))
        actions = env.unwrapped.run_index(
            values, rows, 20, mode="sample", seed=4, record=True
        ).actions
        weights = np.exp(logits[chosen] - logits[chosen].max())
        expected = weights / weights.sum() * actions.size
        counts = np.bincount(actions.ravel(), minlength=3)
        possible = expected > 1e-9
        assert counts[~possible].sum() == 0
        assert stats.chisquare(counts[possible], expected[possible]).pvalue > 1e-3


def test_what_a_policy_draws_depends_on_seed_and_lane_only() -> None:
    def run(lanes: int, seed: int, env_seed: int = 0) -> npt.NDArray[np.int32]:
        env = make(HOP, lanes, num_queues=4)
        env.reset(seed=env_seed)
        actions: npt.NDArray[np.int32] = env.unwrapped.run_index(
            np.zeros((1, 500, 30)),
            np.zeros((lanes, 4), np.int32),
            50,
            mode="sample",
            seed=seed,
            record=True,
        ).actions
        return actions

    assert np.array_equal(run(2, 5), run(6, 5)[:, :2])
    assert np.array_equal(run(2, 5), run(2, 5, env_seed=8))
    assert not np.array_equal(run(2, 5), run(2, 6))


def forward(layers: Any, inputs: FloatArray) -> FloatArray:
    for place, (weight, bias) in enumerate(layers):
        inputs = inputs @ weight.T.astype(np.float64) + bias
        if place + 1 < len(layers):
            inputs = np.tanh(inputs)
    return inputs


@pytest.mark.parametrize("name", [HOP, PATH])
@pytest.mark.parametrize("scales", [((1500.0, 2.0), (30.0, 0.5)), ((40.0, 0.0), (9.0, 1.0))])
@pytest.mark.parametrize("widths", [(64, 64), (5,), ()])
def test_network(name: str, scales: Any, widths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    arguments: dict[str, Any] = {"num_queues": 3, "service_rates": 0.6}
    if name == HOP:
        arguments["arrival_rates"] = 0.15
    env, again = make(name, observe_rates=True, **arguments), make(name, **arguments)
    features = len(env.unwrapped.feature_names)
    constants = rng.uniform(-1, 1, (LANES, 3, features - 2)).astype(np.float32)
    sizes = [3 * features, *widths, 3]
    layers = [
        (rng.normal(0, 0.7, (n, m)).astype(np.float32), rng.normal(0, 0.1, n).astype(np.float32))
        for m, n in pairwise(sizes)
    ]
    env.reset(seed=1)
    again.reset(seed=1)
    # Long enough that queues which are never served outgrow what is scaled beforehand.
    trajectory = env.unwrapped.run_network(layers, scales, constants, 3000, seed=0, record=True)
    replay(again, trajectory)
    assert trajectory.queue_lengths.max() > 30
    states = np.stack([trajectory.queue_lengths, trajectory.capacities], axis=-1)[:-1]
    scaled = [
        2 * (np.log1p(x / offset) / np.log1p(high / offset) if offset else x / high) - 1
        for x, (high, offset) in zip(np.moveaxis(states, -1, 0), scales, strict=True)
    ]
    inputs = np.concatenate(
        [np.stack(scaled, axis=-1), np.broadcast_to(constants, (*states.shape[:3], features - 2))],
        axis=-1,
    )
    logits = forward(layers, inputs.reshape(*states.shape[:2], -1))
    best = logits.max(axis=-1)
    chosen = np.take_along_axis(logits, trajectory.actions[..., None], axis=-1)[..., 0]
    # Errors of single precision grow with the numbers that are added.
    assert (best - chosen <= 1e-5 * (1 + np.abs(logits).max(axis=-1))).all()
    clear = best - np.sort(logits, axis=-1)[..., -2] > 1e-3
    assert clear.mean() > 0.9
    assert np.array_equal(trajectory.actions[clear], logits.argmax(axis=-1)[clear])


def test_probabilities_of_a_network() -> None:
    env = make(PATH, 4000, service_rates=[0.5, 0.7, 0.4])
    env.reset(seed=0)
    layers = [(np.zeros((3, 6), np.float32), np.array([0.0, 1.0, -1.0], np.float32))]
    trajectory = env.unwrapped.run_network(
        layers, ((9, 0), (9, 0)), np.zeros((4000, 3, 0)), 5, mode="sample", seed=1, record=True
    )
    counts = np.bincount(trajectory.actions.ravel(), minlength=3)
    weights = np.exp([0.0, 1.0, -1.0])
    assert stats.chisquare(counts, weights / weights.sum() * counts.sum()).pvalue > 1e-3


def test_forget_leaves_capacities_and_streams() -> None:
    env, other = make(HOP, 3), make(HOP, 3)
    for each in (env, other):
        each.reset(seed=0)
        for _ in range(20):
            before = each.step(np.zeros(3, int))[0]
    env.unwrapped.forget(np.array([False, True, False]))
    after = env.unwrapped.observe()
    assert after[1, :, 0].tolist() == [0] * 4
    assert before[1, 1:, 0].sum() > 0
    assert np.array_equal(after[..., 1], before[..., 1])
    assert np.array_equal(after[[0, 2]], before[[0, 2]])
    ours, theirs = env.step(np.zeros(3, int))[0], other.step(np.zeros(3, int))[0]
    assert np.array_equal(ours[..., 1], theirs[..., 1])
    assert np.array_equal(ours[[0, 2]], theirs[[0, 2]])


def index_arguments(**changes: Any) -> dict[str, Any]:
    right = {
        "values": np.zeros((2, 50, 40)),
        "rows": np.zeros((LANES, QUEUES), np.int32),
        "steps": 5,
        "seed": 0,
    }
    return right | changes


def _with_nan() -> FloatArray:
    values = np.zeros((2, 50, 40))
    values[1, 3, 3] = np.nan
    return values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": np.zeros((50, 40))}, r"values of shape \(50, 40\)"),
        ({"values": np.zeros((2, 50, 40), int)}, "type int64"),
        ({"values": np.zeros((2, 50, 3))}, "up to a capacity of 2, but"),
        ({"values": _with_nan()}, "hold NaN"),
        ({"values": np.full((2, 50, 40), np.inf), "mode": "sample"}, "infinite"),
        ({"rows": np.zeros((LANES, 2), np.int32)}, r"rows of shape \(7, 2\)"),
        ({"rows": np.zeros((LANES, QUEUES))}, "type float64"),
        ({"rows": np.full((LANES, QUEUES), 2)}, "Row 2 is none of the 2 tables"),
        ({"rows": np.full((LANES, QUEUES), -1)}, "Row -1 is none"),
        ({"steps": -1}, "steps=-1"),
        ({"steps": 1.5}, "steps=1.5"),
        ({"mode": "soft"}, "no mode 'soft'"),
        ({"ties": "first"}, "no rule 'first'"),
        ({"every": 0}, "every=0"),
        ({"every": 5, "record": True}, "leave out every"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_bad_tables(changes: dict[str, Any], message: str) -> None:
    env = make(HOP, num_queues=QUEUES)
    env.reset(seed=0)
    with pytest.raises(QueueError, match=message):
        env.unwrapped.run_index(**index_arguments(**changes))


def network_arguments(**changes: Any) -> dict[str, Any]:
    layer = (np.zeros((QUEUES, 2 * QUEUES), np.float32), np.zeros(QUEUES, np.float32))
    right = {
        "layers": [layer],
        "scales": ((9.0, 1.0), (9.0, 1.0)),
        "constants": np.zeros((LANES, QUEUES, 0), np.float32),
        "steps": 5,
    }
    return right | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": []}, "has no outputs"),
        ({"layers": [(np.zeros((4, 6)), np.zeros(4))]}, "has 4 outputs"),
        ({"layers": [(np.zeros((3, 5)), np.zeros(3))]}, r"give \(outputs, 6\)"),
        ({"layers": [(np.zeros((3, 6)), np.zeros(2))]}, r"bias of shape \(2,\)"),
        ({"layers": [(np.full((3, 6), np.nan), np.zeros(3))]}, "not finite"),
        ({"scales": ((9.0, -1.0), (9.0, 1.0))}, "offsets not negative"),
        ({"scales": ((0.0, 1.0), (9.0, 1.0))}, "highs positive"),
        ({"scales": (9.0, 1.0)}, "must be"),
        ({"constants": np.zeros((LANES, QUEUES, 1))}, "constants of shape"),
    ],
)
def test_bad_networks(changes: dict[str, Any], message: str) -> None:
    env = make(HOP, num_queues=QUEUES)
    env.reset(seed=0)
    with pytest.raises(QueueError, match=message):
        env.unwrapped.run_network(**network_arguments(**changes))


def test_bad_times() -> None:
    env = make(HOP, num_queues=QUEUES)
    calls = [
        lambda: env.unwrapped.run_index(**index_arguments()),
        lambda: env.unwrapped.run_network(**network_arguments()),
        lambda: env.unwrapped.forget(np.zeros(LANES, bool)),
        lambda: env.unwrapped.observe(),
    ]
    for call in calls:
        with pytest.raises(ResetNeeded):
            call()
    env.reset(seed=0)
    for call in calls:
        call()
    with pytest.raises(QueueError, match="one bool for each"):
        env.unwrapped.forget(np.zeros(LANES))
    env.close()
    for call in calls:
        with pytest.raises(ClosedEnvironmentError):
            call()
    env = make(HOP, num_queues=QUEUES, max_steps=5)
    env.reset(seed=0)
    for call in calls[:2]:
        with pytest.raises(QueueError, match="max_steps=5"):
            call()
