# SPDX-License-Identifier: MIT
"""The study's tables: what was measured, beside what the paper says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from ns3kan.analysis.comparison.statistics import mean_interval
from ns3kan.analysis.studies.feature_selection.published import published
from ns3kan.analysis.studies.feature_selection.settings import (
    FeatureSelectionStudy,
    Method,
    Table,
)
from ns3kan.analysis.studies.feature_selection.training import TrainingTask, finals
from ns3kan.bridge.images.datasets import Dataset
from ns3kan.io.files import write_atomically

FILES: dict[Table, str] = {
    "I": "table-1.csv",
    "II": "table-2.csv",
    "III": "table-3.csv",
    "IV": "table-4.csv",
    "budgets": "table-budgets.csv",
    "formulas": "table-formulas.csv",
}


def write_table(study: FeatureSelectionStudy, table: Table, folder: Path) -> pd.DataFrame:
    """Write a table of the paper of all data sets whose trainings are there, and return it.

    One row per method and data set. ``mean``, ``std``, ``low`` and ``high`` (95 %, Student's t)
    are of the final epoch's test accuracy with the mean mask, over ``n`` seeds; ``published`` is
    the paper's. The numbers in the other columns are means over the seeds.
    """
    rows = [row for dataset in get_args(Dataset) for row in _rows(study, table, dataset, folder)]
    result = pd.DataFrame(rows)
    # Columns that no row has a number for (widths of grids of perceptrons, say) are left out.
    result = result.dropna(axis="columns", how="all")
    if "published" not in result.columns:
        result["published"] = math.nan
    write_atomically(folder / FILES[table], result.to_csv(index=False, float_format="%.4f"))
    return result


def _rows(
    study: FeatureSelectionStudy, table: Table, dataset: Dataset, folder: Path
) -> list[dict[str, object]]:
    samples: dict[Method, list[dict[str, float]]] = {}
    for method in study.methods(table):
        tasks = [TrainingTask(method, dataset, seed) for seed in study.seeds_of(method, dataset)]
        if not all(task.is_done(study, folder) for task in tasks):
            return []
        samples[method] = [finals(task, folder, study.last_epochs) for task in tasks]
    rows = []
    for method, own in samples.items():
        row = _describe(table, method, dataset) | measured(own)
        row["epochs"] = study.epochs_of(method, dataset)
        rows.append(row | _published(table, method, dataset))
    return rows


def _describe(table: Table, method: Method, dataset: str) -> dict[str, object]:
    fsnet = method.selection == "fsnet"
    kan = method.network == "kan"
    row: dict[str, object] = {"method": method.title, "data set": dataset}
    if table != "I":
        row |= {
            "convolution layers": method.conv_layers if fsnet else math.nan,
            "width": method.width,
            "grid": method.grid if kan else math.nan,
        }
    return row


def measured(samples: Sequence[Mapping[str, float]]) -> dict[str, object]:
    """Summarise the numbers at the ends of some trainings, those of `finals`."""

    def of(name: str) -> list[float]:
        return [sample.get(name, math.nan) for sample in samples]

    def mean(name: str) -> float:
        return float(np.mean(of(name)))

    estimate = mean_interval(of("accuracy"))
    return {
        "mean": estimate.mean,
        "std": float(np.std(of("accuracy"), ddof=1)) if estimate.n > 1 else math.nan,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "sampled mask": mean("sampled_accuracy"),
        "train accuracy": mean("train_accuracy"),
        "macro precision": mean("precision"),
        "macro recall": mean("recall"),
        "macro F1": mean("f1"),
        "mean of last epochs": mean("window_mean"),
        "std within last epochs": mean("window_std"),
        "minutes": mean("seconds") / 60,
    }


def _published(table: Table, method: Method, dataset: str) -> dict[str, object]:
    theirs = published(table, method, dataset)
    if theirs is None:
        return {}
    return {
        "published": theirs.test_accuracy,
        "published train accuracy": theirs.train_accuracy,
        "published macro precision": _number(theirs.precision),
        "published macro recall": _number(theirs.recall),
        "published macro F1": _number(theirs.f1),
        "published minutes": _number(theirs.minutes),
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else value
