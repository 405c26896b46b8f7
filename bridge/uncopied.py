# SPDX-License-Identifier: MIT
"""Environments that hold what cannot be copied, such as a running process."""

from __future__ import annotations

from typing import NoReturn, SupportsIndex


class Uncopied:
    """Refuses `copy`, `deepcopy` and `pickle` in one sentence."""

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            f"{type(self).__name__} holds a running simulation, which cannot be copied or pickled; "
            "make another environment with the same arguments and reset it with the same seed, or "
            "hand on a function that makes it."
        )
