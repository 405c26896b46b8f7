# SPDX-License-Identifier: MIT
import copy

import pytest
import torch
from torch import Tensor

from ns3kan.agents.networks.kan.grid import update_grid, update_grids
from ns3kan.agents.networks.kan.layer import Kan, KanLayer


def cubic_layer(**options: str) -> KanLayer:
    """Return a layer whose splines are cubic polynomials within the grid: any grid holds them."""
    layer = KanLayer(2, 3, grid=6, **options).double()  # type: ignore[arg-type]
    with torch.no_grad():
        points = torch.linspace(-1.0, 1.0, 50, dtype=torch.float64)
        bases = layer.features(points.expand(2, -1)).view(-1, 2, 50)[:-1, 0].t()
        powers = torch.stack([points**k for k in range(4)], dim=-1)
        torch.manual_seed(0)
        wanted = powers @ torch.randn(4, 6, dtype=torch.float64)
        fitted = torch.linalg.lstsq(bases, wanted).solution
        layer.coefficients.copy_(fitted.t().view(3, 2, -1))
    return layer


def test_what_any_grid_can_hold_is_kept_exactly() -> None:
    layer = cubic_layer()
    x = torch.rand(200, 2, dtype=torch.float64) * torch.tensor([0.5, 0.9]) - 0.3
    before = layer(x).detach()
    assert update_grid(layer, x) < 1e-9
    torch.testing.assert_close(layer(x), before, rtol=0.0, atol=1e-9)
    assert layer.ranges is not None
    torch.testing.assert_close(layer.ranges[0], x.amin(0), rtol=0.0, atol=0.02)
    torch.testing.assert_close(layer.ranges[1], x.amax(0), rtol=0.0, atol=0.02)


@pytest.mark.parametrize("outside", ["fade", "linear"])
def test_a_network_changes_by_less_than_a_hundredth_where_data_lies(outside: str) -> None:
    torch.manual_seed(0)
    network = Kan([64, 8, 10], outside=outside)
    x = torch.rand(1000, 64) * torch.linspace(0.2, 1.0, 64)
    before = network(x).detach()
    reported = update_grids(network, x)
    changed = (network(x) - before).abs().max().item()
    assert changed == pytest.approx(reported, abs=1e-5)
    assert changed < 0.01 * before.std().item()
    # Samples that the update has not seen, from the same distribution.
    fresh = torch.rand(1000, 64) * torch.linspace(0.2, 1.0, 64)
    torch.manual_seed(0)
    original = Kan([64, 8, 10], outside=outside)
    assert (network(fresh) - original(fresh)).abs().max() < 0.01 * before.std()


def test_a_finer_look_at_the_data_makes_the_fit_better() -> None:
    """The grid follows the data: what was coarse for it becomes fine."""

    def error_after_training(moved: bool) -> float:
        torch.manual_seed(0)
        layer = KanLayer(1, 1)
        x = torch.rand(512, 1) * 0.2 + 0.4
        if moved:
            update_grid(layer, x)
        optimiser = torch.optim.Adam(layer.parameters(), lr=0.02)
        for _ in range(300):
            optimiser.zero_grad()
            loss = torch.nn.functional.mse_loss(layer(x), torch.sin(40 * x))
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        return loss.item()

    assert error_after_training(moved=True) < 0.2 * error_after_training(moved=False)


def test_an_input_that_stands_still_keeps_a_grid() -> None:
    torch.manual_seed(0)
    layer = KanLayer(2, 2)
    x = torch.stack((torch.zeros(50), torch.rand(50)), dim=-1)
    before = layer(x).detach()
    update_grid(layer, x)
    assert layer.ranges is not None
    assert (layer.ranges[1] - layer.ranges[0]).min() >= 0.1 - 1e-6
    torch.testing.assert_close(layer(x), before, rtol=0.0, atol=1e-3)


@pytest.mark.parametrize("order", [2, 3])
def test_bases_of_a_moved_grid_are_those_of_a_grid_made_there(order: int) -> None:
    torch.manual_seed(0)
    there = KanLayer(3, 2, order=order, low=0.5, high=2.5).double()
    moved = KanLayer(3, 2, order=order).double()
    with torch.no_grad():
        moved.weight.copy_(there.weight)
    moved.set_grid(torch.full((3,), 0.5), torch.full((3,), 2.5))
    x = (torch.rand(60, 3, dtype=torch.float64) * 5 - 1).requires_grad_()
    torch.testing.assert_close(moved(x), there(x))
    gradients = [torch.autograd.grad(layer(x).square().sum(), x)[0] for layer in (moved, there)]
    torch.testing.assert_close(*gradients)
    points = torch.linspace(-1.0, 4.0, 9, dtype=torch.float64)
    torch.testing.assert_close(moved.edge_functions(points), there.edge_functions(points))


