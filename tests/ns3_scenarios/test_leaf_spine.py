# SPDX-License-Identifier: MIT
"""The scenario `leaf-spine` as a program: network, traffic, TCP, completion times."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from leaf_spine_runs import (
    EVENTFUL,
    HARD,
    HARD_PAIRS,
    OVERLOAD,
    SEGMENT,
    assert_binomial,
    assert_poisson,
    hard_run,
    run,
    run_program,
    shared_run,
    start,
)
from scipy import stats

from ns3kan.analysis.comparison.simulate import (
    LoadWarning,
    Simulation,
    load_warning,
    read_intervals,
    simulate,
)
from ns3kan.bridge.ns3.arguments import format_arguments

GBIT = 1e9
FULL, ACK, SYN = (8 * size / GBIT for size in (1502, 54, 58))  # on a link of 1 Gbit/s [s]

WEB_SEARCH = [
    (6, 0.0),
    (6, 0.15),
    (13, 0.2),
    (19, 0.3),
    (33, 0.4),
    (53, 0.53),
    (133, 0.6),
    (667, 0.7),
    (1333, 0.8),
    (3333, 0.9),
    (6667, 0.97),
    (20000, 1.0),
]
DATA_MINING = [
    (1, 0.0),
    (1, 0.5),
    (2, 0.6),
    (3, 0.7),
    (7, 0.8),
    (267, 0.9),
    (2107, 0.95),
    (66667, 0.99),
    (666667, 1.0),
]
PACKET = 1460  # bytes that the tables call a packet


def mean_size(table: list[tuple[int, float]]) -> float:
    """Mean of a distribution that is linear between the rows of its table [byte]."""
    size, cumulative = np.array(table).T
    return float(np.diff(cumulative) @ (size[1:] + size[:-1]) / 2 * PACKET)


def test_the_fabric_has_the_links_that_it_should(tmp_path: Path) -> None:
    arguments = ("--leaves=3", "--spines=2", "--hosts=5", "--oversubscription=2", "--duration=1ms")
    few = ("--controller=ecmp", "--flowSizes=constant", "--meanFlowSize=1000", "--load=0.01")
    links = run(*arguments, *few, folder=tmp_path).links
    leaves, spines, hosts = {0, 1, 2}, {3, 4}, set(range(5, 20))
    assert len(links) == 2 * (3 * 2 + 3 * 5)
    pairs = {
        (int(one), int(other)) for one, other in zip(links.from_node, links.to_node, strict=True)
    }
    assert len(pairs) == len(links)
    assert pairs == {(other, one) for one, other in pairs}
    uplinks = {(leaf, spine) for leaf in leaves for spine in spines}
    assert {(one, other) for one, other in pairs if other in spines} == uplinks
    below = [{other for one, other in pairs if one == leaf} & hosts for leaf in leaves]
    assert [len(own) for own in below] == [5, 5, 5]
    assert set.union(*below) == hosts
    # Five hosts of 1 Gbit/s at each leaf, and half of that over two uplinks.
    is_uplink = links.from_node.isin(leaves | spines) & links.to_node.isin(leaves | spines)
    assert set(links[is_uplink].rate) == {1.25e9}
    assert set(links[~is_uplink].rate) == {1e9}


def test_what_enters_a_switch_leaves_it_or_is_dropped() -> None:
    tables = shared_run(*OVERLOAD, "--granularity=flow")
    links = tables.links
    assert (tables.summary.unfinished == 0).all()
    assert links.dropped.sum() > 0
    # When all flows are over, a switch has sent all that it has received, but for what it dropped
    # before its links: nothing is lost on them. A host's own queue is never full.
    for switch in range(7):
        into, out = links[links.to_node == switch], links[links.from_node == switch]
        assert into.packets.sum() - out.packets.sum() == out.dropped.sum()
    assert links[links.from_node >= 7].dropped.sum() == 0


def single_flows(folder: Path, size: int, delay: str) -> pd.DataFrame:
    """Rare flows that have had the network to themselves."""
    arguments = (
        "--leaves=2",
        "--hosts=2",
        "--uplinkRates=1Gbps",
        "--controller=ecmp",
        "--flowSizes=constant",
        f"--meanFlowSize={size}",
        f"--load={size * 8 * 20 / (8 * GBIT)}",  # 20 flows per second
        f"--linkDelay={delay}",
        "--interval=1s",
        "--duration=1s",
        "--warmup=1s",
    )
    flows = run(*arguments, folder=folder).flows
    # Of the flow before the first of the table nothing is known.
    after_others = flows.start.diff().fillna(0) > flows.fct.max()
    alone = flows[after_others & after_others.shift(-1, fill_value=True)]
    assert len(alone) > 3
    return alone


def test_a_flow_alone_takes_the_time_of_handshake_serialisation_and_propagation(
    tmp_path: Path,
) -> None:
    delay = 1e-6
    for segments in (1, 7, 40):
        flows = single_flows(tmp_path, segments * SEGMENT, "1us")
        # SYN and its answer cross four links each. Then the first link sends the acknowledgement
        # and all segments without a pause: their way there and back is shorter than the initial
        # window of ten. The last one crosses three more links.
        handshake = 2 * 4 * (SYN + delay)
        expected = handshake + ACK + segments * FULL + 3 * FULL + 4 * delay
        # Times are whole nanoseconds: each packet on each link may be off by one.
        rounding = (segments + 13) * 1e-9
        np.testing.assert_allclose(flows.fct, expected, rtol=0, atol=rounding)
        np.testing.assert_allclose(flows.idle_fct, expected, rtol=0, atol=rounding)
        assert set(flows.segments) == {segments}


def test_a_flow_alone_on_a_long_way_also_waits_for_its_window(tmp_path: Path) -> None:
    delay = 200e-6
    flows = single_flows(tmp_path, 30 * SEGMENT, "200us")
    cross, answer = 4 * (FULL + delay), 4 * (ACK + delay)
    # The second round of 20 segments, two for each acknowledgement of the first ten, goes out
    # without a pause from the first acknowledgement on.
    first_answer = 2 * 4 * (SYN + delay) + ACK + cross + answer
    expected = first_answer + 20 * FULL + 3 * FULL + 4 * delay
    np.testing.assert_allclose(flows.fct, expected, rtol=0, atol=50e-9)
    np.testing.assert_allclose(flows.idle_fct, expected, rtol=0, atol=50e-9)


@pytest.mark.parametrize("delay", ["200us", "10ms"])
def test_a_large_flow_alone_is_not_slowed_down_on_a_long_way(tmp_path: Path, delay: str) -> None:
    # Its window grows beyond any that a fixed socket buffer would hold: 10 ms are 8,000 packets.
    size, seconds = 5_000_000, 2
    flows = run(
        "--leaves=2",
        "--hosts=2",
        "--uplinkRates=1Gbps",
        "--controller=ecmp",
        "--flowSizes=constant",
        f"--meanFlowSize={size}",
        f"--load={size * 8 / (8 * GBIT)}",  # one flow a second
        f"--linkDelay={delay}",
        "--minRto=200ms",
        f"--interval={seconds}s",
        f"--duration={seconds}s",
        f"--warmup={seconds}s",
        "--drain=2s",
        "--simSeed=2",
        folder=tmp_path,
    ).flows
    before = flows.start.diff().fillna(np.inf) > 1
    alone = flows[before & before.shift(-1, fill_value=True)]
    assert len(alone) > 0
    np.testing.assert_allclose(alone.slowdown, 1, rtol=0, atol=1e-6)


def incast(folder: Path, senders: int, segments: int) -> pd.DataFrame:
    """The first incast of a run without loss."""
    tables = run(
        "--controller=ecmp",
        "--pattern=incast",
        f"--fanIn={senders}",
        "--spines=1",
        "--uplinkRates=10Gbps",
        "--flowSizes=constant",
        f"--meanFlowSize={segments * SEGMENT}",
        "--load=0.001",
        "--queue=100000",
        "--interval=50ms",
        "--warmup=50ms",
        "--duration=400ms",
        folder=folder,
    )
    assert tables.links.dropped.sum() == 0
    flows = tables.flows
    flows = flows[flows.start == flows.start.iloc[0]]
    assert len(flows) == senders
    assert flows.destination.nunique() == 1
    assert flows.source.nunique() == senders
    return flows


def test_an_incast_keeps_the_receivers_link_busy_and_is_fair(tmp_path: Path) -> None:
    senders, segments, delay = 8, 60, 1e-6
    flows = incast(tmp_path, senders, segments)
    # The two links in the middle are ten times faster than any host's, so that all senders meet
    # before the receiver's link only, on equal terms. From the first segment to the last that link
    # never pauses: the windows begin with 80 segments, and 5 fill the way there and back. It
    # carries all segments, and at the beginning each sender's SYN and acknowledgement. Of a queue
    # of handshakes only these know.
    links = 2 + 2 / 10  # that send a packet one after the other, in links of 1 Gbit/s
    handshake = 2 * (links * SYN + 4 * delay)
    least = handshake + (links - 1) * ACK + 3 * delay + senders * segments * FULL
    most = least + links * FULL + 4 * delay + senders * 2 * (SYN + ACK)
    assert least < flows.fct.max() < most
    # A sender can be ahead of another by no more than its window when it sent its last segment,
    # which was 10 and one for each acknowledgement: after n of these, 10 + 2 n segments are sent.
    # That bounds R. Jain's index of the rates from below, at 4 r / (1 + r)² with the ratio r of the
    # least to the greatest (G. Pólya and G. Szegő, 1925): a test of the index would add nothing.
    window = 10 + (segments - 10) / 2
    assert flows.fct.min() > flows.fct.max() - senders * window * FULL - (most - least)


@pytest.mark.parametrize(
    ("name", "table", "published"),
    [("web-search", WEB_SEARCH, 1.6e6), ("data-mining", DATA_MINING, 7.4e6)],
)
def test_flows_have_the_sizes_of_a_table_and_come_as_often_as_its_mean_says(
    name: str, table: list[tuple[int, float]], published: float
) -> None:
    arguments = (
        "--controller=ecmp",
        "--interval=100us",
        "--warmup=100us",
        "--duration=200ms",
        "--load=0.0001",
    )
    # Times between arrivals are the same draws times the mean: with so small a load none falls into
    # the warm-up of either run.
    mean = mean_size(table)
    scale = 200 / mean
    flows = shared_run(*arguments, f"--flowSizes={name}", f"--sizeScale={scale}").flows
    constant = ("--flowSizes=constant", "--meanFlowSize=200")
    reference = shared_run(*arguments, *constant).flows
    assert_poisson(len(flows), 0.0001 * 16e9 / 8 / 200 * 0.2)
    both = min(len(flows), len(reference))
    np.testing.assert_allclose(
        flows.start[:both] / reference.start[:both], scale * mean / 200, rtol=1e-5
    )
    # Papers round: 7.41 MB of 1,448-byte packets is 7.47 MB of 1,460-byte ones.
    assert mean == pytest.approx(published, rel=0.05)
    # Sizes are drawn from the table, whose quantiles ns-3's suite compares one by one.
    size, cumulative = np.array(table).T
    drawn = np.interp(np.random.default_rng(1).random(100_000), cumulative, size) * PACKET * scale
    assert stats.ks_2samp(flows["size"], np.maximum(1, np.round(drawn))).pvalue > 1e-4


@pytest.mark.parametrize("pattern", ["permutation", "all-to-all", "incast"])
def test_patterns_send_between_leaves_as_their_names_say(tmp_path: Path, pattern: str) -> None:
    arguments = (
        f"--pattern={pattern}",
        "--fanIn=3",
        "--hosts=2",
        "--controller=ecmp",
        "--flowSizes=constant",
        "--meanFlowSize=1000",
        "--duration=50ms",
        "--load=0.004",
    )
    flows = run(*arguments, folder=tmp_path).flows
    # 0.4 % of the 16 uplinks' 0.5 Gbit/s each, in flows of 1,000 bytes, over 50 ms.
    expected = 0.004 * 16 * 0.5e9 / 8000 * 0.05
    sources, destinations = flows.source, flows.destination
    assert (sources // 2 != destinations // 2).all()
    assert set(sources) <= set(range(8))
    if pattern == "permutation":
        pairs = set(zip(sources, destinations, strict=True))
        assert len(pairs) == 8
        assert len({source for source, _ in pairs}) == 8
        assert len({destination for _, destination in pairs}) == 8
    elif pattern == "all-to-all":
        assert len(set(zip(sources, destinations, strict=True))) > 8 * 5
    else:
        for _, together in flows.groupby("start"):
            assert len(together) == 3
            assert together.destination.nunique() == 1
            assert together.source.nunique() == 3
        flows = flows.drop_duplicates("start")
        expected /= 3
    assert_poisson(len(flows), expected)
    busiest = flows.destination.value_counts().max()
    assert busiest < len(flows) / 8 + 5 * np.sqrt(len(flows) / 8)


def test_all_controllers_meet_the_same_traffic(tmp_path: Path) -> None:
    traffic = ["start", "source", "destination", "size"]
    runs = [hard_run(controller, tcp).flows for controller, tcp in HARD_PAIRS]
    for flows in runs[1:]:
        pd.testing.assert_frame_equal(flows[traffic], runs[0][traffic], check_exact=True)
    assert len({tuple(flows.fct) for flows in runs}) == len(runs)
    other = run(*HARD, "--simSeed=2", "--drain=0s", "--controller=random", folder=tmp_path).flows
    assert not other.start.equals(runs[0].start)


def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    one = hard_run("power-of-two", "cubic")
    again = ("--controller=power-of-two", "--tcp=cubic", "--simSeed=1")
    two = run(*HARD, *again, folder=tmp_path)
    pd.testing.assert_frame_equal(one.flows, two.flows, check_exact=True)
    pd.testing.assert_frame_equal(one.intervals, two.intervals, check_exact=True)


def test_simulations_without_python_know_the_scenario() -> None:
    sizes = {"flow_sizes": "constant", "mean_flow_size": 2000, "hosts": 4, "oversubscription": 1}
    arguments = {"leaves": 2, "load": 0.1, "warmup": 0.001, "duration": 0.001, **sizes}
    table = simulate(Simulation("conga", 3, arguments, "leaf-spine"))
    given = format_arguments(arguments)
    expected = shared_run(*given, "--controller=conga", "--simSeed=3", "--drain=0s").intervals
    pd.testing.assert_frame_equal(table, expected, check_exact=True)
    assert {"reward", "goodput", "delay", "loss"} <= set(table)


def test_the_summary_is_that_of_the_flows() -> None:
    tables = shared_run(*EVENTFUL)
    flows, summary = tables.flows, tables.summary
    assert list(summary.size_above) == [0, 0, 2e3, 2e5]
    assert list(summary.size_up_to) == [np.inf, 2e3, 2e5, np.inf]
    assert (summary.flows > 0).all()
    for row in summary.itertuples():
        own = flows[(flows["size"] > row.size_above) & (flows["size"] <= row.size_up_to)]
        done = own.dropna(subset=["fct"])
        assert row.flows == len(own)
        assert row.unfinished == len(own) - len(done)
        assert row.segments == own.segments.sum()
        assert row.out_of_order == own.out_of_order.sum()
        for column in ("fct", "slowdown"):
            values = [getattr(row, f"{column}_{name}") for name in ("mean", "p50", "p99")]
            expected = [done[column].mean(), *done[column].quantile([0.5, 0.99])]
            np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert 0 < summary.unfinished[0] < summary.flows[0]
    loads = summary[["offered_load", "delivered_load"]]
    np.testing.assert_allclose(loads.iloc[0], loads.iloc[1:].sum(), rtol=1e-12)
    np.testing.assert_allclose(loads.iloc[0], tables.intervals[loads.columns].mean(), rtol=1e-12)
    # All flows of the table began in the 5 ms in which decisions were taken.
    capacity = 3 * 2e9 * 0.005 / 8
    np.testing.assert_allclose(summary.offered_load[0], flows["size"].sum() / capacity)
    np.testing.assert_allclose(flows.slowdown, flows.fct / flows.idle_fct)
    assert flows.slowdown.min() >= 1 - 1e-6


SMALL_FABRIC = ("--leaves=2", "--spines=2", "--hosts=4", "--hostRate=200Mbps", "--sizeScale=0.01")
"""A quarter of the default fabric, at a fifth of its rates and sizes: a quarter of its flows."""


@functools.cache
def default_run(controller: str) -> tuple[pd.Series, str]:
    """What a run at the default load and times says on all flows, and on stderr."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = (*SMALL_FABRIC, f"--controller={controller}", "--summary=s.csv")
        done = run_program(*arguments, folder=Path(folder))
        assert done.returncode == 0, done.stderr
        return read_intervals(Path(folder) / "s.csv").iloc[0], done.stderr


