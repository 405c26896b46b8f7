# SPDX-License-Identifier: MIT
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ns3kan.bridge.images.errors import ImageDataError
from ns3kan.bridge.images.feedback import gaussian_maps, load_feedback, simulated_feedback


def test_map_by_hand() -> None:
    image = np.zeros((1, 64), dtype=np.float32)
    image[0, 2 * 8 + 5] = 3.0  # row 2, column 5
    feedback = simulated_feedback(image).of(np.array([0])).reshape(8, 8)
    assert feedback[2, 5] == 1.0
    assert feedback[2, 6] == pytest.approx(math.exp(-1 / 50))
    assert feedback[3, 4] == pytest.approx(math.exp(-2 / 50))
    assert feedback[7, 0] == pytest.approx(math.exp(-(25 + 25) / 50))
    assert feedback[0, 7] == pytest.approx(math.exp(-(4 + 4) / 50))


def test_width_by_hand() -> None:
    maps = gaussian_maps(1.0)
    assert maps[0, 1] == pytest.approx(math.exp(-1 / 2))
    assert maps[0, 9] == pytest.approx(math.exp(-1))


def test_the_first_of_equals_is_the_brightest() -> None:
    images = np.zeros((2, 64))
    images[0, [20, 40]] = 1.0
    # The second image has no brightest pixel at all.
    assert simulated_feedback(images).rows.tolist() == [20, 0]


# Levels so far apart that scaling cannot make different ones equal.
@given(hnp.arrays(np.int64, (3, 64), elements=st.integers(-300, 300)).map(lambda n: n / 100))
def test_as_the_paper_computes_it(images: np.ndarray) -> None:  # type: ignore[type-arg]
    feedback = simulated_feedback(images).of(np.arange(3))
    for image, found in zip(images, feedback, strict=True):
        spread = image.max() - image.min()
        scaled = (image - image.min()) / spread if spread else image
        centre = np.unravel_index(scaled.argmax(), (1, 8, 8))[1:]
        y, x = np.mgrid[:8, :8]
        gauss = np.exp(-((x - centre[1]) ** 2 + (y - centre[0]) ** 2) / (2 * 5.0**2))
        np.testing.assert_allclose(found.reshape(8, 8), gauss / gauss.max(), rtol=1e-6)
        assert found.max() == 1.0


@pytest.mark.parametrize("width", [0.0, -1.0, math.nan, math.inf])
def test_bad_width(width: float) -> None:
    with pytest.raises(ImageDataError, match="feedback_width="):
        gaussian_maps(width)


@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 64)])
def test_maps_of_people(tmp_path: Path, shape: tuple[int, ...]) -> None:
    maps = np.random.default_rng(0).random(shape)
    np.save(tmp_path / "maps.npy", maps)
    feedback = load_feedback(tmp_path / "maps.npy", 3)
    assert len(feedback) == 3
    np.testing.assert_allclose(
        feedback.of(np.array([2, 0])), maps.reshape(3, 64)[[2, 0]], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.zeros((2, 8, 8)), r"shape \(2, 8, 8\), but 3 images need \(3, 8, 8\)"),
        (np.zeros((3, 28, 28)), r"shape \(3, 28, 28\)"),
        (np.full((3, 8, 8), 1.5), "map of image 0 has values outside"),
        (np.array([0.0] * 64 + [-0.1] * 64 + [0.0] * 64).reshape(3, 64), "map of image 1"),
        (np.full((3, 64), np.nan), "map of image 0 has values outside"),
        (np.full((3, 64), "a"), "must hold one array of numbers"),
        (np.full((3, 64), None), "no NumPy file"),
    ],
)
def test_bad_maps(tmp_path: Path, maps: np.ndarray, message: str) -> None:  # type: ignore[type-arg]
    path = tmp_path / "maps.npy"
    np.save(path, maps)
    with pytest.raises(ImageDataError, match="maps.npy.*" + message):
        load_feedback(path, 3)


def test_no_file_of_maps(tmp_path: Path) -> None:
    with pytest.raises(ImageDataError, match="cannot be read"):
        load_feedback(tmp_path / "maps.npy", 3)
    (tmp_path / "maps.npy").write_bytes(b"")
    with pytest.raises(ImageDataError, match="no NumPy file"):
        load_feedback(tmp_path / "maps.npy", 3)
    np.save(tmp_path / "maps.npy", np.zeros((3, 64)))
    (tmp_path / "maps.npy").write_bytes((tmp_path / "maps.npy").read_bytes()[:-8])
    with pytest.raises(ImageDataError, match=r"no NumPy file|cannot be read"):
        load_feedback(tmp_path / "maps.npy", 3)
    np.savez(tmp_path / "maps.npz", np.zeros((3, 64)))
    with pytest.raises(ImageDataError, match="must hold one array"):
        load_feedback(tmp_path / "maps.npz", 3)


def test_data_sets_do_not_wait_for_what_they_do_not_need() -> None:
    code = (
        "import sys\n"
        "import ns3kan.bridge.images.vector_env\n"
        "print(sorted({'sklearn', 'pooch', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
