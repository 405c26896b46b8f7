# SPDX-License-Identifier: MIT
"""Brings the IDX files of MNIST and Fashion-MNIST to the data folder, from the net or from disk."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ns3kan.bridge.images.datasets import Dataset, data_folder, file_name, find_file
from ns3kan.bridge.images.errors import ImageDataError
from ns3kan.bridge.images.idx import ByteArray, read_pair
from ns3kan.io.files import whole_file

_KINDS = ("images", "labels")
FILES = tuple(f"{file_name(part, kind)}.gz" for part in ("train", "test") for kind in _KINDS)
"""Published names: images and labels for training, images and labels for the test."""

# Longest wait for a server to connect, or for its next bytes [s].
_TIMEOUT = 30.0


@dataclass(frozen=True)
class Source:
    """Where the files of a data set are published.

    Attributes
    ----------
    urls
        Folders that hold them, tried in this order.
    sha256
        Digests of the gzipped files, in the order of `FILES`.
    counts
        Images in the parts "train" and "test".
    side
        Rows and columns of an image [pixel].
    """

    urls: Sequence[str]
    sha256: Sequence[str]
    counts: Mapping[str, int]
    side: int = 28


_COUNTS = {"train": 60_000, "test": 10_000}

SOURCES: dict[str, Source] = {
    "mnist": Source(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        _COUNTS,
    ),
    "fashion-mnist": Source(
        (
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        _COUNTS,
    ),
}


def fetch(
    name: str,
    data_dir: str | Path | None = None,
    *,
    url: str | None = None,
    source: Source | None = None,
    tell: Callable[[str], object] = lambda line: None,
) -> Path:
    """Download the four files of a data set, each whole and with the known digest or not at all.

    Files that are there already and have the digest are kept.

    Parameters
    ----------
    name
        "mnist" or "fashion-mnist".
    data_dir
        As for `ns3kan.bridge.images.datasets.data_folder`.
    url
        A folder to download from instead of the known ones.
    source
        What to expect instead of the published files.
    tell
        Called with a line for each file.

    Returns
    -------
    path
        Folder with the files.

    Raises
    ------
    ImageDataError
        If the name is unknown, no server gives a file with the digest, or a file does not hold
        what it should.
    """
    import pooch

    if source is None:
        source = SOURCES[_downloadable(name)]
    # What it would say is said by `tell` and by the errors.
    pooch.get_logger().setLevel(logging.ERROR)
    folder = data_folder(data_dir) / name
    _refuse_mixture(folder, FILES)
    urls = [url] if url else source.urls
    for file, digest in zip(FILES, source.sha256, strict=True):
        problems = []
        for base in urls:
            address = f"{base.rstrip('/')}/{file}"
            tell(f"{folder / file} from {address}")
            try:
                # Written under another name and renamed when the digest is right.
                pooch.retrieve(
                    address,
                    f"sha256:{digest}",
                    fname=file,
                    path=folder,
                    downloader=pooch.HTTPDownloader(timeout=_TIMEOUT),
                )
                break
            except (OSError, ValueError) as error:
                problems.append(f"{address}: {_one_line(error)}")
        else:
            raise ImageDataError(
                f"{file} of {name} could not be fetched ({'; '.join(problems)}); try again, name "
                "a mirror with --url, or use 'ns3kan data import'."
            )
    for part, count in source.counts.items():
        images, labels = (folder / f"{file_name(part, kind)}.gz" for kind in _KINDS)
        _check_shape(read_pair(images, labels)[0], images, count, source.side)
    return folder


def import_files(
    path: str | Path,
    name: str | None = None,
    data_dir: str | Path | None = None,
    *,
    tell: Callable[[str], object] = lambda line: None,
) -> Path:
    """Copy the four IDX files of a data set, plain or gzipped, after a check of all of them.

    Parameters
    ----------
    path
        Folder with the files under their published names.
    name
        "mnist" or "fashion-mnist"; by default the name of the folder.
    data_dir
        As for `ns3kan.bridge.images.datasets.data_folder`.
    tell
        Called with a line for each part.

    Returns
    -------
    path
        Folder with the copies.

    Raises
    ------
    ImageDataError
        If the name is unknown, or a file is missing, damaged or swapped.
    """
    origin = Path(path).expanduser()
    if not origin.is_dir():
        raise ImageDataError(f"{path} is no folder; give the one that holds the four IDX files.")
    folder_name = origin.resolve().name
    name = _downloadable(folder_name if name is None else name)
    target = data_folder(data_dir) / name
    if target.exists() and target.samefile(origin):
        raise ImageDataError(f"{path} is the data folder itself; the files are there already.")
    files = []
    for part in ("train", "test"):
        pair = [find_file(origin, file_name(part, kind)) for kind in _KINDS]
        images = read_pair(*pair)[0]
        rows, columns = images.shape[1:]
        tell(f"{name} {part}: {len(images)} images of {rows} × {columns} pixels")
        files += pair
    _refuse_mixture(target, [file.name for file in files])
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        with whole_file(target / file.name) as copy:
            shutil.copyfile(file, copy)
    return target


def _downloadable(name: str) -> Dataset:
    if name not in SOURCES:
        hint = ""
        if name in get_args(Dataset):
            hint = f"; {name} come with scikit-learn and need no files"
        raise ImageDataError(
            f"There is no data set {name!r} of IDX files, only {' and '.join(SOURCES)}{hint}."
        )
    return name  # type: ignore[return-value]


def _refuse_mixture(folder: Path, names: Sequence[str]) -> None:
    """Raise if a file is there in the form, plain or gzipped, that it is not about to be put."""
    for name in names:
        other = folder / (name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz")
        if other.exists():
            raise ImageDataError(
                f"{other} is there already, and beside it {name} might be of another data set; "
                "remove it first."
            )


def _check_shape(images: ByteArray, path: Path, count: int, side: int) -> None:
    if images.shape != (count, side, side):
        raise ImageDataError(
            f"{path}: holds images of shape {images.shape} instead of {(count, side, side)}; "
            "delete it and fetch it again."
        )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
