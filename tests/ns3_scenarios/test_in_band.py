# SPDX-License-Identifier: MIT
"""What routers can know: `--observation=in-band` beside the oracle that knows all at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import pytest
from leaf_spine_runs import SEGMENT, run

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.analysis.comparison.simulate import Simulation, simulate

OBSERVATIONS = ("oracle", "in-band")
DELAY = 0.2  # of the path "far" [s]


def paths(folder: Path, observation: str, *, far: dict[str, Any], **arguments: Any) -> pd.DataFrame:
    """Intervals of a run over a long path and a short one, half of the flows on each."""
    short = {"name": "short", "rate": "10Mbps", "delay": "1ms", "queue": "50p"}
    long = {"name": "far", "rate": "10Mbps", "delay": "200ms", "queue": "50p"} | far
    topology = folder / "topology.json"
    topology.write_text(
        json.dumps({"format": "ns3kan-topology", "version": 1, "paths": [long, short]})
    )
    given = {"topology": topology, "observation": observation, "min_load": 0.5, "max_load": 0.5}
    return simulate(Simulation("equal", 1, given | arguments, "parallel-paths"))


def features(table: pd.DataFrame, path: str) -> pd.DataFrame:
    return table[[f"{path}_delay", f"{path}_loss", f"{path}_utilisation"]]


def first_difference(one: pd.DataFrame, other: pd.DataFrame, columns: list[str]) -> float:
    """Time of the first decision before which something else was seen in one than in the other."""
    differs = (one[columns] != other[columns]).any(axis=1)
    assert differs.any()
    return float(one.time[differs.idxmax()])


def test_a_dead_path_is_noticed_when_answers_are_overdue(tmp_path: Path) -> None:
    lossy = {}
    for observation in OBSERVATIONS:
        table = paths(
            tmp_path,
            observation,
            far={"outages": [{"from": "2s", "to": "60s"}]},
            interval=0.02,
            probe_interval=0.01,
            warmup=0.5,
            duration=3,
        )
        assert (table.short_loss == 0).all()
        lossy[observation] = table.time[table.far_loss > 0].min()
    # What arrives from 2 s on is lost at once, answers included: the first of these was to a probe
    # of 1.6 s. The router waits for it as long as it can take, there and back, and for three more
    # probes. That nothing is seen earlier of what happens at the far end only, ns-3's suite tests.
    patience = 2 * (DELAY + 52 * 1502 * 8 / 10e6) + 3 * 0.01
    assert lossy["oracle"] == pytest.approx(2.02)
    given_up = 2 - 2 * DELAY + patience
    assert given_up <= lossy["in-band"] <= given_up + 0.01 + 0.02


def test_in_a_stationary_network_the_router_learns_what_the_oracle_knows(tmp_path: Path) -> None:
    loss, seconds, probe = 0.02, 60, 0.007
    cross = {"rate": "4Mbps", "on": "50ms", "off": "50ms"}
    # Both see the same packets: probes are as many and as large, and all else is drawn alike.
    oracle, router = (
        paths(
            tmp_path,
            observation,
            far={"loss": loss, "delay": "30ms", "cross_traffic": [cross]},
            rate_limit="200kbps",
            probe_interval=probe,
            duration=seconds,
        ).mean()
        for observation in OBSERVATIONS
    )
    assert router.reward == oracle.reward
    assert router.load == oracle.load
    for path in ("far", "short"):
        # One delay counts every packet, the other those of this router, between two answers.
        assert router[f"{path}_delay"] == pytest.approx(oracle[f"{path}_delay"], rel=0.05)
    # Half of the load of 10 Mbit/s comes this way, in packets of 1,250 bytes, and the probes.
    packets = seconds * (5e6 / 8 / 1250 + 1 / probe)
    deviation = np.sqrt(loss * (1 - loss) / packets)
    assert abs(router.far_loss - loss) < 5 * deviation + loss * 0.05
    # A probe that meets the link at random is a draw of whether it is busy. On the short path there
    # is nothing to draw: all that is sent, the router sends, and knows.
    draws = seconds / probe / 2  # no less are sent while the link has nothing of this router's
    assert abs(router.far_utilisation - oracle.far_utilisation) < 5 * 0.5 / np.sqrt(draws)
    assert router.short_utilisation == pytest.approx(oracle.short_utilisation, rel=0.01)
    assert router.far_utilisation > router.short_utilisation + 0.1  # the cross traffic's


def test_a_dead_path_shows_its_loss(tmp_path: Path) -> None:
    table = paths(
        tmp_path,
        "in-band",
        far={"delay": "20ms", "queue": "20p", "outages": [{"from": "3s", "to": "6s"}]},
        interval=0.1,
        probe_interval=0.01,
        warmup=1,
        duration=7,
    ).set_index("time")
    # With a full queue of 20 packets before it a packet takes 20 ms and 22 times 1.2 ms. An answer
    # is waited for as long as that there and back, and 30 ms more.
    longest = 0.02 + 22 * 1502 * 8 / 10e6
    gone = table.loc[3 + 2 * longest + 0.03 + 0.2 : 6.0]
    assert len(gone) > 20
    assert (gone.far_loss == 1).all()
    np.testing.assert_allclose(gone.far_delay, longest, rtol=1e-6)
    assert (table.loc[6.3:].far_loss == 0).all()
    assert (table.loc[:2.9].far_loss == 0).all()
    assert (table.short_loss == 0).all()


LEAVES = (
    "--leaves=3",
    "--spines=2",
    "--hosts=2",
    "--granularity=flow",
    "--controller=ecmp",
    "--flowSizes=constant",
    f"--meanFlowSize={8 * SEGMENT}",
    "--warmup=5ms",
)


def leaf_0(table: pd.DataFrame) -> list[str]:
    return [name for name in table if name.startswith("leaf0_") and not name.endswith("_weight")]


def test_a_leaf_sees_nothing_of_another_leafs_link_before_that_leaf_can_have_told(
    tmp_path: Path,
) -> None:
    seen = {}
    for observation in OBSERVATIONS:
        runs = [
            run(
                *LEAVES,
                "--load=0.3",
                f"--observation={observation}",
                "--linkDelay=2ms",
                "--duration=35ms",
                "--convergence=1s",
                f"--failures=1-0@{begin}..2s",
                "--drain=0s",
                folder=tmp_path,
            ).intervals
            for begin in ("30ms", "1s")
        ]
        seen[observation] = first_difference(*runs, columns=leaf_0(runs[0]))
    # Of the failed link the end at the spine is a link of 2 ms away from leaf 0, and all else more.
    assert 0.030 < seen["oracle"] < 0.032
    assert 0.032 < seen["in-band"] < 0.055


def test_a_leaf_learns_what_the_oracle_knows_and_no_packet_changes(tmp_path: Path) -> None:
    oracle, leaf = (
        run(
            *LEAVES,
            "--load=0.6",
            "--queue=5",
            f"--observation={observation}",
            "--interval=2ms",
            "--duration=20ms",
            "--drain=0s",
            folder=tmp_path,
        )
        for observation in OBSERVATIONS
    )
    pd.testing.assert_frame_equal(leaf.flows, oracle.flows, check_exact=True)
    pd.testing.assert_frame_equal(leaf.links, oracle.links, check_exact=True)
    for name in leaf_0(oracle.intervals):
        told, true = leaf.intervals[name].mean(), oracle.intervals[name].mean()
        # A packet that is told of in the next interval, and so counts with others: there and back
        # it takes a twentieth of an interval at most: 4 µs, and four queues of five packets.
        assert told == pytest.approx(true, rel=0.05, abs=1e-12), name
        assert "_loss" not in name or true > 0


def test_environments_take_the_observation(tmp_path: Path) -> None:
    for name, more in (("SdWan", {}), ("ParallelPaths", {}), ("LeafSpine", {"leaves": 2})):
        times = {"duration": 0.002, "warmup": 0.002, "interval": 0.001}
        times = times if name == "LeafSpine" else {"duration": 2, "warmup": 1}
        seen = []
        for observation in OBSERVATIONS:
            env = gymnasium.make(f"ns3kan/{name}-v0", observation=observation, **times, **more)
            seen.append((env.get_wrapper_attr("feature_names"), env.reset(seed=1)[0].tolist()))
            env.close()
        assert seen[0][0] == seen[1][0]
        assert seen[0][1] != seen[1][1]
    with pytest.raises(Exception, match="one of oracle, in-band"):
        gymnasium.make("ns3kan/SdWan-v0", observation="telepathy")
