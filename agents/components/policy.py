# SPDX-License-Identifier: MIT
"""Policies that choose one of K components: softmax to explore, argmax to act.

The networks behind them are the switch-type ones, which take any K, or for comparison a plain KAN
or perceptron over the whole state, which take the K that they were made for.
"""

import numpy as np
import torch
from pydantic import InstanceOf
from torch import Tensor, nn

from ns3kan.agents.components.encodings import Encoding
from ns3kan.agents.components.flat_network import FlatNetwork
from ns3kan.agents.components.switch_type import SwitchTypeNetwork
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
from ns3kan.agents.training.settings import Count, Positive, Whole, Widths, settings
from ns3kan.errors import InputError

NETWORKS = ("stn", "switch-type-kan", "kan", "mlp")
CRITICS = ("shared", "flat")
TIES = ("random", "first", "last")
# Values of f this close are equal: more than equal states differ by rounding, less than matters.
_TIE = {torch.float32: 1e-5, torch.float64: 1e-10}


ComponentNetwork = SwitchTypeNetwork | SwitchTypeKan | FlatNetwork


@settings(frozen=True)
class ComponentArchitecture:
    """What determines the shapes of a policy over components and its critic.

    Attributes
    ----------
    encoding
        Features of a component, their directions and scales.
    network
        ``"stn"``, ``"switch-type-kan"``, or over the whole state ``"kan"`` or ``"mlp"``.
    components
        K, for the last two; None for the first two, which serve any K.
    hidden
        Widths of the hidden layers; none for a switch-type KAN.
    grid
        Grid intervals of the splines of either KAN.
    ceiling
        N of the switch-type network's ReLU-N.
    critic_hidden
        Width of the critic's description of a component, and of the layer over all of them; of a
        flat critic the widths of its two hidden layers.
    critic
        ``"shared"``, one description for all components, which serves any K, or ``"flat"``, a
        perceptron over the whole state.

    Raises
    ------
    ValueError
        If the network is unknown or K does not suit it.
    """

    encoding: InstanceOf[Encoding]
    network: str = "switch-type-kan"
    components: Whole | None = None
    hidden: Widths = ()
    grid: Count = 8
    ceiling: Positive = 1.0
    critic_hidden: tuple[Count, Count] = (64, 64)
    critic: str = "shared"

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise InputError(
                f"There is no network {self.network!r}; choose one of {', '.join(NETWORKS)}."
            )
        flat = self.network in ("kan", "mlp")
        if flat and (self.components is None or self.components < 1):
            raise InputError(
                f"A {self.network} over the whole state needs the number of components, at least "
                f"1; got {self.components}."
            )
        if not flat and self.components is not None:
            raise InputError(f"A {self.network} serves any K; leave components None.")
        if self.network == "stn" and not self.hidden:
            raise InputError("An stn needs hidden layers, such as (32, 32, 32, 32); give hidden.")
        if self.network == "switch-type-kan" and self.hidden:
            raise InputError("A switch-type KAN is one sum of splines; leave hidden empty.")
        if self.critic not in CRITICS:
            raise InputError(
                f"There is no critic {self.critic!r}; choose one of {', '.join(CRITICS)}."
            )
        if self.critic == "flat" and self.components is None:
            raise InputError(
                f"A flat critic needs the number of components, but a {self.network} serves any K; "
                "take the shared critic."
            )

    def build(self, start_spread: float = 3.0) -> ComponentNetwork:
        """Make the network, with new weights."""
        if self.network == "stn":
            return SwitchTypeNetwork(self.encoding, self.hidden, self.ceiling, start_spread)
        if self.network == "switch-type-kan":
            return SwitchTypeKan(self.encoding, self.grid, start_spread)
        assert self.components is not None
        return FlatNetwork(self.encoding, self.components, self.network, self.hidden, self.grid)


