# SPDX-License-Identifier: MIT
"""The scenario `parallel-paths` as a program: topologies, controllers, and what it refuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from ns3kan.analysis.comparison.simulate import read_intervals
from ns3kan.bridge.ns3.parallel_paths import topology_path
from ns3kan.bridge.ns3.simulator import scenario_path

SHORT = ("--duration=10", "--simSeed=3")
QUIET: dict[str, Any] = {"rate": "4Mbps", "delay": "10ms", "queue": "100p"}


def topology(folder: Path, *paths: dict[str, Any], **changes: Any) -> str:
    """Write a topology of quiet paths a, b, … with what each has of its own."""
    document = {
        "format": "ns3kan-topology",
        "version": 1,
        "paths": [{"name": "abcdefgh"[i], **QUIET, **path} for i, path in enumerate(paths)],
        **changes,
    }
    (folder / "topology.json").write_text(json.dumps(document))
    return "--topology=topology.json"


def run(
    *arguments: str, folder: Path, scenario: str = "parallel-paths"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [scenario_path(scenario), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        check=False,
    )


def intervals(*arguments: str, folder: Path, scenario: str = "parallel-paths") -> pd.DataFrame:
    done = run(*arguments, "--intervals=out.csv", folder=folder, scenario=scenario)
    assert done.returncode == 0, done.stderr
    return read_intervals(folder / "out.csv")


@pytest.mark.parametrize(
    ("controller", "transport"), [("primary", "udp"), ("least-delay", "udp"), ("primary", "tcp")]
)
def test_sdwan_is_a_topology(tmp_path: Path, controller: str, transport: str) -> None:
    arguments = (
        "--duration=15",
        "--simSeed=5",
        f"--controller={controller}",
        f"--transport={transport}",
    )
    sdwan = intervals(*arguments, folder=tmp_path, scenario="sdwan")
    paths = intervals(*arguments, f"--topology={topology_path('sdwan')}", folder=tmp_path)
    same = sdwan.rename(columns={"ratio": "internet_ratio"})
    pd.testing.assert_frame_equal(paths[same.columns], same, check_exact=True)
    np.testing.assert_allclose(paths["mpls_ratio"] + paths["internet_ratio"], 1)


def test_flows_are_placed_with_the_shares_asked_for(tmp_path: Path) -> None:
    table = intervals(
        topology(tmp_path, {}, {}, {}),
        "--duration=120",
        "--controller=constant:0.5,0.3,0.2",
        "--minLoad=0.25",
        "--maxLoad=0.25",
        "--meanFlowSize=2000",
        folder=tmp_path,
    )
    # As in the test of sdwan: 3 Mbit/s of exponential 2 kB flows over 120 s are 22,500 flows, and
    # a share of bytes has the variance of a binomial with weight E[X²]/E[X]² = 2 per flow.
    probes = 20 * 66 * 8
    used = np.array([table[f"{name}_utilisation"].mean() * 4e6 - probes for name in "abc"])
    asked = np.array([0.5, 0.3, 0.2])
    deviation = np.sqrt(asked * (1 - asked) * 2 / 22500)
    assert (np.abs(used / used.sum() - asked) < 5 * deviation).all()


def decisions(table: pd.DataFrame, names: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return table[[f"{name}_ratio" for name in names]].to_numpy(np.float64)


def test_controllers_do_what_their_rules_say(tmp_path: Path) -> None:
    rates = np.array([6.0, 2.0, 4.0])
    file = topology(tmp_path, *({"rate": f"{rate:g}Mbps"} for rate in rates))

    def decided(controller: str) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.float64]]]:
        arguments = ("--duration=30", "--maxLoad=1.2", f"--controller={controller}")
        table = intervals(file, *arguments, folder=tmp_path)
        return table, decisions(table, "abc")

    np.testing.assert_allclose(decided("equal")[1], 1 / 3)
    np.testing.assert_allclose(decided("capacity")[1], np.tile(rates / 12, (60, 1)))
    np.testing.assert_allclose(decided("constant:0,1,0")[1], np.tile([0, 1, 0], (60, 1)))
    for controller, feature in (("least-delay", "delay"), ("least-utilised", "utilisation")):
        table, shares = decided(controller)
        least = table[[f"{name}_{feature}" for name in "abc"]].to_numpy().argmin(axis=1)
        np.testing.assert_array_equal(shares, np.eye(3)[least])
        assert len(set(least)) == 3
    table, shares = decided("primary")
    load = table["load"].to_numpy()
    first = np.minimum(load, 0.9 * 6 / 12)
    second = np.minimum(load - first, 0.9 * 2 / 12)
    expected = np.stack([first, second, load - first - second], axis=1) / load[:, None]
    np.testing.assert_allclose(shares, expected, atol=1e-12)
    assert (shares[:, 2] > 0).any()
    assert (shares[:, 1] == 0).any()


def test_in_an_outage_everything_is_lost(tmp_path: Path) -> None:
    file = topology(tmp_path, {}, {"outages": [{"from": "5s", "to": "7s"}]})
    arguments = ("--duration=10", "--controller=equal", "--maxLoad=0.4")
    table = intervals(file, *arguments, folder=tmp_path).set_index("time")
    # The features at a decision are those of the half second before it.
    assert (table["a_loss"] == 0).all()
    assert (table.loc[5.5:7.0, "b_loss"] == 1).all()
    assert (table.loc[:5.0, "b_loss"] == 0).all()
    # What was on its way when the path came back is through after one more interval.
    assert (table.loc[8.0:, "b_loss"] == 0).all()
    assert (table.loc[7.5:, "b_utilisation"] > 0).all()


def test_cross_traffic_takes_its_share_of_its_own_path(tmp_path: Path) -> None:
    sources = [{"rate": "2Mbps", "on": "100ms", "off": "100ms"}] * 2
    file = topology(tmp_path, {}, {"cross_traffic": sources})
    arguments = ("--duration=60", "--controller=constant:1,0", "--maxLoad=0.3")
    table = intervals(file, *arguments, folder=tmp_path)
    # On half the time, with 1222 of 1252 bytes on the wire counted as its rate, plus probes. Over
    # 60 s a source turns on 300 times; its time on varies by 1/√(2·300) of its mean (a renewal
    # reward process with equal exponential times), two sources by 1/√2 of that.
    expected = (2e6 * 1252 / 1222 + 20 * 66 * 8) / 4e6
    assert table["b_utilisation"].mean() == pytest.approx(
        expected, rel=5 / np.sqrt(2 * 300) / np.sqrt(2)
    )


@pytest.mark.parametrize("discipline", ["codel", "fq-codel", "pie", "red"])
def test_a_queue_discipline_keeps_an_overloaded_path_short(tmp_path: Path, discipline: str) -> None:
    file = topology(tmp_path, {"queue": "200p"}, {"queue": "200p", "discipline": discipline})
    arguments = ("--duration=20", "--controller=equal", "--minLoad=1.1", "--maxLoad=1.1")
    table = intervals(file, *arguments, folder=tmp_path).iloc[10:]
    # RED is the laxest: it lets the queue grow to three quarters of its size on average. Add the
    # device's two packets, the one on the wire and the packet itself.
    longest = 0.010 + (0.75 * 200 + 4) * 1252 * 8 / 4e6
    assert table["b_delay"].mean() < longest < table["a_delay"].mean()
    # What does not fit is lost, whoever drops it: of load L, the share 1 - 1/L. Flows are drawn,
    # so the load of this path is known to some percent only.
    assert table["b_loss"].mean() == pytest.approx(table["a_loss"].mean(), abs=0.03)
    assert table["b_utilisation"].mean() > 0.9
    # Nothing is missing from the measurement: no packet is faster than light.
    assert table["b_delay"].min() >= 0.010


FULL = 1252 * 8 / 4e6
"""Time that a full packet takes on a path of 4 Mbit/s [s]."""


@pytest.mark.parametrize("queue", ["100p", "125200B", "150kB"])
@pytest.mark.parametrize("discipline", ["drop-tail", "codel", "fq-codel", "pie", "red"])
def test_every_discipline_holds_its_queue_in_packets_or_bytes(
    tmp_path: Path, discipline: str, queue: str
) -> None:
    path = {"queue": queue, "discipline": discipline}
    file = topology(tmp_path, path, path)
    if discipline == "fq-codel" and not queue.endswith("p"):
        done = run(file, "--controller=equal", folder=tmp_path)
        assert done.returncode == 1
        assert f'paths[0].queue is "{queue}", but fq-codel counts packets' in done.stderr
        assert done.stderr.count("\n") == 1
        return
    quiet = ("--minLoad=0.3", "--maxLoad=0.3", "--duration=10", "--controller=equal")
    table = intervals(file, *quiet, folder=tmp_path)
    assert table["loss"].max() == 0
    # Flows send at an eighth of a path's rate, so that hardly ever more than a few wait.
    assert table["a_delay"].max() < 0.010 + 10 * FULL
    busy = ("--minLoad=1.5", "--maxLoad=1.5", "--duration=20", "--controller=equal")
    table = intervals(file, *busy, folder=tmp_path).iloc[6:]
    # Whatever is dropped, the link has always something to send; and its queue is never longer
    # than stated, with the device's own two, the packet on the wire, and the packet itself.
    assert table["a_utilisation"].mean() > 0.95
    size = 100 if queue.endswith("p") else {"125200B": 125200, "150kB": 150000}[queue] / 1250
    assert table["a_delay"].max() < 0.010 + (size + 4) * FULL
    if discipline == "drop-tail":
        assert table["a_delay"].max() > 0.010 + (size - 2) * FULL


def test_the_path_of_least_delay_is_not_one_that_loses_everything(tmp_path: Path) -> None:
    file = topology(
        tmp_path, {"delay": "5ms", "outages": [{"from": "5s", "to": "10s"}]}, {"delay": "40ms"}
    )
    arguments = ("--duration=12", "--maxLoad=0.3", "--controller=least-delay", "--reward=delay")
    table = intervals(file, *arguments, folder=tmp_path).set_index("time")
    # The interval that ends at 5.5 s is the first in which all is lost.
    assert (table.loc[:5.0, "a_ratio"] == 1).all()
    assert (table.loc[5.5:10.0, "a_ratio"] == 0).all()
    assert (table.loc[11.0:, "a_ratio"] == 1).all()
    # What is lost takes longest: a full queue of 1,500-byte packets, and two more.
    longest = 0.005 + 102 * 1502 * 8 / 4e6
    np.testing.assert_allclose(table.loc[5.5:10.0, "a_delay"], longest)
    # No reward of zero, which is that of no delay at all, for losing everything.
    both = topology(tmp_path, *[{"outages": [{"from": "5s", "to": "10s"}]}] * 2)
    table = intervals(both, *arguments, folder=tmp_path).set_index("time")
    assert (table.loc[5.5:9.0, "reward"] <= -longest).all()


def test_a_port_that_is_used_again_is_a_new_flow(tmp_path: Path) -> None:
    # 10,000 flows a second of one packet each: a host's 16,384 ports are used up in 1.6 s, far
    # sooner than a router forgets a flow.
    path = {"rate": "50Mbps", "queue": "1000p"}
    file = topology(tmp_path, {**path, "loss": 0.02}, path)
    flows_argument = ("--flowSizes=constant", "--meanFlowSize=200", "--flows=flows.csv")
    load = ("--minLoad=0.16", "--maxLoad=0.16", "--warmup=500ms", "--duration=2")
    table = intervals(
        file, *load, *flows_argument, "--controller=constant:0.3,0.7", folder=tmp_path
    )
    flows = read_intervals(tmp_path / "flows.csv").sort_values("start")
    assert len(flows) > 20_000
    assert flows["source_port"].nunique() == 16_384
    # All but those that have just started are placed, each as a flow of its own.
    placed = flows[flows["start"] < 2.49]
    assert (placed["flow"] > 0).all()
    assert placed["flow"].is_unique
    # Those that use a port again are placed by the ratios of now, as any others.
    again = placed.iloc[16_384:]
    assert stats.binomtest(int((again["path"] == 1).sum()), len(again), 0.7).pvalue > 1e-4
    first = placed.iloc[: len(again)]
    agree = int((again["path"].to_numpy() == first["path"].to_numpy()).sum())
    # The first were placed while the shares were equal, or with 0.7 as well; independent all the
    # same. Of flows that stayed where the ports were, all would agree.
    assert agree < 0.6 * len(again)
    # What became of each packet is known of its own flow, also where a port's last one was lost.
    over = again[again["start"] < 2.4]
    assert (over["received"] + over["lost"] == 1).all()
    lossy = over[over["path"] == 0]
    assert stats.binomtest(int(lossy["lost"].sum()), len(lossy), 0.02).pvalue > 1e-4
    assert over[over["path"] == 1]["lost"].sum() == 0
    assert table["active_flows"].iloc[-1] == pytest.approx(5_000, abs=5 * np.sqrt(5_000))


def test_a_tcp_flow_alone_keeps_its_rate_on_a_long_path(tmp_path: Path) -> None:
    path = {"rate": "50Mbps", "delay": "100ms", "queue": "2000p"}
    size, rate = 10e6, 20e6
    arguments = (
        "--transport=tcp",
        "--controller=constant:1,0",
        f"--rateLimit={rate}",
        "--flowSizes=constant",
        f"--meanFlowSize={size}",
        "--minLoad=0.1",
        "--maxLoad=0.1",
        "--duration=15",
        "--flows=flows.csv",
    )
    intervals(topology(tmp_path, path, path), *arguments, folder=tmp_path)
    flows = read_intervals(tmp_path / "flows.csv").query("completed == 1")
    assert len(flows) > 0
    assert flows["lost"].sum() == 0
    # Slow start from one window of ten packets: 8 round trips, and one for the handshake.
    assert (flows["end"] - flows["start"]).min() < 8 * size / rate + 10 * 0.2


def test_a_queue_discipline_draws_from_streams_of_its_own(tmp_path: Path) -> None:
    arguments = ("--duration=6", "--minLoad=1.2", "--maxLoad=1.2", "--controller=equal")
    red = {"discipline": "red"}
    cross = {"cross_traffic": [{"rate": "2Mbps", "on": "1s", "off": "1s"}]}
    one = intervals(topology(tmp_path, {}, cross), *arguments, folder=tmp_path)
    other = intervals(topology(tmp_path, red, cross | red), *arguments, folder=tmp_path)
    # With the same flows and the same other traffic.
    assert one["load"].equals(other["load"])
    assert not one["a_loss"].equals(other["a_loss"])


def test_sixty_four_paths(tmp_path: Path) -> None:
    document = json.loads(topology_path("sdwan").read_text())
    document["paths"] = [{"name": f"path_{i}", **QUIET, "rate": "1Mbps"} for i in range(64)]
    (tmp_path / "many.json").write_text(json.dumps(document))
    arguments = ("--topology=many.json", "--controller=least-utilised", *SHORT)
    table = intervals(*arguments, folder=tmp_path)
    shares = table.filter(like="_ratio").to_numpy()
    assert shares.shape == (20, 64)
    np.testing.assert_array_equal(shares.sum(axis=1), 1)


def artefact(folder: Path, decision: str, outputs: dict[str, str], inputs: list[str]) -> str:
    document = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": decision,
        "inputs": [{"name": name, "unit": "1", "range": [0, 1]} for name in inputs],
        "outputs": [
            {"name": name, "expression": expression, "range": [0, 1]}
            for name, expression in outputs.items()
        ],
    }
    (folder / "c.json").write_text(json.dumps(document))
    return "--controller=c.json"


def test_equations_of_every_kind(tmp_path: Path) -> None:
    file = topology(tmp_path, {}, {"rate": "2Mbps"}, {})
    inputs = [f"{name}_utilisation" for name in "abc"]
    arguments = (file, "--duration=20", "--maxLoad=1")

    scores = {name: f"1 - {feature}" for name, feature in zip("abc", inputs, strict=True)}
    controller = artefact(tmp_path, "ratio", scores, inputs)
    table = intervals(*arguments, controller, folder=tmp_path)
    free = np.clip(1 - table[inputs].to_numpy(), 0, 1)
    sums = free.sum(axis=1, keepdims=True)
    expected = np.where(sums > 0, free / np.where(sums > 0, sums, 1), 1 / 3)
    np.testing.assert_allclose(decisions(table, "abc"), expected)

    controller = artefact(tmp_path, "softmax", scores, inputs)
    table = intervals(*arguments, controller, folder=tmp_path)
    weights = np.exp(1 - table[inputs].to_numpy())
    np.testing.assert_allclose(
        decisions(table, "abc"), weights / weights.sum(axis=1, keepdims=True)
    )

    least = intervals(*arguments, "--controller=least-utilised", folder=tmp_path)
    controller = artefact(tmp_path, "argmax", scores, inputs)
    assert intervals(*arguments, controller, folder=tmp_path).equals(least)
    controller = artefact(tmp_path, "index", {"score": "1 - utilisation"}, ["utilisation"])
    assert intervals(*arguments, controller, folder=tmp_path).equals(least)


@pytest.mark.parametrize(
    ("decision", "outputs", "inputs", "says"),
    [
        ("ratio", {"r": "load"}, ["load"], "decides on 1, but there are 3 paths"),
        ("softmax", {"a": "load", "b": "load"}, ["load"], "decides on 2, but there are 3"),
        ("index", {"s": "a_delay"}, ["a_delay"], "does not have the inputs a_delay"),
        ("argmax", dict.fromkeys("abc", "delay"), ["delay"], "does not have the inputs delay"),
    ],
)
def test_an_artefact_that_does_not_fit_is_refused(
    tmp_path: Path, decision: str, outputs: dict[str, str], inputs: list[str], says: str
) -> None:
    controller = artefact(tmp_path, decision, outputs, inputs)
    done = run(topology(tmp_path, {}, {}, {}), controller, folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        ([], "paths has 0 of them, but must have 2 to 64"),
        ([{}], "paths has 1 of them"),
        ([{}] * 65, "paths has 65 of them"),
        ([{}, {"rate": None}], "paths[1] lacks the key 'rate'"),
        ([{}, {"name": None}], "paths[1] lacks the key 'name'"),
        ([{}, {"colour": "red"}], "paths[1] has the unknown key 'colour'; it takes delay, name"),
        ([{}, 7], "paths[1] must be an object"),
        ([{}, {"name": "p0"}], "paths[1].name is that of another path, 'p0'"),
        ([{}, {"name": "my path"}], "must be a name of letters"),
        ([{}, {"rate": 6e6}], "paths[1].rate is 6000000.0, but must be a data rate above 0"),
        ([{}, {"rate": "6"}], "with its unit"),
        ([{}, {"rate": "-6Mbps"}], "must be a data rate above 0"),
        ([{}, {"rate": "0Mbps"}], "must be a data rate above 0"),
        ([{}, {"rate": "6MB"}], "must be a data rate above 0"),
        ([{}, {"delay": "-1ms"}], 'paths[1].delay is "-1ms", but must be a time of 0 or more'),
        ([{}, {"delay": 0.01}], "with its unit"),
        ([{}, {"queue": 60}], "whole size above 0 in packets or bytes"),
        ([{}, {"queue": "0p"}], "whole size above 0"),
        ([{}, {"queue": "1.5p"}], "whole size above 0"),
        ([{}, {"queue": "60 p"}], "whole size above 0"),
        ([{}, {"queue": "1501B"}], "with room for a packet of 1502 bytes"),
        (
            [{}, {"queue": "150kB", "discipline": "fq-codel"}],
            'paths[1].queue is "150kB", but fq-codel counts packets',
        ),
        ([{}, {"rate": "6 Mbps"}], "must be a data rate above 0"),
        ([{}, {"delay": "10 ms"}], "must be a time of 0 or more"),
        ([{}, {"discipline": "lifo"}], "one of drop-tail, codel, fq-codel, pie, red"),
        ([{}, {"loss": 1.5}], "paths[1].loss is 1.5, but must be a number from 0 to 1"),
        ([{}, {"loss": -0.1}], "must be a number from 0 to 1"),
        ([{}, {"loss": "0.1"}], "must be a number from 0 to 1"),
        ([{}, {"cross_traffic": {}}], "paths[1].cross_traffic must be an array"),
        (
            [{}, {"cross_traffic": [{"rate": "1Mbps", "on": "1s"}]}],
            "paths[1].cross_traffic[0] lacks the key 'off'",
        ),
        (
            [{}, {"cross_traffic": [{"rate": "1Mbps", "on": "0s", "off": "1s"}]}],
            'cross_traffic[0].on is "0s", but must be a time above 0',
        ),
        ([{}, {"outages": [{"from": "3s", "to": "2s"}]}], "outages[0] ends before it begins"),
        (
            [{}, {"outages": [{"from": "1s", "to": "3s"}, {"from": "2s", "to": "4s"}]}],
            "outages[1] begins before the outage before it has ended",
        ),
    ],
)
def test_a_bad_topology_is_refused_in_one_sentence(
    tmp_path: Path, paths: list[Any], says: str
) -> None:
    filled = [
        {"name": f"p{i}"} | QUIET | path if isinstance(path, dict) else path
        for i, path in enumerate(paths)
    ]
    for path in filled:
        if isinstance(path, dict):
            for key in [key for key, value in path.items() if value is None]:
                del path[key]
    document = {"format": "ns3kan-topology", "version": 1, "paths": filled}
    (tmp_path / "t.json").write_text(json.dumps(document))
    done = run("--topology=t.json", "--controller=equal", "--intervals=o.csv", folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.startswith("parallel-paths: t.json: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "o.csv").exists()


YAML = """format: ns3kan-topology
version: 1
paths:
"""


@pytest.mark.parametrize("flow", [False, True, None])
def test_a_topology_in_yaml_is_that_in_json(tmp_path: Path, flow: bool | None) -> None:
    arguments = ("--controller=primary", "--duration=3")
    document = json.loads(topology_path("sdwan").read_text())
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(document, default_flow_style=flow))
    given = intervals("--topology=t.yaml", *arguments, folder=tmp_path)
    expected = intervals(f"--topology={topology_path('sdwan')}", *arguments, folder=tmp_path)
    pd.testing.assert_frame_equal(given, expected, check_exact=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("format: [", "line 1: "),
        (YAML, "paths must be an array"),
        (YAML + "  - a\n  - b\n", "paths[0] must be an object"),
        (YAML + "  - {name: a, rate: 4Mbps, delay: 1, queue: 9p}\n  - {}\n", "paths[0].delay is 1"),
        (YAML + '  - {name: "1", rate: 4Mbps, delay: 1s, queue: 9p}\n  - {}\n', 'name is "1"'),
        (YAML + "version: 1\n", 'line 4: the key "version" stands twice'),
        (YAML + "  - &a {name: a}\n  - *a\n", "line 5: an alias is not allowed"),
        (YAML + "  - {[1]: 2}\n", "line 4: a key must be a text"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("", "'format' must be 'ns3kan-topology'"),
    ],
)
def test_yaml_that_is_no_topology_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "t.yml").write_text(text)
    done = run("--topology=t.yml", "--controller=equal", folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.startswith("parallel-paths: t.yml: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[]", "'format' must be 'ns3kan-topology'"),
        ('{"format": "ns3kan-topology", "version": 2, "paths": []}', "'version' is 2"),
        ('{"format": "ns3kan-topology", "version": 1}', "the topology lacks the key 'paths'"),
        ('{"format": "ns3kan-topology", "format": "x"}', '"format" stands twice'),
    ],
)
def test_what_is_no_topology_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "t.json").write_text(text)
    done = run("--topology=t.json", "--controller=equal", folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--topology is missing"),
        (("--topology=missing.json",), "missing.json: cannot be read"),
        (("{topology}", "--controller=ecmp"), "there is no controller"),
        (("{topology}", "--controller=constant:0.5,0.5"), "not 3 that add up to 1"),
        (("{topology}", "--controller=constant:0.5,0.5,0.5"), "not 3 that add up to 1"),
        (("{topology}", "--controller=constant:0.5,-0.5,1"), "from 0 to 1"),
        (("{topology}", "--minLoad=2"), "above --maxLoad"),
        (("{topology}", "--mplsRate=1Mbps"), "there is no argument --mplsRate"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    file = topology(tmp_path, {}, {}, {})
    given = [argument.replace("{topology}", file) for argument in arguments]
    if "--controller" not in " ".join(given):
        given.append("--controller=equal")
    done = run(*given, folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.startswith("parallel-paths: ")
    assert done.stderr.count("\n") == 1


def test_the_manuals_example_and_the_packages_topologies_run(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "reference" / "scenarios.md").read_text(
        encoding="utf-8"
    )
    (tmp_path / "manual.json").write_text(manual.split("```json\n")[1].split("```")[0])
    (tmp_path / "manual.yaml").write_text(manual.split("```yaml\n")[1].split("```")[0])
    for file in (*tmp_path.glob("manual.*"), topology_path("four-paths")):
        table = intervals(f"--topology={file}", "--controller=capacity", *SHORT, folder=tmp_path)
        paths = yaml.safe_load(file.read_text())["paths"]  # JSON is YAML
        assert [f"{path['name']}_ratio" in table for path in paths] == [True] * len(paths)
        assert table["goodput"].mean() > 1e6
