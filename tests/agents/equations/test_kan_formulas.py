# SPDX-License-Identifier: MIT
import dataclasses

import numpy as np
import pytest
import torch

from ns3kan.agents.equations.reading.kan_formulas import PAPER_FUNCTIONS, KanFormulas, read_formulas
from ns3kan.agents.equations.reading.kan_refinement import refine_formulas
from ns3kan.agents.equations.reading.library import LIBRARY, Argument, LibraryFunction
from ns3kan.agents.equations.reading.terms import Formula, Term
from ns3kan.agents.networks.kan.layer import Kan

FUNCTIONS = {function.name: function for function in LIBRARY}


def by_hand() -> KanFormulas:
    """h1 = 2 x0², h2 = 0.5 sin(x1) − 1; q0 = h1 + 1, q1 = |h2|, and x2 plays no part."""
    square = Term(0, FUNCTIONS["x^2"], 2.0, (0.0,))
    wave = Term(1, FUNCTIONS["sin"], 0.5, (1.0, 0.0))
    return KanFormulas(
        (
            (Formula(0.0, (square,)), Formula(-1.0, (wave,))),
            (
                Formula(1.0, (Term(0, FUNCTIONS["x"], 1.0, ()),)),
                Formula(0.0, (Term(1, FUNCTIONS["abs"], 1.0, (0.0,)),)),
            ),
        )
    )


def states(count: int = 300) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1.0, 1.0, (count, 3))


def test_values_by_hand() -> None:
    formulas = by_hand()
    x = np.array([[0.5, 0.0, 9.0], [1.0, np.pi / 2, 9.0]])
    np.testing.assert_allclose(formulas.values(x), [[1.5, 1.0], [3.0, 0.5]])
    assert formulas.choose(x).tolist() == [0, 0]
    assert (formulas.edges, formulas.neurons) == (4, 2)


def test_written_formulas_give_the_same_numbers() -> None:
    formulas, x = by_hand(), states()
    written = formulas.expressions(["a", "b", "c"])
    assert list(written) == ["h1", "h2", "q0", "q1"]
    values = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2]}
    for name, expression in written.items():
        values[name] = expression.evaluate({used: values[used] for used in expression.inputs()})
    wanted = formulas.values(x)
    np.testing.assert_allclose(values["q0"], wanted[:, 0], rtol=1e-12)
    np.testing.assert_allclose(values["q1"], wanted[:, 1], rtol=1e-12)


def test_importance_by_hand() -> None:
    often, strongly = by_hand().importance(states())
    assert often.tolist() == [1, 1, 0]
    assert strongly[0] > strongly[1] > strongly[2] == 0.0
    x = states()
    np.testing.assert_allclose(strongly[0], (2 * x[:, 0] ** 2).std())


def test_reads_what_a_network_computes() -> None:
    torch.manual_seed(0)
    network = Kan([3, 2, 2], outside="linear")
    x = torch.from_numpy(states()).float()
    with torch.no_grad():
        # Input 2 plays no part.
        network.layers[0].coefficients[:, :, :] = 0.0
        network.layers[0].base_weight[:, :] = torch.tensor([[1.0, 0.2, 0.0], [-0.1, 1.0, 0.0]])
        wanted = network(x).double().numpy()
    formulas = read_formulas(network, x)
    names = {term.function.name for layer in formulas.layers for one in layer for term in one.terms}
    assert names <= {function.name for function in PAPER_FUNCTIONS}
    assert formulas.edges == 8
    assert {term.feature for one in formulas.layers[0] for term in one.terms} == {0, 1}
    said = formulas.values(x.double().numpy())
    assert np.abs(said - wanted).max() < 0.1 * np.ptp(wanted)
    # Three edges can serve one neuron only.
    few = read_formulas(network, x, 3)
    assert few.edges <= 3
    assert few.neurons == 1
    with pytest.raises(ValueError, match="0 edges; give one at least"):
        read_formulas(network, x, 0)


