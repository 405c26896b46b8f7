# SPDX-License-Identifier: MIT
"""A replay buffer on tensors that are made once."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ns3kan.errors import InputError


class ReplayBuffer:
    """The last ``capacity`` transitions, sampled uniformly with replacement.

    What a transition is made of is said by fields: observations as vectors, or as indices of
    images that are kept elsewhere, whichever is smaller.

    Parameters
    ----------
    capacity
        Most transitions held; older ones are overwritten.
    fields
        For each name an example of one transition's value, whose shape and dtype are taken.
    seed
        Seed of the sampling.

    Raises
    ------
    ValueError
        If the capacity is not positive or there are no fields.

    Examples
    --------
    >>> buffer = ReplayBuffer(100, {"image": torch.tensor(0), "reward": torch.tensor(0.0)}, seed=0)
    >>> buffer.add(image=torch.tensor([3, 4]), reward=torch.tensor([1.0, 0.0]))
    >>> len(buffer), buffer.sample(5)["image"].shape
    (2, torch.Size([5]))
    """

    def __init__(self, capacity: int, fields: Mapping[str, Tensor], seed: int = 0) -> None:
        if capacity < 1 or not fields:
            raise InputError(
                f"A replay buffer got capacity {capacity} and {len(fields)} fields; it needs at "
                "least one of each."
            )
        self.capacity = capacity
        # Zeros, not empty: pages of a buffer that is never filled are not touched either way.
        self._fields = {
            name: torch.zeros((capacity, *value.shape), dtype=value.dtype)
            for name, value in fields.items()
        }
        self._generator = torch.Generator().manual_seed(seed)
        self._next = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, **values: Tensor) -> None:
        """Append transitions, for each field a tensor with one row for each.

        Raises
        ------
        ValueError
            If fields are missing or unknown, or their rows differ in number or shape.
        """
        if values.keys() != self._fields.keys():
            raise InputError(
                f"The replay buffer holds {sorted(self._fields)} but was given {sorted(values)}."
            )
        rows = len(next(iter(values.values())))
        for name, value in values.items():
            shape = (rows, *self._fields[name].shape[1:])
            if value.shape != shape:
                raise InputError(
                    f"The replay buffer's field {name!r} was given shape {tuple(value.shape)} "
                    f"instead of {shape}."
                )
        count = min(rows, self.capacity)
        first = min(count, self.capacity - self._next)
        for name, value in values.items():
            newest = value[rows - count :]
            self._fields[name][self._next : self._next + first] = newest[:first]
            if first < count:
                self._fields[name][: count - first] = newest[first:]
        self._next = (self._next + count) % self.capacity
        self._size = min(self._size + count, self.capacity)

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {
            "fields": self.held(),
            "next": self._next,
            "generator": self._generator.get_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called on a buffer of the same capacity and fields."""
        for name, values in state["fields"].items():
            self._size = len(values)
            self._fields[name][: self._size] = values
        self._next = state["next"]
        self._generator.set_state(state["generator"])

    def held(self) -> dict[str, Tensor]:
        """Return all transitions, as views of the buffer, in no particular order."""
        return {name: values[: self._size] for name, values in self._fields.items()}

    def sample(self, count: int) -> dict[str, Tensor]:
        """Draw ``count`` transitions.

        Raises
        ------
        ValueError
            If the buffer is empty.
        """
        if not self._size:
            raise InputError("The replay buffer is empty; add transitions before sampling.")
        rows = torch.randint(self._size, (count,), generator=self._generator)
        return {name: values.index_select(0, rows) for name, values in self._fields.items()}
