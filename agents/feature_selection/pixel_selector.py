# SPDX-License-Identifier: MIT
"""Selection that selects: each image's own pixels, within a budget."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.budget import to_budget, top_pixels
from ns3kan.agents.feature_selection.selection import (
    NUM_FEATURES,
    SelectorOutput,
    chosen_arguments,
)
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.errors import InputError

PixelMask = Literal["top_k", "hard_concrete", "beta"]

_TEMPERATURES: dict[PixelMask, float] = {"top_k": 2 / 3, "hard_concrete": 0.1, "beta": 1.0}
_HIDDEN = {"mlp": 128, "kan": 16}
# Ends to which hard-concrete stretches the unit interval before it is cut (Louizos et al.).
_LOW, _HIGH = -0.1, 1.1
# Keeps the parameters of a Beta distribution from 0.
_MARGIN = 1e-4


class PixelSelector(nn.Module):
    """A network sees the whole image and says which pixels the next network shall see.

    Two things set it apart from FSNet, whose Beta mask has the mean ½ whatever the relevance:
    pixel j itself is masked by entry j, so that feedback at pixel j speaks of pixel j; and the
    mean of the mask follows the relevance. With a budget of k pixels a shift of the logits, the
    same for all pixels of an image, makes the relevances add up to k.

    ``top_k``
        exactly k pixels are kept, those with the largest logits, in training with logistic noise
        times τ; the gradient is that of σ((logit − threshold) / τ) (straight-through). Needs a
        budget.
    ``hard_concrete``
        1 or 0 with positive probability and values between them otherwise; q̂ is the probability
        of anything but 0 (Louizos, Welling, Kingma 2018).
    ``beta``
        Beta(κ q̂, κ (1 − q̂)), with mean q̂; the smaller κ, the closer it comes to 0 or 1.

    All three are reparameterised. For evaluation, ``mean_features`` keeps at most k pixels in each
    of the three: those of the largest relevance.

    A caution: the selector sees all pixels, and which of them it shows can itself tell the class.
    Where the next network is trained together with it, both agree on a code: the mask alone then
    tells the class, and the levels are not needed. `train_selector` trains a selector against a
    fixed classifier, which no code reaches; `SequentialSelector` shows nothing but what follows
    from the pixels shown before.

    Parameters
    ----------
    mask
        Kind of mask.
    budget
        Pixels to keep, 1 to 64; None for as many as training finds useful.
    network
        "mlp", a perceptron with ReLU, or "kan".
    hidden
        Width of the hidden layer; by default 128 for a perceptron and 16 for a KAN.
    temperature
        τ of ``top_k`` and of ``hard_concrete`` in the first epoch; by default 2/3 and 0.1. A
        higher one lets hard-concrete settle on its pixels too early.
    temperature_decay, min_temperature
        Factor of τ per epoch, and what it does not fall below.
    concentration
        κ of ``beta``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    C. Louizos, M. Welling, D. P. Kingma, "Learning sparse neural networks through L0
    regularization", ICLR 2018, equations 10 to 12.
    """

    def __init__(
        self,
        mask: PixelMask = "top_k",
        budget: int | None = None,
        *,
        network: str = "mlp",
        hidden: int | None = None,
        temperature: float | None = None,
        temperature_decay: float = 1.0,
        min_temperature: float = 0.05,
        concentration: float = 2.0,
    ) -> None:
        super().__init__()
        if mask not in get_args(PixelMask):
            raise InputError(
                f"There is no pixel mask {mask!r}; choose {', '.join(get_args(PixelMask))}."
            )
        if budget is not None and not 1 <= budget <= NUM_FEATURES:
            raise InputError(f"budget={budget} must be from 1 to {NUM_FEATURES} pixels.")
        if mask == "top_k" and budget is None:
            raise InputError("mask='top_k' needs budget, the number of pixels to keep.")
        if temperature is None:
            temperature = _TEMPERATURES[mask]
        if network not in _HIDDEN:
            raise InputError(f"network={network!r} must be one of {', '.join(_HIDDEN)}.")
        if hidden is None:
            hidden = _HIDDEN[network]
        if hidden < 1:
            raise InputError(f"hidden={hidden} must be at least 1.")
        if not (0 < min_temperature <= temperature and 0 < temperature_decay <= 1):
            raise InputError(
                f"temperature={temperature}, min_temperature={min_temperature} and "
                f"temperature_decay={temperature_decay} must be positive, the second at most the "
                "first, and the third at most 1."
            )
        if not concentration > 0:
            raise InputError(f"concentration={concentration} must be positive.")
        self.arguments = chosen_arguments(type(self), locals())
        self.mask: PixelMask = mask
        self.budget = budget
        self.first_temperature = temperature
        self.temperature_decay = temperature_decay
        self.min_temperature = min_temperature
        self.temperature = temperature
        self.concentration = concentration
        self.network = network
        if network == "kan":
            self.kan = Kan((NUM_FEATURES, hidden, NUM_FEATURES), outside="linear")
        else:
            self.fc1 = nn.Linear(NUM_FEATURES, hidden)
            self.fc2 = nn.Linear(hidden, NUM_FEATURES)

    def forward(self, images: Tensor) -> SelectorOutput:
        """Draw a mask for each image and apply it to the pixels.

        Parameters
        ----------
        images
            Normalised, shape (batch, 64).
        """
        logits = self._within_budget(self._raw_logits(images))
        relevance = logits.sigmoid()
        mask = self._sample(logits, relevance)
        return SelectorOutput(images * mask, relevance, mask, None)

    def mean_features(self, images: Tensor) -> Tensor:
        """Apply the mean of the mask, 0 outside of the budget: the same for the same image.

        Parameters
        ----------
        images
            Normalised, shape (batch, 64).
        """
        return images * self.mean_mask(images)

    def mean_mask(self, images: Tensor) -> Tensor:
        """Compute the mask of ``mean_features``, shape (batch, 64)."""
        logits = self._raw_logits(images)
        if self.mask == "top_k":
            assert self.budget is not None
            return top_pixels(logits, self.budget).to(images.dtype)
        logits = self._within_budget(logits)
        if self.mask == "beta":
            mask = logits.sigmoid()
        else:
            # Not the mean itself, but what Louizos et al. put for it after training.
            mask = self._stretched((logits + self._odds_of_zero()).sigmoid())
        if self.budget is None:
            return mask
        return mask * top_pixels(logits, self.budget)

    def anneal(self, epoch: int) -> None:
        """Set τ = τ₀ · decay^epoch, not below its minimum."""
        self.temperature = max(
            self.first_temperature * self.temperature_decay**epoch, self.min_temperature
        )

    def _raw_logits(self, images: Tensor) -> Tensor:
        network = self.kan if self.network == "kan" else self._perceptron
        logits: Tensor = network(images)
        return logits

    def _perceptron(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc2(self.fc1(images).relu_())
        return logits

    def _within_budget(self, logits: Tensor) -> Tensor:
        return logits if self.budget is None else to_budget(logits, self.budget)

    def _sample(self, logits: Tensor, relevance: Tensor) -> Tensor:
        if self.mask == "beta":
            q = relevance.clamp(_MARGIN, 1 - _MARGIN)
            law = torch.distributions.Beta(
                self.concentration * q, self.concentration * (1 - q), validate_args=False
            )
            return law.rsample()
        noise = torch.empty_like(logits).uniform_(1e-6, 1 - 1e-6).logit_()
        if self.mask == "hard_concrete":
            logits = logits + self._odds_of_zero()
            return self._stretched(((logits + noise) / self.temperature).sigmoid())
        assert self.budget is not None
        if self.training:
            logits = logits + self.temperature * noise
        if self.budget == NUM_FEATURES:
            return torch.ones_like(logits)
        selected = top_pixels(logits, self.budget).to(logits.dtype)
        edges = logits.detach().topk(self.budget + 1, dim=1).values[:, -2:]
        threshold = edges.mean(dim=1, keepdim=True)
        soft = ((logits - threshold) / self.temperature).sigmoid()
        return selected + soft - soft.detach()

    def _odds_of_zero(self) -> float:
        """From the logit of "anything but 0" to log α of hard-concrete (its equation 12)."""
        return self.temperature * math.log(-_LOW / _HIGH)

    @staticmethod
    def _stretched(concrete: Tensor) -> Tensor:
        return (concrete * (_HIGH - _LOW) + _LOW).clamp(0.0, 1.0)
