# SPDX-License-Identifier: MIT
"""The table of budgets: selections of as many pixels, and what their masks say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from ns3kan.analysis.comparison.statistics import (
    crossed_difference,
    mean_interval,
    paired_difference,
)
from ns3kan.analysis.studies.feature_selection.masks import MaskTask, read_masks
from ns3kan.analysis.studies.feature_selection.settings import (
    BY_CLASSIFIER,
    GLOBAL_SELECTIONS,
    TITLES,
    FeatureSelectionStudy,
    Method,
)
from ns3kan.analysis.studies.feature_selection.tables import FILES, measured
from ns3kan.analysis.studies.feature_selection.training import TrainingTask, finals
from ns3kan.bridge.images.datasets import Dataset
from ns3kan.io.files import write_atomically

Samples = dict[Method, list[dict[str, float]]]
"""Numbers of each seed, by method."""
Named = dict[Method, npt.NDArray[np.float64]]
"""1 where the fixed classifier names a test image rightly, (seeds, images), by method."""

_MASK_COLUMNS = {
    "fixed": "fixed classifier",
    "mask_logistic": "mask alone, logistic",
    "mask_perceptron": "mask alone, perceptron",
}


def write_budget_table(study: FeatureSelectionStudy, folder: Path) -> pd.DataFrame:
    """Write the table of all data sets that were trained on, and return it.

    One row per selection, budget and data set, whose columns the study's page explains; those of
    masks are empty where masks were not examined.
    """
    rows = [row for dataset in get_args(Dataset) for row in _rows(study, dataset, folder)]
    result = pd.DataFrame(rows).dropna(axis="columns", how="all")
    write_atomically(folder / FILES["budgets"], result.to_csv(index=False, float_format="%.4f"))
    return result


def _rows(study: FeatureSelectionStudy, dataset: Dataset, folder: Path) -> list[dict[str, object]]:
    trained = study.methods("budgets")
    tasks = {
        method: [TrainingTask(method, dataset, seed) for seed in study.seeds_of(method, dataset)]
        for method in trained
    }
    examinations = [MaskTask(dataset, seed) for seed in range(study.budget_seeds[dataset])]
    if not all(task.is_trained(study, folder) for own in tasks.values() for task in own):
        return []
    # Without them the rows of what was trained are there all the same.
    is_examined = all(task.is_done(study, folder) for task in examinations)
    samples: Samples = {
        method: [finals(task, folder, study.last_epochs) for task in own]
        for method, own in tasks.items()
    }
    found = [read_masks(task, folder) for task in examinations] if is_examined else []
    examined = {
        method: [
            dict(zip(map(str, table), table.loc[[method.name]].to_numpy(float)[0], strict=True))
            for table, _ in found
        ]
        for method in (study.examined() if is_examined else ())
    }
    for method in study.by_classifier() if is_examined else ():
        samples[method] = [{"accuracy": one["own"]} for one in examined[method]]
    named: Named = {
        method: np.array([right[method.name] for _, right in found], dtype=np.float64)
        for method in examined
    }
    rows = []
    for method in sorted(samples, key=lambda one: one.budget or 0):
        row: dict[str, object] = {
            "method": _title(method),
            "data set": dataset,
            "pixels": method.budget,
        }
        row |= measured(samples[method])
        if method.selection not in BY_CLASSIFIER:
            row["epochs"] = study.epochs_of(method, dataset)
        if method in examined:
            row |= _masks(examined[method])
        if method.selection not in (*GLOBAL_SELECTIONS, "none"):
            row |= _gain(method, samples)
            row |= _fixed_gain(method, named) if is_examined else {}
        rows.append(row)
    return rows


def _title(method: Method) -> str:
    # A selection that is made with the fixed classifier has no Q-network to be named.
    if method.selection in ("greedy", "sequential"):
        return TITLES[method.selection]
    return method.title


def _masks(samples: Sequence[Mapping[str, float]]) -> dict[str, object]:
    row: dict[str, object] = {}
    for name, column in _MASK_COLUMNS.items():
        estimate = mean_interval([sample[name] for sample in samples])
        row |= {
            column: estimate.mean,
            f"{column}, low": estimate.low,
            f"{column}, high": estimate.high,
        }
    return row


def _rivals(method: Method, methods: Sequence[Method]) -> list[Method]:
    return [
        other
        for other in methods
        if other.budget == method.budget and other.selection in GLOBAL_SELECTIONS
    ]


def _gain(method: Method, samples: Samples) -> dict[str, object]:
    """How much better than the best global selection, with networks that learned the masks."""

    def accuracy(one: Method) -> list[float]:
        return [sample["accuracy"] for sample in samples[one]]

    best = max(_rivals(method, list(samples)), key=lambda one: float(np.mean(accuracy(one))))
    gain = paired_difference(accuracy(method), accuracy(best))
    return {"gain over best global": gain.mean, "gain low": gain.low, "gain high": gain.high}


def _fixed_gain(method: Method, named: Named) -> dict[str, object]:
    """How much better than the best global selection, by the fixed classifier.

    Both of a seed are judged by the same classifier; seeds and test images count as drawn.
    """
    best = max(_rivals(method, list(named)), key=lambda one: float(named[one].mean()))
    gain = crossed_difference(named[method], named[best], paired=True)
    return {
        "fixed gain": gain.mean,
        "fixed gain low": gain.low,
        "fixed gain high": gain.high,
        "best global": _title(best),
    }
