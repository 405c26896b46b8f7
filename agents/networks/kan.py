# SPDX-License-Identifier: MIT
"""Kolmogorov-Arnold networks with B-splines on uniform grids, made to train fast on a CPU.

An edge from input i to output j carries the function (KAN paper, Liu et al. 2024, eq. 2.10)

    phi_ji(x) = w_ji * silu(x) + sum_k c_jik * B_k(x)

where the B_k are the ``grid + order`` B-splines of degree ``order`` on ``grid`` equal intervals,
the knots going on uniformly by ``order`` intervals on either side (as in pykan). The paper's
factor w_s is not a parameter of its own: it is absorbed by the coefficients c.

All inputs of a new layer share one grid; `KanLayer.set_grid` gives each input a range of its own.
Such an input is first mapped linearly onto the shared range, so that the bases stay the same ones.

Why it is fast: all bases of all inputs form one matrix and base and spline weights another, so a
layer is one matrix product and one parameter tensor; data lies features first, so the product
needs no permutation; cubic bases come from a closed form evaluated in place; and their derivatives
are only computed for layers whose input needs a gradient, together with the bases.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

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
class _Splines:
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
def _splines(
    grid: int, order: int, low: float, high: float, dtype: torch.dtype, device: torch.device
) -> _Splines:
    step = (high - low) / grid
    count = grid + order

    def constant(value: float) -> Tensor:
        return torch.tensor(value, dtype=dtype, device=device)

    # The rate is negative: centre - x instead of x - centre, so that one addition does it.
    # (A cubic basis k reaches from interval k - 3 to k, so its centre lies at k - 1.)
    centres = [_SHRINK * (k - 1 + low / step) for k in range(count)]
    with torch.inference_mode(False):
        return _Splines(
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


def _go_on_linearly(bases: Tensor, excess: Tensor, splines: _Splines) -> None:
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


def _cubic_features(x: Tensor, place: Tensor, excess: Tensor | None, splines: _Splines) -> Tensor:
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
    x: Tensor, place: Tensor, excess: Tensor | None, scale: Tensor | None, splines: _Splines
) -> tuple[Tensor, Tensor]:
    """Features as `_cubic_features` and their derivatives, both (count + 1, inputs, batch).

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


