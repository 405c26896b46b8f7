# SPDX-License-Identifier: MIT
import warnings
from pathlib import Path

import numpy as np
import pytest
from idx_files import TEST, TRAIN, write_data_set, write_idx
from sklearn.datasets import load_digits

from ns3kan.bridge.images.datasets import data_folder, load_images
from ns3kan.bridge.images.errors import ImageDataError
from ns3kan.bridge.images.idx import read_images
from ns3kan.bridge.images.preprocessing import resize


def test_digits() -> None:
    digits = load_images("digits", "train")
    original = load_digits()
    np.testing.assert_allclose(
        digits.images * digits.std + digits.mean, original.data / 16, atol=1e-6
    )
    np.testing.assert_array_equal(digits.labels, original.target)
    assert abs(digits.images.mean()) < 1e-3
    assert digits.images.std() == pytest.approx(1.0, abs=1e-3)
    assert digits.images.dtype == np.float32


def test_splits_part_the_images() -> None:
    parts = {
        split: set(load_images("digits", split).indices)  # type: ignore[arg-type]
        for split in ("train", "validation", "test")
    }
    assert {split: len(part) for split, part in parts.items()} == {
        "train": 1257,
        "validation": 180,
        "test": 360,
    }
    assert set.union(*parts.values()) == set(range(1797))
    both = load_images("digits", "train+validation")
    assert set(both.indices) == parts["train"] | parts["validation"]
    for split, part in parts.items():
        counts = np.bincount(both.labels[list(part)], minlength=10)
        assert counts.min() > 0.6 * len(part) / 10, split


def test_images_are_in_memory_once() -> None:
    train, test = load_images("digits", "train"), load_images("digits", "test")
    assert train.images is test.images
    with pytest.raises(ValueError, match="read-only"):
        train.images[0, 0] = 1.0


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files(tmp_path: Path, zipped: bool) -> None:
    folder = write_data_set(tmp_path / "mnist", zipped=zipped)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train = load_images("mnist", "train", tmp_path)
        validation = load_images("mnist", "validation", tmp_path)
        test = load_images("mnist", "test", tmp_path)
    assert (len(train), len(validation), len(test)) == (44, 4, 10)
    assert not set(train.indices) & set(validation.indices)
    assert train.images is validation.images
    levels = resize(read_images(folder / (TEST[0] + ".gz" * zipped))).reshape(10, 64)
    np.testing.assert_allclose(test.images, (levels / 255 - 0.1307) / 0.3081, atol=1e-5)
    assert test.labels.tolist() == list(range(10))


def test_fashion_is_normalised_by_one_half(tmp_path: Path) -> None:
    write_data_set(tmp_path / "fashion-mnist")
    images = load_images("fashion-mnist", "test", tmp_path)
    assert (images.mean, images.std) == (0.5, 0.5)
    assert -1 <= images.images.min() < images.images.max() <= 1


def test_folder_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NS3KAN_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    assert data_folder(tmp_path / "given") == tmp_path / "given"
    write_data_set(tmp_path / "mnist")
    assert len(load_images("mnist", "test")) == 10
    monkeypatch.delenv("NS3KAN_DATA")
    assert "ns3kan" in str(data_folder())


def test_files_that_changed_are_read_again(tmp_path: Path) -> None:
    write_data_set(tmp_path / "mnist")
    assert len(load_images("mnist", "test", tmp_path)) == 10
    write_data_set(tmp_path / "mnist", test=20)
    assert len(load_images("mnist", "test", tmp_path)) == 20


def test_other_sizes_are_resized_with_a_note(tmp_path: Path) -> None:
    write_data_set(tmp_path / "mnist", side=20)
    with pytest.warns(UserWarning, match="20 × 20 pixels instead of 28 × 28; they are resized"):
        images = load_images("mnist", "test", tmp_path)
    assert images.images.shape == (10, 64)


def test_bad_names() -> None:
    with pytest.raises(ImageDataError, match="no data set 'minst'; choose digits, mnist, fashion"):
        load_images("minst")  # type: ignore[arg-type]
    with pytest.raises(ImageDataError, match="no split 'dev'; choose train, validation"):
        load_images("digits", "dev")  # type: ignore[arg-type]


def test_missing_and_mixed_files(tmp_path: Path) -> None:
    with pytest.raises(ImageDataError, match=r"no train-images-idx3-ubyte or .*ns3kan data fetch"):
        load_images("mnist", "train", tmp_path)
    folder = write_data_set(tmp_path / "mnist")
    write_idx(folder / TRAIN[1], np.zeros(47, dtype=np.uint8))
    with pytest.raises(ImageDataError, match=r"48 images but .* 47 labels"):
        load_images("mnist", "train", tmp_path)
    write_data_set(folder, train=5)
    with pytest.raises(ImageDataError, match="only 5 images, too few for the split 'validation'"):
        load_images("mnist", "validation", tmp_path)