@pytest.mark.parametrize("order", [2, 3])
def test_beyond_the_grid_linear_splines_are_tangents_with_living_gradients(order: int) -> None:
    torch.manual_seed(0)
    layer = KanLayer(1, 1, order=order, outside="linear").double()
    with torch.no_grad():
        layer.base_weight.zero_()
        layer.coefficients.copy_(torch.linspace(-1.0, 1.0, 3 + order) ** 3 + 1.0)

    def value_and_slope(at: float) -> tuple[float, float]:
        x = torch.tensor([[at]], dtype=torch.float64, requires_grad=True)
        y = layer(x)
        return y.item(), torch.autograd.grad(y.sum(), x)[0].item()

    for edge, direction in ((-1.0, -1.0), (1.0, 1.0)):
        value, slope = value_and_slope(edge)
        assert abs(slope) > 0.1
        for distance in (0.5, 7.0, 50.0):
            far, far_slope = value_and_slope(edge + direction * distance)
            assert far_slope == pytest.approx(slope, rel=1e-6)
            assert far == pytest.approx(value + direction * distance * slope, rel=1e-6)
    # Where fading splines leave nothing to learn from:
    faded = copy.deepcopy(layer)
    faded.outside = "fade"
    x = torch.tensor([[-50.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(faded(x).sum(), x)
    assert gradient.item() == 0.0


def test_linear_and_fading_splines_agree_within_the_grid() -> None:
    torch.manual_seed(0)
    linear = Kan([3, 2], outside="linear")
    fading = Kan([3, 2])
    fading.load_state_dict(linear.state_dict())
    x = torch.rand(40, 3) * 2 - 1
    torch.testing.assert_close(linear(x), fading(x))


def test_gradcheck_of_linear_continuation_on_moved_grids() -> None:
    torch.manual_seed(0)
    network = Kan([3, 4, 2], outside="linear").double()
    update_grids(network, torch.randn(100, 3, dtype=torch.float64))
    x = (torch.randn(8, 3, dtype=torch.float64) * 3).requires_grad_()
    assert torch.autograd.gradcheck(network, (x,))
    with torch.no_grad():
        expected = network(x)
    torch.testing.assert_close(network(x), expected)


def test_moved_grids_are_part_of_the_state() -> None:
    torch.manual_seed(0)
    network = Kan([4, 3, 2])
    plain = {name: value.clone() for name, value in network.state_dict().items()}
    x = torch.randn(50, 4)
    update_grids(network, x)
    twin = Kan([4, 3, 2])
    twin.load_state_dict(network.state_dict())
    torch.testing.assert_close(twin(x), network(x), rtol=0.0, atol=0.0)
    # And a state without grids takes them away again.
    twin.load_state_dict(plain)
    assert twin.layers[0].ranges is None


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (torch.zeros(5, 3), r"shape \(5, 3\)"),
        (torch.zeros(0, 2), r"shape \(0, 2\)"),
        (torch.full((5, 2), float("nan")), "not all finite"),
    ],
)
def test_bad_samples_are_refused(samples: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        update_grid(KanLayer(2, 1), samples)


def test_bad_grids_are_refused() -> None:
    layer = KanLayer(2, 1)
    with pytest.raises(ValueError, match="one low and one high"):
        layer.set_grid(torch.zeros(3), torch.ones(3))
    with pytest.raises(ValueError, match="low < high"):
        layer.set_grid(torch.ones(2), torch.ones(2))
    with pytest.raises(ValueError, match="'fade' or 'linear'"):
        KanLayer(2, 1, outside="clamp")


@pytest.mark.parametrize("outside", ["fade", "linear"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_uniform_knots_are_the_uniform_grid(order: int, outside: str) -> None:
    torch.manual_seed(order)
    layer = KanLayer(2, 3, grid=4, order=order, low=-0.5, high=1.5, outside=outside).double()
    x = 3.0 * torch.randn(200, 2, dtype=torch.float64)
    expected, edges = layer(x), layer.edge_functions(x[:, 0])
    step = 2.0 / 4
    knots = -0.5 + step * torch.arange(-order, 4 + order + 1, dtype=torch.float64)
    layer.set_knots(knots.expand(2, -1))
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.edge_functions(x[:, 0]), edges)


def test_knots_are_kept_and_an_update_of_the_grid_makes_them_uniform() -> None:
    torch.manual_seed(0)
    layer = KanLayer(2, 3, grid=4, outside="linear").double()
    layer.set_knots(torch.cumsum(torch.rand(2, 11, dtype=torch.float64) + 0.1, dim=1) - 3.0)
    x = torch.randn(300, 2, dtype=torch.float64)
    expected = layer(x)
    copy = KanLayer(2, 3, grid=4, outside="linear").double()
    copy.load_state_dict(layer.state_dict())
    assert torch.equal(copy(x), expected)
    change = update_grid(copy, x)
    assert copy.knots is None
    torch.testing.assert_close(copy(x), expected, rtol=0.0, atol=2 * change + 1e-12)


def test_bad_knots_are_refused() -> None:
    layer = KanLayer(2, 3, grid=4)
    with pytest.raises(ValueError, match="give 11 for each input"):
        layer.set_knots(torch.zeros(2, 9))
    with pytest.raises(ValueError, match="ascend"):
        layer.set_knots(torch.zeros(2, 11))
