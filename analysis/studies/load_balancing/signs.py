# SPDX-License-Identifier: MIT
"""Whether equations move with each feature as the network's physics says that they should."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ns3kan.agents.equations.artefact.controller import Controller

EXPECTED = {
    "load": ("rises", "what is beyond the mpls path's 6 Mbit/s has to go elsewhere"),
    "load_delta": ("rises", "load that grows will be beyond them soon"),
    "mpls_delay": ("rises", "delay beyond 10 ms is a queue on the mpls path"),
    "mpls_loss": ("rises", "the mpls path only loses packets when its queue is full"),
    "mpls_utilisation": ("rises", "a path in use has less room"),
    "internet_delay": ("falls", "delay beyond 25 ms is a queue on the internet path"),
    "internet_loss": ("falls", "loss beyond 0.5 % is a full queue on the internet path"),
    "internet_utilisation": ("falls", "cross traffic, or own, leaves less room"),
}
"""How the ratio on the internet path should move with each feature, and why."""

_PROVEN = {"non-decreasing": "rises", "non-increasing": "falls"}
# Of a feature's range in the states; the slope is taken over it.
_STEP = 1e-3


def signs(controller: Controller, states: pd.DataFrame) -> pd.DataFrame:
    """Compare an equation's slopes with what is expected.

    Parameters
    ----------
    controller
        With one output, the ratio, and with guarantees.
    states
        Features by name, of states that it decides in.

    Returns
    -------
    DataFrame
        A row per input: ``feature``, ``expected`` and ``why`` of `EXPECTED`; ``proven``, the
        direction that its guarantees prove for the whole box, or "neither"; and ``share``, of all
        its movement in the states (the slopes' sizes, added up), how much is in the direction that
        is expected.
    """
    (output,) = controller.outputs
    proofs = controller.guarantees["outputs"][output.name]["inputs"]
    names = list(controller.input_names)
    values = states[names].to_numpy(float)
    rows = []
    for place, name in enumerate(names):
        expected, why = EXPECTED[name]
        slopes = _slopes(controller, values, place)
        towards = slopes if expected == "rises" else -slopes
        size = float(np.abs(slopes).sum())
        rows.append(
            {
                "feature": name,
                "expected": expected,
                "proven": _PROVEN.get(proofs[name]["direction"], "neither"),
                "share": float(np.maximum(towards, 0.0).sum()) / size if size else np.nan,
                "why": why,
            }
        )
    return pd.DataFrame(rows)


def _slopes(controller: Controller, values: np.ndarray, place: int) -> np.ndarray:
    """Slopes of the ratio by one input, in the direction that stays among the states."""
    column = values[:, place]
    step = _STEP * float(np.ptp(column))
    if not step:
        return np.zeros(len(values))
    ahead = values.copy()
    forward = np.where(column + step <= column.max(), step, -step)
    ahead[:, place] += forward
    return np.asarray((_ratio(controller, ahead) - _ratio(controller, values)) / forward)


def _ratio(controller: Controller, values: np.ndarray) -> np.ndarray:
    return np.asarray(controller(values), dtype=np.float64)[:, 0]


def signs_of_all(controllers: Sequence[tuple[str, Controller, pd.DataFrame]]) -> pd.DataFrame:
    """Put the tables of several rewards below each other, with a column ``reward``."""
    tables = []
    for reward, controller, states in controllers:
        table = signs(controller, states)
        table.insert(0, "reward", reward)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
