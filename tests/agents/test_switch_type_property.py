# SPDX-License-Identifier: MIT
"""The definition of switch-type policies, tried on states of every kind and weights of every kind.

For networks that must have the property the search must find no violation; for plain ones it must
find some, which shows that it can.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ns3kan.agents.components.encodings import (
    Combination,
    Encoding,
    multi_path_encoding,
    single_hop_encoding,
)
from ns3kan.agents.components.policy import ComponentActor, ComponentArchitecture

SCHEDULING = Encoding(
    single_hop_encoding(rates=True).features,
    (
        Combination("minimum", "queue_length", "capacity", 6.0, 1.0),
        Combination("product", "queue_length", "capacity", 600.0),
        Combination("maximum", "queue_length", "arrival_rate", 100.0),
        Combination("excess", "queue_length", "service_rate", 100.0, 1.0),
    ),
)
ROUTING = Encoding(
    multi_path_encoding(rates=True).features,
    (
        Combination("excess", "queue_length", "capacity", 100.0, 1.0),
        Combination("minimum", "capacity", "service_rate", 1.0),
    ),
)
ENCODINGS = {
    "scheduling": SCHEDULING,
    "scheduling, linear": single_hop_encoding(rates=True, logarithmic=False),
    "routing": ROUTING,
    "routing, linear": multi_path_encoding(logarithmic=False),
}
WEIGHTS = ("initial", "trained", "misled", "perturbed", "tiny", "huge")


def train(actor: ComponentActor, sign: float, generator: torch.Generator) -> None:
    """Teach the actor to choose where the queue pulls most (sign 1) or, against it, least (-1)."""
    torch.set_num_threads(1)
    optimiser = torch.optim.Adam(actor.parameters(), lr=0.05)
    features = actor.encoding.features
    usual = torch.tensor([feature.high for feature in features]).double()
    signs = torch.tensor([feature.direction for feature in features]).double()
    for _ in range(15):
        states = torch.rand(64, 4, len(features), generator=generator, dtype=torch.float64) * usual
        best = (sign * states * signs)[..., 0].argmax(-1)
        loss = -actor.evaluate(states, best)[0].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def make_actor(
    network: str, encoding: Encoding, weights: str, seed: int, components: int | None = None
) -> ComponentActor:
    torch.manual_seed(seed)
    hidden = () if network in ("switch-type-kan", "kan") else (8, 8, 8, 8)
    architecture = ComponentArchitecture(encoding, network, components, hidden, grid=5)
    actor = ComponentActor(architecture).double()
    generator = torch.Generator().manual_seed(seed)
    if weights in ("trained", "misled"):
        train(actor, 1.0 if weights == "trained" else -1.0, generator)
    elif weights != "initial":
        keep, shift, size = {
            "perturbed": (1.0, 0.0, 0.5),
            "tiny": (0.0, -40.0, 40.0),
            "huge": (0.0, 3.0, 3.0),
        }[weights]
        with torch.no_grad():
            for parameter in actor.parameters():
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(keep * parameter + shift + size * noise)
    return actor


def make_states(
    encoding: Encoding, components: int, count: int, generator: np.random.Generator
) -> np.ndarray:
    """Draw short and very long queues, whole and broken numbers, zeros and equal components."""
    usual = np.array([feature.high for feature in encoding.features])
    reach = 10.0 ** generator.uniform(-2.0, 4.0, (count, components, 1))
    states = generator.random((count, components, len(usual))) * usual * reach
    states = np.where(generator.random(states.shape) < 0.5, np.floor(states), states)
    states = np.where(generator.random(states.shape) < 0.2, 0.0, states)
    alike = generator.random((count, components, 1)) < 0.3
    return np.asarray(np.where(alike, states[:, :1], states))


def raise_attraction(
    encoding: Encoding, states: np.ndarray, chosen: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Move the chosen component's features in their directions, some of them not at all."""
    result = states.copy()
    rows = np.arange(len(states))
    for column, feature in enumerate(encoding.features):
        old = result[rows, chosen, column]
        step = feature.high * 10.0 ** generator.uniform(-3.0, 4.0, len(states))
        if feature.direction > 0:
            new = old + step
        else:
            new = old * generator.choice([0.0, 0.5, 0.99], len(states))
        moved = generator.random(len(states)) < 0.6
        result[rows, chosen, column] = np.where(moved, new, old)
    return result


