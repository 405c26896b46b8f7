# SPDX-License-Identifier: MIT
"""Threads of PyTorch and of NumPy's linear algebra for the time of a training."""

import contextlib
from collections.abc import Iterator

import torch
from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let PyTorch and NumPy use this many threads each, and as many as before afterwards.

    For small arrays threads cost more than they bring, most of all where trainings run at the same
    time.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
