# SPDX-License-Identifier: MIT
"""Formulas as modules say what the expressions say, and their slopes are those of the constants."""

import numpy as np
import pytest
import torch

from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.fitting.module import FormulaModule, LogitModule

NAMES = ("load", "delay", "unused")
STATES = np.random.default_rng(0).uniform(0.1, 2.0, (40, 3))
COLUMNS = dict(zip(NAMES, STATES.T, strict=True))
TEXTS = (
    "0.3*load^2 - 4.5/delay",
    "-exp(-0.2*load)*min(load, delay, 0.7) + 1e-4",
    "sqrt(load)*log(3*delay) - tanh(load - 1)*abs(0.5 - delay)",
    "max(load, 2*delay)^-1.5 + sin(load)*cos(delay)/tan(0.3)",
    "load^delay",
    "0.25",
)


@pytest.mark.parametrize("text", TEXTS)
def test_values_and_slopes_are_those_of_the_expression(text: str) -> None:
    module = FormulaModule([parse(text, NAMES)], NAMES).double()
    values = module(torch.from_numpy(STATES))[:, 0]
    expected = parse(text, NAMES).evaluate(COLUMNS)
    # A few roundings, of single precision where constants are kept, of values up to 50.
    np.testing.assert_allclose(values.detach().numpy(), expected, rtol=1e-6, atol=1e-6)
    assert str(module.written()[0]) == str(FormulaModule(module.written(), NAMES).written()[0])
    if not module.change.numel():
        return
    values.sum().backward()
    assert module.change.grad is not None
    # Centred differences of a relative 1e-4 are wrong by its square, times curvatures below 100.
    for place, slope in enumerate(module.change.grad.tolist()):
        ends = []
        for step in (1e-4, -1e-4):
            constants = module.template.constants.copy()
            constants[place] += step * (abs(constants[place]) or 1.0)
            moved = module.template.with_constants(constants)
            ends.append(float(moved.linearise(COLUMNS)[0].sum()))
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-4, abs=1e-4)


def test_logistic_ratios_keep_their_form() -> None:
    texts = ["1/(1 + exp(-(3*load - 0.5)))", "0.5*load"]
    module = LogitModule([parse(text, NAMES) for text in texts], NAMES)
    logits = module(torch.from_numpy(STATES).float()).detach().numpy()
    np.testing.assert_allclose(logits[:, 0], 3 * STATES[:, 0] - 0.5, rtol=1e-5)
    ratio = np.clip(0.5 * STATES[:, 0], 1e-3, 1 - 1e-3)
    # Logits of single-precision ratios, which lie 1e-3 or more from 0 and 1.
    np.testing.assert_allclose(logits[:, 1], np.log(ratio / (1 - ratio)), atol=1e-4)
    with torch.no_grad():
        module.formulas.change += 0.1
    first, second = module.written()
    assert second.evaluate(COLUMNS) == pytest.approx(0.55 * STATES[:, 0])
    # Both constants of the logit have grown, the ones of the logistic function have not.
    wanted = 1 / (1 + np.exp(-(3.3 * STATES[:, 0] - 0.55)))
    assert first.evaluate(COLUMNS) == pytest.approx(wanted)


def test_inputs_that_are_no_features() -> None:
    with pytest.raises(ValueError, match="takes loss, but the features are load, delay; name"):
        FormulaModule([parse("loss + load", ("loss", "load"))], NAMES[:2])
