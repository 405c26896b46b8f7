# SPDX-License-Identifier: MIT
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import SyncVectorEnv, VectorWrapper

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.components.encodings import (
    multi_path_encoding,
    single_hop_encoding,
)
from ns3kan.agents.components.policy import ComponentActor, ComponentArchitecture
from ns3kan.agents.components.runners import (
    IndexRunner,
    NetworkRunner,
    StepRunner,
    check_components,
    make_runner,
)
from ns3kan.agents.components.trajectories import Runner, Trajectories

HOP, PATH = "ns3kan/SingleHopScheduling-v0", "ns3kan/MultiPathRouting-v0"
RATES = np.random.default_rng(0).uniform(0.6, 1.2, (5, 3))


def make(name: str = HOP, **changes: Any) -> Any:
    arguments: dict[str, Any] = {"service_rates": RATES, "observe_rates": True} | changes
    return gymnasium.make_vec(name, 5, vectorization_mode="vector_entry_point", **arguments)


def make_actor(name: str = HOP, network: str = "switch-type-kan", seed: int = 0) -> ComponentActor:
    encoding = single_hop_encoding(True) if name == HOP else multi_path_encoding(True)
    torch.manual_seed(seed)
    options: dict[str, Any] = {
        "stn": {"hidden": (8,) * 4},
        "switch-type-kan": {},
        "kan": {"components": 3},
        "mlp": {"components": 3, "hidden": (16, 16)},
    }[network]
    actor = ComponentActor(ComponentArchitecture(encoding, network, **options))
    if network == "mlp":
        # Far from ties, which float32 would break one way or the other.
        with torch.no_grad():
            next(reversed(list(actor.network.body.parameters())[:-1])).mul_(300.0)  # type: ignore[union-attr]
    else:
        actor = actor.double()
    return actor


def runner_for(env: Any, actor: ComponentActor, kind: type[Runner], seed: int = 0) -> Runner:
    runner = make_runner(env, actor, seed=seed, env_seed=11)
    assert type(runner) is kind
    runner.refresh()
    return runner


def assert_same(first: Trajectories, second: Trajectories) -> None:
    assert np.array_equal(first.actions, second.actions)
    np.testing.assert_allclose(first.observations, second.observations, rtol=1e-6)
    np.testing.assert_allclose(first.costs, second.costs, rtol=1e-12)


@pytest.mark.parametrize("name", [HOP, PATH])
@pytest.mark.parametrize("network", ["switch-type-kan", "stn", "mlp"])
def test_whole_trajectories_are_those_of_single_steps(name: str, network: str) -> None:
    actor = make_actor(name, network)
    fast = runner_for(make(name), actor, NetworkRunner if network == "mlp" else IndexRunner)
    slow = runner_for(VectorWrapper(make(name)), actor, StepRunner)
    empty = np.array([True, False, False, True, False])
    # In unequal pieces, with new weights and emptied lanes between them.
    for steps in (1, 40, 60):
        mine = fast.record(steps, mode="greedy", ties="lowest")
        other = slow.record(steps, mode="greedy", ties="lowest")
        assert mine.observations.shape == (steps + 1, 5, 3, 4 if name == HOP else 3)
        assert mine.observations.dtype == np.float32
        assert mine.actions.shape == mine.costs.shape == (steps, 5)
        assert_same(mine, other)
        lengths = mine.observations[1:, ..., 0].sum(-1)
        np.testing.assert_array_equal(mine.costs, lengths)
        with torch.no_grad():
            for parameter in actor.network.parameters():
                parameter.mul_(1.3)
        for runner in (fast, slow):
            runner.forget(empty)
            runner.refresh()
    mine, other = (each.record(3, mode="greedy", ties="lowest") for each in (fast, slow))
    assert not mine.observations[0, empty, :, 0].any()
    assert mine.observations[0, ~empty, :, 0].any()
    assert_same(mine, other)
    costs = [each.mean_costs(30, ties="lowest") for each in (fast, slow)]
    np.testing.assert_allclose(costs[0], costs[1])


def test_tables_grow_without_changing_anything() -> None:
    # More arrives than can be served, so that queues outgrow table after table.
    overload: dict[str, Any] = {"arrival_rates": 1.0, "allow_unstable": True}
    actor = make_actor()
    fast = runner_for(make(**overload), actor, IndexRunner)
    slow = runner_for(VectorWrapper(make(**overload)), actor, StepRunner)
    mine = fast.record(150, mode="greedy", ties="lowest")
    assert mine.observations[..., 0].max() > 64
    assert_same(mine, slow.record(150, mode="greedy", ties="lowest"))
    sampled = [runner_for(make(**overload), actor, IndexRunner, seed=3) for _ in range(2)]
    pieces = [sampled[0].record(steps) for steps in (1, 60, 89)]
    whole = sampled[1].record(150)
    assert np.array_equal(np.concatenate([part.actions for part in pieces]), whole.actions)
    assert np.array_equal(pieces[-1].observations[-1], whole.observations[-1])


