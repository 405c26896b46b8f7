# SPDX-License-Identifier: MIT
"""Plain networks over the features of all components at once: the baselines of switch-type ones."""

from torch import Tensor, nn

from ns3kan.agents.components.encodings import Encoding
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.networks.mlp import Mlp


class FlatNetwork(nn.Module):
    """A plain KAN or perceptron over the whole state: the baseline, not switch-type.

    It sees the same scaled features as the switch-type networks, those of all components in one
    row, from -1 to 1 in usual states.

    Parameters
    ----------
    encoding
        Features with their directions and scales.
    components
        K; the network serves no other.
    kind
        ``"kan"`` or ``"mlp"``.
    hidden
        Widths of the hidden layers.
    grid
        Grid intervals of a KAN's splines.
    """

    def __init__(
        self,
        encoding: Encoding,
        components: int,
        kind: str = "mlp",
        hidden: tuple[int, ...] = (64, 64),
        grid: int = 3,
    ) -> None:
        super().__init__()
        self.encoding = encoding
        self.components: int | None = components
        self.kind = kind
        widths = (components * len(encoding.terms), *hidden, components)
        self.body: Kan | Mlp = Kan(widths, grid) if kind == "kan" else Mlp(widths, last_gain=0.01)

    def prepare(self, observation: Tensor) -> Tensor:
        """Return what does not depend on weights: all scaled terms (batch, K * terms)."""
        dtype = next(self.body.parameters()).dtype
        values = self.encoding.values(observation.to(dtype))
        return 2.0 * self.encoding.scale(values).flatten(1) - 1.0

    def evaluate(self, prepared: Tensor) -> Tensor:
        """Logits (batch, components) of what `prepare` returned."""
        result: Tensor = self.body(prepared)
        return result

    def forward(self, observation: Tensor) -> Tensor:
        """Logits (batch, components) of observations (batch, components, features)."""
        return self.evaluate(self.prepare(observation))