class ComponentActor(nn.Module):
    """A policy over components: softmax of a network's K values to explore, argmax to act.

    Observations are (batch, K, features), or (batch, K * features) with the features of one
    component side by side, as in the paper's section III-A2.

    Parameters
    ----------
    architecture
        The network.
    start_spread
        Span of a switch-type network's values over the usual states before training.

    Attributes
    ----------
    network : SwitchTypeNetwork, SwitchTypeKan or FlatNetwork
    """

    def __init__(self, architecture: ComponentArchitecture, start_spread: float = 3.0) -> None:
        super().__init__()
        self.encoding = architecture.encoding
        self.components = architecture.components
        self.network = architecture.build(start_spread)

    def arrange(self, observation: Tensor) -> Tensor:
        """Observations with an axis for components: (batch, K, features).

        Raises
        ------
        ValueError
            If they do not have the features of whole components, or not of as many as the network
            serves.
        """
        features = len(self.encoding.features)
        if observation.dim() == 2 and observation.shape[1] % features == 0:
            observation = observation.reshape(len(observation), -1, features)
        if observation.dim() != 3 or observation.shape[2] != features or not observation.shape[1]:
            raise InputError(
                f"Observations have shape {tuple(observation.shape)}; this policy needs (batch, K, "
                f"{features}), the features being {list(self.encoding.names)}."
            )
        if self.components not in (None, observation.shape[1]):
            raise InputError(
                f"This policy was made for {self.components} components, but the observation has "
                f"{observation.shape[1]}; train one for that number or use a switch-type network."
            )
        return observation

    def prepare(self, observation: Tensor) -> Tensor:
        """Return what of the policy does not depend on weights, one row per observation."""
        return self.network.prepare(self.arrange(observation))

    def logits(self, observation: Tensor) -> Tensor:
        """Values (batch, K) whose softmax is the policy."""
        return self.network.evaluate(self.prepare(observation))

    def probabilities(self, observation: Tensor) -> Tensor:
        """Probabilities (batch, K) of the components."""
        return torch.softmax(self.logits(observation), -1)

    def decide(
        self,
        observation: Tensor,
        ties: str = "random",
        generator: np.random.Generator | None = None,
    ) -> np.ndarray:
        """Components (batch,) with the greatest values.

        Parameters
        ----------
        observation
            See the class.
        ties
            Which of equal ones: any with equal probability, the ``"first"`` or the ``"last"``.
            The latter two are deterministic, and all three keep a policy switch-type.
        generator
            Needed for random ties.

        Raises
        ------
        ValueError
            If the rule is unknown or lacks its generator, or the values are not finite.
        """
        if ties not in TIES:
            raise InputError(f"There is no tie rule {ties!r}; choose one of {', '.join(TIES)}.")
        values = self._finite_logits(observation)
        best = values >= values.max(-1, keepdims=True) - _TIE[self._dtype]
        if ties == "first":
            return np.asarray(best.argmax(-1))
        if ties == "last":
            return np.asarray(best.shape[-1] - 1 - best[:, ::-1].argmax(-1))
        if generator is None:
            raise InputError("Random ties need a generator; give one or choose 'first' or 'last'.")
        return np.asarray((best * (1.0 - generator.random(best.shape))).argmax(-1))

    def sample(self, observation: Tensor, generator: np.random.Generator) -> np.ndarray:
        """Draw components (batch,) from the probabilities."""
        values = self._finite_logits(observation)
        # The greatest of values plus independent Gumbel noise is distributed as their softmax.
        return np.asarray((values + generator.gumbel(size=values.shape)).argmax(-1))

    def evaluate(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Log probability of actions (batch,) and entropy of the policy in nats, each (batch,).

        Both are finite, with finite gradients, however far the values are apart.
        """
        log_probabilities = torch.log_softmax(self.logits(observation), -1)
        chosen = log_probabilities.gather(-1, action.long().reshape(-1, 1))[:, 0]
        return chosen, -(log_probabilities.exp() * log_probabilities).sum(-1)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.network.parameters()).dtype

    def _finite_logits(self, observation: Tensor) -> np.ndarray:
        with torch.no_grad():
            values = self.logits(observation).double().cpu().numpy()
        if not np.isfinite(values).all():
            raise InputError(
                "The policy's values are not finite; check observations and weights for NaN and "
                "infinity."
            )
        return np.asarray(values)
