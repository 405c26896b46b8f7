# SPDX-License-Identifier: MIT
"""A classifier for images of which only some pixels are shown, and random masks to train it on."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.selection import NUM_FEATURES
from ns3kan.errors import InputError


class MaskClassifier(nn.Module):
    """A perceptron that names the class from the pixels shown, whichever these are.

    It is given the pixels times the mask, and the mask, so that a hidden pixel differs from one
    whose level is 0. Trained on random masks, it learns what the levels of any set of pixels say
    about the class, and cannot learn a code that a selector writes into the choice of pixels.

    Parameters
    ----------
    pixels
        Pixels of an image.
    classes
        Classes to tell apart.
    hidden
        Widths of the hidden layers.

    Raises
    ------
    ValueError
        If a size is not positive.

    References
    ----------
    N. Jethani, M. Sudarshan, Y. Aphinyanaphongs, R. Ranganath, "Have we learned to explain? How
    interpretability methods can learn to encode predictions in their interpretations", AISTATS
    2021 (EVAL-X).
    """

    def __init__(
        self, pixels: int = NUM_FEATURES, classes: int = 10, hidden: tuple[int, ...] = (256, 256)
    ) -> None:
        super().__init__()
        widths = (2 * pixels, *hidden, classes)
        if min(widths) < 1:
            raise InputError(f"The classifier's widths are {widths}; they must be positive.")
        modules: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            modules += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.body = nn.Sequential(*modules[:-1])

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return logits (batch, classes) of images (batch, pixels) under masks of their shape."""
        logits: Tensor = self.body(torch.cat((images * mask, mask), dim=-1))
        return logits


def random_masks(count: int, pixels: int = NUM_FEATURES, *, sizes_power: float = 1.5) -> Tensor:
    """Draw masks of random size, each of its size equally likely: (count, pixels), 0 or 1.

    The size is that of ``(pixels + 1) u ** sizes_power``, rounded down, with u uniform: every
    size from 0 to all pixels occurs, small ones more often the higher the power. Draws come from
    PyTorch's global generator.
    """
    share = torch.rand(count, 1) ** sizes_power
    sizes = (share * (pixels + 1)).long().clamp_(max=pixels)
    scores = torch.rand(count, pixels)
    # The size-th smallest score of each row: those below it are shown.
    ends = torch.cat((scores.sort(dim=1).values, torch.full((count, 1), 2.0)), dim=1)
    return (scores < ends.gather(1, sizes)).float()
