# SPDX-License-Identifier: MIT
"""How much a selection's masks say about the class by themselves, without any pixel's level."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.descent import DescentConfig, minimise
from ns3kan.errors import InputError


def mask_only_accuracy(
    masks: Tensor,
    labels: Tensor,
    test_masks: Tensor,
    test_labels: Tensor,
    *,
    hidden: tuple[int, ...] = (),
    config: DescentConfig,
) -> float:
    """Train a classifier on masks alone and return its accuracy on other images' masks.

    A selection that is the same for all images gets the share of the most frequent class. More
    says that which pixels are shown tells the class: as much as the levels in them can, if the
    accuracy is that of the whole selection.

    Parameters
    ----------
    masks, labels
        Of the training images, shapes (n, pixels) and (n,).
    test_masks, test_labels
        Of the images to measure on.
    hidden
        Widths of hidden layers; none is logistic regression.
    config
        Of the training.

    Raises
    ------
    ValueError
        If there are not as many labels as masks.
    """
    for name, these, those in (
        ("training", masks, labels),
        ("test", test_masks, test_labels),
    ):
        if len(these) != len(those):
            raise InputError(
                f"{len(these)} {name} masks have {len(those)} labels; give one for each."
            )
    if bool((masks == masks[0]).all() and (test_masks == masks[0]).all()):
        # Nothing to learn but which class is the most frequent one.
        return float((test_labels == labels.mode().values).double().mean())
    inputs = masks.float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        modules: list[nn.Module] = []
        width = inputs.shape[1]
        for size in hidden:
            modules += [nn.Linear(width, size), nn.ReLU()]
            width = size
        classes = int(max(labels.max(), test_labels.max())) + 1
        network = nn.Sequential(*modules, nn.Linear(width, classes))

    def loss(indices: Tensor, _: float) -> Tensor:
        return nn.functional.cross_entropy(network(inputs[indices]), labels[indices])

    minimise(network, loss, len(inputs), config)
    with torch.no_grad():
        named = network(test_masks.float()).argmax(-1)
    return float((named == test_labels).double().mean())
