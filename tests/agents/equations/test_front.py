# SPDX-License-Identifier: MIT
"""The front of complexity against return: what is on it, where its knee is, how it is kept."""

import functools
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.choice.front import (
    Front,
    Point,
    knee_place,
    measure,
    read_returns,
    shortest_near_best,
)

# Equations of 1, 3, 5, … nodes.
SUMS = ["load" + " + load" * terms for terms in range(8)]


@functools.cache
def controller(nodes: int, outputs: int = 1) -> Controller:
    """An equation of so many nodes, each output of the same odd size."""
    size = nodes // outputs
    assert size % 2 == 1
    assert size * outputs == nodes
    return Controller(
        [ControllerInput("load", "1", (0.0, 1.0))],
        [ControllerOutput(f"ratio_{i}", SUMS[size // 2], (0.0, 1.0)) for i in range(outputs)],
        provenance={"environment": "test"},
    )


def point(nodes: int, *returns: float) -> Point:
    return Point(controller(nodes), returns)


def front(*points: Point) -> Front:
    return Front(tuple(range(100, 100 + len(points[0].returns))), points)


def test_rule_of_one_standard_error_by_hand() -> None:
    best = [1.0, 2.0, 3.0, 4.0]
    # Falls short by 0.06, -0.02, 0, 0: mean 0.01, standard deviation 0.0346, error 0.0173.
    unclear = [0.94, 2.02, 3.0, 4.0]
    # By 0.06, 0.02, 0, 0: mean 0.02, standard deviation 0.0283, error 0.0141.
    worse = [0.94, 1.98, 3.0, 4.0]
    # By 0.01 each, without an error: a small difference that is certain counts.
    surely_worse = [0.99, 1.99, 2.99, 3.99]
    assert shortest_near_best([9, 7], [best, unclear]) == 1
    assert shortest_near_best([9, 7], [best, worse]) == 0
    assert shortest_near_best([9, 7], [best, surely_worse]) == 0
    assert shortest_near_best([9, 7, 5, 3], [best, unclear, worse, surely_worse]) == 1
    # The shortest is not taken for being short, nor the order of the candidates.
    assert shortest_near_best([3, 5, 7, 9], [surely_worse, worse, unclear, best]) == 2
    # Equally short ones: the first.
    assert shortest_near_best([7, 7], [unclear, best]) == 0
    assert shortest_near_best([7, 7], [best, unclear]) == 0


def test_pairs_count_and_not_each_one_s_own_spread() -> None:
    # Seeds differ by far more than the candidates do, which is no reason to take the short one.
    assert shortest_near_best([3, 5], [[-100.1, 0.0, 99.8], [-100.0, 0.1, 100.0]]) == 1


def test_one_seed_says_nothing_about_the_error() -> None:
    assert shortest_near_best([3, 5], [[0.999], [1.0]]) == 1
    assert shortest_near_best([3, 5], [[1.0], [1.0]]) == 0


def test_front_by_hand() -> None:
    found = front(
        point(9, 5.0, 5.0),
        point(3, 1.0, 3.0),  # on the front: the shortest
        point(5, 2.0, 2.0),  # no better than the one of 3 nodes
        point(7, 6.0, 2.0),  # mean 4
        point(7, 5.0, 2.0),  # as long and worse
        point(11, 4.0, 4.0),  # longer and worse
        point(13, 5.1, 5.0),
    )
    assert [each.nodes for each in found.candidates] == [3, 5, 7, 7, 9, 11, 13]
    assert [(each.nodes, each.mean_return) for each in found.points] == [
        (3, 2.0),
        (7, 4.0),
        (9, 5.0),
        (13, 5.05),
    ]
    # 13 nodes: the best. 9 falls short by 0.1 and 0: mean 0.05, error 0.05. 7: by -0.9 and 3,
    # mean 1.05, error 1.95. 3: by 4.1 and 2, mean 3.05, error 1.05.
    assert found.best().nodes == 13
    assert found.knee().nodes == 7
    assert found.best(most_nodes=12).nodes == 9
    # Without the longest, 7 falls short by -1 and 3 (mean 1, error 2), 3 by 4 and 2 (3, 1).
    assert found.knee(most_nodes=12).nodes == 7
    assert found.knee(most_nodes=6).nodes == 3


def test_all_outputs_count() -> None:
    assert Point(controller(9, outputs=3), (1.0,)).nodes == 9


points = st.lists(
    st.tuples(
        st.integers(0, len(SUMS) - 1),
        st.lists(st.integers(-3, 3).map(float), min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(points)
def test_no_point_of_the_front_is_dominated(drawn: list[tuple[int, list[float]]]) -> None:
    found = front(*(point(2 * half + 1, *returns) for half, returns in drawn))

    def dominates(one: Point, other: Point) -> bool:
        better = one.nodes < other.nodes or one.mean_return > other.mean_return
        return better and one.nodes <= other.nodes and one.mean_return >= other.mean_return

    assert len(found.candidates) == len(drawn)
    for each in found.points:
        assert not any(dominates(other, each) for other in found.candidates)
    for each in found.candidates:
        if not any(each is kept for kept in found.points):
            # Dominated, or as long and as good as one that is kept.
            assert any(
                dominates(kept, each)
                or (kept.nodes, kept.mean_return) == (each.nodes, each.mean_return)
                for kept in found.points
            )
    assert any(found.knee() is kept for kept in found.points)
    assert found.knee().nodes <= found.best().nodes
    assert found.best().mean_return == max(each.mean_return for each in found.candidates)


def test_a_front_is_measured_seed_by_seed() -> None:
    asked: list[Controller] = []

    def returns(one: Controller) -> list[float]:
        asked.append(one)
        return [float(one([seed / 10])[0]) for seed in (1, 2)]

    candidates = [controller(3), controller(1)]
    found = measure(candidates, returns, (1, 2))
    assert asked == candidates
    assert found.seeds == (1, 2)
    assert [each.returns for each in found.candidates] == [(0.1, 0.2), (0.2, 0.4)]


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    kept = front(point(1, 0.1, 1 / 3), point(5, 0.2, math.pi), point(3, -1.0, 1e-17))
    kept.save(tmp_path / "runs" / "front")
    read = Front.load(tmp_path / "runs" / "front")
    assert read.seeds == kept.seeds
    for mine, theirs in zip(read.candidates, kept.candidates, strict=True):
        assert mine.returns == theirs.returns
        assert mine.controller.outputs == theirs.controller.outputs
        assert mine.controller.inputs == theirs.controller.inputs
        assert mine.controller.provenance == theirs.controller.provenance
    assert read.knee().nodes == kept.knee().nodes
    table = pd.read_csv(tmp_path / "runs" / "front" / "front.csv")
    assert list(table.columns) == [
        "nodes",
        "mean return",
        "standard error",
        "on front",
        "knee",
        "file",
        "return with seed 100",
        "return with seed 101",
    ]
    assert table["nodes"].tolist() == [1, 3, 5]
    assert table["on front"].tolist() == [True, False, True]
    assert table["knee"].sum() == 1
    # Any row is a controller to run.
    taken = Controller.load(tmp_path / "runs" / "front" / str(table["file"].iloc[2]))
    assert taken.outputs == kept.candidates[2].controller.outputs


def test_the_table_is_enough_to_choose(tmp_path: Path) -> None:
    kept = front(point(9, 5.0, 5.0), point(3, 1.0, 3.0), point(7, 6.0, 2.0), point(13, 5.1, 5.0))
    kept.save(tmp_path)
    for artefact in tmp_path.glob("*.json"):
        artefact.unlink()
    nodes, returns = read_returns(tmp_path)
    assert nodes == [3, 7, 9, 13]
    assert returns.tolist() == [list(each.returns) for each in kept.candidates]
    for most in (None, 12, 6):
        assert nodes[knee_place(nodes, returns, most)] == kept.knee(most).nodes
    table = tmp_path / "front.csv"
    table.write_text(table.read_text().replace("5.1", "much"))
    with pytest.raises(ValueError, match=r"front.csv: .*much.*; save the front once more"):
        read_returns(tmp_path)


def test_a_single_seed_is_kept_too(tmp_path: Path) -> None:
    front(point(1, 0.1)).save(tmp_path)
    assert Front.load(tmp_path).candidates[0].returns == (0.1,)


def test_no_front_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one candidate; extract or distil one first"):
        Front((1,), ())
    with pytest.raises(ValueError, match=r"different validation seeds, at least one, not \[\]"):
        Front((), (point(1),))
    with pytest.raises(ValueError, match=r"different validation seeds, at least one, not \[4, 4\]"):
        Front((4, 4), (point(1, 1.0, 2.0),))
    with pytest.raises(ValueError, match=r"1 nodes has the returns \[1.0\] on 2 seeds; give one"):
        Front((4, 5), (point(1, 1.0),))
    with pytest.raises(ValueError, match=r"3 nodes has the returns \[1.0, nan\] on 2 seeds"):
        Front((4, 5), (point(3, 1.0, math.nan),))
    with pytest.raises(ValueError, match="at most 2 nodes; the shortest has 3, allow as many"):
        front(point(3, 1.0)).knee(most_nodes=2)


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"front.csv: cannot be read .*give the folder"):
        Front.load(tmp_path)
    table = tmp_path / "front.csv"
    table.write_text("")
    with pytest.raises(ValueError, match=r"front.csv: cannot be read"):
        Front.load(tmp_path)
    table.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="has no column nodes or file; give the folder"):
        Front.load(tmp_path)
    table.write_text("nodes,file\n1,a.json\n")
    with pytest.raises(ValueError, match="has no column return with seed N"):
        Front.load(tmp_path)

    front(point(1, 0.1), point(3, 0.2)).save(tmp_path)
    text = table.read_text()
    table.write_text(text.replace("controller-01.json", "../controller-01.json"))
    with pytest.raises(ValueError, match=r"'../controller-01.json' is no file of this folder"):
        Front.load(tmp_path)
    table.write_text(text.replace("seed 100", "seed x"))
    with pytest.raises(ValueError, match="save the front once more"):
        Front.load(tmp_path)
    table.write_text(text.replace("0.2", "nan"))
    with pytest.raises(ValueError, match="give one finite return per seed; save the front"):
        Front.load(tmp_path)
    table.write_text(text.replace("0.2", ""))
    with pytest.raises(ValueError, match="convert string to float: ''; save the front"):
        Front.load(tmp_path)
    table.write_text(text)
    controller(5).save(tmp_path / "controller-02.json")
    with pytest.raises(ValueError, match=r"controller-02.json has 5 nodes, not 3; save the front"):
        Front.load(tmp_path)
    (tmp_path / "controller-02.json").unlink()
    with pytest.raises(ValueError, match=r"controller-02.json: cannot be read"):
        Front.load(tmp_path)