def test_refinement_recovers_constants() -> None:
    """From wrong constants back to the values of the right ones, up to a common number."""
    right, x = by_hand(), states()
    wanted = right.values(x)
    wrong = KanFormulas(
        tuple(
            tuple(formula.with_constants(formula.constants * 0.7 + 0.05) for formula in layer)
            for layer in right.layers
        )
    )

    def error(formulas: KanFormulas) -> float:
        difference = formulas.values(x) - wanted
        return float((difference - difference.mean(axis=1, keepdims=True)).std())

    refined = refine_formulas(wrong, x, wanted, steps=300)
    assert error(refined) < 0.2 * error(wrong)
    assert (refined.choose(x) == right.choose(x)).mean() > 0.95
    again = refine_formulas(wrong, x, wanted, steps=300)
    assert again == refined


def test_refinement_keeps_positive_arguments() -> None:
    root = Term(0, FUNCTIONS["sqrt"], 1.0, (2.5,), -1)
    formulas = KanFormulas(((Formula(0.0, (root,)), Formula(0.0, ())),))
    x = states()
    refined = refine_formulas(formulas, x, formulas.values(x) * 3.0, steps=100)
    (term,) = refined.layers[0][0].terms
    assert term.inner == (2.5,)
    assert term.amplitude > 1.2
    assert np.isfinite(refined.values(x)).all()


@pytest.mark.parametrize("function", LIBRARY, ids=lambda function: function.name)
def test_all_functions_can_be_refined(function: LibraryFunction) -> None:
    inner = {Argument.PLAIN: (), Argument.SHIFTED: (-2.5,), Argument.SCALED: (1.0,)}
    term = Term(0, function, 1.0, inner.get(function.argument, (1.0, 0.0)))
    formulas = KanFormulas(((Formula(0.0, (term,)), Formula(0.0, ())),))
    x = states()
    targets = formulas.values(x) * 1.5
    refined = refine_formulas(formulas, x, targets, steps=200)

    def error(some: KanFormulas) -> float:
        difference = some.values(x) - targets
        return float((difference - difference.mean(axis=1, keepdims=True)).std())

    assert error(refined) < 0.5 * error(formulas)


def test_refinement_needs_a_step() -> None:
    with pytest.raises(ValueError, match="in 0 steps; make one step at least"):
        refine_formulas(by_hand(), states(), by_hand().values(states()), steps=0)


def test_rounded() -> None:
    formulas = KanFormulas(((Formula(1.23456, (Term(0, FUNCTIONS["x"], 0.00123456, ()),)),),))
    assert formulas.rounded(3).layers[0][0].constants.tolist() == [1.23, 0.00123]


def test_refinement_of_a_steep_exponential_stays_finite() -> None:
    """Of an amplitude of 1e-9, which a step moves by 1e-2 where terms are not scaled."""
    steep = Term(0, FUNCTIONS["exp"], 1e-9, (12.0,))
    formulas = KanFormulas(((Formula(0.0, (steep,)), Formula(0.0, ())),))
    x = states()
    refined = refine_formulas(formulas, x, formulas.values(x) * 1.5, steps=100)
    (term,) = refined.layers[0][0].terms
    assert 0.5e-9 < term.amplitude < 3e-9
    assert np.isfinite(refined.values(x)).all()


def test_functions_that_are_not_defined_on_the_data() -> None:
    """A library function that needs positive arguments, but does not say so."""
    plain_log = dataclasses.replace(
        FUNCTIONS["log"], argument=Argument.PLAIN, is_positive_only=False
    )
    network, x = Kan([3, 2]), torch.from_numpy(states()).float()
    formulas = read_formulas(network, x, functions=(plain_log, FUNCTIONS["x"]))
    terms = [term for layer in formulas.layers for one in layer for term in one.terms]
    assert {term.function.name for term in terms} == {"x"}
    with pytest.raises(ValueError, match="None of the functions log is defined on the val"):
        read_formulas(network, x, functions=(plain_log,))
