# SPDX-License-Identifier: MIT
"""What formulas are to say for each kind of decision, and what is written of them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ns3kan.agents.equations.artefact.controller import Controller, ControllerInput
from ns3kan.agents.equations.choice.fidelity import choice_fidelity, ratio_fidelity
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.search.imitation import (
    Choices,
    Imitation,
    Index,
    Probabilities,
    Ratios,
)

Array = NDArray[np.float64]
NAMES = ("x", "y")
RNG = np.random.default_rng(0)
STATES = RNG.uniform(-2.0, 2.0, (50, 2))
COMPONENTS = RNG.uniform(0.0, 2.0, (50, 3, 2))


def softmax(scores: Array) -> Array:
    weights = np.exp(scores)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def controller(imitation: Imitation, *formulas: str) -> Controller:
    outputs = imitation.written([parse(formula, NAMES) for formula in formulas])
    inputs = [ControllerInput(name, "1", (-2.0, 2.0)) for name in NAMES]
    return Controller(inputs, outputs, imitation.decision)


def test_ratios_are_the_squashed_formulas() -> None:
    imitation = Ratios(NAMES, ("first", "second"))
    logits = np.stack([2 * STATES[:, 0], STATES[:, 1] - 1], axis=1)
    ratios = 1 / (1 + np.exp(-logits))
    task = imitation.task(STATES, ratios)
    np.testing.assert_allclose(task.targets, logits.T, rtol=1e-12)
    formulas = ["2*x", "y - 1"]
    values = task.evaluate([parse(formula, NAMES) for formula in formulas])
    assert task.loss(values) < 1e-24
    np.testing.assert_allclose(task.residuals(values, values[..., None])[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(controller(imitation, *formulas)(STATES), ratios, rtol=1e-12)
    # Alone, each output has its own weights: r²(1 - r)².
    for place, part in enumerate(imitation.parts(task)):
        assert part.loss(values[[place]]) < 1e-24
        own = (ratios[:, place] * (1 - ratios[:, place])) ** 2
        np.testing.assert_allclose(part.weights - part.weights.min(), own - own.min(), atol=1e-12)


def test_saturated_ratios_have_bounded_targets() -> None:
    imitation = Ratios(NAMES, ("ratio",))
    ratios = (STATES[:, :1] > 0).astype(float)
    task = imitation.task(STATES, ratios)
    # The logit of 0.999.
    assert np.abs(task.targets).max() == pytest.approx(np.log(999.0))
    np.testing.assert_array_equal(task.target_answers, ratios.T)


def test_the_shorter_of_two_ways_to_write_a_ratio() -> None:
    imitation = Ratios(NAMES, ("ratio",))

    def written(formula: str) -> str:
        return imitation.written([parse(formula, NAMES)])[0].expression

    assert written("2*x - 1") == "1/(1 + exp(1 - 2*x))"
    assert written("x*tanh(y)") == "1/(1 + exp(-(x*tanh(y))))"
    assert written("-x") == "1/(1 + exp(x))"
    # A ratio without inputs is a number.
    assert written("0") == "0.5"


def test_choices_are_relative_to_the_first() -> None:
    imitation = Choices(NAMES, ("a", "b", "c"))
    x, y = STATES.T
    # Whatever all scores have in common decides nothing.
    scores = np.stack([x, y, x * y], axis=1) + 100 * np.sin(9 * x)[:, None]
    task = imitation.task(STATES, scores)
    np.testing.assert_allclose(task.targets, [y - x, x * y - x], atol=1e-12)
    formulas = ["y - x", "x*y - x"]
    values = task.evaluate([parse(formula, NAMES) for formula in formulas])
    assert task.loss(values) < 1e-20
    built = controller(imitation, *formulas)
    assert [output.expression for output in built.outputs] == ["0", *formulas]
    np.testing.assert_array_equal(built(STATES), scores.argmax(axis=1))
    assert imitation.fidelity(task.answer(values), task.target_answers) == {
        "agreement": 1.0,
        "states": 50,
    }
    for place, part in enumerate(imitation.parts(task)):
        assert part.loss(values[[place]]) < 1e-24


def test_choices_without_scores() -> None:
    imitation = Choices(NAMES, ("a", "b", "c"))
    chosen = RNG.integers(0, 3, 50)
    task = imitation.task(STATES, chosen.astype(float))
    np.testing.assert_array_equal(task.target_answers.argmax(axis=0), chosen)
    np.testing.assert_array_equal(task.target_answers.sum(axis=0), 1.0)
    # The best values are those that choose with certainty.
    assert task.loss(1e3 * task.targets) < 1e-12 < task.loss(task.targets)


def test_probabilities() -> None:
    imitation = Probabilities(NAMES, ("a", "b"))
    scores = np.stack([STATES[:, 0], 2 * STATES[:, 1]], axis=1)
    task = imitation.task(STATES, scores)
    np.testing.assert_allclose(task.target_answers.T, softmax(scores), rtol=1e-12)
    values = task.evaluate([parse("2*y - x", NAMES)])
    assert task.loss(values) < 1e-24
    np.testing.assert_allclose(controller(imitation, "2*y - x")(STATES), softmax(scores))
    assert imitation.fidelity(task.answer(values), task.target_answers)["r2"] == pytest.approx(1.0)


def test_an_index_is_one_formula_of_all_components() -> None:
    imitation = Index(NAMES, ("index",))
    scores = COMPONENTS[..., 0] * COMPONENTS[..., 1]
    task = imitation.task(COMPONENTS, scores)
    assert task.states == 50
    values = task.evaluate([parse("x*y", NAMES)])
    assert values.shape == (1, 150)
    assert task.loss(values) < 1e-24
    # A constant changes nothing, another order of the components does.
    assert task.loss(values + 5.0) < 1e-24 < 1e-3 < task.loss(-values)
    np.testing.assert_array_equal(controller(imitation, "x*y")(COMPONENTS), scores.argmax(axis=1))
    (alone,) = imitation.parts(task)
    assert alone is task


@pytest.mark.parametrize("kind", ["ratios", "choices", "index"])
def test_some_of_the_states(kind: str) -> None:
    chosen = np.array([7, 3, 20])
    imitation: Imitation
    if kind == "index":
        imitation, states = Index(NAMES, ("index",)), COMPONENTS
    elif kind == "choices":
        imitation, states = Choices(NAMES, ("a", "b", "c")), STATES
    else:
        imitation, states = Ratios(NAMES, ("a", "b", "c")), STATES
    labels = RNG.uniform(0.1, 0.9, (50, 3))
    whole = imitation.task(states, labels)
    part = whole.subset(chosen)
    np.testing.assert_array_equal(part.target_answers, whole.target_answers[:, chosen])
    values = RNG.standard_normal(whole.targets.shape)
    each = whole.targets.shape[1] // 50
    rows = (chosen[:, None] * each + np.arange(each)).ravel()
    np.testing.assert_array_equal(part.answer(values[:, rows]), whole.answer(values)[:, chosen])
    np.testing.assert_array_equal(part.columns["y"], states[chosen][..., 1].ravel())
    np.testing.assert_array_equal(part.targets, whole.targets[:, rows])
    # Residuals and their slopes in a constant that is added to all values.
    residuals, slopes = part.residuals(values[:, rows], np.ones((*values[:, rows].shape, 1)))
    high, low = (
        part.residuals(values[:, rows] + step, np.zeros((*values[:, rows].shape, 1)))[0]
        for step in (1e-6, -1e-6)
    )
    assert residuals.shape == (len(slopes),)
    np.testing.assert_allclose(slopes[:, 0], (high - low) / 2e-6, atol=1e-8)


def test_fidelity_by_hand() -> None:
    said, wanted = np.array([0.2, 0.4, 0.9]), np.array([0.2, 0.5, 0.8])
    # Squared errors 0, 0.01, 0.01; variance of 0.2, 0.5, 0.8 is 0.06.
    assert ratio_fidelity(said, wanted) == pytest.approx(
        {
            "r2": 1 - 0.02 / 3 / 0.06,
            "mean_absolute_error": 0.2 / 3,
            "largest_absolute_error": 0.1,
            "states": 3,
        }
    )
    # Of equal scores the first is chosen.
    scores = np.array([[1.0, 0.0, 2.0, 5.0], [1.0, 1.0, 1.0, 5.0]])
    others = np.array([[3.0, 2.0, 2.0, 1.0], [1.0, 1.0, 1.0, 5.0]])
    assert choice_fidelity(scores, others) == {"agreement": 0.5, "states": 4}
