# SPDX-License-Identifier: MIT
"""A policy over components and a critic, with their encoding, in one checkpoint."""

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from ns3kan.agents.components.encodings import Encoding
from ns3kan.agents.components.policy import ComponentActor, ComponentArchitecture
from ns3kan.agents.networks.mlp import Mlp
from ns3kan.agents.training.checkpoint import CheckpointedModule, with_tuples


class ComponentCritic(nn.Module):
    """The value of a state of any number of components, whatever their order.

    value = value_shift + value_scale * head(mean over k of body(z_k)), z_k being the scaled
    features of component k, two perceptrons (deep sets, Zaheer et al. 2017, theorem 2).
    """

    value_shift: Tensor
    value_scale: Tensor
    body: Mlp

    def __init__(self, architecture: ComponentArchitecture) -> None:
        super().__init__()
        self.encoding = architecture.encoding
        self.register_buffer("value_shift", torch.zeros(()))
        self.register_buffer("value_scale", torch.ones(()))
        self._build(architecture)

    def _build(self, architecture: ComponentArchitecture) -> None:
        each, together = architecture.critic_hidden
        self.body = Mlp((2 * len(architecture.encoding.terms), each, each))
        self.head = Mlp((each, together, 1))
        self.own = nn.Linear(each, 1)

    def forward(self, observation: Tensor) -> Tensor:
        """Values (batch,) of observations (batch, K, features), in units of the return."""
        return self.value_shift + self.value_scale * self.standard_value(observation)

    def prepare(self, observation: Tensor) -> Tensor:
        """Return what does not depend on weights: scaled terms (batch, K, terms)."""
        if observation.dim() == 2:
            observation = observation.reshape(len(observation), -1, len(self.encoding.features))
        values = self.encoding.values(observation.to(self.value_shift.dtype))
        z = self.encoding.scale(values)
        plain = values / values.new_tensor([term.high for term in self.encoding.terms])
        return torch.cat((2.0 * z - 1.0, plain), -1).clamp(-10.0, 10.0)

    def evaluate(self, prepared: Tensor) -> Tensor:
        """Values (batch,) before shift and scale of what `prepare` returned."""
        features = self.body(prepared)
        value: Tensor = self.head(features.mean(1)) + self.own(features).sum(1)
        return value[:, 0]

    def standard_value(self, observation: Tensor) -> Tensor:
        """Values (batch,) before shift and scale: what a value loss is taken on."""
        return self.evaluate(self.prepare(observation))


class FlatCritic(ComponentCritic):
    """The value of a state of a fixed number of components: one perceptron over all features."""

    def _build(self, architecture: ComponentArchitecture) -> None:
        assert architecture.components is not None
        inputs = architecture.components * 2 * len(architecture.encoding.terms)
        self.body = Mlp((inputs, *architecture.critic_hidden, 1))

    def prepare(self, observation: Tensor) -> Tensor:
        """Return what does not depend on weights: all scaled terms (batch, inputs)."""
        return super().prepare(observation).flatten(1)

    def evaluate(self, prepared: Tensor) -> Tensor:
        """Values (batch,) before shift and scale of what `prepare` returned."""
        value: Tensor = self.body(prepared)
        return value[:, 0]


class ComponentActorCritic(CheckpointedModule[ComponentArchitecture]):
    """A `ComponentActor` and a `ComponentCritic`.

    Parameters
    ----------
    architecture
        Network, encoding and widths.
    start_spread
        See `ComponentActor`.

    Examples
    --------
    >>> from ns3kan.agents.components.encodings import single_hop_encoding
    >>> policy = ComponentActorCritic(ComponentArchitecture(single_hop_encoding()))
    >>> observation = torch.tensor([[[9.0, 1.0], [0.0, 0.0], [2.0, 1.0]]])
    >>> policy.actor.decide(observation, ties="first")
    array([0])
    """

    kind = "component-actor-critic"

    def __init__(self, architecture: ComponentArchitecture, start_spread: float = 3.0) -> None:
        super().__init__(architecture)
        self.actor = ComponentActor(architecture, start_spread)
        flat = architecture.critic == "flat"
        self.critic = FlatCritic(architecture) if flat else ComponentCritic(architecture)

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Make one without weights of what ``description()`` says."""
        fields = with_tuples(description["architecture"])
        return cls(
            ComponentArchitecture(**fields | {"encoding": Encoding.from_dict(fields["encoding"])})
        )
