# SPDX-License-Identifier: MIT
"""Policies that choose one of K components, and a critic, with their encodings, in one checkpoint.

The networks behind them are the switch-type ones, which take any K, or for comparison a plain KAN
or perceptron over the whole state, which take the K that they were made for.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ns3kan.agents.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from ns3kan.agents.networks.encodings import Encoding
from ns3kan.agents.networks.kan import Kan
from ns3kan.agents.networks.mlp import Mlp
from ns3kan.agents.networks.switch_type import SwitchTypeNetwork
from ns3kan.agents.networks.switch_type_kan import SwitchTypeKan

NETWORKS = ("stn", "switch-type-kan", "kan", "mlp")
TIES = ("random", "first", "last")
# Values of f this close are equal: more than equal states differ by rounding, less than matters.
_TIE = {torch.float32: 1e-5, torch.float64: 1e-10}


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
        widths = (components * len(encoding.terms), *hidden, components)
        self.body: Kan | Mlp = Kan(widths, grid) if kind == "kan" else Mlp(widths, last_gain=0.01)

    def forward(self, observation: Tensor) -> Tensor:
        """Logits (batch, components) of observations (batch, components, features)."""
        dtype = next(self.body.parameters()).dtype
        values = self.encoding.values(observation.to(dtype))
        result: Tensor = self.body(2.0 * self.encoding.scale(values).flatten(1) - 1.0)
        return result


@dataclass(frozen=True)
class ComponentArchitecture:
    """What determines the shapes of a `ComponentActorCritic`.

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
        Width of the critic's description of a component, and of the layer over all of them.

    Raises
    ------
    ValueError
        If the network is unknown or K does not suit it.
    """

    encoding: Encoding
    network: str = "switch-type-kan"
    components: int | None = None
    hidden: tuple[int, ...] = ()
    grid: int = 8
    ceiling: float = 1.0
    critic_hidden: tuple[int, int] = (64, 64)

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise ValueError(
                f"There is no network {self.network!r}; choose one of {', '.join(NETWORKS)}."
            )
        flat = self.network in ("kan", "mlp")
        if flat and (self.components is None or self.components < 1):
            raise ValueError(
                f"A {self.network} over the whole state needs the number of components, at least "
                f"1; got {self.components}."
            )
        if not flat and self.components is not None:
            raise ValueError(f"A {self.network} serves any K; leave components None.")
        if self.network == "stn" and not self.hidden:
            raise ValueError("An stn needs hidden layers, such as (32, 32, 32, 32); give hidden.")
        if self.network == "switch-type-kan" and self.hidden:
            raise ValueError("A switch-type KAN is one sum of splines; leave hidden empty.")
        if len(self.critic_hidden) != 2 or min(self.critic_hidden) < 1:
            raise ValueError(f"critic_hidden is {self.critic_hidden}; give two positive widths.")

    def build(self, start_spread: float = 3.0) -> nn.Module:
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
            raise ValueError(
                f"Observations have shape {tuple(observation.shape)}; this policy needs (batch, K, "
                f"{features}), the features being {list(self.encoding.names)}."
            )
        if self.components not in (None, observation.shape[1]):
            raise ValueError(
                f"This policy was made for {self.components} components, but the observation has "
                f"{observation.shape[1]}; train one for that number or use a switch-type network."
            )
        return observation

    def logits(self, observation: Tensor) -> Tensor:
        """Values (batch, K) whose softmax is the policy."""
        result: Tensor = self.network(self.arrange(observation))
        return result

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
            raise ValueError(f"There is no tie rule {ties!r}; choose one of {', '.join(TIES)}.")
        values = self._finite_logits(observation)
        best = values >= values.max(-1, keepdims=True) - _TIE[self._dtype]
        if ties == "first":
            return np.asarray(best.argmax(-1))
        if ties == "last":
            return np.asarray(best.shape[-1] - 1 - best[:, ::-1].argmax(-1))
        if generator is None:
            raise ValueError("Random ties need a generator; give one or choose 'first' or 'last'.")
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
            raise ValueError(
                "The policy's values are not finite; check observations and weights for NaN and "
                "infinity."
            )
        return np.asarray(values)


class ComponentCritic(nn.Module):
    """The value of a state of any number of components, whatever their order.

    value = value_shift + value_scale * head(mean over k of body(z_k)), z_k being the scaled
    features of component k, two perceptrons (deep sets, Zaheer et al. 2017, theorem 2).
    """

    value_shift: Tensor
    value_scale: Tensor

    def __init__(self, architecture: ComponentArchitecture) -> None:
        super().__init__()
        self.encoding = architecture.encoding
        self.register_buffer("value_shift", torch.zeros(()))
        self.register_buffer("value_scale", torch.ones(()))
        each, together = architecture.critic_hidden
        self.body = Mlp((len(architecture.encoding.terms), each, each))
        self.head = Mlp((each, together, 1))

    def forward(self, observation: Tensor) -> Tensor:
        """Values (batch,) of observations (batch, K, features), in units of the return."""
        return self.value_shift + self.value_scale * self.standard_value(observation)

    def standard_value(self, observation: Tensor) -> Tensor:
        """Values (batch,) before shift and scale: what a value loss is taken on."""
        if observation.dim() == 2:
            observation = observation.reshape(len(observation), -1, len(self.encoding.features))
        z = self.encoding.scale(self.encoding.values(observation.to(self.value_shift.dtype)))
        value: Tensor = self.head(self.body((2.0 * z - 1.0).clamp(-10.0, 10.0)).mean(1))
        return value[:, 0]


class ComponentActorCritic(nn.Module):
    """A `ComponentActor` and a `ComponentCritic`.

    Parameters
    ----------
    architecture
        Network, encoding and widths.
    start_spread
        See `ComponentActor`.

    Attributes
    ----------
    provenance : dict
        How it was trained, JSON values only, kept in the checkpoint.

    Examples
    --------
    >>> from ns3kan.agents.networks.encodings import single_hop_encoding
    >>> policy = ComponentActorCritic(ComponentArchitecture(single_hop_encoding()))
    >>> observation = torch.tensor([[[9.0, 1.0], [0.0, 0.0], [2.0, 1.0]]])
    >>> policy.actor.decide(observation, ties="first")
    array([0])
    """

    def __init__(self, architecture: ComponentArchitecture, start_spread: float = 3.0) -> None:
        super().__init__()
        self.architecture = architecture
        self.provenance: dict[str, Any] = {}
        self.actor = ComponentActor(architecture, start_spread)
        self.critic = ComponentCritic(architecture)

    def save(self, path: Path | str) -> None:
        """Write weights, encoding and provenance to a safetensors file."""
        description = {
            "kind": "component-actor-critic",
            "architecture": dataclasses.asdict(self.architecture),
            "provenance": self.provenance,
        }
        save_checkpoint(path, self.state_dict(), description)

    @classmethod
    def load(cls, path: Path | str, expected: ComponentArchitecture | None = None) -> Self:
        """Read a checkpoint.

        Parameters
        ----------
        path
            A file written by `save`.
        expected
            The architecture that it must have, if the caller needs a certain one.

        Raises
        ------
        CheckpointError
            If the file is missing, damaged, or of another kind or architecture.
        """
        tensors, description = load_checkpoint(path)
        if description.get("kind") != "component-actor-critic":
            raise CheckpointError(
                f"The checkpoint {path} holds {description.get('kind')!r}, not a policy over "
                "components."
            )
        try:
            fields: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in description["architecture"].items()
            }
            fields["encoding"] = Encoding.from_dict(fields["encoding"])
            result = cls(ComponentArchitecture(**fields))
            result.to(next(iter(tensors.values())).dtype)
            result.load_state_dict(tensors)
            result.provenance = description["provenance"]
        except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"The weights in the checkpoint {path} do not fit the architecture that it names: "
                f"{' '.join(str(error).split())}"
            ) from error
        if expected is not None and result.architecture != expected:
            raise CheckpointError(
                f"The checkpoint {path} is of {result.architecture}, but {expected} is expected."
            )
        return result
