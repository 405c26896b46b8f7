# SPDX-License-Identifier: MIT
"""What every network that selects features per image gives, and how feedback scores it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from ns3kan.errors import InputError

NUM_FEATURES = 64
"""Pixels of an 8 × 8 image, and entries of the map that the Q-network sees."""


@dataclass(frozen=True)
class SelectorOutput:
    """One pass of a feature selector over a batch of images.

    Attributes
    ----------
    features
        Selected features, the feature map times the mask, shape (batch, 64). They carry the
        gradient of the mask where its distribution is reparameterised.
    relevance
        q̂, how relevant each feature is, in [0, 1], shape (batch, 64); differentiable. The
        feedback cost compares it with the feedback map.
    mask
        The mask a that was drawn, shape (batch, 64).
    log_prob
        Log probability of the mask, shape (batch,), differentiable in q̂, where the gradient has
        to come from the score function; None where ``features`` carry it already.
    """

    features: Tensor
    relevance: Tensor
    mask: Tensor
    log_prob: Tensor | None


@runtime_checkable
class FeatureSelector(Protocol):
    """A ``torch.nn.Module`` that selects features of images, each image's own."""

    arguments: dict[str, Any]
    """With which it was made, JSON values."""

    def __call__(self, images: Tensor) -> SelectorOutput:
        """Draw a mask for each normalised image, shape (batch, 64), and apply it."""
        ...

    def mean_features(self, images: Tensor) -> Tensor:
        """Features under the mean of the mask instead of a sample, shape (batch, 64).

        Without dropout, so that the same image always gives the same features.
        """
        ...

    def anneal(self, epoch: int) -> None:
        """Set what changes with the epoch, counted from 0, such as a temperature."""
        ...


def feedback_cost(relevance: Tensor, feedback: Tensor) -> Tensor:
    """Mean squared difference between relevance and feedback, a scalar.

    Parameters
    ----------
    relevance
        q̂, shape (batch, 64).
    feedback
        Maps in [0, 1], shape (batch, 64).

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Jahin, Mridha, Dey, equation 18.
    """
    if relevance.shape != feedback.shape:
        raise InputError(
            f"feedback has shape {tuple(feedback.shape)} but relevance {tuple(relevance.shape)}; "
            "give one map per image, flattened."
        )
    return torch.nn.functional.mse_loss(relevance, feedback)


def chosen_arguments(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Take the values of a class's arguments out of the local names of its ``__init__``."""
    return {name: values[name] for name in inspect.signature(cls).parameters}
