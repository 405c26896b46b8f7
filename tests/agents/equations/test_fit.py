# SPDX-License-Identifier: MIT
"""An equation read out of a KAN actor says what the actor says."""

import functools
import re

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ns3kan.agents.equations.choice.states import ExtractionError
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.reading.fit import SPLINE_POINTS, Extraction, extract
from ns3kan.agents.networks.actor_critic import Architecture, RatioActor

Array = NDArray[np.float64]

NAMES = ("load", "mpls_delay", "internet_loss")
UNITS = ("1", "s", "1")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def make_states(seed: int, n: int = 1500) -> Array:
    generator = np.random.default_rng(seed)
    load = generator.uniform(0.1, 1.3, n)
    delay = 0.01 + 0.05 * load * generator.random(n)
    return np.stack([load, delay, generator.uniform(0, 0.02, n)], axis=1)


def wanted_logit(states: Array) -> Array:
    load, delay, _ = states.T
    return np.asarray(-1.0 + 2 * np.tanh(3 * load - 2) + 40 * (delay - 0.03))


def make_actor(features: int = 3, **changes: object) -> RatioActor:
    torch.manual_seed(0)
    return RatioActor(Architecture(features=features, **changes))  # type: ignore[arg-type]


def imitate(actor: RatioActor, x: torch.Tensor, ratio: torch.Tensor) -> None:
    optimiser = torch.optim.Adam(actor.parameters(), lr=0.03)
    for _ in range(400):
        optimiser.zero_grad()
        loss = ((actor.mode(x)[:, 0] - ratio) ** 2).mean()
        torch.autograd.backward(loss)
        optimiser.step()


@functools.cache
def trained_actor() -> RatioActor:
    actor = make_actor()
    states = make_states(0)
    low, high = states.min(axis=0), states.max(axis=0)
    actor.shift.copy_(torch.from_numpy((low + high) / 2))
    actor.scale.copy_(torch.from_numpy((high - low) / 2))
    x = torch.from_numpy(states).float()
    y = torch.sigmoid(torch.from_numpy(wanted_logit(states)).float())
    imitate(actor, x, y)
    return actor


@functools.cache
def extraction() -> Extraction:
    torch.set_num_threads(1)
    return extract(trained_actor(), make_states(1), NAMES, UNITS, provenance={"steps": 400})


def network(states: Array) -> Array:
    with torch.no_grad():
        return np.asarray(trained_actor().mode(torch.from_numpy(states))[:, 0].double().numpy())


def test_equation_says_what_the_network_says() -> None:
    result = extraction()
    states = make_states(2)
    columns = result.controller.check_inputs(NAMES)
    ratio = result.controller(states[:, columns])[:, 0]
    error = ratio - network(states)
    assert 1 - np.mean(error**2) / np.var(network(states)) > 0.998
    assert np.max(np.abs(error)) < 0.05


def test_fidelity_is_what_it_says() -> None:
    result = extraction()
    fidelity = result.fidelity
    assert fidelity["r2"] > 0.998
    assert fidelity["mean_absolute_error"] < 0.02
    assert fidelity["mean_absolute_error"] <= fidelity["largest_absolute_error"] < 0.05
    assert fidelity["states"] == 375
    assert fidelity["nodes"] == result.controller.expressions[0].nodes() <= 30
    assert result.controller.fidelity == fidelity


def test_controller_is_short_and_in_units() -> None:
    controller = extraction().controller
    assert controller.decision == "ratio"
    assert controller.provenance == {"steps": 400}
    assert controller.input_names == ("load", "mpls_delay")
    load = controller.inputs[0]
    assert load.unit == "1"
    assert load.range == pytest.approx((0.1, 1.3), abs=0.01)
    assert controller.outputs[0].name == "ratio"
    text = controller.outputs[0].expression
    assert text.startswith("1/(1 + exp(-(")
    # No constant has more digits than it needs.
    numbers = [word for word in re.split(r"[^0-9.]+", text) if word not in ("", ".")]
    assert max(len(number.replace(".", "").strip("0")) for number in numbers) <= 3
    assert any("internet_loss" in note for note in extraction().notes)


