# SPDX-License-Identifier: MIT
"""The scenario `leaf-spine` as a program: what spreads the traffic, and what that does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from leaf_spine_runs import (
    EVENTFUL,
    HARD_FLOWS,
    HARD_PAIRS,
    OVERLOAD,
    PACKETS,
    SEGMENT,
    artefact,
    assert_binomial,
    assert_poisson,
    hard_run,
    run,
    shared_run,
    start,
)
from scipy import stats

from ns3kan.analysis.comparison.simulate import read_intervals

FloatArray = npt.NDArray[np.float64]

SMALL = ("--flowSizes=constant", "--meanFlowSize=1000", "--hosts=2", "--load=0.01")
"""Many flows of one segment each. ns-3's suite asks each rule more often, without a network."""


def per_uplink(flows: pd.DataFrame, spines: int = 4) -> FloatArray:
    """How many flows took which uplink first."""
    return np.bincount(flows.first_uplink.astype(int), minlength=spines).astype(float)


def weights(table: pd.DataFrame, leaf: int, spines: int) -> FloatArray:
    return table[[f"leaf{leaf}_spine{i}_weight" for i in range(spines)]].to_numpy(np.float64)


def test_ecmp_hashes_flows_evenly_and_keeps_them_where_they_are() -> None:
    arguments = (*SMALL, PACKETS, "--controller=ecmp", "--duration=50ms")
    flows = shared_run(*arguments).flows
    assert_poisson(len(flows), 0.01 * 8e9 / 8000 * 0.05)
    for leaf in range(4):
        own = flows[flows.source // 2 == leaf]
        for count in per_uplink(own):
            assert_binomial(count, len(own), 1 / 4)
    # Every flow between two hosts has a port of its own, so it is hashed by itself: of the 7 of
    # such a pair that one can expect, all go one way with probability 4⁻⁶.
    pairs = flows.groupby(["source", "destination"]).first_uplink.nunique()
    assert pairs.mean() > 2
    # Flows of more segments stay where they are though each packet is placed.
    assert shared_run(*EVENTFUL, PACKETS).flows.moves.sum() == 0


def test_wcmp_hashes_flows_in_proportion_to_capacity(tmp_path: Path) -> None:
    rates = np.array([100.0, 200.0, 300.0, 400.0])
    arguments = (
        *SMALL,
        "--uplinkRates=100Mbps,200Mbps,300Mbps,400Mbps",
        "--controller=wcmp",
        "--duration=60ms",
    )
    flows = run(*arguments, folder=tmp_path).flows
    assert_poisson(len(flows), 0.01 * 4e9 / 8000 * 0.06)
    for count, rate in zip(per_uplink(flows), rates, strict=True):
        assert_binomial(count, len(flows), rate / rates.sum())
    # Routing knows that the last link of the way to leaf 1 by spine 3 has lost three quarters.
    flows = run(*arguments, "--failures=1-3@0s..*0.25", folder=tmp_path).flows
    lost = np.array([100.0, 200.0, 300.0, 100.0])
    for destination, left in ((1, lost), (2, rates)):
        own = flows[(flows.source // 2 == 0) & (flows.destination // 2 == destination)]
        for count, rate in zip(per_uplink(own), left, strict=True):
            assert_binomial(count, len(own), rate / left.sum())


def test_weights_are_the_probabilities_of_placements(tmp_path: Path) -> None:
    asked = np.array([0.5, 0.3, 0.2, 0.0])
    arguments = (*SMALL, "--controller=constant:0.5,0.3,0.2,0", "--duration=40ms")
    flows = run(*arguments, folder=tmp_path).flows
    for count, share in zip(per_uplink(flows)[:3], asked, strict=False):
        assert_binomial(count, len(flows), share)
    assert per_uplink(flows)[3] == 0


def test_random_and_round_robin_spread_packets(tmp_path: Path) -> None:
    arguments = ("--load=0.2", PACKETS, "--spines=3", "--hosts=3", "--leaves=2")
    arguments += ("--flowSizes=constant", "--meanFlowSize=5000", "--warmup=1ms", "--duration=4ms")

    def sent(controller: str) -> list[FloatArray]:
        links = run(*arguments, f"--controller={controller}", folder=tmp_path).links
        ways = [links[(links.from_node == leaf) & links.to_node.isin([2, 3, 4])] for leaf in (0, 1)]
        return [way.packets.to_numpy(np.float64) for way in ways]

    for packets in sent("random"):
        for count in packets:
            assert_binomial(count, int(packets.sum()), 1 / 3)
    for packets in sent("round-robin"):
        # One after the other, whatever the flow.
        assert packets.max() - packets.min() <= 1


def test_shorter_queues_are_preferred(tmp_path: Path) -> None:
    # A flow fits into TCP's first window, and has too few segments for three duplicate
    # acknowledgements: how long queues are does not change what is sent. Hosts are four times as
    # fast as the uplinks, so that queues are there and not at the hosts.
    arguments = (PACKETS, "--leaves=2", "--oversubscription=4", "--load=0.7")
    arguments += ("--warmup=1ms", "--duration=4ms")
    flows = ("--flowSizes=constant", f"--meanFlowSize={3 * SEGMENT}")

    def delay(controller: str) -> float:
        table = run(*arguments, *flows, f"--controller={controller}", folder=tmp_path).intervals
        return float(table.delay.mean())

    # The shorter of two random queues is nearly as good as the shortest of all, and both are much
    # better than any (M. Mitzenmacher, 2001). Which of the two is better here, the way down from
    # the spines decides, of which neither rule knows; what they choose is tested in ns-3's suite.
    random, two, all_of_them = map(delay, ("random", "power-of-two", "join-shortest-queue"))
    assert max(two, all_of_them) < 0.9 * random
    # With equal rates the shortest queue has the shortest expected delay.
    assert delay("shortest-expected-delay") == all_of_them


def test_granularities_are_flowlets_with_extreme_gaps(tmp_path: Path) -> None:
    # On links this long a sender pauses after its first window of ten segments: for the way there
    # and back, 400 µs and the time on eight links, less the 120 µs that ten segments take.
    arguments = ("--load=0.25", "--leaves=2", "--warmup=1ms", "--duration=4ms", "--linkDelay=50us")
    arguments += ("--controller=random",)

    def flows(*granularity: str) -> pd.DataFrame:
        return run(*arguments, *granularity, folder=tmp_path).flows

    whole = flows("--granularity=flow")
    assert whole.equals(flows("--granularity=flowlet", "--flowletGap=1h"))
    assert whole.moves.sum() == 0
    packets = flows(PACKETS)
    assert packets.equals(flows("--granularity=flowlet", "--flowletGap=1ns"))
    flowlets = flows("--granularity=flowlet", "--flowletGap=200us")
    assert 0 < flowlets.moves.sum() < packets.moves.sum()


def test_one_path_keeps_order_even_with_loss() -> None:
    for more in (("--spines=1", PACKETS), ("--granularity=flow",)):
        tables = shared_run(*OVERLOAD, *more)
        assert tables.intervals.loss.max() > 0
        # Flows of 20 segments.
        assert_poisson(len(tables.flows), 0.9 * 4.5e9 / 8 / (20 * SEGMENT) * 0.003)
        assert tables.links.dropped.sum() > tables.summary.segments[0] / 100
        assert tables.flows.out_of_order.sum() == 0
        assert tables.flows.moves.sum() == 0


def test_packets_over_unequal_paths_are_reordered(tmp_path: Path) -> None:
    arguments = ("--uplinkRates=1Gbps,1Gbps,1Gbps,100Mbps", "--load=0.1", "--leaves=2")
    arguments += ("--sizeScale=0.05", "--warmup=1ms", "--duration=10ms")
    tables = run(*arguments, PACKETS, "--controller=random", folder=tmp_path)
    flows = tables.flows
    assert flows.out_of_order.sum() > 0
    assert tables.summary.out_of_order[0] == flows.out_of_order.sum()
    assert tables.intervals.out_of_order.max() > 0
    # A segment moves with probability 3/4, if it is not the flow's first.
    assert_binomial(flows.moves.sum(), int((flows.segments - 1).sum()), 3 / 4)
    # A flow of one segment has nothing to overtake, unless it is sent again.
    single = flows[flows.segments == 1]
    assert single.out_of_order.sum() == 0
    # Two segments that follow each other are 12 µs apart; the slow link alone takes 108 µs longer
    # for a segment than a fast one. So one that goes the slow way is overtaken by the next
    # if that goes another, as it does with probability 3/4 · 1/4 at least.
    long = flows[flows["size"] > 20 * SEGMENT]
    assert len(long) > 0
    assert long.out_of_order.sum() > len(long)


@pytest.mark.parametrize(("controller", "tcp"), HARD_PAIRS)
def test_packet_granularity_survives_loss_reordering_and_failures(
    controller: str, tcp: str
) -> None:
    tables = hard_run(controller, tcp)
    assert_poisson(len(tables.flows), HARD_FLOWS)
    # What makes a run hard, by definition: a packet in a hundred is lost, and a segment in twenty
    # comes late. No network that works is as bad.
    segments = tables.flows.segments.sum()
    assert tables.links.dropped.sum() > tables.links.packets.sum() / 100
    assert tables.flows.out_of_order.sum() > segments / 20
    assert tables.summary.unfinished[0] == 0
    # Every byte arrived: each of a flow's ten segments once at least.
    assert (tables.flows.segments >= 10).all()


def test_a_failed_uplink_is_left_at_once_and_a_distant_link_when_routing_knows(
    tmp_path: Path,
) -> None:
    # Many flows that fit into TCP's first window: no queue grows long enough to lose anything.
    arguments = (
        "--controller=random",
        "--granularity=flow",
        "--flowSizes=constant",
        f"--meanFlowSize={SEGMENT}",
        "--leaves=3",
        "--load=0.05",
        "--warmup=5ms",
        "--duration=13ms",
        "--interval=500us",
        "--convergence=3ms",
        "--failures=0-1@8ms..14ms",
    )
    tables = run(*arguments, folder=tmp_path)
    # Features at a decision are those of the half millisecond before it.
    table = tables.intervals.assign(time=tables.intervals.time.round(6)).set_index("time")
    # Leaf 0 stops at once; a packet may just have begun.
    own = table.leaf0_spine1_utilisation
    assert (own.loc[0.005:0.008] > 0).any()
    assert (own.loc[0.009:0.014] == 0).all()
    assert (own.loc[0.015:] > 0).any()
    # The others go on losing what they send to leaf 0 by spine 1 for 3 ms, and use the rest of
    # the spine all the time. What was on its way then is lost in the next interval at the latest.
    others = [f"leaf{leaf}_spine1" for leaf in (1, 2)]
    loss, used = (table[[f"{name}_{what}" for name in others]] for what in ("loss", "utilisation"))
    assert (loss.loc[:0.008] == 0).all(axis=None)
    assert (loss.loc[0.0085:0.011] > 0).any().all()
    assert (loss.loc[0.012:] == 0).all(axis=None)
    assert (used.loc[0.012:0.014] > 0).any().all()
    links = tables.links
    assert set(links.from_node[links.dropped > 0]) <= {0, 4}
    assert tables.summary.unfinished[0] == 0


def test_a_second_failure_outlasts_the_recovery_from_the_first(tmp_path: Path) -> None:
    # The link recovers, and fails again before routing has converged on that.
    tables = run(
        "--controller=random",
        "--granularity=packet",
        "--flowSizes=constant",
        f"--meanFlowSize={SEGMENT}",
        "--leaves=3",
        "--load=0.05",
        "--warmup=5ms",
        "--duration=15ms",
        "--convergence=3ms",
        "--failures=0-1@6ms..8ms,0-1@9ms..18ms",
        folder=tmp_path,
    )
    table = tables.intervals.assign(time=tables.intervals.time.round(6)).set_index("time")
    # When the news of the recovery comes, 11 ms, the link has long been down again.
    own = table.leaf0_spine1_utilisation
    assert (own.loc[0.0095:0.018] == 0).all()
    # At 12 ms all know of the second failure, at 21 ms of the end of it.
    others = table[["leaf1_spine1_loss", "leaf2_spine1_loss"]]
    assert (others.loc[0.0095:0.0125] > 0).any().all()
    assert (others.loc[0.013:] == 0).all(axis=None)


def test_a_link_that_has_lost_rate_is_busy_at_what_is_left(tmp_path: Path) -> None:
    arguments = ("--controller=equal", "--load=0.8", "--leaves=2", "--warmup=5ms", "--duration=5ms")
    more = ("--failures=0-1@0s..*0.25", "--convergence=100ms")
    table = run(*arguments, *more, folder=tmp_path).intervals
    # Three times what it can carry is offered to it, and at times TCP sends as much as that.
    assert 0.99 < table["leaf0_spine1_utilisation"].max() <= 1


@pytest.mark.parametrize(
    "controller",
    [
        "ecmp",
        "wcmp",
        "random",
        "round-robin",
        "join-shortest-queue",
        "shortest-expected-delay",
        "power-of-two",
        "conga",
        "equal",
        "capacity",
        "primary",
        "least-delay",
        "least-utilised",
        "constant:1",
        "ratio",
        "index",
    ],
)
def test_one_spine_two_leaves_and_one_host_each(tmp_path: Path, controller: str) -> None:
    given = f"--controller={controller}"
    if controller in ("ratio", "index"):
        given = artefact(tmp_path, controller, {"w": "load"}, ["load"])
    # At first nothing is offered, later there is some load.
    for load in ("1e-6", "0.3"):
        size = ("--leaves=2", "--spines=1", "--hosts=1", f"--load={load}", "--sizeScale=0.01")
        length = ("--warmup=1ms", "--duration=2ms", "--intervals=o.csv")
        done = start(given, *size, *length, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        table = read_intervals(tmp_path / "o.csv")
        weights = table.filter(like="_weight")
        assert weights.shape == (4, 2)
        assert weights.isna().all(axis=None) or (weights == 1).all(axis=None)
        assert (table["active_flows"].sum() > 0) == (load == "0.3")


@pytest.mark.parametrize(
    ("controller", "says"),
    [
        ("constant:0.3", "write constant:1, since there is one path"),
        ("softmax", 'decision "softmax" takes two or more outputs'),
        ("argmax", 'decision "argmax" takes two or more outputs'),
    ],
)
def test_what_one_spine_leaves_nothing_to_is_refused(
    tmp_path: Path, controller: str, says: str
) -> None:
    given = f"--controller={controller}"
    if controller in ("softmax", "argmax"):
        given = artefact(tmp_path, controller, {"w": "load"}, ["load"])
    done = start("--spines=1", given, "--duration=1ms", folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("min_rto", ["10ms", "100us"])
def test_without_any_way_flows_wait_for_the_links_to_recover(tmp_path: Path, min_rto: str) -> None:
    failures = ",".join(f"0-{spine}@10ms..30ms" for spine in range(4))
    arguments = ("--controller=ecmp", "--load=0.05", "--duration=10ms", f"--failures={failures}")
    more = ("--flowSizes=constant", "--meanFlowSize=10000", f"--minRto={min_rto}")
    tables = run(*arguments, *more, folder=tmp_path)
    flows = tables.flows
    assert tables.summary.unfinished[0] == 0
    of_leaf_0 = (flows.source // 4 == 0) | (flows.destination // 4 == 0)
    cut = flows[of_leaf_0 & (flows.start > 0.010)]
    # Half of the pairs of leaves have leaf 0 in them.
    assert_poisson(len(cut), 0.05 * 16e9 / 8 / 10_000 * 0.005 / 2)
    assert (cut.start + cut.fct > 0.030).all()
    other = flows[~of_leaf_0]
    assert (other.start + other.fct < 0.030).all()


@pytest.mark.parametrize("broken", ["0-0", "1-0"])
def test_conga_avoids_a_degraded_way_more_than_ecmp_does(tmp_path: Path, broken: str) -> None:
    # A tenth of the rate is left of one link, at the sending leaf or beyond the spine; routing
    # takes a link that works for a link.
    arguments = (
        "--leaves=2",
        "--hosts=2",
        "--load=0.3",
        "--sizeScale=0.004",
        "--warmup=1ms",
        "--duration=10ms",
        "--pattern=permutation",
        f"--failures={broken}@0s..*0.1",
    )

    def measure(controller: str) -> tuple[float, int, float]:
        tables = run(*arguments, f"--controller={controller}", folder=tmp_path)
        flows = tables.flows[tables.flows.source // 2 == 0]
        return per_uplink(flows)[0], len(flows), flows.slowdown.mean()

    ecmp, flows, ecmp_slowdown = measure("ecmp")
    conga, same, conga_slowdown = measure("conga")
    assert same == flows
    assert_poisson(flows, 0.3 * 2e9 / 8 / (0.004 * 1.66e6) * 0.010)  # 1.66 MB: see the other file
    assert_binomial(ecmp, flows, 1 / 4)
    assert stats.binomtest(int(conga), flows, 1 / 4, alternative="less").pvalue < 1e-4
    assert conga_slowdown < ecmp_slowdown


def test_conga_hears_from_the_other_leaves(tmp_path: Path) -> None:
    # Both of leaf 0's ways to leaf 1 begin with the same load; only feedback tells them apart, and
    # only for that destination.
    arguments = (
        "--leaves=3",
        "--spines=2",
        "--hosts=2",
        "--load=0.4",
        "--flowSizes=constant",
        "--meanFlowSize=30000",
        "--warmup=1ms",
        "--duration=20ms",
        "--controller=conga",
        "--failures=1-0@0s..*0.1",
    )
    flows = run(*arguments, folder=tmp_path).flows
    flows = flows[flows.source // 2 == 0]
    assert_poisson(len(flows), 0.4 * 2e9 / 8 / 30_000 * 0.020)
    placed = [
        [(flows[flows.destination // 2 == leaf].first_uplink == spine).sum() for spine in (0, 1)]
        for leaf in (2, 1)
    ]
    # A leaf that hears nothing would place flows to both destinations alike (R. Fisher, 1934).
    assert stats.fisher_exact(placed, alternative="greater").pvalue < 1e-4


def test_equations_of_every_kind(tmp_path: Path) -> None:
    inputs = [f"spine{i}_utilisation" for i in range(3)]
    arguments = ("--spines=3", "--leaves=2", "--load=0.2", "--sizeScale=0.01", "--warmup=1ms")
    arguments += ("--hosts=2", "--interval=100us", "--duration=2ms")
    scores = {f"spine{i}": f"1 - {feature}" for i, feature in enumerate(inputs)}

    def decided(controller: str) -> tuple[pd.DataFrame, list[tuple[FloatArray, FloatArray]]]:
        table = run(*arguments, controller, folder=tmp_path).intervals
        seen = [table[[f"leaf{leaf}_{name}" for name in inputs]].to_numpy() for leaf in range(2)]
        return table, [(free, weights(table, leaf, 3)) for leaf, free in enumerate(seen)]

    for used, given in decided(artefact(tmp_path, "ratio", scores, inputs))[1]:
        free = 1 - used
        np.testing.assert_allclose(given, free / free.sum(axis=1, keepdims=True))
    for used, given in decided(artefact(tmp_path, "softmax", scores, inputs))[1]:
        powers = np.exp(1 - used)
        np.testing.assert_allclose(given, powers / powers.sum(axis=1, keepdims=True))

    least, decisions = decided("--controller=least-utilised")
    for used, given in decisions:
        np.testing.assert_array_equal(given, np.eye(3)[used.argmin(axis=1)])
        # In 20 decisions each of three alike should win.
        assert len(set(used.argmin(axis=1))) == 3
    assert decided(artefact(tmp_path, "argmax", scores, inputs))[0].equals(least)
    index = artefact(tmp_path, "index", {"score": "1 - utilisation"}, ["utilisation"])
    assert decided(index)[0].equals(least)

    # One artefact for both leaves, which look at each other's uplinks.
    crossed = {
        f"leaf{leaf}_spine{i}": f"1 - leaf{1 - leaf}_{feature}"
        for leaf in range(2)
        for i, feature in enumerate(inputs)
    }
    every = [f"leaf{leaf}_{feature}" for leaf in range(2) for feature in inputs]
    (zero, first), (one, second) = decided(artefact(tmp_path, "ratio", crossed, every))[1]
    for used, given in ((one, first), (zero, second)):
        free = 1 - used
        np.testing.assert_allclose(given, free / free.sum(axis=1, keepdims=True))


def test_controllers_of_weights_do_what_their_rules_say(tmp_path: Path) -> None:
    arguments = ("--leaves=2", "--spines=2", "--uplinkRates=300Mbps,100Mbps", "--load=0.6")
    arguments += ("--warmup=1ms", "--duration=10ms", "--interval=500us")

    def decided(controller: str) -> pd.DataFrame:
        return run(*arguments, f"--controller={controller}", folder=tmp_path).intervals

    np.testing.assert_allclose(weights(decided("equal"), 0, 2), 0.5)
    np.testing.assert_allclose(weights(decided("capacity"), 1, 2), np.tile([0.75, 0.25], (20, 1)))
    np.testing.assert_allclose(weights(decided("constant:0.3"), 1, 2), np.tile([0.7, 0.3], (20, 1)))
    table = decided("least-delay")
    delays = table[["leaf0_spine0_delay", "leaf0_spine1_delay"]].to_numpy()
    np.testing.assert_array_equal(weights(table, 0, 2), np.eye(2)[delays.argmin(axis=1)])
    table = decided("primary")
    # As long as nothing comes, all of it would go the first way.
    first = (np.minimum(table.leaf1_load, 0.9 * 0.75) / table.leaf1_load).fillna(1)
    np.testing.assert_allclose(weights(table, 1, 2)[:, 0], first, atol=1e-12)
    # Who chooses at the leaf has no weights.
    assert np.isnan(weights(decided("conga"), 0, 2)).all()


def test_features_are_what_happened() -> None:
    tables = shared_run(*EVENTFUL)
    table = tables.intervals
    delays = table.filter(like="_delay").filter(regex="^leaf").to_numpy()
    # No packet is faster than light and serialisation: two links of 1 µs and a packet of 54 bytes.
    # Before the first packet a delay is zero. Times are whole nanoseconds.
    fastest = 2 * (1e-6 + 8 * 54 / 0.5e9) - 0.5e-9
    assert ((delays >= fastest) | (delays == 0)).all()
    assert (delays[-1] > 0).all()
    # A row's measures are those of the time until the next decision, here 6 ms at last. Flows that
    # began in the warm-up are not in the table of flows.
    done = tables.flows[tables.flows.start + tables.flows.fct <= 0.006]
    assert table.finished_flows.sum() >= len(done) > 0
    into_hosts = tables.links[(tables.links.from_node < 3) & (tables.links.to_node >= 7)]
    delivered = table.goodput.sum() * 500e-6 / 8
    assert done["size"].sum() <= delivered < into_hosts.bytes.sum()


def test_uplinks_carry_what_a_leaf_offers() -> None:
    table = shared_run(*SMALL, PACKETS, "--controller=ecmp", "--duration=50ms").intervals
    for leaf in range(4):
        used = table[[f"leaf{leaf}_spine{i}_utilisation" for i in range(4)]].mean(axis=1)
        carried = used.sum() * 2e9 * 500e-6 / 8
        offered = table[f"leaf{leaf}_load"].sum() * 2e9 * 500e-6 / 8
        # The smallest packet has 52 bytes, the largest 1,052, and each gets 2 of PPP. With so few,
        # no more than one of 1,054 bytes is on its way where the time begins or ends.
        assert offered * 1054 / 1052 - 1054 < carried < offered * 54 / 52 + 1054


@pytest.mark.parametrize(
    ("decision", "outputs", "inputs", "says"),
    [
        ("ratio", dict.fromkeys("abc", "load"), ["load"], "it decides on 3; give 4 outputs, one"),
        ("argmax", dict.fromkeys("abcde", "load"), ["load"], "or 16, one for each uplink of every"),
        ("softmax", dict.fromkeys("abcd", "delay"), ["delay"], "does not have the inputs delay"),
        ("ratio", dict.fromkeys("abcd", "mpls_loss"), ["mpls_loss"], "the inputs mpls_loss"),
        ("index", {"s": "spine0_delay"}, ["spine0_delay"], "does not have the inputs spine0_delay"),
        ("index", {"s": "queue_length"}, ["queue_length"], "does not have the inputs queue_length"),
        (
            "softmax",
            {f"w{i}": "leaf0_load" for i in range(16)},
            ["leaf0_load"],
            "for all leaves at once must have the decision ratio",
        ),
        ("ratio", {f"w{i}": "load" for i in range(16)}, ["load"], "does not have the inputs load"),
    ],
)
def test_an_artefact_that_does_not_fit_is_refused(
    tmp_path: Path, decision: str, outputs: dict[str, str], inputs: list[str], says: str
) -> None:
    controller = artefact(tmp_path, decision, outputs, inputs)
    done = start(controller, "--duration=1ms", folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.startswith("leaf-spine: c.json: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("controller", "says"),
    [
        ("hash", 'no controller "hash"; use ecmp, wcmp, random'),
        ("max-weight", 'no controller "max-weight"; use ecmp'),
        ("constant:0.5,0.5", "are not 4 that add up to 1"),
        ("constant:0.5,0.5,0.5,-0.5", "not a number from 0 to 1"),
        ("missing.json", "missing.json"),
    ],
)
def test_a_controller_that_there_is_not_is_refused(
    tmp_path: Path, controller: str, says: str
) -> None:
    done = start(f"--controller={controller}", "--duration=1ms", folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_equation_that_fails_says_when(tmp_path: Path) -> None:
    document: dict[str, Any] = {f"spine{i}": "1/(load - load)" for i in range(4)}
    done = start(artefact(tmp_path, "ratio", document, ["load"]), folder=tmp_path)
    assert done.returncode == 1
    assert "s into the run: guard the expression" in done.stderr
