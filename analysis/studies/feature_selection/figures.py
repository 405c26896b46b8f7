# SPDX-License-Identifier: MIT
"""The paper's four figures, drawn from the study's files."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing
from sklearn.metrics import confusion_matrix

from ns3kan.agents.feature_selection.classification import classify
from ns3kan.analysis.report.figures import COLOURS, STYLE
from ns3kan.analysis.studies.feature_selection.network_figures import (
    draw_activations,
    draw_importance,
    draw_network,
)
from ns3kan.analysis.studies.feature_selection.settings import (
    SHOWN,
    FeatureSelectionStudy,
    Figure,
)
from ns3kan.analysis.studies.feature_selection.training import TrainingTask, labelled
from ns3kan.bridge.images.datasets import Dataset, load_images
from ns3kan.bridge.images.feedback import simulated_feedback
from ns3kan.io.files import whole_file

_PAIR = {"KAN": SHOWN["KAN, with selection"], "perceptron": SHOWN["perceptron, with selection"]}
_COLOURS = {"KAN": COLOURS["network"], "perceptron": COLOURS["equation"]}
_DOTS_PER_INCH = 150


def write_figure(
    study: FeatureSelectionStudy,
    figure: Figure,
    dataset: Dataset,
    folder: Path,
    data_dir: Path | None = None,
) -> Path:
    """Draw a figure of a data set; its trainings must be there.

    1: images beside their feedback. 2: accuracy while training, with windows of ten epochs, and
    confusion matrices. 3: the pruned KAN, how important inputs are in its formula, and its
    training. 4: activations of the hidden neurons.
    """
    path = folder / f"figure-{figure}-{dataset}.png"
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        if figure == "1":
            drawing = _images_and_feedback(dataset, data_dir)
        elif figure == "2":
            drawing = _accuracy_and_confusion(study, dataset, folder, data_dir)
        else:
            task = TrainingTask(SHOWN["KAN, with selection"], dataset, seed=0)
            if figure == "3":
                drawing = _interpretation(study, task, folder, data_dir)
            else:
                drawing = _drawing(8.0, 4.4)
                draw_activations(drawing, task, folder, data_dir)
        with whole_file(path) as part:
            drawing.savefig(part, dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return path


def window(values: pd.Series[float], epochs: int) -> tuple[pd.Series[float], pd.Series[float]]:
    """Mean and deviation over the last epochs up to each one, as the paper's curves have them."""
    rolled = values.rolling(epochs, min_periods=1)
    return rolled.mean(), rolled.std(ddof=0)


def _drawing(width: float, height: float) -> Drawing:
    drawing = Drawing(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def _images_and_feedback(dataset: Dataset, data_dir: Path | None) -> Drawing:
    images = load_images(dataset, "test", data_dir)
    labels = images.labels[images.indices]
    firsts = images.indices[[int(np.argmax(labels == label)) for label in range(10)]]
    maps = simulated_feedback(images.images).of(firsts)
    drawing = _drawing(8.0, 2.0)
    panels = drawing.subplots(2, 10, squeeze=False)
    for column, index in enumerate(firsts):
        panels[0, column].imshow(images.images[index].reshape(8, 8), cmap="gray")
        panels[0, column].set_title(str(images.labels[index]))
        panels[1, column].imshow(maps[column].reshape(8, 8), cmap="viridis", vmin=0.0, vmax=1.0)
    for axes in panels.ravel():
        axes.set_xticks([])
        axes.set_yticks([])
    panels[0, 0].set_ylabel("image")
    panels[1, 0].set_ylabel("feedback")
    return drawing


def _accuracy_and_confusion(
    study: FeatureSelectionStudy, dataset: Dataset, folder: Path, data_dir: Path | None
) -> Drawing:
    drawing = _drawing(10.0, 3.4)
    curves, *panels = drawing.subplots(1, 3, squeeze=False).ravel()
    test = labelled(load_images(dataset, "test", data_dir))
    for (name, method), axes in zip(_PAIR.items(), panels, strict=True):
        task = TrainingTask(method, dataset, seed=0)
        curve = task.curve(folder).read()
        for column, line in (("train_accuracy", "-"), ("accuracy", (0, (4, 2)))):
            mean, deviation = window(curve[column], study.last_epochs)
            what = "training" if column == "train_accuracy" else "test"
            curves.plot(
                curve["epoch"], mean, color=_COLOURS[name], linestyle=line, label=f"{name}, {what}"
            )
            curves.fill_between(
                curve["epoch"],
                mean - deviation,
                mean + deviation,
                color=_COLOURS[name],
                alpha=0.15,
                linewidth=0,
            )
        agent = task.load_agent(folder)
        predicted = classify(agent.network, agent.selector, test.images, sampled=False)
        _confusion(axes, confusion_matrix(test.labels.numpy(), predicted.numpy(), labels=range(10)))
        axes.set_title(f"{name}, test images")
    curves.set_xlabel("epoch")
    curves.set_ylabel(f"accuracy, mean of {study.last_epochs} epochs")
    curves.grid(True)
    curves.legend(loc="lower right", fontsize=8)
    return drawing


def _confusion(axes: Axes, counts: npt.NDArray[np.int64]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            axes.text(
                column,
                row,
                str(counts[row, column]),
                ha="center",
                va="center",
                fontsize=6,
                color="white" if shares[row, column] > 0.5 else "black",
            )
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.set_xlabel("class named")
    axes.set_ylabel("class")


def _interpretation(
    study: FeatureSelectionStudy, task: TrainingTask, folder: Path, data_dir: Path | None
) -> Drawing:
    drawing = _drawing(10.0, 7.0)
    grid = drawing.add_gridspec(2, 3, height_ratios=(1.2, 1.0))
    draw_network(drawing.add_subplot(grid[0, :]), task, folder, data_dir)
    for column, name in enumerate(("KAN, all pixels", "KAN, with selection")):
        shown = TrainingTask(SHOWN[name], task.dataset, task.seed)
        axes = drawing.add_subplot(grid[1, column])
        drawn = draw_importance(axes, study, shown, folder, data_dir)
        axes.set_title(name)
        drawing.colorbar(drawn, ax=axes, shrink=0.8, label="strength in the formula")
    axes = drawing.add_subplot(grid[1, 2])
    curve = task.curve(folder).read()
    for column_name, label, colour in (
        ("mean_reward", "mean reward", COLOURS["network"]),
        ("feedback_cost", "feedback cost", COLOURS["traditional"]),
        ("td_loss", "temporal-difference loss", COLOURS["equation"]),
    ):
        mean, _ = window(curve[column_name], study.last_epochs)
        axes.plot(curve["epoch"], mean, color=colour, label=label)
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_title("training of the KAN with selection")
    axes.grid(True)
    axes.legend(fontsize=8)
    return drawing