def test_splines_show_network_and_fit() -> None:
    splines = extraction().splines
    assert list(splines.columns) == ["feature", "x", "spline", "fit", "kept", "formula"]
    assert len(splines) == SPLINE_POINTS * len(NAMES)
    for name, part in splines.groupby("feature"):
        used = name != "internet_loss"
        assert (part["kept"] == used).all()
        assert bool(part["formula"].iloc[0]) == used
        if used:
            fit, spline = part["fit"].to_numpy(), part["spline"].to_numpy()
            assert np.std(fit - spline) < 0.15 * np.std(spline)
            formula = parse(part["formula"].iloc[0], [str(name)])
            written = formula.evaluate({str(name): part["x"].to_numpy()})
            np.testing.assert_allclose(np.diff(written), np.diff(fit), atol=1e-9)


def test_extraction_is_deterministic() -> None:
    again = extract(trained_actor(), make_states(1), NAMES, UNITS)
    assert again.controller.outputs == extraction().controller.outputs


@pytest.mark.timeout(60)
def test_the_search_ends_where_the_two_halves_disagree() -> None:
    # With these weights and so few states, a closer fit to the one half of the states is a worse
    # one to the other half: the search must not go to and fro between the two.
    actor = make_actor()
    states = make_states(8)[:120]
    torch.manual_seed(8)
    with torch.no_grad():
        for parameter in actor.parameters():
            parameter.copy_(0.7 * torch.randn_like(parameter))
    actor.shift.copy_(torch.from_numpy(states.mean(axis=0)))
    actor.scale.copy_(torch.from_numpy(states.std(axis=0)))
    extraction = extract(actor, states, NAMES, UNITS, max_terms=10, price=1e-6)
    assert extraction.fidelity["r2"] > 0.9


def test_price_shortens() -> None:
    short = extract(trained_actor(), make_states(1), NAMES, UNITS, price=3e-2)
    assert short.fidelity["nodes"] < extraction().fidelity["nodes"]


def test_constant_feature_is_left_out_with_a_note() -> None:
    states = make_states(1)
    states[:, 1] = 0.02
    result = extract(trained_actor(), states, NAMES, UNITS)
    assert result.controller.input_names == ("load",)
    assert result.fidelity["r2"] > 0.998
    assert any("mpls_delay never changed" in note for note in result.notes)


def test_constant_network() -> None:
    actor = make_actor()
    with torch.no_grad():
        next(actor.body.parameters()).zero_()
    result = extract(actor, make_states(1), NAMES, UNITS)
    assert result.controller([0.3]) == pytest.approx([0.5])


def test_domain_of_functions_reaches_beyond_the_states() -> None:
    # A spline like a root invites functions that are not defined everywhere.
    actor = make_actor(features=1)
    x = np.linspace(0.1, 2, 800)[:, None]
    actor.shift.fill_(1.05)
    actor.scale.fill_(0.95)
    ratio = torch.sigmoid(torch.from_numpy(2 * np.log(x[:, 0] + 0.02)).float())
    imitate(actor, torch.from_numpy(x).float(), ratio)
    controller = extract(actor, x, ["load"], ["1"], price=1e-5).controller
    assert np.isfinite(controller(np.linspace(-0.85, 2.95, 100)[:, None])).all()


@pytest.mark.parametrize(
    ("states", "names", "message"),
    [
        (np.zeros((99, 3)), NAMES, "99 states are too few"),
        (np.zeros((200, 2)), NAMES, r"shape \(200, 2\), expected \(n, 3\)"),
        (np.zeros(200), NAMES, r"shape \(200,\)"),
        (np.zeros((200, 3)), NAMES, "all states are the same"),
        (np.full((200, 3), np.nan), NAMES, "state 0 is not finite"),
        (np.zeros((200, 2)), NAMES[:2], "2 feature names but 3 units"),
    ],
)
def test_bad_states(states: Array, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ExtractionError, match=message):
        extract(make_actor(), states, names, UNITS)


@pytest.mark.parametrize(
    ("actor", "message"),
    [
        (make_actor(actor="mlp", actor_hidden=(4,)), "KAN without hidden layers"),
        (make_actor(actor_hidden=(4,)), "KAN without hidden layers"),
        (make_actor(features=4), "4 features and 1 actions"),
        (make_actor(actions=2), "3 features and 2 actions"),
    ],
)
def test_bad_actors(actor: RatioActor, message: str) -> None:
    with pytest.raises(ExtractionError, match=message):
        extract(actor, make_states(1), NAMES, UNITS)


def test_diverged_actor() -> None:
    actor = make_actor()
    with torch.no_grad():
        next(actor.body.parameters()).fill_(float("nan"))
    with pytest.raises(ExtractionError, match="diverged"):
        extract(actor, make_states(1), NAMES, UNITS)
