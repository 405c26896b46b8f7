# SPDX-License-Identifier: MIT
"""The study's trainings, each a task whose result stays in files, several at the same time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ns3kan.agents.feature_selection import (
    FeatureSelectionAgent,
    FeatureSelectionTraining,
    LabelledImages,
)
from ns3kan.agents.training.checkpoint import CheckpointError
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.studies.feature_selection.baselines import (
    feedback_pixels,
    most_varying_pixels,
    mutual_information_pixels,
    random_pixels,
)
from ns3kan.analysis.studies.feature_selection.settings import FeatureSelectionStudy, Method
from ns3kan.analysis.studies.harness import TaskRows, run_missing
from ns3kan.bridge.images.datasets import Dataset, ImageSet, Split, load_images
from ns3kan.bridge.images.feedback import simulated_feedback
from ns3kan.bridge.images.vector_env import ImageFeatureSelectionVectorEnv

BoolArray = npt.NDArray[np.bool_]

LEARN: Split = "train+validation"
"""The split of all trainings: nothing in a reported run is chosen by what it measures."""

COLUMNS = {
    "steps": "epoch",
    "seconds": "seconds",
    "mean_reward": "mean_reward",
    "td_loss": "td_loss",
    "feedback_cost": "feedback_cost",
    "train_mean_accuracy": "train_accuracy",
    "test_mean_accuracy": "accuracy",
    "test_mean_macro_precision": "precision",
    "test_mean_macro_recall": "recall",
    "test_mean_macro_f1": "f1",
    "test_sampled_accuracy": "sampled_accuracy",
}
"""Columns of a curve, by their names in the training's record; those of the mean mask first."""


@dataclass(frozen=True)
class TrainingTask:
    """One training.

    Attributes
    ----------
    method
        What is trained.
    dataset
        On which images.
    seed
        Of the training, and of a random choice of pixels.
    """

    method: Method
    dataset: Dataset
    seed: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.dataset}-{self.method.name}-seed-{self.seed}"

    def model(self, folder: Path) -> Path:
        """File of the trained networks, if they are kept."""
        return folder / "models" / f"{self.name}.safetensors"

    def curve(self, folder: Path) -> TaskRows:
        """Rows of the numbers of all epochs."""
        return TaskRows(folder / "curves.csv", self.name)

    def examination(self, folder: Path) -> TaskRows:
        """Rows of what the masks of this data set and seed were found to say."""
        return examination(folder, self.dataset, self.seed)

    def keeps_model(self, folder: Path) -> bool:
        """Whether the trained networks are needed: by figures, or to examine masks later."""
        examined = self.method.selection == "top_k" and not self.examination(folder).exist()
        return self.method.keeps_model or examined

    def is_trained(self, study: FeatureSelectionStudy, folder: Path) -> bool:
        """Whether its curve is there, of as many epochs as the study asks for."""
        curve = self.curve(folder)
        return curve.exist() and len(curve.read()) == study.epochs_of(self.method, self.dataset)

    def is_done(self, study: FeatureSelectionStudy, folder: Path) -> bool:
        """Whether all its files are there that are needed."""
        if self.keeps_model(folder) and not self.model(folder).is_file():
            return False
        return self.is_trained(study, folder)

    def load_agent(self, folder: Path) -> FeatureSelectionAgent:
        """Read the trained networks.

        Raises
        ------
        CheckpointError
            If they are missing or damaged.
        """
        agent = FeatureSelectionAgent.load(self.model(folder))
        if agent.network.architecture.kind != self.method.network:
            raise CheckpointError(
                f"The checkpoint {self.model(folder)} holds another network than its name says; "
                "delete it, so that it is trained again."
            )
        return agent


def examination(folder: Path, dataset: Dataset, seed: int) -> TaskRows:
    """Rows of what the masks of a data set and seed were found to say."""
    return TaskRows(folder / "masks.csv", f"{dataset}-seed-{seed}")


def tasks_of(
    study: FeatureSelectionStudy, methods: Sequence[Method], dataset: Dataset
) -> list[TrainingTask]:
    """List the trainings of some methods on a data set, seeds outermost."""
    seeds = {method: study.seeds_of(method, dataset) for method in methods}
    most = max(map(len, seeds.values()), default=0)
    return [
        TrainingTask(method, dataset, seed)
        for seed in range(most)
        for method, own in seeds.items()
        if seed in own
    ]


