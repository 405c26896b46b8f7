# SPDX-License-Identifier: MIT
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ns3kan.analysis.studies.feature_selection.baselines import (
    feedback_pixels,
    greedy_pixels,
    most_varying_pixels,
    mutual_information_pixels,
    pixels_of,
    random_pixels,
)


def test_most_varying_by_hand() -> None:
    # Variances 0, 4, 1 and 9.
    images = np.array([[5, 0, 0, 0], [5, 4, 2, 6]])
    assert most_varying_pixels(images, 2).tolist() == [False, True, False, True]


def test_mutual_information_finds_what_tells_the_class() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 2000)
    images = rng.normal(size=(2000, 6)).astype(np.float32) * 5
    images[:, 2] = labels + 0.1 * rng.normal(size=2000)
    # The absolute value tells as much as the sign would: no linear measure sees it.
    images[:, 4] = (labels + 1) * rng.choice([-1, 1], 2000) + 0.1 * rng.normal(size=2000)
    pixels = mutual_information_pixels(images, labels, 2)
    assert np.flatnonzero(pixels).tolist() == [2, 4]
    few = mutual_information_pixels(images, labels, 2, most_images=300)
    assert np.flatnonzero(few).tolist() == [2, 4]
    with pytest.raises(ValueError, match="2000 images have 1999 labels"):
        mutual_information_pixels(images, labels[1:], 2)


def test_feedback_is_of_each_image() -> None:
    feedback = np.array([[0.1, 0.9, 0.5], [0.8, 0.8, 0.8]])
    assert feedback_pixels(feedback, 2).tolist() == [[False, True, True], [True, True, False]]


def test_random_pixels_are_seeded_and_differ() -> None:
    first = random_pixels(8, np.random.default_rng(1))
    assert (first == random_pixels(8, np.random.default_rng(1))).all()
    assert (first != random_pixels(8, np.random.default_rng(2))).any()
    chosen = sum(random_pixels(8, np.random.default_rng(seed)).astype(int) for seed in range(800))
    # 100 each on average, with a deviation of 9.4.
    assert 55 < np.min(chosen) <= np.max(chosen) < 145


@given(
    st.lists(st.integers(1, 1000), min_size=6, max_size=6, unique=True),
    st.integers(1, 6),
)
def test_greedy_is_as_good_as_all_sets_where_pixels_add_up(worth: list[int], budget: int) -> None:
    values = np.array(worth)

    def loss(pixels: np.ndarray) -> float:
        return -float(values[pixels].sum())

    order = greedy_pixels(loss, budget, 6)
    best = min(itertools.combinations(range(6), budget), key=lambda one: loss(pixels_of(one, 6)))
    assert sorted(order.tolist()) == list(best)
    # The most telling first: the beginning is the choice for fewer pixels.
    assert values[order].tolist() == sorted(worth, reverse=True)[:budget]


def test_greedy_takes_what_adds_to_what_is_chosen() -> None:
    # Pixel 1 alone tells almost as much as pixel 0, but nothing that pixel 0 does not tell.
    covered = {0: {1, 2, 3, 4}, 1: {1, 2, 3}, 2: {5, 6}, 3: {6}}

    def loss(pixels: np.ndarray) -> float:
        told = [covered[int(one)] for one in np.flatnonzero(pixels)]
        return 6.0 - len(set().union(*told))

    order = greedy_pixels(loss, 2, 4)
    assert order.tolist() == [0, 2]
    best = min(itertools.combinations(range(4), 2), key=lambda one: loss(pixels_of(one, 4)))
    assert set(order.tolist()) == set(best)
    with pytest.raises(ValueError, match="budget=5 must be from 1 to 4"):
        greedy_pixels(loss, 5, 4)


@given(st.integers(1, 64), st.integers(0, 100))
def test_all_keep_the_budget(budget: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 3, (5, 64))
    assert random_pixels(budget, rng).sum() == budget
    assert most_varying_pixels(images, budget).sum() == budget
    each = feedback_pixels(images, budget)
    assert each.dtype == np.bool_
    assert (each.sum(axis=1) == budget).all()


@pytest.mark.parametrize("budget", [0, 65])
def test_bad_budget(budget: int) -> None:
    with pytest.raises(ValueError, match=f"budget={budget} must be from 1 to 64 pixels"):
        random_pixels(budget, np.random.default_rng(0))