@pytest.mark.parametrize("controller", ["ecmp", "conga", "infinite-fabric"])
def test_by_default_the_load_that_is_offered_is_delivered(controller: str) -> None:
    row, stderr = default_run(controller)
    assert row.delivered_load == pytest.approx(row.offered_load, rel=0.05)
    assert stderr == ""
    # Half of four uplinks' rates for 0.6 s. The default fabric has four times as many flows.
    assert_poisson(int(row.flows), 0.5 * 0.8e9 / 8 * 0.6 / (0.01 * mean_size(WEB_SEARCH)))
    assert 4 * row.flows > 3000


def test_no_balancer_beats_the_infinite_fabric_and_at_the_defaults_they_differ() -> None:
    ecmp, conga, infinite = (default_run(name)[0] for name in ("ecmp", "conga", "infinite-fabric"))
    assert ecmp.flows == conga.flows == infinite.flows
    assert ecmp.offered_load == infinite.offered_load
    for quantity in ("slowdown_mean", "fct_mean"):
        assert infinite[quantity] < conga[quantity] < ecmp[quantity]
    # Of what spreading can gain, a good balancer gains a part that no noise hides.
    assert ecmp.slowdown_mean > 1.2 * infinite.slowdown_mean


def test_an_infinite_fabric_has_no_failures(tmp_path: Path) -> None:
    arguments = ("--controller=infinite-fabric", "--load=0.05", "--warmup=1ms", "--duration=10ms")
    plain = run(*arguments, folder=tmp_path).flows
    failed = run(*arguments, "--failures=0-0@0s..,0-1@0s..*0.5", folder=tmp_path).flows
    pd.testing.assert_frame_equal(plain, failed, check_exact=True)