@pytest.mark.parametrize("network", ["switch-type-kan", "mlp"])
def test_samples_follow_the_probabilities_and_the_seed(network: str) -> None:
    actor = make_actor(network=network)
    if network == "mlp":
        with torch.no_grad():
            next(reversed(list(actor.network.body.parameters())[:-1])).div_(300.0)  # type: ignore[union-attr]
    kind = NetworkRunner if network == "mlp" else IndexRunner
    first = runner_for(make(), actor, kind, seed=1).record(2000)
    again = runner_for(make(), actor, kind, seed=1).record(2000)
    other = runner_for(make(), actor, kind, seed=2).record(2000)
    assert np.array_equal(first.actions, again.actions)
    assert not np.array_equal(first.actions, other.actions)
    slow = runner_for(VectorWrapper(make()), actor, StepRunner, seed=1).record(500)
    for part in (first, slow):
        seen = torch.from_numpy(part.observations[:-1]).flatten(0, 1)
        with torch.no_grad():
            expected = actor.probabilities(seen).double().numpy()
        chosen = np.eye(3)[part.actions.ravel()]
        error = 5 * np.sqrt((expected * (1 - expected)).sum(0)) + 1e-9
        assert (np.abs((chosen - expected).sum(0)) < error).all()


def test_mean_costs_are_those_of_a_record() -> None:
    actor = make_actor()
    one = runner_for(make(), actor, IndexRunner)
    two = runner_for(make(), actor, IndexRunner)
    np.testing.assert_allclose(
        one.mean_costs(400, ties="lowest"),
        two.record(400, mode="greedy", ties="lowest").costs.mean(0),
        rtol=1e-12,
    )


def test_a_table_is_shared_by_all_with_the_same_rates() -> None:
    evaluated = []

    def index(states: Any) -> Any:
        evaluated.append(len(states))
        return states[:, 0] * states[:, 1]

    env = make(service_rates=[0.9, 0.9, 1.2], observe_rates=True)
    env.reset(seed=0)
    runner = IndexRunner(env, index, seed=0)
    runner.refresh()
    runner.record(5)
    # Two tables of 32 lengths, for two different rates in 15 queues.
    assert sum(evaluated) == 2 * 32 * (env.unwrapped.largest_capacity + 1)
    plain = make(observe_rates=False)
    plain.reset(seed=0)
    assert IndexRunner(plain, index, seed=0).record(5).observations.shape == (6, 5, 3, 2)


def test_any_vector_environment_is_stepped() -> None:
    actor = make_actor()

    def single(i: int) -> Any:
        return lambda: gymnasium.make(HOP, service_rates=RATES[i], observe_rates=True)

    several = SyncVectorEnv([single(i) for i in range(5)])
    with pytest.raises(ValueError, match="Box \\(K, features\\)"):
        check_components(gymnasium.make_vec("CartPole-v1", 1), actor)
    slow = runner_for(several, actor, StepRunner)
    fast = runner_for(make(), actor, IndexRunner)
    assert_same(
        slow.record(40, mode="greedy", ties="lowest"), fast.record(40, mode="greedy", ties="lowest")
    )
    # It has no way to empty queues, and so leaves them.
    before = slow.record(1).observations[-1]
    slow.forget(np.ones(5, dtype=np.bool_))
    assert np.array_equal(slow.record(1).observations[0], before)


def test_misfits_are_refused() -> None:
    with pytest.raises(ValueError, match="shows queue_length, capacity of each component, but"):
        make_runner(make(observe_rates=False), make_actor(), seed=0, env_seed=0)
    with pytest.raises(ValueError, match="capacity, service_rate of each component, but the"):
        make_runner(make(PATH), make_actor(), seed=0, env_seed=0)
    rates = {"service_rates": 1.0, "num_queues": 4}
    with pytest.raises(ValueError, match="made for 3 components, but the environment has 4"):
        make_runner(make(**rates), make_actor(network="mlp"), seed=0, env_seed=0)
    # Switch-type networks serve any K.
    runner_for(make(**rates), make_actor(), IndexRunner).record(3)
    with pytest.raises(ValueError, match="without an end"):
        runner_for(make(max_steps=10), make_actor(), IndexRunner).record(3)
    with pytest.raises(ValueError, match="without an end"):
        runner_for(make(max_steps=10), make_actor(network="mlp"), NetworkRunner).record(3)
    limited = runner_for(VectorWrapper(make(max_steps=10)), make_actor(), StepRunner)
    limited.record(9)
    with pytest.raises(ValueError, match="make the environment without a time limit"):
        limited.record(1)
    for call in ({"mode": "best"}, {"ties": "last"}):
        with pytest.raises(ValueError, match="There is no"):
            runner_for(make(), make_actor(), IndexRunner).record(3, **call)  # type: ignore[arg-type]


class Broken(VectorWrapper):  # type: ignore[type-arg]
    """Returns NaN instead of a queue length or a reward."""

    def __init__(self, env: Any, what: str) -> None:
        super().__init__(env)
        self.what = what

    def step(self, actions: Any) -> Any:
        observations, rewards, *rest = self.env.step(actions)
        (observations if self.what == "observation" else rewards)[0] = np.nan
        return observations, rewards, *rest


def test_what_is_not_finite_is_refused() -> None:
    for what in ("observation", "reward"):
        runner = runner_for(Broken(make(), what), make_actor(), StepRunner)
        with pytest.raises(ValueError, match="observation or reward that is not finite"):
            runner.mean_costs(2)
    for network, kind in (("switch-type-kan", IndexRunner), ("mlp", NetworkRunner)):
        actor = make_actor(network=network)
        with torch.no_grad():
            next(iter(actor.network.parameters())).fill_(torch.nan)
        with pytest.raises(ValueError, match=r"NaN|not finite"):
            runner_for(make(), actor, kind).record(3)
        stepped = runner_for(VectorWrapper(make()), actor, StepRunner)
        with pytest.raises(ValueError, match="values are not finite"):
            stepped.record(1)
