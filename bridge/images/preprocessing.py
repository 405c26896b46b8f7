# SPDX-License-Identifier: MIT
"""From grey images of any size to normalised 8 × 8 ones, as in the paper.

The order is that of torchvision's usual chain, which the paper's numbers come from:

1. resize the bytes to 8 × 8: torchvision's Resize leaves PIL images to Pillow's ``resize`` with
   ``BILINEAR``, and so does this module. When it reduces, Pillow's filter is a triangle as wide
   as two output pixels (antialiasing), and its result is rounded to whole grey levels;
2. divide by 255;
3. subtract the mean and divide by the standard deviation of the data set (equation 32).

References
----------
Jahin, Mridha, Dey, Section IV-A.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from ns3kan.bridge.images.idx import ByteArray

FloatArray = npt.NDArray[np.float32]

SIDE = 8
NUM_PIXELS = SIDE * SIDE


def resize(images: ByteArray) -> ByteArray:
    """Reduce or enlarge grey images to 8 × 8.

    Parameters
    ----------
    images
        Shape (images, rows, columns).

    Returns
    -------
    shape (images, 8, 8)
        The same array if it has that shape already.
    """
    if images.shape[1:] == (SIDE, SIDE):
        return images
    resized = np.empty((len(images), SIDE, SIDE), np.uint8)
    for source, target in zip(images, resized, strict=True):
        image = Image.fromarray(source).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        target[:] = np.asarray(image)
    return resized


def normalise(images: npt.NDArray[np.floating], mean: float, std: float) -> FloatArray:
    """Normalise images in [0, 1] and flatten them row by row: (…, 8, 8) to (…, 64)."""
    flat = images.reshape(*images.shape[:-2], NUM_PIXELS)
    # In double precision first, so that equal grey levels give equal numbers everywhere.
    return ((flat.astype(np.float64) - mean) / std).astype(np.float32)
