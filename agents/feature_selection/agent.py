# SPDX-License-Identifier: MIT
"""A Q-network with the selector of its features: evaluation and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.classification import Scores, classify, scores
from ns3kan.agents.feature_selection.feature_selector import FSNet
from ns3kan.agents.feature_selection.pixel_selector import PixelSelector
from ns3kan.agents.feature_selection.selection import FeatureSelector
from ns3kan.agents.networks.q_network import QArchitecture, QNetwork
from ns3kan.agents.training.checkpoint import CheckpointedModule
from ns3kan.errors import InputError

_SELECTORS: dict[str, Callable[..., FeatureSelector]] = {
    "FSNet": FSNet,
    "PixelSelector": PixelSelector,
}


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


class FeatureSelectionAgent(CheckpointedModule[QArchitecture]):
    """A Q-network and the selector of its features.

    Attributes
    ----------
    network
        Values of the classes.
    selector
        What selects features, a ``torch.nn.Module`` too; None gives the network all pixels.
    """

    kind = "feature-selection-agent"

    def __init__(self, network: QNetwork, selector: FeatureSelector | None) -> None:
        super().__init__(network.architecture)
        self.network = network
        self.selector: FeatureSelector | None = selector and as_module(selector)

    def evaluate(self, data: LabelledImages, *, sampled: bool = False, seed: int = 0) -> Scores:
        """Name the classes of images with the mean mask, or with masks sampled with ``seed``."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            predicted = classify(self.network, self.selector, data.images, sampled=sampled)
        return scores(data.labels, predicted)

    def description(self) -> dict[str, Any]:
        """Return what the Q-network is, and how the selector is made."""
        selector = self.selector
        made = selector and {"class": type(selector).__name__, "arguments": selector.arguments}
        return {**self.network.description(), "selector": made}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Make both networks, without the weights that were learned."""
        selector = None
        if (made := description["selector"]) is not None:
            selector = _SELECTORS[made["class"]](**made["arguments"])
        return cls(QNetwork.from_description(description), selector)


def as_module(selector: FeatureSelector) -> Any:
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