def train(
    study: FeatureSelectionStudy, task: TrainingTask, folder: Path, data_dir: Path | None = None
) -> float:
    """Run one training and write its files; returns its wall time [s]."""
    method = task.method
    begin = time.perf_counter()
    images = load_images(task.dataset, LEARN, data_dir)
    pixels = choose_pixels(method, images, task.seed)
    sample = np.random.default_rng(0).permutation(len(images))[: study.train_sample]
    evaluate_on = {
        "train": labelled(images, pixels, sample),
        "test": labelled(
            load_images(task.dataset, "test", data_dir), _test(method, task, data_dir)
        ),
    }
    env = ImageFeatureSelectionVectorEnv(
        study.images, dataset=task.dataset, split=LEARN, pixels=pixels, data_dir=data_dir
    )
    rows: list[dict[str, float]] = []
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.seed)
        agent = FeatureSelectionTraining(
            study.config(method, task.dataset, task.seed),
            method.make_selector(),
            evaluate_on=evaluate_on,
        ).learn(env, on_progress=lambda progress: rows.append(dict(progress.metrics)))
    env.close()
    table = pd.DataFrame(rows).rename(columns=COLUMNS)
    table = table[[name for name in COLUMNS.values() if name in table.columns]]
    task.model(folder).parent.mkdir(parents=True, exist_ok=True)
    if task.keeps_model(folder):
        agent.provenance |= {"task": task.name}
        agent.save(task.model(folder))
    # Last, so that it stands for all.
    task.curve(folder).write(table.to_csv(index=False, float_format="%.4g"))
    return time.perf_counter() - begin


def train_all(
    study: FeatureSelectionStudy,
    tasks: Sequence[TrainingTask],
    folder: Path,
    data_dir: Path | None,
    on_done: Callable[[str], None],
) -> None:
    """Run the trainings whose files are not there yet, in processes of their own."""
    run_missing(
        functools.partial(train, study, folder=folder, data_dir=data_dir),
        tasks,
        lambda task: task.is_done(study, folder),
        study.workers,
        lambda task, seconds, count: on_done(f"{task.name}: {seconds:.0f} s ({count})"),
    )


def choose_pixels(method: Method, images: ImageSet, seed: int) -> BoolArray | None:
    """Choose the pixels that a method shows, by the training images alone.

    Returns
    -------
    None for all, (64,) for the same of all images, or (images of the source, 64)
    """
    if method.budget is None:
        return None
    shown = images.images[images.indices]
    match method.selection:
        case "random":
            return random_pixels(method.budget, np.random.default_rng(seed))
        case "most_varying":
            return most_varying_pixels(shown, method.budget)
        case "mutual_information":
            labels = images.labels[images.indices]
            return mutual_information_pixels(shown, labels, method.budget, seed=seed)
        case "feedback":
            maps = simulated_feedback(images.images).of(np.arange(len(images.images)))
            return feedback_pixels(maps, method.budget)
        case _:
            return None


def labelled(
    images: ImageSet, pixels: BoolArray | None = None, places: npt.NDArray[np.intp] | None = None
) -> LabelledImages:
    """Make images to evaluate on: all of a split, or those at some places of it."""
    indices = images.indices if places is None else images.indices[places]
    shown = images.images[indices]
    if pixels is not None:
        shown = shown * (pixels if pixels.ndim == 1 else pixels[indices])
    return LabelledImages(torch.from_numpy(shown), torch.from_numpy(images.labels[indices]))


def _test(method: Method, task: TrainingTask, data_dir: Path | None) -> BoolArray | None:
    """Pixels that a method shows of test images: their own only where feedback chooses."""
    split: Split = "test" if method.selection == "feedback" else LEARN
    return choose_pixels(method, load_images(task.dataset, split, data_dir), task.seed)


def finals(task: TrainingTask, folder: Path, last_epochs: int) -> dict[str, float]:
    """Numbers of a training at its end.

    Returns
    -------
    the last row of its curve, and ``window_mean`` and ``window_std``, mean and deviation of the
    test accuracy over the last epochs
    """
    curve = task.curve(folder).read()
    window = curve["accuracy"].tail(last_epochs)
    last = {str(name): float(value) for name, value in curve.iloc[-1].items()}
    return last | {
        "window_mean": float(window.mean()),
        "window_std": float(window.std(ddof=0)),
    }
