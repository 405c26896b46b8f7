# SPDX-License-Identifier: MIT
"""Training of a sequential selector: how much of a classifier's loss each next pixel would take.

References
----------
I. Covert, W. Qiu, M. Lu, N. Kim, N. White, S.-I. Lee, "Learning to maximize mutual information for
dynamic feature selection", ICML 2023 (the greedy policy); S. Gadgil, I. Covert, S.-I. Lee,
"Estimating conditional mutual information for dynamic feature selection", ICLR 2024 (its value by
regression).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.agent import LabelledImages
from ns3kan.agents.feature_selection.descent import DescentConfig, minimise
from ns3kan.agents.feature_selection.mask_classifier import MaskClassifier
from ns3kan.agents.feature_selection.mask_training import frozen
from ns3kan.agents.feature_selection.sequential_selector import SequentialSelector, add_pixel
from ns3kan.errors import InputError

# How fast the mean loss with so many pixels, which targets are divided by, follows the batches.
_RATE = 0.05
_SMALLEST_SCALE = 1e-3


def train_sequential(
    selector: SequentialSelector,
    classifier: MaskClassifier,
    data: LabelledImages,
    budget: int,
    config: DescentConfig,
    *,
    candidates: int = 16,
    exploration: float = 0.2,
) -> None:
    """Train a selector in place by regression, against a classifier that stays as it is.

    Each image of a batch is shown a random number of pixels, below the budget, by the selector as
    it stands, with some pixels chosen at random. For a few candidates among the others, the
    selector's value is fitted to the loss (cross-entropy) that the classifier loses when that
    pixel is added. This is Q-learning that looks one step ahead; unlike there, what several
    actions would bring is computed in the same state. The loss left is small when many pixels are
    shown, so the targets are divided by its mean over the states with as many: no choice changes.

    Parameters
    ----------
    selector
        Its first pixels are shown always.
    classifier
        Trained on random masks.
    data
        Images to learn from.
    budget
        Most pixels that the selector will choose; smaller budgets are learned with it.
    config
        Of the training.
    candidates
        Pixels in each state whose worth is computed.
    exploration
        Share of pixels chosen at random.

    Raises
    ------
    ValueError
        If the budget leaves nothing to choose or exceeds the pixels, or no candidate is asked for.
    """
    begin = len(selector.first)
    if not begin < budget <= selector.pixels:
        raise InputError(
            f"budget={budget} must be above the {begin} first pixels and at most {selector.pixels}."
        )
    if candidates < 1:
        raise InputError(f"candidates={candidates} must be at least 1.")
    images, labels = data.images, data.labels
    scale = torch.full((budget,), math.nan)

    def loss(indices: Tensor, _: float) -> Tensor:
        shown, classes = images[indices], labels[indices]
        sizes = torch.randint(begin, budget, (len(indices),))
        with torch.no_grad():
            masks = _explore(selector, shown, sizes, exploration)
            hidden = torch.rand_like(masks).masked_fill(masks > 0, -1.0)
            tried = hidden.topk(min(candidates, selector.pixels - budget + 1), dim=1).indices
            left = _losses(classifier, shown, masks, classes)
            after = torch.stack(
                [_losses(classifier, shown, add_pixel(masks, one), classes) for one in tried.T], 1
            )
            _follow(scale, left, sizes)
            target = (left[:, None] - after) / scale[sizes].clamp_min(_SMALLEST_SCALE)[:, None]
        return nn.functional.smooth_l1_loss(selector(shown, masks).gather(1, tried), target)

    with frozen(classifier):
        minimise(selector, loss, len(images), config)


def _explore(
    selector: SequentialSelector, images: Tensor, sizes: Tensor, exploration: float
) -> Tensor:
    """Show each image as many pixels as ``sizes`` says, chosen by the selector or at random."""
    masks = selector.begin(len(images))
    for step in range(len(selector.first), int(sizes.max())):
        going = torch.nonzero(sizes > step)[:, 0]
        before = masks[going]
        ratings = selector(images[going], before)
        at_random = torch.rand_like(ratings).masked_fill(before > 0, -1.0)
        explore = torch.rand(len(going), 1) < exploration
        chosen = torch.where(explore, at_random, ratings).argmax(-1)
        masks[going] = add_pixel(before, chosen)
    return masks


def _losses(classifier: MaskClassifier, images: Tensor, masks: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(classifier(images, masks), labels, reduction="none")


def _follow(scale: Tensor, losses: Tensor, sizes: Tensor) -> None:
    """Let the mean losses by size follow those of a batch, in place."""
    counts = torch.zeros_like(scale).index_add(0, sizes, torch.ones_like(losses))
    means = torch.zeros_like(scale).index_add(0, sizes, losses) / counts.clamp_min(1.0)
    moved = torch.where(scale.isnan(), means, scale + _RATE * (means - scale))
    scale.copy_(torch.where(counts > 0, moved, scale))
