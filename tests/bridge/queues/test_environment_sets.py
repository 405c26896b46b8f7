# SPDX-License-Identifier: MIT
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ns3kan.bridge.queues.environment_sampling import mean_costs, sample_environments
from ns3kan.bridge.queues.environment_sets import EnvironmentSet, EnvironmentSetError
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.vector_env import QueueVectorEnv


def max_weight(env: QueueVectorEnv, seed: int) -> Callable[[Any], Any]:
    return lambda observations: (observations[..., 0] * observations[..., 1]).argmax(axis=-1)


def shortest_queue(env: QueueVectorEnv, seed: int) -> Callable[[Any], Any]:
    return lambda observations: observations[..., 0].argmin(axis=-1)


def sample(count: int = 3, **changes: Any) -> EnvironmentSet:
    arguments: dict[str, Any] = {"seed": 4, "steps": 400, "trajectories": 2} | changes
    return sample_environments(
        "single_hop", count, max_weight, "max_weight, ties lowest", **arguments
    )


def test_sampling_repeats_and_goes_on() -> None:
    few, many = sample(3), sample(6)
    assert few == sample(3)
    assert many.environments[:3] == few.environments
    assert few.candidates < many.candidates
    assert few != sample(3, seed=5)
    for environment in many:
        assert len(environment.arrival_rates) == len(environment.service_rates) == 4
        assert len(set(environment.reference_costs)) == 2
        assert environment.reference_cost <= 200
    assert max(max(environment.service_rates) for environment in many) <= 3


def test_reference_cost_is_that_of_a_simulation() -> None:
    found = sample(3, steps=3000)
    env = found.make_vec(copies=4, allow_unstable=True)
    costs = mean_costs(env, max_weight(env, 0), 3000, seed=99).reshape(3, 4)
    assert env.num_envs == 12
    assert np.isfinite(costs).all()
    least = int(found.reference_costs.argmin())
    assert costs[least].mean() == pytest.approx(found.reference_costs[least], rel=0.25)


def test_multi_path_set() -> None:
    found = sample_environments(
        "multi_path", 2, shortest_queue, "shortest_queue, ties lowest", seed=1, steps=300
    )
    assert all(environment.arrival_rates == (1.0,) for environment in found)
    assert all(len(environment.service_rates) == 8 for environment in found)
    assert found.make_vec(observe_rates=True).reset(seed=0)[0].shape == (2, 8, 3)


def test_what_cannot_be_stabilised_ends() -> None:
    with pytest.raises(QueueError, match="Only 0 of"):
        sample(1, highest_cost=1e-9, steps=5)
    with pytest.raises(QueueError, match="count=0"):
        sample(0)


def test_files(tmp_path: Path) -> None:
    found = sample(2)
    file = tmp_path / "set.json"
    found.save(file)
    assert EnvironmentSet.load(file) == found
    assert [path.name for path in tmp_path.iterdir()] == ["set.json"]


def test_truncated_and_foreign_files(tmp_path: Path) -> None:
    file = tmp_path / "set.json"
    sample(2).save(file)
    whole = file.read_text()
    for text, message in (
        (whole[: len(whole) // 2], "truncated"),
        ("", "truncated"),
        ("[1, 2]", "no environment set"),
        ('{"format": "ns3kan-controller"}', "no environment set"),
        (whole.replace('"version": 1', '"version": 2'), "'version' is 2"),
    ):
        file.write_text(text)
        with pytest.raises(EnvironmentSetError, match=message):
            EnvironmentSet.load(file)
    with pytest.raises(EnvironmentSetError, match="cannot be read"):
        EnvironmentSet.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["environments"].pop(), "holds 1 of 2"),
        (lambda d: d.pop("seed"), "'seed' is missing"),
        (lambda d: d.update(problem="two_hop"), "no problem 'two_hop'"),
        (lambda d: d["environments"][1]["service_rates"].pop(), "environment 1"),
        (lambda d: d["environments"][0].update(arrival_rates=[1, 1, -1, 1]), "finite numbers"),
        (lambda d: d["environments"][0].update(reference_costs=["x"]), "damaged"),
        (lambda d: d.update(environments=3), "damaged"),
    ],
)
def test_damaged_files(
    change: Callable[[dict[str, Any]], Any], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "set.json"
    sample(2).save(file)
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    with pytest.raises(EnvironmentSetError, match=message):
        EnvironmentSet.load(file)
