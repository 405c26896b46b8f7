# SPDX-License-Identifier: MIT
"""The switch-type KAN: every component's index is one sum of monotone splines of its features.

The cubic splines are those of `ns3kan.agents.networks.kan.layer` on a uniform grid, written in
another basis. With coefficients c_0 <= c_1 <= ... a spline sum_k c_k B_k(v) does not decrease, and

    sum_k c_k B_k(v) = c_0 + sum_{k>=1} (c_k - c_{k-1}) R_k(v),    R_k = sum_{j>=k} B_j,

where each R_k climbs from 0 to 1 over three intervals. So the increments are the parameters, kept
positive by a softplus. Unlike sums of B-splines, sums of such ramps with positive weights do not
decrease under rounding either, but for the last bits.

Softmax and argmax over components of a non-decreasing f are switch-type (lemma 1 of the paper, see
`ns3kan.agents.components.switch_type`).
"""

import math

import torch
from torch import Tensor, nn

from ns3kan.agents.components.encodings import Encoding
from ns3kan.errors import InputError

# Relative spread of the initial increments.
_RIPPLE = 0.05


def ramps(v: Tensor, grid: int) -> Tensor:
    """Ramps R_1 to R_{grid + 2} at ``v`` (...), counted in intervals: (..., grid + 2).

    Outside of [0, grid] they go on along their tangents.
    """
    inside = v.clamp(0.0, float(grid))
    # R_k climbs between the knots k - 3 and k; a = distance from its middle.
    middles = torch.arange(grid + 2, dtype=v.dtype, device=v.device) - 0.5
    distance = inside[..., None] - middles
    a = distance.abs()
    outer, inner = (1.5 - a).clamp_min(0.0), (0.5 - a).clamp_min(0.0)
    rise = 0.5 - (outer * outer * outer - 3.0 * inner * inner * inner) / 6.0
    result = 0.5 + torch.copysign(rise, distance)
    # At either end of the grid the two ramps next to it have the slope 1/2, the others 0.
    outside = 0.5 * (v - inside)
    before, after = outside.clamp_max(0.0), outside.clamp_min(0.0)
    none = torch.zeros_like(v)[..., None].expand(*v.shape, grid)
    low = torch.cat((before[..., None], before[..., None], none), -1)
    high = torch.cat((none, after[..., None], after[..., None]), -1)
    return result + low + high


class SwitchTypeKan(nn.Module):
    """f(s_k) = bias + the sum over terms i of direction_i phi_i(x_i), no phi_i decreasing.

    x_i are the features of a component and the combinations that the encoding declares. Each
    phi_i is a cubic spline over the scaled term, 0 at x_i = 0, with ``grid`` equal intervals from 0
    to the term's ``high`` and straight lines beyond, so that a queue of any length keeps a
    gradient. Where terms have a ``log_offset`` these are sums of functions of logarithms, and as
    argmax does not change under a monotone map, exp(f) is a product formula for the same policy.

    Before training all phi_i are straight lines with equal shares of ``start_spread``, but for a
    ripple of 5 %. The bias moves no decision; it is there for f to be fitted to a given index.

    Parameters
    ----------
    encoding
        Features with their directions and scales, and combinations.
    grid
        Intervals of every spline.
    start_spread
        Span of f over the usual states before training, in units of logits.

    Attributes
    ----------
    raw_increments : Parameter, shape (terms, grid + 2)
        Inverse softplus of the increments between neighbouring coefficients.
    bias : Parameter, shape ()

    Raises
    ------
    ValueError
        If the grid or the spread is not positive.

    Examples
    --------
    >>> from ns3kan.agents.components.encodings import single_hop_encoding
    >>> network = SwitchTypeKan(single_hop_encoding())
    >>> network(torch.tensor([[[3.0, 1.0], [0.0, 2.0], [7.0, 1.0]]])).shape
    torch.Size([1, 3])
    """

    components: int | None = None

    def __init__(self, encoding: Encoding, grid: int = 8, start_spread: float = 3.0) -> None:
        super().__init__()
        if grid < 1:
            raise InputError(f"The grid of a switch-type KAN is {grid}; it must be at least 1.")
        if not (math.isfinite(start_spread) and start_spread > 0):
            raise InputError(
                f"start_spread of a switch-type KAN is {start_spread}; give a finite number above "
                "0."
            )
        self.encoding = encoding
        self.grid = grid
        self.raw_increments = nn.Parameter(torch.empty(len(encoding.terms), grid + 2))
        self.bias = nn.Parameter(torch.zeros(()))
        self.reset_parameters(start_spread)

    def reset_parameters(self, start_spread: float = 3.0) -> None:
        """Draw new increments around those of straight lines."""
        mean = start_spread / (len(self.encoding.terms) * self.grid)
        with torch.no_grad():
            increments = mean * (1.0 + _RIPPLE * (2.0 * torch.rand_like(self.raw_increments) - 1.0))
            self.raw_increments.copy_(increments.expm1().log())

    @property
    def increments(self) -> Tensor:
        """Differences of neighbouring coefficients, none negative, shape (terms, grid + 2)."""
        return nn.functional.softplus(self.raw_increments)

    @property
    def coefficients(self) -> Tensor:
        """Coefficients of phi_i in the B-splines of `KanLayer` on the grid from 0 to 1.

        Shape (terms, grid + 3).
        """
        increments = self.increments
        climbed = torch.cat((torch.zeros_like(increments[:, :1]), increments.cumsum(1)), 1)
        # phi(0) = 0; at the grid's start the first three B-splines are 1/6, 2/3 and 1/6.
        weights = climbed.new_tensor((1.0, 4.0, 1.0)) / 6.0
        return climbed - (climbed[:, :3] * weights).sum(1, keepdim=True)

    def prepare(self, states: Tensor) -> Tensor:
        """Return what of f does not depend on weights: ramps (..., terms * (grid + 2))."""
        return self._climbs(self.encoding.values(states.to(self.bias.dtype))).flatten(-2)

    def evaluate(self, prepared: Tensor) -> Tensor:
        """Values f (...) of what `prepare` returned."""
        weights = self.increments * prepared.new_tensor(self.encoding.directions)[:, None]
        return prepared @ weights.flatten() + self.bias

    def index(self, states: Tensor) -> Tensor:
        """Values f (...) of states of single components (..., features)."""
        return self.evaluate(self.prepare(states))

    def forward(self, observation: Tensor) -> Tensor:
        """Logits (batch, components) of observations (batch, components, features)."""
        return self.index(observation)

    def component_functions(self, points: Tensor) -> Tensor:
        """Return what each term adds to f, direction_i phi_i, to be read as a formula.

        Parameters
        ----------
        points
            Values of each term (m, terms), in the units of its features.

        Returns
        -------
        Tensor
            Shape (m, terms), for the terms in ``encoding.expressions``. f of a state is ``bias``
            plus the sum over terms at ``encoding.values(state)``.
        """
        if points.dim() != 2 or points.shape[1] != len(self.encoding.terms):
            raise InputError(
                f"The points have shape {tuple(points.shape)}; give one column for each of "
                f"{list(self.encoding.expressions)}."
            )
        climbs = self._climbs(points.to(self.bias.dtype))
        directions = climbs.new_tensor(self.encoding.directions)
        return (climbs * self.increments).sum(-1) * directions

    def _climbs(self, values: Tensor) -> Tensor:
        """Ramps of values (..., terms) less what they are at zero: (..., terms, grid + 2)."""
        climbs = ramps(self.encoding.scale(values) * self.grid, self.grid)
        return climbs - ramps(climbs.new_zeros(()), self.grid)
