# SPDX-License-Identifier: MIT
"""Selections of pixels to compare with: the same for all images, or the feedback map's.

All are boolean masks, as the argument ``pixels`` of ``ns3kan/ImageFeatureSelection-v0`` takes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ns3kan.errors import InputError

BoolArray = npt.NDArray[np.bool_]


def random_pixels(budget: int, rng: np.random.Generator, num_pixels: int = 64) -> BoolArray:
    """Choose pixels at random, the same for all images, shape (pixels,).

    Parameters
    ----------
    budget
        Pixels to keep.
    rng
        Source of the choice.
    num_pixels
        Pixels of an image.

    Raises
    ------
    ValueError
        If the budget is not between 1 and the number of pixels.
    """
    return _largest(rng.random(num_pixels), budget)


def most_varying_pixels(images: npt.NDArray[Any], budget: int) -> BoolArray:
    """Choose the pixels of largest variance, shape (pixels,).

    Parameters
    ----------
    images
        Training images, shape (images, pixels).
    budget
        Pixels to keep.

    Raises
    ------
    ValueError
        If the budget is not between 1 and the number of pixels.
    """
    return _largest(images.var(axis=0, dtype=np.float64), budget)


def mutual_information_pixels(
    images: npt.NDArray[Any],
    labels: npt.NDArray[np.integer],
    budget: int,
    *,
    seed: int = 0,
    most_images: int = 5_000,
) -> BoolArray:
    """Choose the pixels whose level tells most about the class, each by itself, shape (pixels,).

    By scikit-learn's `mutual_info_classif`, which estimates from distances to the three nearest
    neighbours.

    Parameters
    ----------
    images
        Training images, shape (images, pixels).
    labels
        Their classes, shape (images,).
    budget
        Pixels to keep.
    seed
        Of the sample and of the noise that the estimate adds to equal levels.
    most_images
        If there are more, a random sample of this size is taken.

    Raises
    ------
    ValueError
        If the budget is not between 1 and the number of pixels, or there are not as many labels as
        images.
    """
    from sklearn.feature_selection import mutual_info_classif

    if len(images) != len(labels):
        raise InputError(f"{len(images)} images have {len(labels)} labels; give one for each.")
    if len(images) > most_images:
        sample = np.random.default_rng(seed).choice(len(images), most_images, replace=False)
        images, labels = images[sample], labels[sample]
    return _largest(mutual_info_classif(images, labels, random_state=seed), budget)


def greedy_pixels(
    loss: Callable[[BoolArray], float], budget: int, num_pixels: int = 64
) -> npt.NDArray[np.intp]:
    """Choose pixels one after another, each time the one that lowers a loss most.

    Parameters
    ----------
    loss
        Of a selection that is the same for all images, shape (pixels,), bool: the cross-entropy of
        a classifier that may see these pixels, say.
    budget
        Pixels to choose.
    num_pixels
        Pixels of an image.

    Returns
    -------
    the chosen pixels in the order of their choice, shape (budget,): the first k of them are the
    choice for a budget of k

    Raises
    ------
    ValueError
        If the budget is not between 1 and the number of pixels.
    """
    _check_budget(budget, num_pixels)
    shown = np.zeros(num_pixels, dtype=np.bool_)
    order = []
    for _ in range(budget):
        losses = {}
        for pixel in np.flatnonzero(~shown):
            candidate = shown.copy()
            candidate[pixel] = True
            losses[pixel] = loss(candidate)
        best = min(losses, key=losses.__getitem__)
        shown[best] = True
        order.append(best)
    return np.array(order, dtype=np.intp)


def pixels_of(order: npt.ArrayLike, num_pixels: int = 64) -> BoolArray:
    """Make a mask, shape (pixels,), of the pixels whose numbers are given."""
    shown = np.zeros(num_pixels, dtype=np.bool_)
    shown[np.asarray(order, dtype=np.intp)] = True
    return shown


def feedback_pixels(feedback: npt.NDArray[Any], budget: int) -> BoolArray:
    """Choose for each image the pixels that its feedback map rates highest, (images, pixels).

    Parameters
    ----------
    feedback
        Maps, shape (images, pixels).
    budget
        Pixels to keep.

    Raises
    ------
    ValueError
        If the budget is not between 1 and the number of pixels.
    """
    return _largest(feedback, budget)


def _largest(scores: npt.NDArray[Any], budget: int) -> BoolArray:
    """Mark the largest scores of the last axis; of equal ones, the first."""
    _check_budget(budget, scores.shape[-1])
    order = np.argsort(-scores, axis=-1, kind="stable")
    chosen = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(chosen, order[..., :budget], True, axis=-1)
    return chosen


def _check_budget(budget: int, num_pixels: int) -> None:
    if not 1 <= budget <= num_pixels:
        raise InputError(f"budget={budget} must be from 1 to {num_pixels} pixels.")
