# SPDX-License-Identifier: MIT
import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idx_files import idx_bytes, write_idx

from ns3kan.bridge.images.errors import ImageDataError
from ns3kan.bridge.images.idx import read_images, read_labels, read_pair

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([9, 0], dtype=np.uint8)


@pytest.mark.parametrize("zipped", [False, True])
def test_reads_what_was_written(tmp_path: Path, zipped: bool) -> None:
    images, labels = read_pair(
        write_idx(tmp_path / "images", IMAGES, zipped=zipped),
        write_idx(tmp_path / "labels", LABELS, zipped=zipped),
    )
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


def test_gzip_is_told_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(idx_bytes(IMAGES)))
    np.testing.assert_array_equal(read_images(path), IMAGES)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no IDX file, it starts with nothing"),
        (b"\x89PNG\r\n", "no IDX file, it starts with 89 50 4e 47"),
        (idx_bytes(IMAGES)[:4][::-1] + idx_bytes(IMAGES)[4:], "no IDX file"),
        (idx_bytes(IMAGES, type_byte=0x0D), "holds 32-bit floats, but unsigned bytes"),
        (idx_bytes(LABELS), "holds labels where images are expected; are files swapped"),
        (idx_bytes(IMAGES[0]), "holds an array of 2 axes where images"),
        (idx_bytes(IMAGES)[:10], "truncated in its header"),
        (idx_bytes(IMAGES)[:-1], "truncated, it holds 23 of 24 bytes"),
        (idx_bytes(IMAGES) + b"!", "damaged, more bytes follow the 24 of"),
        (idx_bytes(IMAGES[:0]), "holds no image"),
        (b"\0\0\x08\x03" + b"\xff" * 12 + b"abc", "announces 79228162458924105385300197375 bytes"),
        (gzip.compress(idx_bytes(IMAGES), mtime=0)[:-9], "truncated or damaged gzip"),
        (
            gzip.compress(idx_bytes(IMAGES), mtime=0)[:10] + b"\xff" * 20,
            "truncated or damaged gzip",
        ),
    ],
)
def test_bad_files_are_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "some-images"
    path.write_bytes(data)
    with pytest.raises(ImageDataError, match="some-images.*" + message):
        read_images(path)


def test_other_bad_input(tmp_path: Path) -> None:
    with pytest.raises(ImageDataError, match=r"nowhere: cannot be read \(No such file"):
        read_images(tmp_path / "nowhere")
    images = write_idx(tmp_path / "images", IMAGES)
    with pytest.raises(ImageDataError, match="holds images where labels are expected"):
        read_labels(images)
    letters = write_idx(tmp_path / "letters", np.array([1, 10], dtype=np.uint8))
    with pytest.raises(ImageDataError, match="label 10 of image 1 is none of the classes 0 to 9"):
        read_labels(letters)
    three = write_idx(tmp_path / "three", np.zeros(3, dtype=np.uint8))
    with pytest.raises(ImageDataError, match=r"holds 2 images but .*three 3 labels"):
        read_pair(images, three)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"", b"\0\0\x08\x03", b"\x1f\x8b\x08"]))
def test_strange_bytes_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes, head: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "strange"
    path.write_bytes(head + tail)
    try:
        images = read_images(path)
    except ImageDataError:
        return
    assert images.ndim == 3
    assert images.size > 0


def test_gzip_is_unpacked_to_what_the_header_announces(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        file.write(idx_bytes(IMAGES))
        for _ in range(64):
            file.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(ImageDataError, match="damaged, more bytes follow the 24 of shape"):
        read_images(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 << 20
    announced = b"\0\0\x08\x03" + b"\0\x10\0\0" * 3
    path.write_bytes(gzip.compress(announced))
    with pytest.raises(ImageDataError, match=r"announces .* bytes for shape .*at most"):
        read_images(path)
