# SPDX-License-Identifier: MIT
"""B-spline bases of KAN layers, with silu as one more: all features of all inputs in one matrix.

Cubic bases on a uniform grid come from a closed form, evaluated in place, with their derivatives
only where they are needed; those of any degree and of any knots from the Cox-de Boor recursion.
"""

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# A uniform cubic B-spline with knots at -2, -1, 0, 1, 2 is
#     B(d) = ((2 - |d|)+^3 - 4 (1 - |d|)+^3) / 6.
# With distances scaled by _SHRINK = 6^(-1/3), and _GROW = 4^(1/3), both factors go into the cubes:
#     outer = min(_SHRINK (|d| - 2), 0),  inner = min(_GROW * _SHRINK (|d| - 1), 0),
#     B = inner^3 - outer^3,              dB/dd = 3 _SHRINK sign(d) (_GROW inner^2 - outer^2).
_SHRINK = 6.0 ** (-1.0 / 3.0)
_GROW = 4.0 ** (1.0 / 3.0)

# Looked up once: an attribute of torch.ops costs as much as a small operation.
_silu_into = torch.ops.aten.silu.out
_silu_slope_into = torch.ops.aten.silu_backward.grad_input


@dataclass(frozen=True)
class Splines:
    """The constants of one spline basis, as tensors where that spares a conversion per use."""

    count: int
    order: int
    low: float
    high: float
    step: float
    rate: float
    centres: Tensor
    outer_reach: Tensor
    inner_shift: Tensor
    slope: Tensor
    one: Tensor


@functools.lru_cache(maxsize=64)
def uniform_splines(
    grid: int, order: int, low: float, high: float, dtype: torch.dtype, device: torch.device
) -> Splines:
    """Constants of the bases of degree ``order`` on ``grid`` equal intervals, made once."""
    step = (high - low) / grid
    count = grid + order

    def constant(value: float) -> Tensor:
        return torch.tensor(value, dtype=dtype, device=device)

    # The rate is negative: centre - x instead of x - centre, so that one addition does it.
    # (A cubic basis k reaches from interval k - 3 to k, so its centre lies at k - 1.)
    centres = [_SHRINK * (k - 1 + low / step) for k in range(count)]
    with torch.inference_mode(False):
        return Splines(
            count=count,
            order=order,
            low=low,
            high=high,
            step=step,
            rate=-_SHRINK / step,
            centres=torch.tensor(centres, dtype=dtype, device=device)[:, None, None],
            outer_reach=constant(2.0 * _SHRINK),
            inner_shift=constant(_GROW * _SHRINK),
            slope=constant(3.0 * _SHRINK / step),
            one=constant(1.0),
        )


def _go_on_linearly(bases: Tensor, excess: Tensor, splines: Splines) -> None:
    """Add to cubic bases at the ends of the grid what lies ``excess`` beyond them.

    At a knot only the bases on its two sides have a slope, -1 and +1 over two intervals.
    """
    steep = 0.5 / splines.step
    left = excess.clamp_max(0.0).mul_(steep)
    right = excess.clamp_min(0.0).mul_(steep)
    bases[0].sub_(left)
    bases[2].add_(left)
    bases[-3].sub_(right)
    bases[-1].add_(right)


def cubic_features(x: Tensor, place: Tensor, excess: Tensor | None, splines: Splines) -> Tensor:
    """Bases at ``place`` (inputs, batch) and silu of ``x``: ((count + 1) * inputs, batch).

    ``excess`` is how far the input lies beyond ``place``, along the tangents there.
    """
    features = x.new_empty((splines.count + 1, *x.shape))
    bases = features[:-1]
    outer = torch.add(splines.centres, place, alpha=splines.rate)
    outer.abs_().sub_(splines.outer_reach).clamp_max_(0.0)
    torch.add(splines.inner_shift, outer, alpha=_GROW, out=bases)
    bases.clamp_max_(0.0).pow_(3).sub_(outer.pow_(3))
    if excess is not None:
        _go_on_linearly(bases, excess, splines)
    _silu_into(x, out=features[-1])
    return features.flatten(0, 1)


