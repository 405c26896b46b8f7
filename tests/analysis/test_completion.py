# SPDX-License-Identifier: MIT
from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ns3kan.analysis.comparison.completion import Episode, read_completion
from ns3kan.analysis.comparison.tables import episode_means, simulation_tables
from ns3kan.bridge.ns3.recordings import run_names, separate

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


def test_a_file_that_one_run_names_stays() -> None:
    arguments: dict[str, object] = {"summary": "s.csv", "pcap": "p", "duration": "5ms"}
    assert separate([arguments], ["ecmp-1"]) == [arguments]
    own = [{"flows": "a.csv"}, {"flows": "b.csv"}]
    assert separate(own, ["ecmp-1", "ecmp-2"]) == own


@pytest.mark.parametrize(
    ("argument", "given", "own"),
    [
        ("summary", "to/s.csv", "to/s-ecmp-1.csv"),
        ("flow_monitor", Path("m.xml"), "m-ecmp-1.xml"),
        ("netanim", "n", "n-ecmp-1"),
        ("pcap", "to/p.1", "to/p.1-ecmp-1"),
        ("duration", "5ms", "5ms"),
        ("flows", "", ""),
    ],
)
def test_a_file_that_two_runs_name_becomes_two(argument: str, given: object, own: str) -> None:
    first, second = separate([{argument: given}] * 2, ["ecmp-1", "ecmp-2"])
    assert first == {argument: own}
    assert second == {argument: own.replace("ecmp-1", "ecmp-2")}


def test_runs_of_the_same_name_are_numbered() -> None:
    found = separate([{"flows": "f.csv"}] * 4, ["a", "a", "a-2", "a"])
    assert [own["flows"] for own in found] == ["f-a.csv", "f-a-3.csv", "f-a-2.csv", "f-a-4.csv"]


@pytest.mark.parametrize(
    ("controllers", "names"),
    [
        (["equal", "constant:0.3"], ["equal-7", "constant-0.3-7"]),
        (["x/my file.json", "y/b.json"], ["my-file-7", "b-7"]),
        (["/x/b.json", "/y/b.json"], ["x-b-7", "y-b-7"]),
        (["x/b.json", "x-b.json", "b.json"], ["x-b-7", "x-b-2-7", "b-7"]),
        (["../..", "größe"], ["run-7", "größe-7"]),
    ],
)
def test_runs_are_named_by_controller_and_seed(controllers: list[str], names: list[str]) -> None:
    assert run_names(controllers, [7] * len(controllers)) == names


@given(st.lists(st.tuples(TEXTS, st.integers(0, 99)), unique=True))
def test_names_are_different_and_short_parts_of_file_names(runs: list[tuple[str, int]]) -> None:
    names = run_names([controller for controller, _ in runs], [seed for _, seed in runs])
    assert len(set(names)) == len(runs)
    for name in names:
        assert "/" not in name
        assert len(f"x-{name}.csv".encode()) < 128


def test_only_flows_of_the_decided_time_that_finished_are_timed() -> None:
    flows = pd.DataFrame(
        [[0.5, 9.0, 1.0], [1.0, 2.0, 1.0], [2.0, 5.0, 1.0], [3.0, 10.0, 0.0], [4.0, 10.0, 0.0]],
        columns=["start", "end", "completed"],
    )
    found = read_completion("flows", flows, 1.0)
    assert found == {"fct_mean": 2.0, "fct_p99": pytest.approx(1.0 + 0.99 * 2.0), "unfinished": 0.5}
    none = read_completion("flows", flows.iloc[3:], 1.0)
    assert math.isnan(none["fct_mean"])
    assert none["unfinished"] == 1.0


def test_a_run_without_a_finished_flow_leaves_a_dash() -> None:
    intervals = pd.DataFrame({"reward": [0.0], "goodput": [1e6], "delay": [0.1], "loss": [0.0]})

    def episodes(*times: float) -> list[Episode]:
        return [Episode(intervals, {"fct_mean": time, "unfinished": 0.0}) for time in times]

    means = episode_means(
        {"ecmp": episodes(0.001, 0.003), "conga": episodes(0.002, math.nan)}, [1, 2]
    )
    _, _, flows, paired = simulation_tables(means)
    first, second = flows.columns[1].cells
    assert second == "—"
    assert str(first).startswith("2.000 ± ")
    assert list(paired.columns[1].cells) == ["—"]
    assert list(paired.columns[2].cells) == ["+0.00 ± 0.00"]
