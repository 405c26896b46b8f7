# SPDX-License-Identifier: MIT
"""Drawings of a trained KAN: its edges, its activations, and which inputs its formula uses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as Drawing
from matplotlib.image import AxesImage

from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.networks.kan.pruning import THRESHOLD, edge_scales, prune
from ns3kan.analysis.studies.feature_selection.formulas import (
    body_of,
    features_of,
    files_of,
    write_formulas,
)
from ns3kan.analysis.studies.feature_selection.settings import FeatureSelectionStudy, Method
from ns3kan.analysis.studies.feature_selection.training import TrainingTask, labelled
from ns3kan.bridge.images.datasets import load_images

BETA = 30.0
"""β of the paper: an edge of scale A is drawn with the opacity tanh(β A)."""

_POINTS = 200


def draw_network(axes: Axes, task: TrainingTask, folder: Path, data_dir: Path | None) -> None:
    """Draw a task's KAN after pruning: inputs below, outputs above, edges by their scales."""
    body, inputs = _trained(task, folder, data_dir)
    pruned = prune(body, inputs)
    scales = edge_scales(pruned, inputs)
    widths = [pruned.layers[0].in_features, *(layer.out_features for layer in pruned.layers)]
    places = [(np.arange(width) + 0.5) / width for width in widths]
    for level, scale in enumerate(scales):
        opacities = np.tanh(BETA * scale.numpy())
        segments, colours = [], []
        for row, column in np.ndindex(*opacities.shape):
            ends = (float(places[level][column]), level), (float(places[level + 1][row]), level + 1)
            segments.append(list(ends))
            colours.append((0.0, 0.0, 0.0, float(opacities[row, column])))
        axes.add_collection(LineCollection(segments, colors=colours, linewidths=0.5))
    for level, own in enumerate(places):
        axes.plot(own, np.full(len(own), level), "o", color="#0072B2", markersize=3)
    for number, place in enumerate(places[-1]):
        axes.annotate(str(number), (place, len(scales)), (0, 4), textcoords="offset points")
    axes.set_ylim(-0.1, len(scales) + 0.25)
    axes.set_axis_off()
    axes.set_title(
        f"KAN with selection: {widths[1]} of {body.layers[0].out_features} hidden neurons have "
        f"both scores above {THRESHOLD:g}; opacity tanh({BETA:g} A)"
    )


def draw_activations(
    drawing: Drawing, task: TrainingTask, folder: Path, data_dir: Path | None
) -> None:
    """Draw, for each hidden neuron, what its edges make of its value for each of the outputs."""
    body, inputs = _trained(task, folder, data_dir)
    with torch.no_grad():
        values = body.layers[0](inputs)
    columns = math.ceil(values.shape[1] / 2)
    panels = drawing.subplots(2, columns, squeeze=False).ravel()
    for neuron, axes in enumerate(panels):
        if neuron >= values.shape[1]:
            axes.set_visible(False)
            continue
        activations = values[:, neuron]
        points = torch.linspace(float(activations.min()), float(activations.max()), _POINTS)
        with torch.no_grad():
            curves = body.layers[1].edge_functions(points)[:, :, neuron]
        for output in range(curves.shape[1]):
            axes.plot(points.numpy(), curves[:, output].numpy(), linewidth=1.0, label=str(output))
        axes.set_title(f"hidden neuron {neuron + 1}", fontsize=8)
        axes.tick_params(labelsize=7)
    handles, names = panels[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside lower center", ncols=len(names), title="output")


def draw_importance(
    axes: Axes,
    study: FeatureSelectionStudy,
    task: TrainingTask,
    folder: Path,
    data_dir: Path | None,
) -> AxesImage:
    """Draw how strongly the formula of a task's KAN uses each place of the image.

    Numbers say how often inputs of that place occur in the formulas of the ten outputs, in tens.
    """
    write_formulas(study, task, folder, data_dir)
    table = files_of(task, folder).importance.read()
    strength = on_image(table["strength"].to_numpy(float), task.method)
    often = on_image(table["occurrences"].to_numpy(float), task.method)
    drawn = axes.imshow(strength, cmap="viridis")
    for row, column in np.ndindex(8, 8):
        axes.text(
            column,
            row,
            f"{often[row, column] / 10:.0f}",
            ha="center",
            va="center",
            fontsize=6,
            color="white" if strength[row, column] < strength.max() / 2 else "black",
        )
    axes.set_xticks([])
    axes.set_yticks([])
    return drawn


def on_image(values: npt.NDArray[np.float64], method: Method) -> npt.NDArray[np.float64]:
    """Lay numbers of a KAN's inputs (64,) on the image, (8, 8).

    Pixels have their places. An entry of FSNet's map is the largest of a square of convolutions,
    so its number lies on each pixel of that square; those of all channels are added.
    """
    if method.selection != "fsnet":
        return values.reshape(8, 8)
    side = 8 >> method.conv_layers
    channels = values.reshape(-1, side, side).sum(axis=0)
    return np.kron(channels, np.ones((8 // side, 8 // side)))


def _trained(task: TrainingTask, folder: Path, data_dir: Path | None) -> tuple[Kan, torch.Tensor]:
    """KAN of a task, and what it sees of the test images."""
    agent = task.load_agent(folder)
    test = labelled(load_images(task.dataset, "test", data_dir))
    return body_of(agent), features_of(agent, test)
