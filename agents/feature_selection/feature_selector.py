# SPDX-License-Identifier: MIT
"""FSNet, the feature selector of the paper (Algorithm 1)."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.convolution_block import ConvolutionBlock
from ns3kan.agents.feature_selection.masks import (
    MaskDistribution,
    check_distribution,
    mean_mask,
    sample_mask,
)
from ns3kan.agents.feature_selection.selection import (
    NUM_FEATURES,
    SelectorOutput,
    chosen_arguments,
)
from ns3kan.errors import InputError

_SIDE = 8
_MOST_LAYERS = 3


class FSNet(nn.Module):
    """Convolutions make a map of 64 features; a perceptron of them says which are relevant.

    Each block is a 3 × 3 convolution, ReLU, and the maximum of 2 × 2 pixels, and each doubles the
    number of filters first. Two layers lead from the flattened map to the logits; q̂ is their
    sigmoid (equation 6), a mask is drawn with q̂ as its parameter, and the selected features are
    the map times the mask. A feature j is therefore an entry of the map, not pixel j, although
    the feedback cost compares q̂_j with the feedback at pixel j; `PixelSelector` does not have
    this flaw.

    Parameters
    ----------
    conv_layers
        Blocks, 1 to 3.
    filters
        Filters before the doublings; ``2 ** conv_layers``, the only number that gives 64
        features, by default.
    distribution
        Of the mask; see `ns3kan.agents.feature_selection.masks`.
    hidden
        Width of the hidden layer, 128 in the paper.
    dropout
        Share of hidden units dropped in training, 0.25 in the paper.
    relu_logits
        A ReLU before the sigmoid, as Algorithm 1 has it and equation 6 has not. With it no
        relevance is below one half, and those at one half get no gradient.
    temperature
        τ in the first epoch, 1 in the paper; of ``gumbel_softmax`` only.
    temperature_decay
        Factor of τ per epoch; the paper names none.
    min_temperature
        τ does not fall below; it is ours, for the softmax to stay finite.

    Raises
    ------
    ValueError
        If an argument is out of range; for a wrong number of filters the message gives the right
        one.

    References
    ----------
    Jahin, Mridha, Dey, Section III-A and Algorithm 1.
    """

    def __init__(
        self,
        conv_layers: int = 1,
        filters: int | None = None,
        distribution: MaskDistribution = "beta",
        *,
        hidden: int = 128,
        dropout: float = 0.25,
        relu_logits: bool = False,
        temperature: float = 1.0,
        temperature_decay: float = 0.99,
        min_temperature: float = 0.1,
    ) -> None:
        super().__init__()
        if not 1 <= conv_layers <= _MOST_LAYERS:
            raise InputError(
                f"conv_layers={conv_layers} must be 1, 2 or 3: each halves the 8 × 8 image."
            )
        needed = 2**conv_layers
        if filters is None:
            filters = needed
        if filters != needed:
            side = _SIDE >> conv_layers
            raise InputError(
                f"filters={filters} with conv_layers={conv_layers} gives "
                f"{max(filters, 0) * needed * side * side} features instead of {NUM_FEATURES}; "
                f"use filters={needed}."
            )
        check_distribution(distribution)
        if hidden < 1:
            raise InputError(f"hidden={hidden} must be at least 1.")
        if not 0 <= dropout <= MOST_DROPOUT:
            raise InputError(
                f"dropout={dropout} must lie between 0 and {MOST_DROPOUT:.4f}, or nothing is left."
            )
        if not (0 < min_temperature <= temperature < math.inf and 0 < temperature_decay <= 1):
            raise InputError(
                f"temperature={temperature}, min_temperature={min_temperature} and "
                f"temperature_decay={temperature_decay} must be positive, the second at most the "
                "first, and the third at most 1."
            )
        self.arguments = chosen_arguments(type(self), locals())
        self.distribution: MaskDistribution = distribution
        self.dropout = dropout
        self.relu_logits = relu_logits
        self.first_temperature = temperature
        self.temperature_decay = temperature_decay
        self.min_temperature = min_temperature
        self.temperature = temperature
        channels = [1] + [filters << (layer + 1) for layer in range(conv_layers)]
        self.convolutions = nn.Sequential(
            *(
                ConvolutionBlock(inputs, outputs, _SIDE >> layer)
                for layer, (inputs, outputs) in enumerate(itertools.pairwise(channels))
            )
        )
        self.fc1 = nn.Linear(NUM_FEATURES, hidden)
        self.fc2 = nn.Linear(hidden, NUM_FEATURES)

    def forward(self, images: Tensor) -> SelectorOutput:
        """Draw a mask for each image and apply it to the image's feature map.

        Parameters
        ----------
        images
            Normalised, shape (batch, 64).
        """
        features = self.feature_map(images)
        relevance = self._relevance(features, self.dropout if self.training else 0.0)
        mask, log_prob = sample_mask(self.distribution, relevance, self.temperature)
        return SelectorOutput(features * mask, relevance, mask, log_prob)

    def mean_features(self, images: Tensor) -> Tensor:
        """Apply the mean of the mask, without dropout: the same for the same image.

        Parameters
        ----------
        images
            Normalised, shape (batch, 64).
        """
        features = self.feature_map(images)
        return features * mean_mask(self.distribution, self._relevance(features, 0.0))

    def feature_map(self, images: Tensor) -> Tensor:
        """Compute the flattened map of the convolutions, shape (batch, 64)."""
        features: Tensor = self.convolutions(images)
        return features

    def anneal(self, epoch: int) -> None:
        """Set τ = τ₀ · decay^epoch, not below its minimum.

        Algorithm 1 multiplies τ by decay^epoch at each pass; taken literally, it would vanish
        within an epoch. This is the schedule that it seems to mean.
        """
        self.temperature = max(
            self.first_temperature * self.temperature_decay**epoch, self.min_temperature
        )

    def _relevance(self, features: Tensor, share: float) -> Tensor:
        hidden = self.fc1(features).relu_()
        if share:
            hidden = dropout(hidden, share)
        logits: Tensor = self.fc2(hidden)
        if self.relu_logits:
            logits = logits.relu_()
        return logits.sigmoid()


MOST_DROPOUT = 255 / 256
"""Largest share that `dropout` can set to 0."""


def dropout(x: Tensor, share: float) -> Tensor:
    """Set a share of the entries to 0 and scale up the others; the mean stays.

    An eighth of a random word decides on an entry, so that the share is rounded to 1/256. Drawing
    takes most of the time of torch's dropout at this size.
    """
    words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
    bytes_ = words.view(torch.uint8)[: x.numel()].view_as(x)
    dropped = round(256 * share)
    return x * (bytes_ >= dropped).to(x.dtype).mul_(256 / (256 - dropped))
