# SPDX-License-Identifier: MIT
"""Every image that an environment has shown, once, so that a replay buffer can hold indices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ns3kan.errors import InputError


class SeenImages:
    """Tables of images and of their feedback, by the index that the environment gives them.

    Parameters
    ----------
    pixels
        Numbers in an image.

    Attributes
    ----------
    images, feedback : Tensor, shape (capacity, pixels), float32
        Row i is image i, once it was shown; the capacity grows as needed.
    shown : Tensor, shape (capacity,), bool
        Which rows are images; an index always means the same one.
    """

    def __init__(self, pixels: int) -> None:
        self.images = torch.zeros(0, pixels)
        self.feedback = torch.zeros(0, pixels)
        self.shown = torch.zeros(0, dtype=torch.bool)

    def add(self, observation: Any, info: dict[str, Any]) -> Tensor:
        """Keep what is shown, (lanes, pixels), and return the indices (lanes,).

        Raises
        ------
        ValueError
            If the info lacks ``index`` or ``feedback``, or one has another shape.
        """
        for name in ("index", "feedback"):
            if name not in info:
                raise InputError(
                    f"The environment's info has no {name!r}; use ns3kan/ImageFeatureSelection-v0 "
                    "or one that says it for each image."
                )
        images = torch.from_numpy(np.asarray(observation, np.float32))
        feedback = torch.from_numpy(np.asarray(info["feedback"], np.float32))
        index = torch.from_numpy(np.asarray(info["index"], np.int64))
        if feedback.shape != images.shape or index.shape != images.shape[:1]:
            raise InputError(
                f"Images of shape {tuple(images.shape)} came with feedback of shape "
                f"{tuple(feedback.shape)} and indices of shape {tuple(index.shape)}; give one map "
                "and one index for each image."
            )
        highest = int(index.max())
        if highest >= len(self.images):
            self.images = self._grown(self.images, highest + 1)
            self.feedback = self._grown(self.feedback, highest + 1)
            self.shown = self._grown(self.shown, highest + 1)
        if not self.shown.index_select(0, index).all():
            self.images.index_copy_(0, index, images)
            self.feedback.index_copy_(0, index, feedback)
            self.shown[index] = True
        return index

    def state(self) -> dict[str, Tensor]:
        """Return what `restore` takes."""
        return {"images": self.images, "feedback": self.feedback, "shown": self.shown}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take the tables of another."""
        self.images, self.feedback = state["images"], state["feedback"]
        self.shown = state["shown"]

    @staticmethod
    def _grown(table: Tensor, least: int) -> Tensor:
        larger = table.new_zeros(max(least, 2 * len(table)), *table.shape[1:])
        larger[: len(table)] = table
        return larger
