# SPDX-License-Identifier: MIT
"""Networks that estimate the value of every action: a KAN or a perceptron."""

import itertools
from collections.abc import Mapping
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from ns3kan.agents.networks.kan.grid import update_grids
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.networks.kan.penalty import KanPenalty, penalised
from ns3kan.agents.training.checkpoint import CheckpointedModule, with_tuples
from ns3kan.agents.training.names import Names, numbered_names
from ns3kan.agents.training.settings import Count, Flag, NetworkKind, Widths, settings
from ns3kan.errors import InputError

Outside = Literal["fade", "linear"]
_DEFAULT_HIDDEN: dict[str, tuple[int, ...]] = {"kan": (8,), "mlp": (32,)}


@settings(frozen=True)
class QArchitecture:
    """Sizes of a `QNetwork`.

    Raises
    ------
    ValueError
        If a size is not positive or ``kind`` is unknown.
    """

    inputs: Count
    """Numbers in an observation, flattened."""
    actions: Count
    """Actions to choose from."""
    kind: NetworkKind = "kan"
    """ "kan" or "mlp", a perceptron with ReLU."""
    hidden: Widths | None = None
    """Widths of the hidden layers; None is the paper's one layer, of 8 (KAN) or 32 (perceptron)."""
    grid: Count = 3
    """Grid intervals of a KAN's splines."""
    order: Count = 3
    """Degree of a KAN's splines."""
    scaled: Flag = True
    """Whether observations are shifted and scaled first; not needed if they are normalised."""
    outside: Outside = "linear"
    """How a KAN's splines go on beyond their grid; see `KanLayer`."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of all layers from inputs to actions."""
        hidden = _DEFAULT_HIDDEN[self.kind] if self.hidden is None else tuple(self.hidden)
        return (self.inputs, *hidden, self.actions)


class QNetwork(CheckpointedModule[QArchitecture]):
    """Values of all actions, (batch, actions), of observations (batch, inputs).

    Parameters
    ----------
    architecture
        Kind and sizes.
    names
        Of observations' numbers and of actions; None calls them ``observation_0``, ``action_0`` …

    Attributes
    ----------
    shift, scale : Tensor, shape (inputs,)
        Observations enter the body as ``(observation - shift) / scale``.
    value_shift, value_scale : Tensor, scalar
        A value is ``value_shift + value_scale`` times what the body says.
    body
        `Kan`, or an ``nn.Sequential`` of linear layers with ReLU between them.
    """

    shift: Tensor
    scale: Tensor
    value_shift: Tensor
    value_scale: Tensor

    kind = "q-network"

    def __init__(self, architecture: QArchitecture, names: Names | None = None) -> None:
        super().__init__(architecture)
        names = names or numbered_names(architecture.inputs, architecture.actions)
        self.feature_names, self.feature_units = names.features, names.units
        self.action_names = names.actions
        widths = architecture.widths
        self.register_buffer("shift", torch.zeros(architecture.inputs))
        self.register_buffer("scale", torch.ones(architecture.inputs))
        self.register_buffer("value_shift", torch.zeros(()))
        self.register_buffer("value_scale", torch.ones(()))
        self.body: nn.Sequential
        if architecture.kind == "kan":
            self.body = Kan(
                widths, architecture.grid, architecture.order, outside=architecture.outside
            )
        else:
            modules: list[nn.Module] = []
            for inputs, outputs in itertools.pairwise(widths):
                modules += [nn.Linear(inputs, outputs), nn.ReLU()]
            self.body = nn.Sequential(*modules[:-1])

    def forward(self, observation: Tensor) -> Tensor:
        """Return values (batch, actions) of observations (batch, inputs)."""
        return self._values(self.body(self.normalise(observation)))

    def choose(self, observation: Tensor) -> Tensor:
        """Return the best action (batch,) for observations (batch, inputs)."""
        with torch.no_grad():
            return self.forward(observation).argmax(-1)

    def normalise(self, observation: Tensor) -> Tensor:
        """Return what the body sees of observations (batch, inputs)."""
        if not self.architecture.scaled:
            return observation
        return (observation - self.shift) / self.scale

    def penalised(self, observation: Tensor, weights: KanPenalty) -> tuple[Tensor, Tensor]:
        """Return values (batch, actions) and the penalty of the KAN's edges, a scalar.

        Raises
        ------
        ValueError
            If the body is not a KAN.
        """
        outputs, penalty = penalised(self._kan(), self.normalise(observation), weights)
        return self._values(outputs), penalty

    def update_grids(self, observation: Tensor) -> float:
        """Fit a KAN's grids to observations (samples, inputs).

        Returns the largest change of a value at a sample.

        Raises
        ------
        ValueError
            If the body is not a KAN.
        """
        return update_grids(self._kan(), self.normalise(observation))

    def description(self) -> dict[str, Any]:
        """Return architecture, names and units."""
        return super().description() | {
            "feature_names": self.feature_names,
            "feature_units": self.feature_units,
            "action_names": self.action_names,
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Make one without weights of what ``description()`` says."""
        entries = ("feature_names", "feature_units", "action_names")
        names = Names(*(tuple(description[entry]) for entry in entries))
        return cls(QArchitecture(**with_tuples(description["architecture"])), names)

    def _values(self, outputs: Tensor) -> Tensor:
        return torch.addcmul(self.value_shift, outputs, self.value_scale)

    def _kan(self) -> Kan:
        if not isinstance(self.body, Kan):
            raise InputError("Only a KAN has edges and grids; the Q-network is a perceptron.")
        return self.body