def violations(
    actor: ComponentActor, components: int, count: int, generator: np.random.Generator
) -> tuple[int, int]:
    """How many of ``count`` states break the deterministic and the stochastic definition."""
    encoding = actor.encoding
    states = make_states(encoding, components, count, generator)
    before = torch.from_numpy(states)
    deterministic = 0
    for ties in ("first", "last"):
        chosen = actor.decide(before, ties)
        after = torch.from_numpy(raise_attraction(encoding, states, chosen, generator))
        deterministic += int((actor.decide(after, ties) != chosen).sum())
    any_component = generator.integers(components, size=count)
    after = torch.from_numpy(raise_attraction(encoding, states, any_component, generator))
    rows = torch.arange(count)
    with torch.no_grad():
        was = actor.probabilities(before)[rows, any_component]
        now = actor.probabilities(after)[rows, any_component]
    return deterministic, int((now < was - 1e-9).sum())


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("network", ["stn", "switch-type-kan"])
@settings(max_examples=6, deadline=None)
@given(components=st.integers(2, 8), seed=st.integers(0, 2**20))
def test_never_violates_the_definition(
    network: str, name: str, weights: str, components: int, seed: int
) -> None:
    actor = make_actor(network, ENCODINGS[name], weights, seed)
    assert violations(actor, components, 100, np.random.default_rng(seed)) == (0, 0)


@pytest.mark.parametrize("weights", ["initial", "trained", "perturbed"])
@pytest.mark.parametrize("network", ["mlp", "kan"])
def test_finds_violations_in_plain_networks(network: str, weights: str) -> None:
    actor = make_actor(network, ENCODINGS["scheduling"], weights, 1, components=4)
    deterministic, stochastic = violations(actor, 4, 500, np.random.default_rng(1))
    assert deterministic > 0
    assert stochastic > 0


@pytest.mark.parametrize("network", ["stn", "switch-type-kan"])
def test_finds_violations_where_a_direction_is_wrong(network: str) -> None:
    actor = make_actor(network, multi_path_encoding(), "initial", 0)
    actor.encoding = single_hop_encoding()  # what `violations` expects, not what the network does
    deterministic, stochastic = violations(actor, 4, 500, np.random.default_rng(1))
    assert deterministic > 0
    assert stochastic > 0


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("network", ["stn", "switch-type-kan"])
def test_slopes_have_the_declared_signs(network: str, name: str) -> None:
    encoding = ENCODINGS[name]
    actor = make_actor(network, encoding, "perturbed", 3)
    states = make_states(encoding, 1, 2000, np.random.default_rng(3))
    x = torch.from_numpy(states)[:, 0].requires_grad_()
    (slopes,) = torch.autograd.grad(actor.network(x).sum(), x)
    signs = [feature.direction for feature in encoding.features]
    assert (slopes * torch.tensor(signs) >= 0.0).all()
    assert (slopes != 0.0).any(0).all()


@pytest.mark.parametrize("network", ["stn", "switch-type-kan"])
def test_single_precision_keeps_the_definition_up_to_rounding(network: str) -> None:
    for seed in range(5):
        actor = make_actor(network, ENCODINGS["scheduling"], "initial", seed).float()
        generator = np.random.default_rng(seed)
        states = make_states(actor.encoding, 4, 500, generator)
        chosen = generator.integers(4, size=500)
        raised = raise_attraction(actor.encoding, states, chosen, generator)
        rows = torch.arange(500)
        with torch.no_grad():
            was = actor.probabilities(torch.from_numpy(states))[rows, chosen]
            now = actor.probabilities(torch.from_numpy(raised))[rows, chosen]
        assert (now >= was - 1e-5).all()
