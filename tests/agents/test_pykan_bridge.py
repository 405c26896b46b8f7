# SPDX-License-Identifier: MIT
import warnings
from collections.abc import Iterator

import pytest
import torch

from ns3kan.agents.networks.kan.grid import update_grids
from ns3kan.agents.networks.kan.layer import Kan, KanLayer

with warnings.catch_warnings():
    # pykan's own docstrings hold invalid escapes.
    warnings.simplefilter("ignore")
    kan = pytest.importorskip("kan")

from ns3kan.agents.networks.kan.pykan import (
    from_pykan,
    layer_from_pykan,
    layer_to_pykan,
    to_pykan,
)


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(("grid", "order"), [(3, 3), (7, 3), (4, 2), (2, 1)])
def test_outputs_equal_both_ways_inside_and_outside_the_grid(grid: int, order: int) -> None:
    torch.manual_seed(1)
    x = torch.rand(300, 6) * 6 - 3
    source = kan.KAN(width=[6, 5, 4], grid=grid, k=order, grid_range=[-1.5, 1.0], auto_save=False)
    with torch.no_grad():
        for layer in source.act_fun:
            layer.coef.normal_()
            layer.scale_sp.uniform_(0.5, 2.0)
            layer.mask[0, 0] = 0.0
    ours = from_pykan(source)
    torch.testing.assert_close(ours(x), source(x), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(to_pykan(ours)(x), ours(x), rtol=1e-10, atol=1e-10)


def test_outputs_equal_in_single_precision() -> None:
    torch.manual_seed(1)
    x = torch.rand(300, 64) * 6 - 3
    source = kan.KAN(width=[64, 8, 10], grid=3, k=3, auto_save=False)
    ours = from_pykan(source)
    torch.testing.assert_close(ours(x), source(x), rtol=0.0, atol=1e-5)
    torch.testing.assert_close(to_pykan(ours)(x), ours(x), rtol=0.0, atol=1e-5)


def test_layer_round_trip_is_exact() -> None:
    torch.manual_seed(0)
    layer = KanLayer(3, 2, grid=6, low=-0.7, high=1.1)
    back = layer_from_pykan(layer_to_pykan(layer))
    assert (back.grid, back.order, back.low, back.high) == (6, 3, -0.7, 1.1)
    assert torch.equal(back.weight, layer.weight)


@pytest.mark.parametrize("outside", ["fade", "linear"])
def test_outputs_equal_after_a_grid_update_here(outside: str) -> None:
    torch.manual_seed(2)
    network = Kan([64, 8, 10], outside=outside)
    x = torch.randn(400, 64) * torch.linspace(0.1, 3.0, 64)
    update_grids(network, x)
    there = to_pykan(network)
    torch.testing.assert_close(there(x), network(x), rtol=0.0, atol=1e-5)
    torch.testing.assert_close(from_pykan(there)(x), network(x), rtol=0.0, atol=1e-5)


def test_outputs_equal_after_a_uniform_grid_update_of_pykan() -> None:
    torch.manual_seed(2)
    source = kan.KAN(width=[6, 5, 4], grid=3, k=3, grid_eps=1.0, auto_save=False)
    x = torch.randn(400, 6) * torch.linspace(0.1, 3.0, 6)
    source.update_grid(x)
    ours = from_pykan(source)
    assert ours.layers[0].ranges is not None
    torch.testing.assert_close(ours(x), source(x), rtol=0.0, atol=1e-5)


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(("grid", "order"), [(3, 3), (5, 2)])
def test_outputs_equal_after_a_grid_update_of_pykan(grid: int, order: int) -> None:
    torch.manual_seed(3)
    source = kan.KAN(width=[6, 5, 4], grid=grid, k=order, auto_save=False)
    with torch.no_grad():
        for layer in source.act_fun:
            layer.coef.normal_()
    source.update_grid(torch.randn(400, 6) * torch.linspace(0.1, 3.0, 6))
    ours = from_pykan(source)
    assert ours.layers[0].knots is not None
    x = 4.0 * torch.randn(300, 6)
    torch.testing.assert_close(ours(x), source(x), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(to_pykan(ours)(x), ours(x), rtol=1e-9, atol=1e-9)


def test_what_cannot_be_converted_is_refused() -> None:
    model = to_pykan(Kan([2, 2]))
    model.act_fun[0].grid.data[0, 4] = model.act_fun[0].grid.data[0, 5]
    with pytest.raises(ValueError, match="coincide"):
        from_pykan(model)

    model = to_pykan(Kan([2, 2]))
    model.symbolic_fun[0].mask.data[0, 0] = 1.0
    with pytest.raises(ValueError, match="symbolic edges"):
        from_pykan(model)

    model = to_pykan(Kan([2, 2]))
    model.node_bias[0].data[0] = 1.0
    with pytest.raises(ValueError, match="affine"):
        from_pykan(model)

    model = kan.KAN(width=[2, 2], base_fun="identity", auto_save=False)
    with pytest.raises(ValueError, match="only silu"):
        from_pykan(model)

    model = kan.KAN(width=[2, [1, 1], 1], auto_save=False)
    with pytest.raises(ValueError, match="multiplication"):
        from_pykan(model)
