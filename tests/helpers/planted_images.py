# SPDX-License-Identifier: MIT
"""Images whose classes are known to be in certain pixels."""

from __future__ import annotations

import torch

from ns3kan.agents.feature_selection import LabelledImages


def planted(count: int, seed: int) -> LabelledImages:
    """Images of two classes that one pixel tells, 10 or 20; pixel 0 says which.

    The other of both looks the same but is noise, as all further pixels are. So pixels that are the
    same for all images, two of them, tell three classes in four, and two that are chosen one after
    another all.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 64, generator=generator)
    labels = torch.randint(2, (count,), generator=generator)
    second = torch.randint(2, (count,), generator=generator)
    images[:, 0] = 4.0 * second - 2.0
    decoy = torch.randint(2, (count,), generator=generator)
    rows = torch.arange(count)
    images[rows, 10 + 10 * second] = 4.0 * labels - 2.0
    images[rows, 20 - 10 * second] = 4.0 * decoy - 2.0
    return LabelledImages(images, labels)
