# SPDX-License-Identifier: MIT
"""Weights from pykan's KANs into this project's and back, with equal outputs.

pykan has one more factor per edge than needed: its ``scale_sp`` multiplies the coefficients. Coming
from pykan it (and pykan's mask) is multiplied in; going to pykan it is one.

Each input may have its own grid, as after `ns3kan.agents.networks.kan.grid.update_grid`, and knots
that are not uniform, as after pykan's ``update_grid``. A layer whose ``outside`` is "linear" agrees
with pykan within its grid; beyond it pykan knows only splines that fade.
"""

import os
from typing import Any

import torch
from torch import Tensor, nn

from ns3kan.agents.networks.kan.layer import Kan, KanLayer
from ns3kan.errors import InputError


def layer_from_pykan(source: Any) -> KanLayer:
    """Return the `KanLayer` that computes what ``source``, a ``kan.KANLayer``, computes.

    Raises
    ------
    ValueError
        If knots of an input coincide, or the base function is not silu.
    """
    if not isinstance(source.base_fun, nn.SiLU):
        raise InputError(
            f"The pykan layer's base function is {source.base_fun}; only silu can be converted."
        )
    order = int(source.k)
    knots = source.grid.detach().double()
    inner = knots[:, order : knots.shape[1] - order]
    grid = inner.shape[1] - 1
    lows, highs = inner[:, 0], inner[:, -1]
    step = ((highs - lows) / grid)[:, None]
    number = torch.arange(knots.shape[1], dtype=torch.float64, device=knots.device) - order
    uniform = lows[:, None] + step * number
    # Knots are rounded, the more so the farther from zero they lie.
    rounding = 4 * torch.finfo(source.grid.dtype).eps * knots.abs()
    is_uniform = not bool(((knots - uniform).abs() > 1e-5 * step + rounding).any())
    shared = is_uniform and bool((lows == lows[0]).all() and (highs == highs[0]).all())
    coefficients: Tensor = source.coef.detach()
    # float32 knots such as 0.1 come back as 0.10000000149; round away what float32 cannot hold.
    low, high = (round(float(lows[0]), 7), round(float(highs[0]), 7)) if shared else (-1.0, 1.0)
    layer = KanLayer(source.in_dim, source.out_dim, grid, order, low, high)
    layer.to(device=coefficients.device, dtype=coefficients.dtype)
    if not is_uniform:
        if not bool((source.grid.detach().diff(dim=1) > 0).all()):
            raise InputError(
                "Knots of an input of the pykan layer coincide, where its splines are not defined; "
                "update the grid from samples that differ in every input, or with a greater "
                "grid_eps."
            )
        layer.set_knots(knots)
    elif not shared:
        layer.set_grid(lows, highs)
    mask = source.mask.detach()
    with torch.no_grad():
        scale = (source.scale_sp.detach() * mask)[:, :, None]
        layer.coefficients.copy_((coefficients * scale).transpose(0, 1))
        layer.base_weight.copy_((source.scale_base.detach() * mask).t())
    return layer


def layer_to_pykan(layer: KanLayer) -> Any:
    """Return a ``kan.KANLayer``, in PyTorch's default dtype, that computes what ``layer`` does."""
    from kan.KANLayer import KANLayer

    target = KANLayer(
        layer.in_features,
        layer.out_features,
        num=layer.grid,
        k=layer.order,
        grid_range=[layer.low, layer.high],
    )
    _fill(target, layer)
    return target


def from_pykan(source: Any) -> Kan:
    """Return the `Kan` that computes what ``source``, a ``kan.KAN``, computes.

    Raises
    ------
    ValueError
        If ``source`` uses what a `Kan` does not have: symbolic edges, multiplication nodes, affine
        node parameters, a selection of inputs, or what `layer_from_pykan` refuses.
    """
    if any(width[1] for width in source.width):
        raise InputError("The pykan model has multiplication nodes, which cannot be converted.")
    if source.symbolic_enabled and any(bool(part.mask.any()) for part in source.symbolic_fun):
        raise InputError(
            "The pykan model has symbolic edges, which cannot be converted; convert it before "
            "fix_symbolic."
        )
    for scale, shift in (
        (source.node_scale, source.node_bias),
        (source.subnode_scale, source.subnode_bias),
    ):
        if any(bool((s != 1).any()) for s in scale) or any(bool(b.any()) for b in shift):
            raise InputError(
                "The pykan model has trained affine node parameters, which cannot be converted."
            )
    if source.input_id.tolist() != list(range(source.width_in[0])):
        raise InputError("The pykan model selects some of its inputs, which cannot be converted.")
    layers = [layer_from_pykan(layer) for layer in source.act_fun]
    first = layers[0]
    shape = (first.grid, first.order)
    if any((layer.grid, layer.order) != shape for layer in layers):
        raise InputError("The layers of the pykan model have different grids; convert each layer.")
    result = Kan([first.in_features, *(layer.out_features for layer in layers)], *shape)
    for index, layer in enumerate(layers):
        result[index] = layer
    return result


def to_pykan(network: Kan) -> Any:
    """Return a ``kan.KAN``, in PyTorch's default dtype, that computes what ``network`` does.

    pykan seeds Python's, NumPy's and PyTorch's global random numbers when a KAN is made.
    """
    import kan

    layers = network.layers
    first = layers[0]
    target = kan.KAN(
        width=[first.in_features, *(layer.out_features for layer in layers)],
        grid=first.grid,
        k=first.order,
        grid_range=[first.low, first.high],
        auto_save=False,
        ckpt_path=os.devnull,
        device=str(first.weight.device),
    )
    for destination, layer in zip(target.act_fun, layers, strict=True):
        _fill(destination, layer)
    return target


def _fill(target: Any, layer: KanLayer) -> None:
    target.to(layer.weight.device)
    if layer.knots is not None:
        target.grid.data.copy_(layer.knots)
    elif layer.ranges is not None:
        lows, highs = layer.ranges.double()[:, :, None]
        number = torch.arange(-layer.order, layer.grid + layer.order + 1).to(lows)
        target.grid.data.copy_(lows + number * (highs - lows) / layer.grid)
    with torch.no_grad():
        target.coef.copy_(layer.coefficients.transpose(0, 1))
        target.scale_base.copy_(layer.base_weight.t())
        target.scale_sp.fill_(1.0)
        target.mask.fill_(1.0)
