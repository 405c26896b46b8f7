# SPDX-License-Identifier: MIT
"""Controllers with hindsight: what the best constant ratio, and the best ratio by load, reach.

They are chosen on the held-out episodes themselves, so no controller that must decide beforehand
can be expected to reach them; how far away one is says how much there was to gain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.proofs.guarantees import certify
from ns3kan.analysis.studies.load_balancing.settings import (
    LoadBalancingStudy,
    Reward,
    column_of,
    rewards_of,
)

# Width of the ramp between two loads' ratios, relative to the load where they meet.
_RAMP = 0.02


def best_constants(scores: Mapping[float, pd.DataFrame], reward: Reward) -> pd.DataFrame:
    """Scores of each episode under the constant ratio that is best in it.

    Parameters
    ----------
    scores
        Of each constant ratio, as from `Scores.of`.
    reward
        By which the best one is chosen.

    Returns
    -------
    DataFrame
        As the scores, with the ratio chosen in the column ``ratio``.
    """
    everything = pd.concat(
        [table.assign(ratio=ratio) for ratio, table in scores.items()]
    ).reset_index()
    best = everything.groupby("seed")[column_of(reward)].idxmax()
    return everything.loc[best].set_index("seed")


def ratios_by_load(
    runs: Mapping[float, Sequence[pd.DataFrame]], reward: Reward, bins: int
) -> tuple[list[float], list[float]]:
    """Ratio that did best at each load, in runs with constant ratios.

    Parameters
    ----------
    runs
        Intervals of each constant ratio.
    reward
        By which the best one is chosen.
    bins
        How many ranges of load, equally often met.

    Returns
    -------
    edges, ratios
        Loads between two ranges, ascending (bins - 1), and the ratio of each range (bins).
    """
    tables = {ratio: pd.concat(own, ignore_index=True) for ratio, own in runs.items()}
    load = next(iter(tables.values()))["load"].to_numpy(float)
    edges = np.quantile(load, np.linspace(0, 1, bins + 1)[1:-1])
    column = column_of(reward)
    values = np.array(
        [
            [
                rewards_of(part)[column] if len(part) else -np.inf
                for part in _parts(table, edges, bins)
            ]
            for table in tables.values()
        ]
    )
    ratios = np.array(list(tables))[values.argmax(axis=0)]
    return edges.tolist(), ratios.tolist()


def _parts(table: pd.DataFrame, edges: np.ndarray, bins: int) -> list[pd.DataFrame]:
    place = np.searchsorted(edges, table["load"].to_numpy(float))
    return [table[place == number] for number in range(bins)]


def load_controller(edges: Sequence[float], ratios: Sequence[float]) -> Controller:
    """Write ratios by load as an equation: steps, each a short ramp."""
    terms = [f"{ratios[0]:.4g}"]
    for edge, before, after in zip(edges, ratios, ratios[1:], strict=False):
        if after != before:
            width = _RAMP * edge
            ramp = f"min(max((load - {edge:.4g})/{width:.4g}, 0), 1)"
            terms.append(f"({after - before:.4g})*{ramp}")
    controller = Controller(
        [ControllerInput("load", "1", (0.0, 10.0))],
        [ControllerOutput("ratio", " + ".join(terms), (0.0, 1.0))],
        "ratio",
        provenance={"study": "load-balancing", "oracle": "best ratio by load, in hindsight"},
    )
    certify(controller)
    return controller


def oracle_file(folder: Path, reward: Reward) -> Path:
    """Where the controller of `ratios_by_load` is kept."""
    return folder / "controllers" / f"{reward}-oracle-by-load.json"


def is_of_these_seeds(study: LoadBalancingStudy, reward: Reward, folder: Path) -> bool:
    """Whether the controller of `ratios_by_load` is there, chosen on the held-out episodes."""
    path = oracle_file(folder, reward)
    return path.is_file() and Controller.load(path).provenance.get("seeds") == _seeds(study)


def _seeds(study: LoadBalancingStudy) -> list[int]:
    return [study.evaluation_seeds()[0], study.evaluation_seeds()[-1]]


def write_load_oracle(
    study: LoadBalancingStudy,
    runs: Mapping[float, Sequence[pd.DataFrame]],
    reward: Reward,
    folder: Path,
) -> Path:
    """Find the best ratio by load and write its controller."""
    path = oracle_file(folder, reward)
    path.parent.mkdir(parents=True, exist_ok=True)
    controller = load_controller(*ratios_by_load(runs, reward, study.load_bins))
    controller.provenance["seeds"] = _seeds(study)
    controller.save(path)
    return path
