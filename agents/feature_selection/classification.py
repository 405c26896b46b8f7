# SPDX-License-Identifier: MIT
"""How well classes are named: accuracy and macro averages of precision, recall and F1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.selection import FeatureSelector

_BATCH = 2048


@dataclass(frozen=True)
class Scores:
    """Accuracy, and unweighted means over the classes; a class never named has precision 0."""

    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float


def scores(labels: Tensor, predicted: Tensor) -> Scores:
    """Compare classes (n,) with predicted ones (n,)."""
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, _ = precision_recall_fscore_support(
        labels.numpy(), predicted.numpy(), average="macro", zero_division=0.0
    )
    accuracy = (labels == predicted).double().mean().item()
    return Scores(accuracy, float(precision), float(recall), float(f1))


def classify(
    network: nn.Module, selector: FeatureSelector | None, images: Tensor, *, sampled: bool
) -> Tensor:
    """Name the class of each image, (n, 64), with the mean mask or with a sampled one: (n,).

    Without dropout; the selector is left in the mode that it was in.
    """
    if selector is None:
        with torch.no_grad():
            return torch.cat([network(part).argmax(-1) for part in torch.split(images, _BATCH)])
    module = cast(nn.Module, selector)
    mode = module.training
    module.eval()
    try:
        with torch.no_grad():
            chosen = []
            for part in torch.split(images, _BATCH):
                features = selector(part).features if sampled else selector.mean_features(part)
                chosen.append(network(features).argmax(-1))
            return torch.cat(chosen)
    finally:
        module.train(mode)
