# SPDX-License-Identifier: MIT
"""The switch-type network: one monotone perceptron that gives every component its index.

From "A Novel Switch-Type Policy Network for Resource Allocation Problems" (Wigmore, Shrader and
Modiano). A policy is switch-type if raising the features of the component that it chooses does not
change the choice (definition II.1, eq. 3), and stochastic switch-type if that does not lower the
component's probability (definition III.1, eq. 6). Softmax and argmax of one shared function f of
each component are so if f is non-decreasing (lemma 1, eq. 7).
"""

import itertools
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ns3kan.agents.components.encodings import Encoding
from ns3kan.errors import InputError

# Weights start this far apart (standard deviation of their logarithms), so that units differ.
_SPREAD_OF_WEIGHTS = 1.5
# Share of a unit's active range that stays free at either end at the start.
_MARGIN = 0.1
# Half of the units start active up to this multiple of a feature's greatest usual value.
_BEYOND = 10.0


class SwitchTypeNetwork(nn.Module):
    """Monotone network f of one component's state, applied to every component.

    z' = min(max(exp(W) z + b, 0), ceiling) in hidden layers (eq. 8 and 9, ReLU-N) and
    f = exp(w) z + b at the end (eq. 10). Four hidden layers or more can come near any monotone
    function. b of the last layer is in the paper but moves no decision of softmax or argmax.

    **Initial weights.** The paper does not say how it draws them. With a usual draw around zero
    exp(W) is near 1, sums over a layer exceed the ceiling, every unit is saturated and no gradient
    passes. A monotone unit has its least and greatest value over a box of states at the box's two
    corners. So each layer's weights are drawn, the corners are passed through, and each unit's
    weights and bias are scaled such that its values over a box fill the middle 80 % of its active
    range: for the first unit of a layer the box of usual states (0 to ``high`` of each feature),
    for the last one the box that reaches ten times as far, and for those between them something
    in between. Hence at the start every unit passes gradients in all usual states, and some pass
    them well beyond; the output over the usual box runs from minus to plus half ``start_spread``.

    ReLU-N is bounded, so f of whatever weights is flat from some queue length on. A feature with a
    ``log_offset`` moves that length very far out.

    Parameters
    ----------
    encoding
        Features with their directions and scales; combinations are further inputs.
    hidden
        Widths of the hidden layers.
    ceiling
        N of ReLU-N.
    start_spread
        Span of f over the usual states before training, in units of logits.

    Raises
    ------
    ValueError
        If a width is not positive, or ceiling or spread is not.

    Examples
    --------
    >>> from ns3kan.agents.components.encodings import single_hop_encoding
    >>> network = SwitchTypeNetwork(single_hop_encoding())
    >>> network(torch.tensor([[[3.0, 1.0], [0.0, 2.0], [7.0, 1.0]]])).shape
    torch.Size([1, 3])
    """

    components: int | None = None

    def __init__(
        self,
        encoding: Encoding,
        hidden: Sequence[int] = (32, 32, 32, 32),
        ceiling: float = 1.0,
        start_spread: float = 3.0,
    ) -> None:
        super().__init__()
        if not hidden or min(hidden) < 1:
            raise InputError(
                f"A switch-type network needs positive widths of hidden layers; got {hidden}."
            )
        for name, value in (("ceiling", ceiling), ("start_spread", start_spread)):
            if not (math.isfinite(value) and value > 0):
                raise InputError(
                    f"{name} of a switch-type network is {value}; give a finite number above 0."
                )
        self.encoding = encoding
        self.ceiling = float(ceiling)
        widths = (len(encoding.terms), *hidden, 1)
        self.log_weights = nn.ParameterList(
            torch.empty(outputs, inputs) for inputs, outputs in itertools.pairwise(widths)
        )
        self.biases = nn.ParameterList(torch.empty(outputs) for outputs in widths[1:])
        self.reset_parameters(start_spread)

    def reset_parameters(self, start_spread: float = 3.0) -> None:
        """Draw new weights such that all units are active in usual states."""
        with torch.no_grad():
            usual, wide = self._corners(1.0), self._corners(_BEYOND)
            last = len(self.biases) - 1
            for layer, (weight, bias) in enumerate(self._layers()):
                weight.normal_(0.0, _SPREAD_OF_WEIGHTS)
                usual_sums, wide_sums = usual @ weight.exp().t(), wide @ weight.exp().t()
                if layer == last:
                    reach, floor, ends = start_spread, -start_spread / 2, usual_sums
                else:
                    reach = (1.0 - 2.0 * _MARGIN) * self.ceiling
                    floor = _MARGIN * self.ceiling
                    ends = torch.lerp(usual_sums, wide_sums, torch.linspace(0, 1, len(bias)))
                factor = reach / (ends[1] - ends[0])
                weight.add_(factor.log()[:, None])
                bias.copy_(floor - factor * ends[0])
                usual = (factor * usual_sums + bias).clamp(0.0, self.ceiling)
                wide = (factor * wide_sums + bias).clamp(0.0, self.ceiling)

    def prepare(self, states: Tensor) -> Tensor:
        """Return what of f does not depend on weights: scaled attractions (..., terms)."""
        return self.encoding.attractions(states.to(self.biases[0].dtype))

    def evaluate(self, prepared: Tensor) -> Tensor:
        """Values f (...) of what `prepare` returned."""
        z = prepared
        *hidden, (weight, bias) = self._layers()
        for log_weight, shift in hidden:
            sums = nn.functional.linear(z, log_weight.exp(), shift)
            # ReLU-N; as one operation it also has its derivative in one.
            z = nn.functional.hardtanh(sums, 0.0, self.ceiling)
        return nn.functional.linear(z, weight.exp(), bias)[..., 0]

    def index(self, states: Tensor) -> Tensor:
        """Values f (...) of states of single components (..., features)."""
        return self.evaluate(self.prepare(states))

    def forward(self, observation: Tensor) -> Tensor:
        """Logits (batch, components) of observations (batch, components, features)."""
        return self.index(observation)

    def _layers(self) -> list[tuple[Tensor, Tensor]]:
        pairs = zip(self.log_weights, self.biases, strict=True)
        return [(cast(Tensor, weight), cast(Tensor, bias)) for weight, bias in pairs]

    def _corners(self, times: float) -> Tensor:
        """Least and most attractive input (2, terms) when terms reach ``times`` their ``high``."""
        terms = self.encoding.terms
        highest = self.encoding.scale(torch.tensor([times * term.high for term in terms]))
        directions = highest.new_tensor(self.encoding.directions)
        corners = torch.stack((torch.zeros_like(highest), highest)) * directions
        return corners.sort(0).values
