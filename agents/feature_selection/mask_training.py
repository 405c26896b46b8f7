# SPDX-License-Identifier: MIT
"""Training of classifiers under masks, and of selectors against a fixed one of them.

References
----------
N. Jethani, M. Sudarshan, Y. Aphinyanaphongs, R. Ranganath, "Have we learned to explain? How
interpretability methods can learn to encode predictions in their interpretations", AISTATS 2021
(REAL-X: the selector learns against a classifier that saw random masks only).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.agent import LabelledImages
from ns3kan.agents.feature_selection.descent import DescentConfig, minimise
from ns3kan.agents.feature_selection.mask_classifier import MaskClassifier, random_masks
from ns3kan.agents.feature_selection.pixel_selector import PixelSelector

_BATCH = 4096


def train_on_random_masks(
    classifier: MaskClassifier, data: LabelledImages, config: DescentConfig
) -> None:
    """Train a classifier in place on a new random mask for each image in each step."""
    images, labels = data.images, data.labels

    def loss(indices: Tensor, _: float) -> Tensor:
        masks = random_masks(len(indices), images.shape[1])
        return nn.functional.cross_entropy(classifier(images[indices], masks), labels[indices])

    minimise(classifier, loss, len(images), config)


def train_on_masks(
    classifier: MaskClassifier, data: LabelledImages, masks: Tensor, config: DescentConfig
) -> None:
    """Train a classifier in place on one mask for each image, those of a selection (n, pixels).

    It may learn from the masks themselves: what it reaches is not a measure of the levels shown,
    unless the masks follow from these.
    """
    images, labels = data.images, data.labels

    def loss(indices: Tensor, _: float) -> Tensor:
        logits = classifier(images[indices], masks[indices])
        return nn.functional.cross_entropy(logits, labels[indices])

    minimise(classifier, loss, len(images), config)


def train_selector(
    selector: PixelSelector,
    classifier: MaskClassifier,
    data: LabelledImages,
    config: DescentConfig,
) -> None:
    """Train a selector in place to show what a classifier, which stays as it is, names rightly.

    The gradient reaches the selector through the mask (straight-through for ``top_k``). Since the
    classifier does not change, no code for the class can be agreed on; but the selector, which
    sees the whole image, may still show only what speaks for the class that it sees.
    """
    images, labels = data.images, data.labels

    def loss(indices: Tensor, _: float) -> Tensor:
        shown = images[indices]
        logits = classifier(shown, selector(shown).mask)
        return nn.functional.cross_entropy(logits, labels[indices])

    with frozen(classifier):
        minimise(selector, loss, len(images), config)


def logits_under(classifier: MaskClassifier, images: Tensor, masks: Tensor) -> Tensor:
    """Return logits (n, classes) of images (n, pixels) under masks, (n, pixels) or (pixels,)."""
    masks = masks.to(images.dtype).expand_as(images)
    with torch.no_grad():
        return torch.cat(
            [
                classifier(images[first : first + _BATCH], masks[first : first + _BATCH])
                for first in range(0, len(images), _BATCH)
            ]
        )


def cross_entropy_under(classifier: MaskClassifier, data: LabelledImages, masks: Tensor) -> float:
    """Return the mean cross-entropy [nats] of a classifier under masks, as `logits_under`."""
    logits = logits_under(classifier, data.images, masks)
    return float(nn.functional.cross_entropy(logits, data.labels))


def accuracy_under(classifier: MaskClassifier, data: LabelledImages, masks: Tensor) -> float:
    """Return the share of images that a classifier names rightly under masks."""
    named = logits_under(classifier, data.images, masks).argmax(-1)
    return float((named == data.labels).double().mean())


@contextlib.contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Keep a module's parameters from getting gradients, and from changing, for a while."""
    before = [parameter.requires_grad for parameter in module.parameters()]
    module.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, value in zip(module.parameters(), before, strict=True):
            parameter.requires_grad_(value)
