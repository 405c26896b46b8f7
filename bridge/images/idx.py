# SPDX-License-Identifier: MIT
"""Reads IDX files of images and of labels, the format of MNIST, plain or gzipped.

An IDX file is two zero bytes, a byte for the type of its numbers (8: unsigned bytes), a byte for
the number of axes, the length of each axis as a big-endian 32-bit number, and the numbers in
row-major order.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ns3kan.bridge.images.errors import ImageDataError

ByteArray = npt.NDArray[np.uint8]

NUM_CLASSES = 10

_TYPES = {
    0x08: "unsigned bytes",
    0x09: "signed bytes",
    0x0B: "16-bit integers",
    0x0C: "32-bit integers",
    0x0D: "32-bit floats",
    0x0E: "64-bit floats",
}
_KINDS = {1: "labels", 3: "images"}
# Most bytes of numbers that are read; MNIST has 47 MB.
_MOST_BYTES = 2**30


def read_images(path: Path) -> ByteArray:
    """Read grey images, shape (images, rows, columns).

    Raises
    ------
    ImageDataError
        If the file is missing, truncated, too long or empty, or holds labels, numbers of another
        type, or something else.
    """
    images = _read(path, axes=3)
    if images.size == 0:
        raise ImageDataError(f"{path}: holds no image, its shape is {images.shape}; get it again.")
    return images


def read_labels(path: Path) -> ByteArray:
    """Read labels from 0 to 9, shape (images,).

    Raises
    ------
    ImageDataError
        As for `read_images`, or if a label is above 9.
    """
    labels = _read(path, axes=1)
    wrong = np.flatnonzero(labels >= NUM_CLASSES)
    if wrong.size:
        raise ImageDataError(
            f"{path}: label {labels[wrong[0]]} of image {wrong[0]} is none of the classes 0 to "
            f"{NUM_CLASSES - 1}; use a data set of ten classes."
        )
    return labels


def read_pair(images_path: Path, labels_path: Path) -> tuple[ByteArray, ByteArray]:
    """Read images and the labels that belong to them.

    Raises
    ------
    ImageDataError
        As for `read_images` and `read_labels`, or if their numbers differ.
    """
    images, labels = read_images(images_path), read_labels(labels_path)
    if len(images) != len(labels):
        raise ImageDataError(
            f"{images_path} holds {len(images)} images but {labels_path} {len(labels)} labels; "
            "take both from the same data set."
        )
    return images, labels


def _read(path: Path, axes: int) -> ByteArray:
    try:
        with _unpacked(path) as file:
            return _array(path, file, axes)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ImageDataError(
            f"{path}: truncated or damaged gzip ({error}); get it again."
        ) from error
    except OSError as error:
        raise ImageDataError(f"{path}: cannot be read ({error.strerror}).") from error


def _array(path: Path, file: BufferedIOBase, axes: int) -> ByteArray:
    start = 4 + 4 * axes
    data = file.read(start)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES:
        raise ImageDataError(
            f"{path}: no IDX file, it starts with {data[:4].hex(' ') or 'nothing'}; get it again."
        )
    if data[2] != 0x08:
        raise ImageDataError(
            f"{path}: holds {_TYPES[data[2]]}, but unsigned bytes are needed; convert it."
        )
    if data[3] != axes:
        kind = _KINDS.get(data[3], f"an array of {data[3]} axes")
        raise ImageDataError(
            f"{path}: holds {kind} where {_KINDS[axes]} are expected; are files swapped?"
        )
    if len(data) < start:
        raise ImageDataError(f"{path}: truncated in its header; get it again.")
    shape = struct.unpack(f">{axes}I", data[4:start])
    # Python's whole numbers, for the product of three sizes may exceed 64 bits.
    expected = math.prod(shape)
    if expected > _MOST_BYTES:
        raise ImageDataError(
            f"{path}: announces {expected} bytes for shape {shape}, and at most {_MOST_BYTES} are "
            "read; split it."
        )
    # What is announced and one byte more, however much the file would unpack to.
    numbers = file.read(expected + 1)
    if len(numbers) < expected:
        raise ImageDataError(
            f"{path}: truncated, it holds {len(numbers)} of {expected} bytes for shape "
            f"{shape}; get it again."
        )
    if len(numbers) > expected:
        raise ImageDataError(
            f"{path}: damaged, more bytes follow the {expected} of shape {shape}; get it again."
        )
    return np.frombuffer(numbers, np.uint8).reshape(shape)


@contextmanager
def _unpacked(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file, through gzip if it is packed."""
    with path.open("rb") as file:
        # By its first bytes, not by its name: some tools unpack without renaming.
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        yield gzip.GzipFile(fileobj=file) if packed else file
