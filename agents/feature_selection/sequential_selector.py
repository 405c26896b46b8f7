# SPDX-License-Identifier: MIT
"""Selection that cannot leak: each pixel is chosen by what the pixels chosen before it show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.selection import NUM_FEATURES
from ns3kan.agents.networks.q_network import QArchitecture, QNetwork
from ns3kan.agents.training.settings import NetworkKind
from ns3kan.errors import InputError


class SequentialSelector(nn.Module):
    """Looks at one pixel after another, each chosen by the levels seen so far.

    The first ones are the same for all images. A mask that comes out of it is a function of the
    levels that it shows, so that whoever sees these learns nothing more from the mask.

    Parameters
    ----------
    first
        Pixels that every image begins with, in this order; may be none.
    network
        What rates the next pixel, "mlp" or "kan".
    hidden
        Widths of its hidden layers; by default two of 128 for a perceptron and one of 16 for a
        KAN.
    pixels
        Pixels of an image.

    Raises
    ------
    ValueError
        If ``first`` names a pixel twice or one that is not there, or the network is unknown.
    """

    first: Tensor

    def __init__(
        self,
        first: Sequence[int] = (),
        *,
        network: NetworkKind = "mlp",
        hidden: tuple[int, ...] | None = None,
        pixels: int = NUM_FEATURES,
    ) -> None:
        super().__init__()
        if len(set(first)) != len(first) or not set(first) <= set(range(pixels)):
            raise InputError(
                f"first={list(first)} must name different pixels from 0 to {pixels - 1}."
            )
        if hidden is None:
            hidden = (16,) if network == "kan" else (128, 128)
        self.pixels = pixels
        self.register_buffer("first", torch.tensor(list(first), dtype=torch.int64))
        self.values = QNetwork(QArchitecture(2 * pixels, pixels, network, hidden, scaled=False))

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        """Rate pixels as the next one, (batch, pixels); those shown already are at -inf.

        Parameters
        ----------
        images
            Shape (batch, pixels); only the pixels of the mask are used.
        mask
            1 where a pixel is shown, 0 elsewhere, shape (batch, pixels).
        """
        # Not a product: a hidden pixel may be anything, even NaN.
        shown = torch.where(mask > 0, images, 0.0)
        ratings: Tensor = self.values(torch.cat((shown, mask), dim=-1))
        return ratings.masked_fill(mask > 0, -math.inf)

    def begin(self, count: int) -> Tensor:
        """Return the masks that images begin with, (count, pixels): the first pixels."""
        masks = torch.zeros(count, self.pixels)
        masks[:, self.first] = 1.0
        return masks

    def select(self, images: Tensor, budget: int) -> Tensor:
        """Choose pixels for each image, the best-rated one at a time: masks (batch, pixels).

        Parameters
        ----------
        images
            Shape (batch, pixels).
        budget
            Pixels to choose, the first ones included.

        Raises
        ------
        ValueError
            If the budget is below 1 or above the number of pixels.
        """
        if not 1 <= budget <= self.pixels:
            raise InputError(f"budget={budget} must be from 1 to {self.pixels} pixels.")
        masks = torch.zeros(len(images), self.pixels)
        masks[:, self.first[:budget]] = 1.0
        with torch.no_grad():
            for _ in range(budget - len(self.first)):
                masks = add_pixel(masks, self(images, masks).argmax(-1))
        return masks


def add_pixel(masks: Tensor, chosen: Tensor) -> Tensor:
    """Return masks (batch, pixels) with one more pixel each, ``chosen`` (batch,)."""
    return masks.scatter(1, chosen[:, None], 1.0)