class _CubicFeatures(torch.autograd.Function):
    """Bases of ``x`` (inputs, batch) and their derivatives in one go."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        place: Tensor,
        excess: Tensor | None,
        scale: Tensor | None,
        splines: _Splines,
    ) -> Tensor:
        features, slopes = _cubic_features_and_slopes(x, place, excess, scale, splines)
        ctx.save_for_backward(slopes)
        return features.flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        if torch.is_grad_enabled():
            # The derivatives are constants here, so a second derivative would silently be wrong.
            raise RuntimeError(
                "A KAN layer gives first derivatives only: call backward without create_graph, or "
                "use KanLayer.edge_functions, which can be differentiated any number of times."
            )
        (slopes,) = ctx.saved_tensors
        return (gradients[0].reshape_as(slopes) * slopes).sum(0), None, None, None, None


def _recursive_features(x: Tensor, place: Tensor, splines: _Splines, linear: bool) -> Tensor:
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


class KanLayer(nn.Module):
    """One layer of a KAN: (batch, in_features) to (batch, out_features).

    Parameters
    ----------
    in_features, out_features
        Number of inputs and outputs; there is one edge function for each pair.
    grid
        Number of equal intervals between ``low`` and ``high`` (at least 1).
    order
        Degree of the piecewise polynomials (at least 1; 3 is the fast one).
    low, high
        Range of the inputs that the grid covers.
    outside
        What the splines do beyond the grid. ``"fade"``: as in pykan they go to zero within
        ``order`` intervals, and only the silu branch is left, whose gradient vanishes far to the
        left. ``"linear"``: they go on along their tangents, so that no input loses its gradient.

    Attributes
    ----------
    ranges : Tensor or None, shape (2, in_features)
        Lowest and highest value of each input's own grid; None while ``low`` and ``high`` hold
        for all. Part of the state of the module; see `set_grid`.
    weight : Parameter, shape (out_features, (grid + order + 1) * in_features)
        Coefficients of basis k and input i in column ``k * in_features + i``, then the silu
        weights; `coefficients` and `base_weight` are views of it with one axis for each index.

    Raises
    ------
    ValueError
        If a size is not positive, the range is empty or not finite, or ``outside`` is unknown.

    Examples
    --------
    >>> layer = KanLayer(2, 3)
    >>> layer(torch.zeros(5, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        grid: int = 3,
        order: int = 3,
        low: float = -1.0,
        high: float = 1.0,
        outside: str = "fade",
    ) -> None:
        super().__init__()
        for name, value in (
            ("in_features", in_features),
            ("out_features", out_features),
            ("grid", grid),
            ("order", order),
        ):
            if value < 1:
                raise ValueError(f"{name} of a KAN layer is {value}; it must be at least 1.")
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(
                f"The grid of a KAN layer goes from {low} to {high}; give finite low < high."
            )
        if outside not in ("fade", "linear"):
            raise ValueError(f"outside of a KAN layer is {outside!r}; it is 'fade' or 'linear'.")
        self.in_features = in_features
        self.out_features = out_features
        self.grid = grid
        self.order = order
        self.low = float(low)
        self.high = float(high)
        self.outside = outside
        self.ranges: Tensor | None
        self._scale: Tensor | None
        self._shift: Tensor | None
        self.register_buffer("ranges", None)
        self.register_buffer("_scale", None, persistent=False)
        self.register_buffer("_shift", None, persistent=False)
        self.weight = nn.Parameter(torch.empty(out_features, (grid + order + 1) * in_features))
        self.reset_parameters()

    def reset_parameters(self, noise: float = 0.3) -> None:
        """Draw new weights with pykan's magnitudes: silu weights wide, splines near zero."""
        reach = 1.0 / math.sqrt(self.in_features)
        with torch.no_grad():
            self.base_weight.uniform_(-reach, reach)
            ripple = 0.5 * noise / self.grid * reach
            self.coefficients.uniform_(-ripple, ripple)

    def set_grid(self, lows: Tensor, highs: Tensor) -> None:
        """Give each input a grid of its own, from lows (in,) to highs (in,); keep coefficients.

        `ns3kan.agents.networks.kan_grid.update_grid` also refits the coefficients.

        Raises
        ------
        ValueError
            If a range is empty or not finite, or there is not one for each input.
        """
        ranges = torch.stack((lows, highs)).detach().to(self.weight)
        if ranges.shape != (2, self.in_features):
            raise ValueError(
                f"A KAN layer of {self.in_features} inputs got grids of shape "
                f"{tuple(ranges.shape)}; give one low and one high for each input."
            )
        if not (ranges.isfinite().all() and (ranges[0] < ranges[1]).all()):
            raise ValueError("A grid of a KAN layer is empty or not finite; give low < high.")
        self.ranges = ranges
        self._map_inputs()

    @property
    def coefficients(self) -> Tensor:
        """Spline coefficients c, a view of `weight`, shape (out, in, grid + order)."""
        return self._columns()[:, :-1].transpose(1, 2)

    @property
    def base_weight(self) -> Tensor:
        """Weights w of the silu branch, a view of `weight`, shape (out, in)."""
        return self._columns()[:, -1]

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (batch, out) of inputs (batch, in)."""
        return self.forward_columns(x.t()).t()

    def forward_columns(self, x: Tensor) -> Tensor:
        """Return outputs (out, batch) of inputs (in, batch): `forward` without transpositions."""
        return torch.mm(self.weight, self.features(x))

    def edge_functions(self, x: Tensor) -> Tensor:
        """Values of every edge function at the points ``x`` (m,), shape (m, out, in)."""
        linear = self.outside == "linear"
        if self.ranges is None:
            features = _recursive_features(x[None], x[None], self._constants(x), linear)
            return torch.einsum("oki,km->moi", self._columns(), features)
        rows = x.expand(self.in_features, -1)
        features = _recursive_features(rows, self._place(rows), self._constants(x), linear)
        return torch.einsum(
            "oki,kim->moi", self._columns(), features.view(-1, self.in_features, len(x))
        )

    def edge_activations(self, x: Tensor) -> Tensor:
        """Return what each edge adds to its output for inputs (batch, in): (batch, out, in)."""
        features = self.features(x.t()).view(-1, self.in_features, len(x))
        return torch.einsum("oki,kib->boi", self._columns(), features)

    def add_constant(self, values: Tensor) -> None:
        """Raise each output (out,) by a constant within the grid, spread over its edges."""
        with torch.no_grad():
            # The bases sum to one everywhere in the grid.
            self.coefficients.add_((values / self.in_features)[:, None, None])

    def extra_repr(self) -> str:
        """Sizes, for ``print``."""
        return (
            f"{self.in_features}, {self.out_features}, grid={self.grid}, order={self.order}, "
            f"low={self.low}, high={self.high}, outside={self.outside!r}"
        )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        # Grids are there or not; take over whichever the state has.
        stored = state_dict.get(f"{prefix}ranges")
        self.ranges = None if stored is None else self.weight.new_empty(stored.shape)
        super()._load_from_state_dict(state_dict, prefix, *arguments)
        self._map_inputs()

    def _map_inputs(self) -> None:
        """Prepare `_place`: each input's own range onto the one from low to high."""
        if self.ranges is None:
            self._scale = self._shift = None
            return
        lows, highs = self.ranges.double()
        scale = (self.high - self.low) / (highs - lows)
        self._scale = scale.to(self.weight)[:, None]
        self._shift = (self.low - scale * lows).to(self.weight)[:, None]

    def _columns(self) -> Tensor:
        return self.weight.view(self.out_features, self.grid + self.order + 1, self.in_features)

    def _constants(self, x: Tensor) -> _Splines:
        return _splines(self.grid, self.order, self.low, self.high, x.dtype, x.device)

    def _place(self, x: Tensor) -> Tensor:
        """Where inputs (in, batch) lie on the shared grid."""
        if self._scale is None or self._shift is None:
            return x
        return torch.addcmul(self._shift, x, self._scale)

    def features(self, x: Tensor) -> Tensor:
        """Bases and silu of inputs (in, batch), in the order of the columns of `weight`."""
        splines = self._constants(x)
        if self.order != 3:
            return _recursive_features(x, self._place(x), splines, self.outside == "linear")
        with torch.no_grad():
            place = self._place(x)
            excess = None
            if self.outside == "linear":
                inside = place.clamp(splines.low, splines.high)
                if not torch.equal(inside, place):
                    place, excess = inside, place - inside
        if x.requires_grad and torch.is_grad_enabled():
            return cast(
                Tensor,
                _CubicFeatures.apply(x, place, excess, self._scale, splines),  # type: ignore[no-untyped-call]
            )
        return _cubic_features(x.detach(), place, excess, splines)


class Kan(nn.Sequential):
    """A stack of `KanLayer`: (batch, widths[0]) to (batch, widths[-1]).

    Parameters
    ----------
    widths
        Number of inputs, of nodes of each hidden layer, and of outputs.
    grid, order, low, high, outside
        The same for every layer; see `KanLayer`.

    Examples
    --------
    >>> Kan([64, 8, 10])(torch.zeros(128, 64)).shape
    torch.Size([128, 10])
    """

    def __init__(
        self,
        widths: Sequence[int],
        grid: int = 3,
        order: int = 3,
        low: float = -1.0,
        high: float = 1.0,
        outside: str = "fade",
    ) -> None:
        if len(widths) < 2:
            raise ValueError(f"A KAN needs at least two widths, inputs and outputs; got {widths}.")
        super().__init__(
            *(
                KanLayer(inputs, outputs, grid, order, low, high, outside)
                for inputs, outputs in itertools.pairwise(widths)
            )
        )

    @property
    def layers(self) -> list[KanLayer]:
        """The layers from input to output."""
        return [cast(KanLayer, layer) for layer in self]

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (batch, outputs) of inputs (batch, inputs)."""
        columns = x.t()
        for layer in self._modules.values():
            columns = cast(KanLayer, layer).forward_columns(columns)
        return columns.t()
