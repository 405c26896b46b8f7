# SPDX-License-Identifier: MIT
"""The numbers of the paper's four tables.

References
----------
Jahin, Mridha, Dey, "Human-in-the-loop feature selection using interpretable Kolmogorov-Arnold
network-based double deep Q-network", Tables I to IV.
"""

from __future__ import annotations

from dataclasses import dataclass

from ns3kan.analysis.studies.feature_selection.settings import DISTRIBUTIONS, Method, Table


@dataclass(frozen=True)
class Published:
    """What the paper says about a method on a data set; None where it does not."""

    test_accuracy: float
    train_accuracy: float
    precision: float | None = None
    """Macro average, as recall and F1."""
    recall: float | None = None
    f1: float | None = None
    minutes: float | None = None
    """Time of the training."""


def published(table: Table, method: Method, dataset: str) -> Published | None:
    """Look up a row of the paper's tables; None for what is not in them."""
    return _TABLES.get(table, {}).get((method, dataset))


def _minutes(time: str) -> float:
    hours, minutes, seconds = (int(part) for part in ("0:" + time).split(":")[-3:])
    return hours * 60 + minutes + seconds / 60


def _row(
    precision: float, recall: float, f1: float, train: float, test: float, time: str
) -> Published:
    return Published(test, train, precision, recall, f1, _minutes(time))


def _distributions(
    dataset: str, *numbers: tuple[float, float]
) -> dict[tuple[Method, str], Published]:
    return {
        (Method("mlp", distribution=name), dataset): Published(test, train)
        for name, (train, test) in zip(DISTRIBUTIONS, numbers, strict=True)
    }


_KAN_ALL, _MLP_ALL = Method("kan", "none"), Method("mlp", "none")
_KAN, _MLP = Method("kan"), Method("mlp")
_KAN_TWO, _MLP_TWO = Method("kan", conv_layers=2), Method("mlp", conv_layers=2)
_COARSE = Method("kan", conv_layers=2, grid=2)
_WIDE = Method("kan", conv_layers=2, hidden=16)
_MNIST, _FASHION = "mnist", "fashion-mnist"

_TABLES: dict[Table, dict[tuple[Method, str], Published]] = {
    "I": {
        **_distributions(
            _MNIST,
            (0.57, 0.58),
            (0.15, 0.18),
            (0.22, 0.21),
            (0.79, 0.78),
            (0.17, 0.22),
            (0.10, 0.12),
            (0.12, 0.12),
            (0.16, 0.18),
            (0.73, 0.75),
        ),
        **_distributions(
            _FASHION,
            (0.55, 0.54),
            (0.10, 0.24),
            (0.22, 0.21),
            (0.68, 0.66),
            (0.23, 0.24),
            (0.10, 0.12),
            (0.11, 0.12),
            (0.21, 0.19),
            (0.69, 0.65),
        ),
    },
    "II": {
        (_KAN_ALL, _MNIST): _row(0.57, 0.57, 0.56, 0.56, 0.58, "5:10:50"),
        (_MLP_ALL, _MNIST): _row(0.45, 0.51, 0.47, 0.47, 0.52, "10:41"),
        (_KAN_ALL, _FASHION): _row(0.63, 0.65, 0.63, 0.67, 0.64, "5:10:32"),
        (_MLP_ALL, _FASHION): _row(0.55, 0.60, 0.57, 0.59, 0.59, "10:24"),
    },
    "III": {
        (_KAN, _MNIST): _row(0.92, 0.92, 0.92, 0.93, 0.93, "4:35:26"),
        (_MLP, _MNIST): _row(0.84, 0.84, 0.84, 0.85, 0.84, "8:42"),
        (_KAN, _FASHION): _row(0.83, 0.83, 0.83, 0.85, 0.83, "4:25:41"),
        (_MLP, _FASHION): _row(0.72, 0.73, 0.72, 0.73, 0.74, "8:17"),
        (_KAN_TWO, _MNIST): _row(0.73, 0.73, 0.73, 0.75, 0.73, "5:50:29"),
        (_MLP_TWO, _MNIST): _row(0.72, 0.72, 0.72, 0.75, 0.72, "10:32"),
        (_KAN_TWO, _FASHION): _row(0.69, 0.70, 0.69, 0.71, 0.70, "6:02:45"),
        (_MLP_TWO, _FASHION): _row(0.62, 0.68, 0.64, 0.71, 0.68, "11:42"),
    },
    "IV": {
        (_COARSE, _MNIST): _row(0.72, 0.72, 0.72, 0.72, 0.72, "6:05:24"),
        (_KAN_TWO, _MNIST): _row(0.73, 0.73, 0.73, 0.75, 0.73, "5:50:29"),
        (_WIDE, _MNIST): _row(0.75, 0.74, 0.74, 0.74, 0.75, "10:21:59"),
        (_COARSE, _FASHION): _row(0.70, 0.71, 0.70, 0.72, 0.71, "5:11:51"),
        (_KAN_TWO, _FASHION): _row(0.69, 0.70, 0.69, 0.71, 0.70, "6:02:45"),
        (_WIDE, _FASHION): _row(0.71, 0.72, 0.71, 0.73, 0.72, "11:41:30"),
    },
}
