# SPDX-License-Identifier: MIT
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ns3kan.agents.networks.kan.layer import Kan, KanLayer


def cox_de_boor(x: Tensor, layer: KanLayer) -> Tensor:
    """Evaluate the layer as in a textbook: (batch, in) to (batch, out)."""
    step = (layer.high - layer.low) / layer.grid
    knots = [layer.low + step * k for k in range(-layer.order, layer.grid + layer.order + 1)]

    def basis(k: int, degree: int) -> Tensor:
        if degree == 0:
            return ((x >= knots[k]) & (x < knots[k + 1])).to(x.dtype)
        left = (x - knots[k]) / (knots[k + degree] - knots[k])
        right = (knots[k + degree + 1] - x) / (knots[k + degree + 1] - knots[k + 1])
        return left * basis(k, degree - 1) + right * basis(k + 1, degree - 1)

    bases = torch.stack([basis(k, layer.order) for k in range(layer.grid + layer.order)], dim=-1)
    splines = torch.einsum("bik,oik->bo", bases, layer.coefficients)
    return splines + torch.nn.functional.silu(x) @ layer.base_weight.t()


def double_layer(inputs: int, outputs: int, **options: float) -> KanLayer:
    layer = KanLayer(inputs, outputs, **options).double()  # type: ignore[arg-type]
    with torch.no_grad():
        layer.weight.normal_()
    return layer


@settings(max_examples=40, deadline=None)
@given(
    grid=st.integers(1, 9),
    order=st.integers(1, 4),
    low=st.floats(-5, 5),
    width=st.floats(0.1, 10),
    seed=st.integers(0, 2**20),
)
def test_agrees_with_cox_de_boor_for_any_grid(
    grid: int, order: int, low: float, width: float, seed: int
) -> None:
    torch.manual_seed(seed)
    layer = double_layer(3, 2, grid=grid, order=order, low=low, high=low + width)
    # Off the knots: there the degree-0 bases of the two may fall on different sides by rounding.
    x = low + width * (torch.rand(50, 3, dtype=torch.float64) * 4 - 1.5)
    torch.testing.assert_close(layer(x), cox_de_boor(x, layer), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("reach", [0.9, 3.0])
def test_gradients_agree_with_autograd_of_cox_de_boor(reach: float) -> None:
    torch.manual_seed(0)
    layer = double_layer(4, 3, grid=5)
    x = ((torch.rand(30, 4, dtype=torch.float64) * 2 - 1) * reach).requires_grad_()
    cotangent = torch.randn(30, 3, dtype=torch.float64)
    ours = torch.autograd.grad((layer(x) * cotangent).sum(), (x, layer.weight))
    theirs = torch.autograd.grad((cox_de_boor(x, layer) * cotangent).sum(), (x, layer.weight))
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("order", [2, 3])
def test_gradcheck_of_a_deep_network(order: int) -> None:
    torch.manual_seed(0)
    network = Kan([3, 4, 2], grid=4, order=order, low=-2.0, high=1.5).double()
    x = (torch.rand(6, 3, dtype=torch.float64) * 6 - 3).requires_grad_()
    parameters = tuple(network.parameters())

    def outputs(x: Tensor, *weights: Tensor) -> Tensor:
        names = [name for name, _ in network.named_parameters()]
        replaced = dict(zip(names, weights, strict=True))
        result: Tensor = torch.func.functional_call(network, replaced, (x,))
        return result

    assert torch.autograd.gradcheck(outputs, (x, *parameters))


def test_the_same_with_and_without_gradient_of_the_input() -> None:
    torch.manual_seed(0)
    network = Kan([5, 4, 3])
    x = torch.randn(20, 5)
    with torch.no_grad():
        expected = network(x)
    torch.testing.assert_close(network(x.requires_grad_()), expected, rtol=1e-6, atol=1e-6)


def test_second_derivatives_are_refused_and_edge_functions_have_them() -> None:
    layer = double_layer(2, 1)
    x = torch.rand(4, 2, dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.autograd.grad(layer(x).sum(), x, create_graph=True)
    points = torch.linspace(-0.9, 0.9, 7, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(layer.edge_functions(points).sum(), points, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), points)
    assert curvature.abs().min() > 0


def test_outputs_are_sums_of_edge_functions() -> None:
    torch.manual_seed(0)
    layer = double_layer(3, 2, grid=4)
    x = torch.randn(10, 3, dtype=torch.float64)
    edges = torch.stack([layer.edge_functions(x[:, i])[:, :, i] for i in range(3)], dim=-1)
    assert layer.edge_functions(x[:, 0]).shape == (10, 2, 3)
    torch.testing.assert_close(edges.sum(-1), layer(x))
    torch.testing.assert_close(layer.edge_activations(x), edges)


def test_gradient_lives_far_outside_the_grid() -> None:
    torch.manual_seed(0)
    layer = KanLayer(1, 1)
    x = torch.tensor([[50.0]], requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, layer.base_weight.detach())


def test_add_constant_raises_outputs_within_the_grid() -> None:
    torch.manual_seed(0)
    layer = double_layer(4, 2)
    x = torch.rand(9, 4, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        before = layer(x)
        layer.add_constant(torch.tensor([1.5, -2.0], dtype=torch.float64))
        raised = layer(x) - before
    torch.testing.assert_close(raised, torch.tensor([[1.5, -2.0]]).double().expand(9, 2))


def test_learns_a_function() -> None:
    torch.manual_seed(0)
    network = Kan([2, 1], grid=5)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.03)
    x = torch.rand(512, 2) * 2 - 1
    y = torch.sin(3 * x[:, :1]) + x[:, 1:] ** 2
    for _ in range(400):
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(network(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert loss.item() < 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"in_features": 0}, "in_features of a KAN layer is 0"),
        ({"out_features": -1}, "out_features"),
        ({"grid": 0}, "grid of a KAN layer is 0"),
        ({"order": 0}, "order"),
        ({"low": 1.0}, "finite low < high"),
        ({"high": float("nan")}, "finite low < high"),
    ],
)
def test_bad_sizes_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KanLayer(**({"in_features": 2, "out_features": 2} | arguments))  # type: ignore[arg-type]


def test_too_few_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="at least two widths"):
        Kan([3])


def test_edge_activations_have_gradients_behind_another_layer() -> None:
    torch.manual_seed(0)
    first, second = double_layer(2, 3), double_layer(3, 2)
    x = torch.rand(5, 2, dtype=torch.float64)
    cotangent = torch.randn(5, 2, dtype=torch.float64)
    edges = (second.edge_activations(first(x)).sum(-1) * cotangent).sum()
    outputs = (second(first(x)) * cotangent).sum()
    torch.testing.assert_close(
        torch.autograd.grad(edges, first.weight), torch.autograd.grad(outputs, first.weight)
    )
