# SPDX-License-Identifier: MIT
import math

import pytest
import torch
from torch import Tensor, nn

from ns3kan.agents.components.encodings import (
    Combination,
    Encoding,
    Feature,
    multi_path_encoding,
    single_hop_encoding,
)
from ns3kan.agents.components.policy import ComponentActor, ComponentArchitecture
from ns3kan.agents.components.switch_type import SwitchTypeNetwork
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan, ramps
from ns3kan.agents.networks.kan.layer import KanLayer

ENCODINGS = [
    single_hop_encoding(rates=True),
    single_hop_encoding(rates=True, logarithmic=False),
    multi_path_encoding(rates=True),
]


def usual_states(encoding: Encoding, count: int, times: float = 1.0) -> Tensor:
    usual = torch.tensor([feature.high for feature in encoding.features])
    return torch.rand(count, len(usual)) * usual * times


def by_hand(network: SwitchTypeNetwork, state: Tensor) -> Tensor:
    """Equations 8 to 10 of the paper, one unit at a time."""
    z = [float(value) for value in network.encoding.attractions(state)]
    last = len(network.biases) - 1
    for layer, (weight, bias) in enumerate(zip(network.log_weights, network.biases, strict=True)):
        sums = [
            sum(math.exp(w) * value for w, value in zip(row, z, strict=True)) + b
            for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        z = sums if layer == last else [min(max(s, 0.0), network.ceiling) for s in sums]
    return torch.tensor(z[0])


@pytest.mark.parametrize("ceiling", [0.3, 1.0, 6.0])
def test_network_is_the_papers(ceiling: float) -> None:
    torch.manual_seed(0)
    network = SwitchTypeNetwork(ENCODINGS[0], (5, 4, 3, 4), ceiling)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    for state in usual_states(network.encoding, 20):
        torch.testing.assert_close(network.index(state), by_hand(network, state))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ceiling", [1.0, 6.0])
def test_every_unit_of_the_network_starts_active(encoding: Encoding, ceiling: float) -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        network = SwitchTypeNetwork(encoding, (32,) * 4, ceiling)
        z = encoding.attractions(usual_states(encoding, 500))
        for weight, bias in zip(network.log_weights[:-1], network.biases[:-1], strict=True):
            z = nn.functional.linear(z, weight.exp(), bias)
            assert ((z > 0.0) & (z < ceiling)).all()
        f = network.index(usual_states(encoding, 500))
        assert f.abs().max() <= 1.5 + 1e-4
        assert f.max() - f.min() > 0.5


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("network", ["stn", "switch-type-kan"])
def test_gradients_reach_every_parameter_at_the_start(encoding: Encoding, network: str) -> None:
    torch.manual_seed(0)
    hidden = (32,) * 4 if network == "stn" else ()
    module = ComponentArchitecture(encoding, network, hidden=hidden).build()
    states = usual_states(encoding, 101)
    states[:, 0] = torch.arange(101)
    module(states[None]).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert (parameter.grad != 0.0).all(), name


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("network", ["stn", "switch-type-kan"])
@pytest.mark.parametrize("length", [0, 1, 10, 100, 300, 1000])
def test_gradients_pass_at_any_length(encoding: Encoding, network: str, length: int) -> None:
    torch.manual_seed(0)
    hidden = (32,) * 4 if network == "stn" else ()
    module = ComponentArchitecture(encoding, network, hidden=hidden).build()
    states = usual_states(encoding, 50)
    states[:, 0] = length
    states.requires_grad_()
    module(states[None]).sum().backward()
    # Of one queue's length the spline sees only the intervals up to it; beyond what is usual some
    # units of the bounded network are saturated.
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        assert (parameter.grad != 0.0).any(), name
        if network == "stn" and "bias" in name:
            assert (parameter.grad != 0.0).double().mean() > (0.2 if length > 100 else 0.999)
    assert states.grad is not None
    assert (states.grad[:, 0] != 0.0).all()


def test_logarithms_keep_the_network_sensitive_to_very_long_queues() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([[0.0, 1.0], [1e3, 1.0], [1e4, 1.0]])
    network = SwitchTypeNetwork(single_hop_encoding())
    assert (network.index(lengths).diff() > 0.05).all()


@pytest.mark.parametrize("grid", [1, 2, 3, 8])
def test_splines_are_those_of_the_kan_layer(grid: int) -> None:
    torch.manual_seed(grid)
    network = SwitchTypeKan(ENCODINGS[2], grid).double()
    with torch.no_grad():
        network.raw_increments.normal_(0.0, 3.0)
    layer = KanLayer(3, 1, grid, low=0.0, high=1.0).double()
    with torch.no_grad():
        layer.base_weight.zero_()
        layer.coefficients.copy_(network.coefficients[None])
    u = torch.linspace(0.0, 1.0, 301, dtype=torch.float64)
    encoding = Encoding(tuple(Feature(f.name, f.direction, f.high) for f in ENCODINGS[2].features))
    network.encoding = encoding  # linear: then the scaled points are known
    points = u[:, None] * torch.tensor([feature.high for feature in encoding.features]).double()
    theirs = layer.edge_functions(u)[:, 0] * torch.tensor(encoding.directions)
    torch.testing.assert_close(network.component_functions(points), theirs, rtol=0, atol=1e-12)


def test_ramps_go_on_along_their_tangents() -> None:
    v = torch.tensor([-50.0, -1.0, 0.0, 4.0, 5.0, 1000.0], dtype=torch.float64, requires_grad=True)
    values = ramps(v, 4)
    increments = torch.tensor([1.0, 3.0, 0.5, 0.1, 2.0, 4.0], dtype=torch.float64)
    f = values @ increments
    (slope,) = torch.autograd.grad(f.sum(), v)
    torch.testing.assert_close(slope, torch.tensor([2.0, 2.0, 2.0, 3.0, 3.0, 3.0]).double())
    torch.testing.assert_close(f[2] - f[0], torch.tensor(100.0).double())
    torch.testing.assert_close(f[5] - f[3], torch.tensor(3.0 * 996).double())


def test_component_functions_add_up_to_the_index() -> None:
    torch.manual_seed(0)
    excess = Combination("excess", "queue_length", "capacity", 50.0, 1.0)
    encoding = Encoding(multi_path_encoding(rates=True).features, (excess,))
    network = SwitchTypeKan(encoding).double()
    with torch.no_grad():
        network.raw_increments.normal_()
        network.bias.fill_(0.7)
    states = usual_states(encoding, 100, 3.0).double()
    parts = network.component_functions(encoding.values(states))
    torch.testing.assert_close(parts.sum(-1) + 0.7, network.index(states))
    zero = torch.zeros(1, 4, dtype=torch.float64)
    torch.testing.assert_close(network.component_functions(zero), zero)
    with pytest.raises(ValueError, match="one column for each of"):
        network.component_functions(torch.zeros(5))


def test_combinations_are_computed_as_they_are_written() -> None:
    features = (Feature("a", 1, 1.0), Feature("b", 1, 1.0), Feature("c", -1, 1.0))
    combinations = (
        Combination("product", "a", "b", 1.0),
        Combination("minimum", "a", "b", 1.0),
        Combination("maximum", "b", "a", 1.0),
        Combination("excess", "c", "a", 1.0),
        Combination("excess", "b", "c", 1.0),
    )
    encoding = Encoding(features, combinations)
    assert encoding.directions == (1, 1, -1, 1, 1, 1, -1, 1)
    assert encoding.expressions[3:] == (
        "a*b",
        "min(a, b)",
        "max(b, a)",
        "max(c - a, 0)",
        "max(b - c, 0)",
    )
    values = encoding.values(torch.tensor([2.0, 3.0, 5.0]))
    assert values.tolist() == [2.0, 3.0, 5.0, 6.0, 2.0, 3.0, 3.0, 0.0]


@pytest.mark.parametrize(
    ("combination", "message"),
    [
        (Combination("product", "q", "mu", 1.0), "q\\*mu is not monotone .* equal directions"),
        (Combination("minimum", "mu", "y", 1.0), "not monotone"),
        (Combination("excess", "q", "y", 1.0), "an excess needs opposite directions"),
        (Combination("product", "q", "x", 1.0), "uses x, which is not a feature"),
    ],
)
def test_combinations_in_a_wrong_direction_are_refused(
    combination: Combination, message: str
) -> None:
    features = (Feature("q", 1, 1.0), Feature("y", 1, 1.0), Feature("mu", -1, 1.0))
    with pytest.raises(ValueError, match=message):
        Encoding(features, (combination,))


def test_scaling_is_odd_monotone_and_one_at_the_greatest_usual_value() -> None:
    encoding = Encoding((Feature("q", -1, 100.0, log_offset=0.5),))
    x = torch.linspace(-300.0, 300.0, 2001, dtype=torch.float64)[:, None]
    u = encoding.scale(x)
    assert (u.diff(dim=0) > 0).all()
    torch.testing.assert_close(u, -u.flip(0))
    torch.testing.assert_close(encoding.scale(torch.tensor([100.0])), torch.tensor([1.0]))
    assert (encoding.attractions(x) == -u).all()


def test_the_papers_encodings() -> None:
    assert single_hop_encoding(rates=True).directions == (1, 1, 1, -1)
    assert multi_path_encoding(rates=True).directions == (-1, 1, 1)
    assert multi_path_encoding().names == ("queue_length", "capacity")


def fit(network: SwitchTypeKan, states: Tensor, target: Tensor) -> float:
    """Least squares by L-BFGS; returns the largest error."""
    optimiser = torch.optim.LBFGS(
        network.parameters(), max_iter=150, line_search_fn="strong_wolfe", tolerance_change=1e-12
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        result = (network.index(states) - target).square().mean()
        result.backward()  # type: ignore[no-untyped-call]
        return result

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        return float((network.index(states) - target).abs().max())


def test_switch_type_kan_learns_a_given_index_to_half_a_percent() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    q = torch.arange(0.0, 101.0).repeat(20)
    mu = 3.0 * torch.rand(len(q))
    features = single_hop_encoding(rates=True).features
    network = SwitchTypeKan(Encoding((features[0], features[3])))
    target = 0.4 * torch.log(q + 1.0) - torch.log(mu + 0.2)  # log of (q + 1)^0.4 / (mu + 0.2)
    assert fit(network, torch.stack((q, mu), -1), target) < 0.005


def max_weight(states: Tensor) -> Tensor:
    return states.prod(-1)


def drawn_states(count: int, components: int) -> Tensor:
    lengths = torch.floor(101.0 ** torch.rand(count, components)) - 1.0
    return torch.stack((lengths, torch.poisson(torch.full_like(lengths, 1.5))), -1)


def agreement(actor: ComponentActor, components: int) -> float:
    """Share of states with a single greatest q*y in which the actor chooses it."""
    states = drawn_states(4000, components)
    greatest = max_weight(states).topk(2).values
    clear = greatest[:, 0] > greatest[:, 1]
    chosen = torch.from_numpy(actor.decide(states, ties="first"))
    return float((chosen == max_weight(states).argmax(-1))[clear].double().mean())


@pytest.mark.parametrize(
    ("network", "rate", "reached"), [("switch-type-kan", 0.1, 0.985), ("stn", 0.02, 0.97)]
)
def test_learns_maxweight_at_two_queues_and_keeps_it_at_eight(
    network: str, rate: float, reached: float
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    hidden = (16,) * 4 if network == "stn" else ()
    actor = ComponentActor(ComponentArchitecture(single_hop_encoding(), network, hidden=hidden))
    optimiser = torch.optim.Adam(actor.parameters(), lr=rate)
    steps = 400
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(steps):
        states = drawn_states(256, 2)
        loss = -actor.evaluate(states, max_weight(states).argmax(-1))[0].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    assert agreement(actor, 2) > reached
    assert agreement(actor, 8) > reached - 0.01


def test_bad_arguments_are_refused() -> None:
    encoding = single_hop_encoding()
    with pytest.raises(ValueError, match="positive widths of hidden layers"):
        SwitchTypeNetwork(encoding, ())
    with pytest.raises(ValueError, match="ceiling"):
        SwitchTypeNetwork(encoding, ceiling=0.0)
    with pytest.raises(ValueError, match="grid of a switch-type KAN"):
        SwitchTypeKan(encoding, grid=0)
    with pytest.raises(ValueError, match="start_spread"):
        SwitchTypeKan(encoding, start_spread=math.nan)
    with pytest.raises(ValueError, match="must be 1 or -1"):
        Feature("q", 0, 1.0)
    with pytest.raises(ValueError, match="greatest usual value of q"):
        Feature("q", 1, math.inf)
    with pytest.raises(ValueError, match="log_offset"):
        Feature("q", 1, 1.0, -1.0)
    with pytest.raises(ValueError, match="no combination"):
        Combination("sum", "q", "y", 1.0)
    with pytest.raises(ValueError, match="repeat"):
        Encoding((Feature("q", 1, 1.0), Feature("q", 1, 1.0)))
    with pytest.raises(ValueError, match="no features"):
        Encoding(())
    with pytest.raises(ValueError, match="3 numbers for the features"):
        encoding.values(torch.zeros(3))
