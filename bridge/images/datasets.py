# SPDX-License-Identifier: MIT
"""Data sets of 8 × 8 images by name, each in memory once."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ns3kan.bridge.images.errors import ImageDataError
from ns3kan.bridge.images.idx import read_pair
from ns3kan.bridge.images.preprocessing import FloatArray, normalise, resize

Dataset = Literal["digits", "mnist", "fashion-mnist"]
Split = Literal["train", "validation", "train+validation", "test"]

DATA_VARIABLE = "NS3KAN_DATA"

MEAN_AND_STD: dict[str, tuple[float, float]] = {
    "digits": (0.3053, 0.3760),
    "mnist": (0.1307, 0.3081),
    "fashion-mnist": (0.5, 0.5),
}
"""For the normalisation of images in [0, 1]: the paper's, and those of all pixels of digits."""

_PARTS = {"train": "train", "test": "t10k"}
# The usual size of the images in the files; others are resized too, with a note.
_USUAL = (28, 28)


@dataclass(frozen=True)
class ImageSet:
    """One split of a data set.

    The splits of one source share its arrays, so that the images are in memory once.

    Attributes
    ----------
    name, split
        What it is.
    images
        All normalised images of the source, shape (images, 64), row by row; read-only.
    labels
        Their classes from 0 to 9, shape (images,); read-only.
    indices
        Which of them are in this split, rising, shape (n,); read-only.
    mean, std
        Of the normalisation.
    """

    name: Dataset
    split: Split
    images: FloatArray
    labels: npt.NDArray[np.int64]
    indices: npt.NDArray[np.intp]
    mean: float
    std: float

    def __len__(self) -> int:
        return len(self.indices)


def load_images(
    name: Dataset = "digits", split: Split = "train", data_dir: str | Path | None = None
) -> ImageSet:
    """Load a split of a data set.

    ``digits`` are scikit-learn's 1,797 images of 8 × 8 pixels with levels 0 to 16; 360 are for
    the test and 180 for validation, drawn once, so that all three hold digits of the same
    writers. ``mnist`` and ``fashion-mnist`` come from IDX files; their test set is the published
    one, and one twelfth of the training set, 5,000 of 60,000 images drawn once, is for
    validation. A choice is made on ``validation``; a run that is reported may then use
    ``train+validation``.

    Parameters
    ----------
    name
        "digits", "mnist" or "fashion-mnist".
    split
        "train", "validation", "train+validation" or "test".
    data_dir
        Folder in which the folder ``mnist`` or ``fashion-mnist`` with the four files is; by
        default as in `data_folder`.

    Raises
    ------
    ImageDataError
        If a name is unknown, or files are missing or damaged.
    """
    if name not in get_args(Dataset):
        raise ImageDataError(
            f"There is no data set {name!r}; choose {', '.join(get_args(Dataset))}."
        )
    if split not in get_args(Split):
        raise ImageDataError(f"There is no split {split!r}; choose {', '.join(get_args(Split))}.")
    if name == "digits":
        images, labels = _digits()
        held_out, test = len(images) // 10 + 1, len(images) // 5 + 1
    else:
        part = "test" if split == "test" else "train"
        images, labels = _from_files(name, *_stamped_files(data_folder(data_dir) / name, part))
        held_out, test = len(images) // 12, 0
    if name != "digits" and split == "test":
        indices = np.arange(len(images))
    else:
        # RandomState's streams are frozen, so that the splits are the same with any NumPy.
        order = np.random.RandomState(0).permutation(len(images))
        ends = {
            "train": (0, len(order) - test - held_out),
            "validation": (len(order) - test - held_out, len(order) - test),
            "train+validation": (0, len(order) - test),
            "test": (len(order) - test, len(order)),
        }
        indices = np.sort(order[slice(*ends[split])])
    if not indices.size:
        raise ImageDataError(
            f"{name} has only {len(images)} images, too few for the split {split!r}; use more."
        )
    indices.flags.writeable = False
    mean, std = MEAN_AND_STD[name]
    return ImageSet(name, split, images, labels, indices, mean, std)


def data_folder(data_dir: str | Path | None = None) -> Path:
    """Where data sets are kept: the given folder, or ``NS3KAN_DATA``, or the user's cache."""
    given = data_dir or os.environ.get(DATA_VARIABLE)
    if given:
        return Path(given).expanduser()
    import pooch

    return Path(pooch.os_cache("ns3kan"))


def file_name(part: str, kind: str) -> str:
    """Give the published name, unpacked, of "images" or "labels" of the part "train" or "test"."""
    return f"{_PARTS[part]}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"


def find_file(folder: Path, name: str) -> Path:
    """File of this name, plain or gzipped.

    Raises
    ------
    ImageDataError
        If there is neither.
    """
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    raise ImageDataError(
        f"There is no {name} or {name}.gz in {folder}; fetch it with 'ns3kan data fetch', import "
        f"it with 'ns3kan data import', or name another folder with --data-dir or {DATA_VARIABLE}."
    )


def _stamped_files(folder: Path, part: str) -> tuple[tuple[Path, int, int], ...]:
    """Both files of a part, each with what changes when it does."""
    paths = [find_file(folder, file_name(part, kind)) for kind in ("images", "labels")]
    return tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths)


@lru_cache(maxsize=1)
def _digits() -> tuple[FloatArray, npt.NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return _frozen(digits.images / 16, digits.target, "digits")


@lru_cache(maxsize=4)
def _from_files(
    name: Dataset, images_file: tuple[Path, int, int], labels_file: tuple[Path, int, int]
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    images, labels = read_pair(images_file[0], labels_file[0])
    if images.shape[1:] != _USUAL:
        rows, columns = images.shape[1:]
        warnings.warn(
            f"{images_file[0]} holds images of {rows} × {columns} pixels instead of 28 × 28; "
            "they are resized to 8 × 8 all the same.",
            stacklevel=3,
        )
    return _frozen(resize(images) / np.float32(255), labels, name)


def _frozen(
    images: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], name: Dataset
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    normalised = normalise(images, *MEAN_AND_STD[name])
    classes = labels.astype(np.int64)
    normalised.flags.writeable = False
    classes.flags.writeable = False
    return normalised, classes
