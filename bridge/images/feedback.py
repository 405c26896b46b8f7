# SPDX-License-Identifier: MIT
"""Maps that say which pixels of an image matter: simulated as in the paper, or drawn by people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ns3kan.bridge.images.errors import ImageDataError
from ns3kan.bridge.images.preprocessing import NUM_PIXELS, SIDE, FloatArray

WIDTH = 5.0
"""η, the spread of the paper's simulated maps [pixel]."""


@dataclass(frozen=True)
class FeedbackMaps:
    """One map in [0, 1] for each image.

    A simulated map depends only on where the brightest pixel is, so that there are 64 of them,
    however many images.

    Attributes
    ----------
    table
        The different maps, shape (maps, 64).
    rows
        Which of them an image has, shape (images,).
    """

    table: FloatArray
    rows: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, indices: npt.NDArray[np.integer]) -> FloatArray:
        """Look up the maps of some images, shape (..., 64)."""
        maps: FloatArray = self.table[self.rows[indices]]
        return maps


def gaussian_maps(width: float = WIDTH) -> FloatArray:
    """Make a map around each pixel, shape (64, 64): row p has its peak of 1 at pixel p.

    M(x, y) = exp(−((x − x_c)² + (y − y_c)²) / (2 η²)), equation 33 of the paper. Its maximum is 1
    at the centre, so that dividing by it, the paper's last step, changes nothing.

    Parameters
    ----------
    width
        η [pixel].

    Raises
    ------
    ImageDataError
        If the width is not a positive number.
    """
    if not 0 < width < np.inf:
        raise ImageDataError(f"feedback_width={width} must be a positive number of pixels.")
    y, x = np.divmod(np.arange(NUM_PIXELS), SIDE)
    squared = (x - x[:, None]) ** 2 + (y - y[:, None]) ** 2
    maps: FloatArray = np.exp(-squared / (2 * width**2)).astype(np.float32)
    return maps


def simulated_feedback(images: npt.NDArray[np.floating], width: float = WIDTH) -> FeedbackMaps:
    """Simulate a person who points at the brightest pixel.

    The paper scales the image to [0, 1] by its extremes first, which does not move the brightest
    pixel. Of several equally bright ones it is the first, row by row.

    Parameters
    ----------
    images
        Shape (images, 64), in any scale.
    width
        η [pixel].

    References
    ----------
    Jahin, Mridha, Dey, Section IV-B.
    """
    return FeedbackMaps(gaussian_maps(width), images.argmax(axis=1))


def load_feedback(path: str | Path, num_images: int) -> FeedbackMaps:
    """Read maps that people have drawn from a NumPy file (``.npy``).

    Parameters
    ----------
    path
        Numbers in [0, 1], shape (images, 8, 8) or (images, 64), in the images' order.
    num_images
        How many images there are.

    Raises
    ------
    ImageDataError
        If the file is missing or damaged, has another shape, or a number is outside of [0, 1].
    """
    try:
        maps = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise ImageDataError(
            f"{path}: the feedback cannot be read ({error.strerror or error})."
        ) from error
    except (ValueError, EOFError) as error:
        raise ImageDataError(
            f"{path}: no NumPy file of feedback maps, or a damaged one; write it with numpy.save."
        ) from error
    if not isinstance(maps, np.ndarray) or maps.dtype.kind not in "fiub":
        raise ImageDataError(f"{path}: must hold one array of numbers; write it with numpy.save.")
    if maps.shape not in ((num_images, SIDE, SIDE), (num_images, NUM_PIXELS)):
        raise ImageDataError(
            f"{path}: feedback has shape {maps.shape}, but {num_images} images need "
            f"({num_images}, {SIDE}, {SIDE}); give one map for each image, in their order."
        )
    maps = maps.reshape(num_images, NUM_PIXELS).astype(np.float32)
    # Written so that a NaN is found too.
    wrong = np.flatnonzero(~((maps >= 0) & (maps <= 1)).all(axis=1))
    if wrong.size:
        raise ImageDataError(
            f"{path}: the map of image {wrong[0]} has values outside of [0, 1]; scale the maps."
        )
    return FeedbackMaps(maps, np.arange(num_images))
