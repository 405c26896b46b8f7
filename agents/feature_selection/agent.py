# SPDX-License-Identifier: MIT
"""A Q-network with the selector of its features: evaluation and checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.classification import Scores, classify, scores
from ns3kan.agents.feature_selection.selection import FeatureSelector
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.training.checkpoint import (
    CheckpointError,
    fitting,
    load_checkpoint,
    save_checkpoint,
)
from ns3kan.errors import InputError


@dataclass(frozen=True)
class LabelledImages:
    """Images to evaluate on.

    Attributes
    ----------
    images
        Normalised, shape (n, 64), float32.
    labels
        Their classes, shape (n,).
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.ndim != 2 or self.labels.shape != self.images.shape[:1]:
            raise InputError(
                f"Images of shape {tuple(self.images.shape)} and labels of shape "
                f"{tuple(self.labels.shape)} do not belong together; give (n, 64) and (n,)."
            )


@dataclass
class FeatureSelectionAgent:
    """A Q-network and the selector of its features.

    Attributes
    ----------
    network
        Values of the classes.
    selector
        What selects features, a ``torch.nn.Module`` too; None gives the network all pixels.
    provenance
        How it was trained, JSON values only.
    """

    network: QNetwork
    selector: FeatureSelector | None
    provenance: dict[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "feature-selection-agent"

    def evaluate(self, data: LabelledImages, *, sampled: bool = False, seed: int = 0) -> Scores:
        """Name the classes of images with the mean mask, or with masks sampled with ``seed``."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            predicted = classify(self.network, self.selector, data.images, sampled=sampled)
        return scores(data.labels, predicted)

    def save(self, path: Path | str) -> None:
        """Write the weights of both to a checkpoint that `load` reads."""
        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        if self.selector is not None:
            state = as_module(self.selector).state_dict()
            tensors |= {f"selector.{key}": value for key, value in state.items()}
        save_checkpoint(
            path,
            tensors,
            {
                "kind": self.kind,
                **self.network.description(),
                "selector": None if self.selector is None else type(self.selector).__name__,
                "provenance": self.provenance,
            },
        )

    @classmethod
    def load(cls, path: Path | str, selector: FeatureSelector | None = None) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        path
            The checkpoint.
        selector
            Made with the same arguments as the one that was saved; gets its weights.

        Raises
        ------
        CheckpointError
            If the checkpoint is missing, damaged, or of another network or selector.
        """
        tensors, description = load_checkpoint(path, cls.kind)
        given = None if selector is None else type(selector).__name__
        if given != description.get("selector"):
            raise CheckpointError(
                f"The checkpoint {path} was trained with the selector "
                f"{description.get('selector')}, but is loaded with {given}; give one of its kind."
            )

        def part(name: str) -> dict[str, Tensor]:
            return {
                key.removeprefix(name): value
                for key, value in tensors.items()
                if key.startswith(name)
            }

        with fitting(path):
            network = QNetwork.from_description(description)
            network.load_state_dict(part("network."))
            if selector is not None:
                as_module(selector).load_state_dict(part("selector."))
        return cls(network, selector, description["provenance"])


def as_module(selector: object) -> nn.Module:
    """Return the selector as the ``torch.nn.Module`` that it has to be.

    Raises
    ------
    TypeError
        If it is none.
    """
    if not isinstance(selector, nn.Module):
        raise TypeError(
            f"The selector is a {type(selector).__name__}; it must be a torch.nn.Module, so that "
            "it can be trained."
        )
    return selector
