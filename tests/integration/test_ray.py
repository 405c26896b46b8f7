# SPDX-License-Identifier: MIT
"""Jobs and simulators on a Ray cluster of two nodes, whose processes and nodes die."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ns3kan.analysis.pool import on_ray
from ns3kan.bridge.ns3.ray_env import RayVectorEnv
from ns3kan.bridge.ns3.sdwan import SdWanEnv
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv
from ns3kan.bridge.ray_cluster import ClusterError

# Job n of `square`: (n, folder of marks, whether its first process dies).
Job = tuple[int, str, bool]


def square(job: Job) -> int:
    number, marks, dies = job
    if dies:
        mark = Path(marks) / str(number)
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if number == 13:
        raise ValueError("13 is not liked")
    return number**2


def checked(results: Iterator[tuple[Job, int | Exception]], count: int, marks: Path) -> None:
    """All are there once, five processes have died, and the one error is told."""
    found = {job[0]: result for job, result in results}
    assert sorted(found) == list(range(count))
    assert isinstance(found[13], ValueError)
    assert str(found.pop(13)) == "13 is not liked"
    assert all(result == number**2 for number, result in found.items())
    assert len(list(marks.iterdir())) == sum(dies for _, _, dies in jobs(count, marks))


def jobs(count: int, marks: Path) -> list[Job]:
    dying = {count // 6 * k for k in range(1, 6)}
    return [(number, str(marks), number in dying) for number in range(count)]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "auto", "nowhere:x"])
def test_a_cluster_that_is_not_there_is_named(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    start = time.monotonic()
    with pytest.raises(ClusterError, match="there is no Ray cluster at"):
        list(on_ray(square, jobs(1, Path()), address))
    assert time.monotonic() - start < 60


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one core each on this machine."""
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    # Its workers do not know this file.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    head = {"num_cpus": 1, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.timeout(400)
def test_200_tasks_of_which_5_lose_their_worker_are_all_done(cluster: Any, tmp_path: Path) -> None:
    checked(on_ray(square, jobs(200, tmp_path), cluster.address), 200, tmp_path)


@pytest.mark.timeout(400)
def test_a_sweep_loses_nothing_with_a_node(cluster: Any, tmp_path: Path) -> None:
    # Slow to import, which the processes above need not wait for.
    from ns3kan.analysis.runs.choice import choose_run
    from ns3kan.analysis.runs.sweep import plan, run_task, sweep

    few = {
        "training.total_steps": "2000",
        "training.rollout_steps": "500",
        "evaluation.seeds": "2",
        "evaluation.steps": "50",
    }
    tasks = plan(
        lambda own: choose_run("ns3kan/SingleHopScheduling-v0", {**few, **own}).config,
        {"agent": ["switch-type-kan", "stn"]},
        [0, 1],
    )
    node = cluster.add_node(num_cpus=2)
    killed: list[str] = []

    def kill_node(sentence: str) -> None:
        if not killed:
            killed.append(sentence)
            cluster.remove_node(node, allow_graceful=False)

    far = sweep(tasks, tmp_path / "far", address=cluster.address, on_done=kill_node)
    assert len(killed) == 1
    assert sorted(far["task"].unique()) == sorted(task.name for task in tasks)
    # What one of them gives in this process, and so all: a task draws nothing from outside.
    here = run_task(tasks[-1])
    kept = far[far["task"] == tasks[-1].name].drop(columns="training_seconds")
    assert kept.to_dict("records") == [
        {name: value for name, value in row.items() if name != "training_seconds"}
        for row in here.rows
    ]
    for name in ("config.yaml", "checkpoint.safetensors"):
        assert (tmp_path / "far" / tasks[-1].name / name).read_bytes() == here.files[name]

    # It goes on with what is missing, and here that is nothing.
    said: list[str] = []
    again = sweep(tasks, tmp_path / "far", on_done=said.append)
    assert said == ["4 of 4 tasks are done already"]
    columns = ["task", "seed", "reward"] if "reward" in far else ["task", "seed"]
    assert sorted(again[columns].to_records(index=False).tolist()) == sorted(
        far[columns].to_records(index=False).tolist()
    )


SHORT = {"duration": 1.0, "warmup": 1.0, "interval": 0.25}


@pytest.mark.timeout(400)
def test_simulators_on_nodes_do_what_they_do_here_and_a_lost_one_is_replaced(cluster: Any) -> None:
    far = RayVectorEnv(2, SdWanEnv, address=cluster.address, **SHORT)
    near = Ns3VectorEnv(2, SdWanEnv, **SHORT)
    try:
        assert far.feature_names == near.feature_names
        assert far.single_action_space == near.single_action_space
        there, _ = far.reset(seed=3)
        here, _ = near.reset(seed=3)
        np.testing.assert_array_equal(there, here)
        actions = np.array([[0.25], [0.75]], dtype=far.single_action_space.dtype)
        # Over the end of an episode, too.
        for _ in range(6):
            for one, other in zip(far.step(actions)[:4], near.step(actions)[:4], strict=True):
                np.testing.assert_array_equal(one, other)
        with pytest.raises(Exception, match="not in Box"):
            far.step(actions + 5.0)

        lost = far.envs[1]
        lost._ray.kill(lost._host, no_restart=True)
        _, rewards, _, truncations, infos = far.step(actions)
        assert truncations.tolist() == [False, True]
        assert np.isnan(rewards[1])
        assert infos["transition_lost"].tolist() == [False, True]
        assert "process there, died" in infos["simulator_error"][1]
        assert infos["simulator_error"][0] is None
        far.step(actions)
        assert not far.step(actions)[3][1]
    finally:
        far.close()
        near.close()
