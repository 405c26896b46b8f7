# SPDX-License-Identifier: MIT
"""The endless order in which images are shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

IndexArray = npt.NDArray[np.intp]


class ImageStream:
    """Pass after pass over the same indices; each pass shows every one of them once.

    Batches go on across the end of a pass, so that no image is left out, whatever the batch.

    Parameters
    ----------
    indices
        Of the images, shape (n,).
    shuffle
        Whether each pass has an order of its own; otherwise it is that of the indices.
    """

    def __init__(self, indices: IndexArray, shuffle: bool) -> None:
        self._indices = indices
        self._shuffle = shuffle
        self._order = indices
        self._at = len(indices)

    def restart(self) -> None:
        """Begin a new pass with the next batch."""
        self._at = len(self._order)

    def take(self, count: int, rng: np.random.Generator) -> IndexArray:
        """Give the next indices, shape (count,)."""
        end = self._at + count
        if end <= len(self._order):
            taken = self._order[self._at : end]
            self._at = end
            return taken
        pieces = [self._order[self._at :]]
        missing = count - len(pieces[0])
        while missing:
            self._order = rng.permutation(self._indices) if self._shuffle else self._indices
            self._at = min(missing, len(self._order))
            pieces.append(self._order[: self._at])
            missing -= self._at
        return np.concatenate(pieces)
