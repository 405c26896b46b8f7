# SPDX-License-Identifier: MIT
"""Equations of networks of all kinds decide like the networks, and bad input is refused."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.encodings import single_hop_encoding
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.equations.choice.states import ExtractionError
from ns3kan.agents.equations.proofs.guarantees import PROVEN
from ns3kan.agents.equations.reading.readout import read_equations
from ns3kan.agents.equations.search.formula_search import SearchConfig
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.networks.q_network import QArchitecture, QNetwork

Array = NDArray[np.float64]
NAMES, UNITS = ("load", "delay", "idle"), ("1", "s", "1")
RNG = np.random.default_rng(0)
STATES = np.stack([RNG.uniform(0, 2, 600), RNG.uniform(0.01, 0.09, 600), np.full(600, 3.0)], axis=1)
SHIFT, SCALE = torch.tensor([1.0, 0.05, 3.0]), torch.tensor([1.0, 0.04, 1.0])
QUICK = SearchConfig(
    population=200, generations=10, trials=15, states=150, max_nodes=40, candidates=3
)


def smooth(network: torch.nn.Module, seed: int = 0) -> None:
    """Make a KAN of silu edges only, all of which matter."""
    assert isinstance(network, Kan)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in network.layers:
            layer.coefficients.zero_()
            sign = 2.0 * torch.randint(2, layer.base_weight.shape, generator=generator) - 1.0
            size = 0.8 + 1.2 * torch.rand(layer.base_weight.shape, generator=generator)
            layer.base_weight.copy_(sign * size)


def actor(hidden: tuple[int, ...] = (2,), kind: str = "kan") -> ActorCritic:
    policy = ActorCritic(Architecture(3, 1, kind, hidden), NAMES, UNITS, ("ratio",))
    policy.actor.shift.copy_(SHIFT)
    policy.actor.scale.copy_(SCALE)
    if kind == "kan":
        smooth(policy.actor.body)
    return policy


@pytest.mark.parametrize("hidden", [(), (2,), (2, 2)])
def test_kan_actors_of_any_depth(hidden: tuple[int, ...]) -> None:
    policy = actor(hidden)
    found = read_equations(policy, STATES, search=QUICK, provenance={"by": "test"})
    nodes = [controller.fidelity["nodes"] for controller in found]
    r2 = [controller.fidelity["r2"] for controller in found]
    assert nodes == sorted(set(nodes))
    assert r2 == sorted(r2)
    closest = found[-1]
    assert closest.decision == "ratio"
    assert closest.outputs[0].name == "ratio"
    units = dict(zip(NAMES, UNITS, strict=True))
    # What never changes is no input.
    assert set(closest.input_names) <= {"load", "delay"}
    assert all(entry.unit == units[entry.name] for entry in closest.inputs)
    assert closest.provenance["by"] == "test"
    assert closest.guarantees["outputs"]["ratio"]["evaluation"]["status"] == PROVEN
    with torch.no_grad():
        wanted = policy.actor.mode(torch.from_numpy(STATES)).double().numpy()
    said = closest(STATES[:, [NAMES.index(name) for name in closest.input_names]])
    # One function stands for a smooth edge, and next to nothing is left; a quick search of formulas
    # for functions of sums of functions may leave a tenth of the variance.
    least = 0.9 if hidden else 0.99
    assert 1 - np.mean((said - wanted) ** 2) / np.var(wanted) > least


def test_a_q_network_becomes_an_argmax() -> None:
    network = QNetwork(QArchitecture(3, 3, "kan", (2,)))
    network.shift.copy_(SHIFT)
    network.scale.copy_(SCALE)
    network.value_scale.fill_(7.0)
    smooth(network.body)
    found = read_equations(network, STATES, NAMES, UNITS, search=QUICK)
    closest = found[-1]
    assert closest.decision == "argmax"
    assert [output.name for output in closest.outputs] == ["choice_0", "choice_1", "choice_2"]
    wanted = network.choose(torch.from_numpy(STATES).float()).numpy()
    assert len(set(wanted.tolist())) > 1
    columns = [NAMES.index(name) for name in closest.input_names]
    assert np.mean(closest(STATES[:, columns]) == wanted) > 0.95


def test_a_switch_type_kan_becomes_an_index() -> None:
    torch.manual_seed(0)
    encoding = single_hop_encoding()
    policy = ComponentActorCritic(ComponentArchitecture(encoding, "switch-type-kan"))
    states = RNG.integers(0, (30, 6), (300, 3, 2)).astype(np.float64)
    found = read_equations(policy, states, feature_units=("packet", "packet/step"))
    agreement = [controller.fidelity["agreement"] for controller in found]
    assert agreement == sorted(agreement)
    closest = found[-1]
    assert closest.decision == "index"
    assert closest.guarantees["switch_type"]["status"] == PROVEN
    wanted = policy.actor.decide(torch.from_numpy(states).float(), ties="first")
    columns = [encoding.names.index(name) for name in closest.input_names]
    # An untrained one is a sum of lines: no product of powers is quite that.
    assert np.mean(closest(states[..., columns]) == np.asarray(wanted)) > 0.8
    with pytest.raises(ExtractionError, match=r"shape \(300, 2\), an index is read from"):
        read_equations(policy, states[:, 0], feature_units=("packet", "packet/step"))
    with pytest.raises(ExtractionError, match="50 states are too few"):
        read_equations(policy, states[:50], feature_units=("packet", "packet/step"))


def test_bad_input() -> None:
    policy = actor()
    with pytest.raises(ExtractionError, match=r"99 states are too few .* collect at least 100"):
        read_equations(policy, STATES[:99])
    with pytest.raises(ExtractionError, match="all states are the same, collect them while"):
        read_equations(policy, np.ones((200, 3)))
    with pytest.raises(ExtractionError, match="state 7 is not finite"):
        read_equations(policy, np.where(np.arange(600)[:, None] == 7, np.inf, STATES))
    with pytest.raises(ExtractionError, match=r"shape \(600, 2\), expected \(n, 3\)"):
        read_equations(policy, STATES[:, :2])
    with pytest.raises(ExtractionError, match=r"ActorCritic without a KAN has no splines .* it"):
        read_equations(actor((4,), "mlp"), STATES)
    with pytest.raises(ExtractionError, match="a Linear has no splines"):
        read_equations(torch.nn.Linear(3, 1), STATES)  # type: ignore[arg-type]
    with torch.no_grad():
        next(policy.actor.body.parameters())[0] = torch.nan
    with pytest.raises(ExtractionError, match="weights are not finite, its training has diverged"):
        read_equations(policy, STATES)
