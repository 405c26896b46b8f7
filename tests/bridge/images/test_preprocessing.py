# SPDX-License-Identifier: MIT
from fractions import Fraction

import numpy as np
import pytest

from ns3kan.bridge.images.preprocessing import normalise, resize


def triangle_weights(size: int, position: int) -> list[Fraction]:
    """Antialiased bilinear weights of the inputs for one of 8 outputs, by the definition."""
    scale = Fraction(size, 8)
    centre = (position + Fraction(1, 2)) * scale
    reach = max(scale, Fraction(1))
    weights = [
        max(Fraction(0), 1 - abs(index + Fraction(1, 2) - centre) / reach) for index in range(size)
    ]
    return [weight / sum(weights) for weight in weights]


def test_halving_by_hand() -> None:
    # 16 to 8: an inner output weighs its inputs 1/8, 3/8, 3/8, 1/8; the first has lost one: its
    # weights are 3/7, 3/7, 1/7.
    row = np.zeros(16, dtype=np.uint8)
    row[[0, 1, 2, 3]] = [70, 140, 210, 0]
    images = np.broadcast_to(row, (1, 16, 16)).copy()
    # 3/7 · 70 + 3/7 · 140 + 1/7 · 210 = 120; 1/8 · 140 + 3/8 · 210 + 0 = 96.25.
    resized = resize(images)
    assert resized.dtype == np.uint8
    assert resized[0, :, :3].tolist() == [[120, 96, 0]] * 8


@pytest.mark.parametrize(("rows", "columns"), [(28, 28), (28, 20), (5, 40)])
def test_any_size_by_the_definition(rows: int, columns: int) -> None:
    image = np.random.default_rng(1).integers(0, 256, (1, rows, columns), dtype=np.uint8)
    down = np.array([[float(w) for w in triangle_weights(rows, i)] for i in range(8)])
    across = np.array([[float(w) for w in triangle_weights(columns, i)] for i in range(8)])
    exact = down @ image[0] @ across.T
    # Rounded to whole levels once for each axis.
    assert np.abs(resize(image)[0] - exact).max() <= 1.001


def test_constant_images_stay_constant() -> None:
    assert (resize(np.full((2, 28, 28), 77, dtype=np.uint8)) == 77).all()


def test_eight_by_eight_is_left_alone() -> None:
    images = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    assert resize(images) is images


def test_normalisation_by_hand() -> None:
    image = np.zeros((1, 8, 8))
    image[0, 0, 1] = 1.0
    image[0, 1, 0] = 0.1307
    flat = normalise(image, 0.1307, 0.3081)
    assert flat.shape == (1, 64)
    assert flat.dtype == np.float32
    # −0.1307 / 0.3081, (1 − 0.1307) / 0.3081, and the mean itself; row by row.
    np.testing.assert_allclose(flat[0, [0, 1, 8]], [-0.424213, 2.821487, 0.0], atol=1e-6)
    np.testing.assert_allclose(normalise(image, 0.5, 0.5)[0, :2], [-1.0, 1.0])
