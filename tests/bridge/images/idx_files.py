# SPDX-License-Identifier: MIT
"""Writes IDX files, independently of the reader."""

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_bytes(numbers: npt.NDArray[np.uint8], type_byte: int = 8) -> bytes:
    header = bytes([0, 0, type_byte, numbers.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in numbers.shape) + numbers.tobytes()


def write_idx(path: Path, numbers: npt.NDArray[np.uint8], *, zipped: bool = False) -> Path:
    data = idx_bytes(numbers)
    if zipped:
        path = path.with_name(f"{path.name}.gz")
        data = gzip.compress(data, mtime=0)
    path.write_bytes(data)
    return path


def write_data_set(
    folder: Path, train: int = 48, test: int = 10, side: int = 28, *, zipped: bool = False
) -> Path:
    """Random images; the label of image i is i modulo 10."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for (images, labels), count in ((TRAIN, train), (TEST, test)):
        pixels = rng.integers(0, 256, (count, side, side), dtype=np.uint8)
        write_idx(folder / images, pixels, zipped=zipped)
        write_idx(folder / labels, (np.arange(count) % 10).astype(np.uint8), zipped=zipped)
    return folder
