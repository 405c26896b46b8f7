# SPDX-License-Identifier: MIT
"""Formulas lose what they do not need."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.grammar import Expression
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.fitting.task import Task, Values
from ns3kan.agents.equations.proofs.answers import Box
from ns3kan.agents.equations.search.shorten import Candidate, is_defined, shortened, simpler

Array = NDArray[np.float64]
X = np.random.default_rng(0).uniform(0.1, 2.0, (300, 2))
BOX = {"x": (0.0, 2.0), "y": (0.0, 2.0)}


def read(text: str) -> Expression:
    return parse(text, ("x", "y"))


def task(wanted: str, states: Array = X) -> Task:
    columns = dict(zip(("x", "y"), states.T, strict=True))
    values = read(wanted).evaluate(columns)[None]
    return Task(columns, values, values, Values(), np.ones(len(states)))


def shorten(
    start: list[str], wanted: str, box: Box = BOX, most_nodes: int = 30, trials: int = 60
) -> list[Candidate]:
    return shortened(
        map(read, start),
        task(wanted, X[:150]),
        task(wanted, X[150:]),
        box,
        most_nodes=most_nodes,
        trials=trials,
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x", set()),
        ("-exp(x)", {"-x"}),
        ("x - y - 2", {"x - 2", "x - y", "-y - 2"}),
        ("x*y/2", {"x/2", "x*y", "y/2"}),
        ("x/y", {"x", "1/y"}),
        ("1/y", {"1"}),
        ("(x + 1)^2", {"x + 1", "x^2", "1^2"}),
        ("min(x, y, tanh(y))", {"x", "y", "tanh(y)", "min(x, y, y)"}),
        ("2*(x - y)", {"2", "x - y", "2*x", "2*-y"}),
    ],
)
def test_all_parts_that_can_be_left_out(text: str, parts: set[str]) -> None:
    found = list(simpler(read(text).root))
    assert {str(Expression(each)) for each in found} == parts
    assert all(Expression(each).nodes() <= read(text).nodes() for each in found)


def test_what_is_not_needed_goes() -> None:
    kept = shorten(["2*x + 0.5*y*tanh(y) + 0.3*(x - y)^2 - 0.1"], "3*x")
    assert str(kept[-1].formulas[0]).endswith("*x")
    assert kept[-1].nodes == 3
    # Constants that were rounded by the least squares: 1e-8, relative, squared.
    assert kept[-1].loss < 1e-14


def test_shorter_is_kept_beside_longer_where_both_are_worth_it() -> None:
    kept = shorten(["2*x + 0.5*y"], "2*x + 0.5*y")
    nodes, losses = [each.nodes for each in kept], [each.loss for each in kept]
    assert nodes == sorted(set(nodes))
    assert losses == sorted(losses, reverse=True)
    assert nodes[0] < 7 == nodes[-1]
    assert losses[-1] < 1e-14 < 1e-2 < losses[-2]


def test_long_formulas_are_not_kept_but_what_is_left_of_them() -> None:
    kept = shorten(["2*x + 0.5*y + 0.1*x*y"], "2*x + 0.5*y + 0.1*x*y", most_nodes=8)
    assert max(each.nodes for each in kept) == 7


def test_formulas_must_be_defined_on_the_box() -> None:
    assert is_defined(read("log(x + 1)"), BOX)
    assert not is_defined(read("log(x)"), BOX)
    assert not is_defined(read("1/(x - 1)"), BOX)
    # It is at all the states, but not where x is 0.
    assert not any("log" in str(each.formulas[0]) for each in shorten(["log(x)"], "log(x)"))
    narrow = {"x": (0.1, 2.0), "y": (0.0, 2.0)}
    assert shorten(["log(x)"], "log(x)", narrow)[-1].loss < 1e-14


def test_formulas_that_are_undefined_at_a_state_are_passed_over() -> None:
    assert shorten(["log(x - 1)", "log(-1)*x", "x"], "x")[-1].nodes == 1
