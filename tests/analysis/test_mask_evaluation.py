# SPDX-License-Identifier: MIT
from collections.abc import Iterator

import pytest
import torch
from planted_images import planted

from ns3kan.agents.feature_selection.budget import top_pixels
from ns3kan.agents.feature_selection.descent import DescentConfig
from ns3kan.agents.feature_selection.mask_classifier import MaskClassifier
from ns3kan.agents.feature_selection.mask_training import (
    accuracy_under,
    train_on_masks,
    train_on_random_masks,
)
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.studies.feature_selection.mask_evaluation import mask_only_accuracy


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of PyTorch only wait for each other on so little work."""
    with torch_threads(1):
        yield


DESCENT = DescentConfig(steps=200, learning_rate=1e-2)


def code(labels: torch.Tensor, seed: int) -> torch.Tensor:
    """Masks of two pixels of noise: of 30 to 46 in one class, of 47 to 63 in the other."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(len(labels), 64, generator=generator)
    places = torch.arange(64)
    scores[:, :30] = -1.0
    scores[(places < 47) & (labels == 1)[:, None]] = -1.0
    scores[(places >= 47) & (labels == 0)[:, None]] = -1.0
    return top_pixels(scores, 2).float()


def test_a_class_written_into_the_mask_is_found() -> None:
    learn, test = planted(3000, 0), planted(1000, 1)
    masks, test_masks = code(learn.labels, 0), code(test.labels, 1)
    for hidden in ((), (16,)):
        accuracy = mask_only_accuracy(
            masks, learn.labels, test_masks, test.labels, hidden=hidden, config=DESCENT
        )
        assert accuracy > 0.99
    torch.manual_seed(0)
    honest = MaskClassifier(classes=2, hidden=(64,))
    train_on_random_masks(honest, learn, DescentConfig(steps=400))
    # The levels under these masks are noise, and the code is of no use: about chance.
    assert 0.4 < accuracy_under(honest, test, test_masks) < 0.6
    # A classifier that learns the masks themselves is deceived.
    train_on_masks(honest, learn, masks, DESCENT)
    assert accuracy_under(honest, test, test_masks) > 0.99


def test_masks_without_a_code_tell_nothing() -> None:
    torch.manual_seed(0)
    labels = torch.randint(2, (2000,))
    masks = (torch.rand(2000, 64) < 0.2).float()
    accuracy = mask_only_accuracy(
        masks[:1000], labels[:1000], masks[1000:], labels[1000:], config=DESCENT
    )
    assert abs(accuracy - 0.5) < 0.08


def test_the_same_mask_for_all_gives_the_most_frequent_class() -> None:
    labels = torch.tensor([1, 1, 1, 0])
    test_labels = torch.tensor([1, 0, 0, 0])
    masks = torch.zeros(4, 64)
    masks[:, :8] = 1.0
    for hidden in ((), (16,)):
        found = mask_only_accuracy(masks, labels, masks, test_labels, hidden=hidden, config=DESCENT)
        assert found == 0.25
    with pytest.raises(ValueError, match="4 training masks have 3 labels"):
        mask_only_accuracy(masks, labels[:3], masks, test_labels, config=DESCENT)
