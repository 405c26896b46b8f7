# SPDX-License-Identifier: MIT
"""States that a policy visits, from which equations are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.training.names import repeated_name
from ns3kan.errors import InputError

MIN_STATES = 100
"""Fewest states from which an equation is read."""


class ExtractionError(InputError):
    """An equation cannot be read from this policy and these states."""


def check_states(
    states: NDArray[np.float64], feature_names: Sequence[str], feature_units: Sequence[str]
) -> None:
    """Refuse states (n, features) that no equation can be read from.

    Raises
    ------
    ExtractionError
        If they are too few, of the wrong width, or not finite, or two features have one name.
    """
    if repeated := repeated_name(tuple(feature_names)):
        raise ExtractionError(f"two features are named '{repeated}', give each a name of its own")
    if len(feature_names) != len(feature_units):
        raise ExtractionError(
            f"there are {len(feature_names)} feature names but {len(feature_units)} units"
        )
    if states.ndim != 2 or states.shape[1] != len(feature_names):
        raise ExtractionError(
            f"states have shape {states.shape}, expected (n, {len(feature_names)}), "
            "one column per feature name"
        )
    if len(states) < MIN_STATES:
        raise ExtractionError(
            f"{len(states)} states are too few to read an equation from, collect at least "
            f"{MIN_STATES}"
        )
    finite = np.isfinite(states).all(axis=1)
    if not finite.all():
        raise ExtractionError(f"state {int(np.argmin(finite))} is not finite")
