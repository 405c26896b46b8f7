# SPDX-License-Identifier: MIT
"""Kolmogorov-Arnold networks with B-splines, made to train fast on a CPU.

An edge from input i to output j carries the function (KAN paper, Liu et al. 2024, eq. 2.10)

    phi_ji(x) = w_ji * silu(x) + sum_k c_jik * B_k(x)

where the B_k are the ``grid + order`` B-splines of degree ``order`` on ``grid`` equal intervals,
the knots going on uniformly by ``order`` intervals on either side (as in pykan). The paper's
factor w_s is not a parameter of its own: it is absorbed by the coefficients c.

All inputs of a new layer share one grid; `KanLayer.set_grid` gives each input a range of its own.
Such an input is first mapped linearly onto the shared range, so that the bases stay the same ones.
`KanLayer.set_knots` gives each input any knots, which is slower.

Why it is fast: all bases of all inputs form one matrix and base and spline weights another, so a
layer is one matrix product and one parameter tensor; data lies features first, so the product
needs no permutation; cubic bases come from a closed form evaluated in place; and their derivatives
are only computed for layers whose input needs a gradient, together with the bases.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ns3kan.agents.networks.kan.bases import (
    CubicFeatures,
    Splines,
    cubic_features,
    knot_features,
    recursive_features,
    uniform_splines,
)
from ns3kan.errors import InputError


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
    knots : Tensor or None, shape (in_features, grid + 2 * order + 1)
        Knots of each input, ascending; None while they are uniform. Part of the state; see
        `set_knots`.
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
                raise InputError(f"{name} of a KAN layer is {value}; it must be at least 1.")
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InputError(
                f"The grid of a KAN layer goes from {low} to {high}; give finite low < high."
            )
        if outside not in ("fade", "linear"):
            raise InputError(f"outside of a KAN layer is {outside!r}; it is 'fade' or 'linear'.")
        self.in_features = in_features
        self.out_features = out_features
        self.grid = grid
        self.order = order
        self.low = float(low)
        self.high = float(high)
        self.outside = outside
        self.ranges: Tensor | None
        self.knots: Tensor | None
        self._scale: Tensor | None
        self._shift: Tensor | None
        self.register_buffer("ranges", None)
        self.register_buffer("knots", None)
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

        `ns3kan.agents.networks.kan.grid.update_grid` also refits the coefficients.

        Raises
        ------
        ValueError
            If a range is empty or not finite, or there is not one for each input.
        """
        ranges = torch.stack((lows, highs)).detach().to(self.weight)
        if ranges.shape != (2, self.in_features):
            raise InputError(
                f"A KAN layer of {self.in_features} inputs got grids of shape "
                f"{tuple(ranges.shape)}; give one low and one high for each input."
            )
        if not (ranges.isfinite().all() and (ranges[0] < ranges[1]).all()):
            raise InputError("A grid of a KAN layer is empty or not finite; give low < high.")
        self.ranges = ranges
        self.knots = None
        self._map_inputs()

    def set_knots(self, knots: Tensor) -> None:
        """Give each input knots of its own (in, grid + 2 * order + 1); keep the coefficients.

        The grid of an input reaches from knot ``order`` to the last but ``order``.

        Raises
        ------
        ValueError
            If there are not as many, or those of an input do not ascend or are not finite.
        """
        new = knots.detach().to(self.weight)
        count = self.grid + 2 * self.order + 1
        if new.shape != (self.in_features, count):
            raise InputError(
                f"A KAN layer of {self.in_features} inputs got knots of shape "
                f"{tuple(new.shape)}; give {count} for each input."
            )
        if not (new.isfinite().all() and (new.diff(dim=1) > 0).all()):
            raise InputError("The knots of a KAN layer must be finite, and each input's ascend.")
        self.set_grid(new[:, self.order], new[:, -self.order - 1])
        self.knots = new

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
            features = recursive_features(x[None], x[None], self._constants(x), linear)
            return torch.einsum("oki,km->moi", self._columns(), features)
        rows = x.expand(self.in_features, -1)
        if self.knots is None:
            features = recursive_features(rows, self._place(rows), self._constants(x), linear)
        else:
            features = knot_features(rows, self.knots, self.order, linear)
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
        for name in ("ranges", "knots"):
            stored = state_dict.get(f"{prefix}{name}")
            setattr(self, name, None if stored is None else self.weight.new_empty(stored.shape))
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

    def _constants(self, x: Tensor) -> Splines:
        return uniform_splines(self.grid, self.order, self.low, self.high, x.dtype, x.device)

    def _place(self, x: Tensor) -> Tensor:
        """Where inputs (in, batch) lie on the shared grid."""
        if self._scale is None or self._shift is None:
            return x
        return torch.addcmul(self._shift, x, self._scale)

    def features(self, x: Tensor) -> Tensor:
        """Bases and silu of inputs (in, batch), in the order of the columns of `weight`."""
        splines = self._constants(x)
        if self.knots is not None:
            return knot_features(x, self.knots, self.order, self.outside == "linear")
        if self.order != 3:
            return recursive_features(x, self._place(x), splines, self.outside == "linear")
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
                CubicFeatures.apply(x, place, excess, self._scale, splines),  # type: ignore[no-untyped-call]
            )
        return cubic_features(x.detach(), place, excess, splines)


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
            raise InputError(f"A KAN needs at least two widths, inputs and outputs; got {widths}.")
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