def _cubic_features_and_slopes(
    x: Tensor, place: Tensor, excess: Tensor | None, scale: Tensor | None, splines: Splines
) -> tuple[Tensor, Tensor]:
    """Features as `cubic_features` and their derivatives, both (count + 1, inputs, batch).

    ``scale`` is the derivative of ``place`` by the input.
    """
    features, slopes = x.new_empty((2, splines.count + 1, *x.shape)).unbind()
    inner = features[:-1]
    outer = torch.add(splines.centres, place, alpha=splines.rate)
    side = torch.copysign(splines.slope, outer)
    outer.abs_().sub_(splines.outer_reach).clamp_max_(0.0)
    torch.add(splines.inner_shift, outer, alpha=_GROW, out=inner).clamp_max_(0.0)
    inner_squared = inner * inner
    outer_squared = outer * outer
    torch.sub(outer_squared, inner_squared, alpha=_GROW, out=slopes[:-1]).mul_(side)
    inner.mul_(inner_squared).sub_(outer.mul_(outer_squared))
    if excess is not None:
        _go_on_linearly(inner, excess, splines)
    if scale is not None:
        slopes[:-1].mul_(scale)
    _silu_into(x, out=features[-1])
    _silu_slope_into(splines.one, x, grad_input=slopes[-1])
    return features, slopes


class CubicFeatures(torch.autograd.Function):
    """Bases of ``x`` (inputs, batch) and their derivatives in one go."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        place: Tensor,
        excess: Tensor | None,
        scale: Tensor | None,
        splines: Splines,
    ) -> Tensor:
        """Return what `cubic_features` does."""
        features, slopes = _cubic_features_and_slopes(x, place, excess, scale, splines)
        ctx.save_for_backward(slopes)
        return features.flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Return the gradient by ``x``."""
        if torch.is_grad_enabled():
            # The derivatives are constants here, so a second derivative would silently be wrong.
            raise RuntimeError(
                "A KAN layer gives first derivatives only: call backward without create_graph, or "
                "use KanLayer.edge_functions, which can be differentiated any number of times."
            )
        (slopes,) = ctx.saved_tensors
        return (gradients[0].reshape_as(slopes) * slopes).sum(0), None, None, None, None


def recursive_features(x: Tensor, place: Tensor, splines: Splines, linear: bool) -> Tensor:
    """Features of any order by the Cox-de Boor recursion, differentiable any number of times."""
    order = splines.order
    inside = place.clamp(splines.low, splines.high) if linear else place
    knots = torch.arange(splines.count + order, dtype=x.dtype, device=x.device) - order
    # Distance from the first knot of each basis, in intervals.
    u = (inside - splines.low)[None] / splines.step - knots[:, None, None]
    bases = lower = ((u >= 0) & (u < 1)).to(x.dtype)
    for degree in range(1, order + 1):
        lower = bases
        u = u[:-1]
        bases = (u * bases[:-1] + (degree + 1 - u) * bases[1:]) / degree
    if linear:
        bases = bases + (lower[:-1] - lower[1:]) / splines.step * (place - inside)
    return torch.cat((bases, nn.functional.silu(x)[None])).flatten(0, 1)


def knot_features(x: Tensor, knots: Tensor, order: int, linear: bool) -> Tensor:
    """Features of inputs (in, batch) whose knots (in, m) are their own and need not be uniform.

    The bases of degree ``order`` are m - order - 1; what ``linear`` says holds outside of the
    intervals from knot ``order`` to knot m - order - 1, counted from 0. Differentiable any number
    of times.
    """
    t = knots.t()[:, :, None]
    inside = x.clamp(t[order], t[-order - 1]) if linear else x
    bases = ((inside >= t[:-1]) & (inside < t[1:])).to(x.dtype)
    slopes = torch.zeros_like(bases)
    for degree in range(1, order + 1):
        lower = bases / (t[degree:] - t[:-degree])
        bases = (inside - t[: -degree - 1]) * lower[:-1] + (t[degree + 1 :] - inside) * lower[1:]
        slopes = degree * (lower[:-1] - lower[1:])
    if linear:
        bases = bases + slopes * (x - inside)
    return torch.cat((bases, nn.functional.silu(x)[None])).flatten(0, 1)