def test_an_overloaded_fabric_is_warned_of(tmp_path: Path) -> None:
    arguments = {"leaves": 2, "spines": 2, "hosts": 2, "load": 1.5, "warmup": 0.005}
    arguments |= {"duration": 0.02, "size_scale": 0.01}
    done = run_program(*format_arguments(arguments), "--controller=ecmp", folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr.startswith("leaf-spine: warning: flows that began offered 1.")
    assert done.stderr.count("\n") == 1
    with pytest.warns(
        LoadWarning, match=r"leaf-spine \(--controller=ecmp --simSeed=1\): flows.*overloaded"
    ):
        table = simulate(Simulation("ecmp", 1, arguments, "leaf-spine"))
    assert table.offered_load.mean() > 1.05 * table.delivered_load.mean()
    assert load_warning(table.assign(delivered_load=0.96 * table.offered_load)) is None
    assert load_warning(table.assign(delivered_load=0.94 * table.offered_load)) is not None
    assert load_warning(table.drop(columns="offered_load")) is None


def test_flows_of_a_host_take_turns(tmp_path: Path) -> None:
    # One host sends flows of 2 MB and of one segment, faster than its link carries them: a small
    # one waits for one packet of each large one, not for all that TCP has handed over of them.
    (tmp_path / "sizes.csv").write_text(
        f"size,cumulative\n{SEGMENT},0\n{SEGMENT},0.9\n2e6,0.9\n2e6,1\n"
    )
    arguments = ("--leaves=2", "--hosts=1", "--spines=1", "--uplinkRates=10Gbps", "--load=0.06")
    more = ("--flowSizes=sizes.csv", "--sizeScale=1", "--controller=ecmp", "--queue=100000")
    flows = run(*arguments, *more, folder=tmp_path).flows
    small = flows[flows["size"] == SEGMENT]
    assert len(small) > 10
    started, ended = flows.start.to_numpy(), (flows.start + flows.fct).to_numpy()
    for flow in small.itertuples():
        together = ((started < flow.start + flow.fct) & (ended > flow.start)).sum()
        # SYN, its answer, acknowledgement and segment each wait for a packet of each other flow,
        # and but for the last, which follows on, for one that is sent and two before the device.
        assert flow.fct < flow.idle_fct + (4 * together + 9) * FULL


def test_a_table_of_sizes_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "sizes.csv").write_text("# mine\nsize,cumulative\n1000,0\n1000,0.25\n3000,1\n")
    arguments = ("--controller=ecmp", "--flowSizes=sizes.csv", "--sizeScale=1", "--load=0.1")
    sizes = run(*arguments, "--warmup=1ms", "--duration=3ms", folder=tmp_path).flows["size"]
    assert_poisson(len(sizes), 0.1 * 16e9 / 8 / 1750 * 0.003)
    assert_binomial((sizes == 1000).sum(), len(sizes), 0.25 + 0.75 * 0.5 / 2000)
    assert sizes.between(1000, 3000).all()
    # Mean 1,750, and a flow of each size varies by less than 1,000 around it.
    assert abs(sizes.mean() - 1750) < 5 * 1000 / np.sqrt(len(sizes))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--leaves=0",), "--leaves=0 is not allowed: give a whole number from 2 to 64"),
        (("--leaves=1",), "a whole number from 2 to 64"),
        (("--spines=0",), "--spines=0 is not allowed: give a whole number from 1 to 64"),
        (("--hosts=-1",), "--hosts=-1 is not allowed"),
        (("--agents=5",), "--agents=5 is more than the 4 leaves"),
        (("--hostRate=0",), "a data rate above 0"),
        (("--hostRate=-1Gbps",), "a data rate above 0"),
        (("--uplinkRates=1Gbps,fast",), "data rates above 0 with commas between"),
        (("--uplinkRates=1Gbps,2Gbps",), "--uplinkRates has 2 rates for 4 spines"),
        (("--uplinkRates=1Gbps", "--oversubscription=2"), "both say how fast the uplinks are"),
        (("--oversubscription=0",), "a number from 0.01 to 1000"),
        (("--linkDelay=-1us",), "a time of at least 0s"),
        (("--flowletGap=0s",), "a time of at least 0.001us"),
        (("--load=-0.5",), "--load=-0.5 is not allowed"),
        (("--load=half",), "--load=half is not allowed"),
        (("--pattern=ring",), "one of permutation, incast, all-to-all"),
        (("--granularity=byte",), "one of flow, flowlet, packet"),
        (("--pattern=incast", "--fanIn=13"), "--fanIn=13 is more than the 12 hosts"),
        (("--flowSizes=cache",), 'no distribution "cache"; use data-mining, web-search, constant'),
        (("--flowSizes=none.csv",), "none.csv: cannot be read"),
        (("--flowSizes=falling.csv",), "falling.csv: row 2 is not allowed"),
        (("--flowSizes=words.csv",), 'words.csv:2: "big,0" is not a size in bytes'),
        (("--flowSizes=open.csv",), "open.csv: a table has two rows or more"),
        (("--flowSizes=headless.csv",), "headless.csv:1: a table begins with the line"),
        (("--sizeScale=0",), "--sizeScale=0 is not allowed"),
        (("--sizeBins=5,4",), "--sizeBins must rise"),
        (("--interval=1s",), "--interval is longer than --duration"),
        (("--warmup=1us",), "--warmup is shorter than --interval"),
        (("--utilityFloor=2",), "a number from 1e-06 to 1"),
        (("--failures=0-1",), '--failures: "0-1" is not allowed: write LEAF-SPINE@FROM..TO'),
        (("--failures=0-1@20..40",), "with the times' units"),
        (("--failures=0-1@20ms..40ms,",), "is not allowed: write"),
        (("--failures=4-1@20ms..40ms",), "the greatest number of a leaf is 3"),
        (("--failures=0-4@20ms..40ms",), "the greatest number of a spine is 3"),
        (("--failures=0-1@40ms..20ms",), "must end after it begins"),
        (("--failures=0-1@1ms..2ms*1.5",), "a share from 0 to below 1"),
        (("--failures=0-1@1ms..2ms*-0.5",), "is not allowed: write"),
        (("--failures=0-1@1ms..3ms,0-1@2ms..4ms",), "has failed already at that time"),
        (("--reward=delay",), "one of slowdown, utility, imbalance"),
        (("--spine=2",), "there is no argument --spine"),
        (("--flows=none/f.csv",), "give --flows a file in an existing, writable folder"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "falling.csv").write_text("size,cumulative\n5,0\n4,1\n")
    (tmp_path / "words.csv").write_text("size,cumulative\nbig,0\n")
    (tmp_path / "open.csv").write_text("size,cumulative\n1,0\n2,0.9\n")
    (tmp_path / "headless.csv").write_text("1,0\n2,1\n")
    short = ("--warmup=1ms", "--load=0.1")
    done = start("--controller=ecmp", "--duration=1ms", *short, *arguments, folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.startswith("leaf-spine: ")
    assert done.stderr.count("\n") == 1
