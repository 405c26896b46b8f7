# SPDX-License-Identifier: MIT
"""What each selection's masks say: with the levels, judged honestly, and without them.

Two classifiers are trained on random masks for each seed. With the first, selections are made; the
second, which no selection was made with, says how much of the class the pixels shown tell.
"""

from __future__ import annotations

import copy
import functools
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from ns3kan.agents.feature_selection.descent import DescentConfig
from ns3kan.agents.feature_selection.mask_classifier import MaskClassifier
from ns3kan.agents.feature_selection.mask_training import (
    accuracy_under,
    cross_entropy_under,
    logits_under,
    train_on_masks,
    train_on_random_masks,
    train_selector,
)
from ns3kan.agents.feature_selection.pixel_selector import PixelSelector
from ns3kan.agents.feature_selection.sequential_selector import SequentialSelector
from ns3kan.agents.feature_selection.sequential_training import train_sequential
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.studies.feature_selection.baselines import greedy_pixels, pixels_of
from ns3kan.analysis.studies.feature_selection.mask_evaluation import mask_only_accuracy
from ns3kan.analysis.studies.feature_selection.settings import (
    BY_CLASSIFIER,
    FeatureSelectionStudy,
    MaskSettings,
    Method,
)
from ns3kan.analysis.studies.feature_selection.training import (
    LEARN,
    TrainingTask,
    choose_pixels,
    examination,
    labelled,
    train,
)
from ns3kan.analysis.studies.harness import TaskRows, run_missing
from ns3kan.bridge.images.datasets import Dataset, load_images
from ns3kan.io.files import write_atomically

BoolArray = npt.NDArray[np.bool_]
Masks = Callable[[Tensor], Tensor]
"""Masks (n, pixels) of images (n, pixels)."""

# Seeds of the second classifiers are those of the first, and this.
_SECOND = 1_000


@dataclass(frozen=True)
class MaskTask:
    """The examination of all selections' masks, for one seed.

    Attributes
    ----------
    dataset
        Whose images.
    seed
        Of the classifiers and selectors, and of the trainings whose masks are examined.
    """

    dataset: Dataset
    seed: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.dataset}-seed-{self.seed}"

    def table(self, folder: Path) -> TaskRows:
        """Rows of numbers, one for each selection."""
        return examination(folder, self.dataset, self.seed)

    def named(self, folder: Path) -> Path:
        """File of which test images the second classifier names rightly."""
        return folder / "masks" / f"{self.name}.npz"

    def is_done(self, study: FeatureSelectionStudy, folder: Path) -> bool:
        """Whether both files are there, of all selections, from as long a training."""
        if not (self.table(folder).exist() and self.named(folder).is_file()):
            return False
        table = self.table(folder).read()
        asked = {method.name for method in study.examined()}
        steps = study.masks.classifier_steps
        return asked <= set(table["selection"]) and bool((table["classifier_steps"] == steps).all())


def read_masks(task: MaskTask, folder: Path) -> tuple[pd.DataFrame, dict[str, BoolArray]]:
    """Read a task's numbers, a row for each name of a method, and the images named rightly."""
    with np.load(task.named(folder)) as stored:
        count = int(stored["count"])
        named = {
            name: np.unpackbits(stored[name], count=count).astype(np.bool_)
            for name in stored.files
            if name != "count"
        }
    return task.table(folder).read().set_index("selection"), named


def examine_all(
    study: FeatureSelectionStudy,
    dataset: Dataset,
    folder: Path,
    data_dir: Path | None,
    on_done: Callable[[str], None],
) -> None:
    """Examine the masks of all seeds whose files are not there yet."""
    tasks = [MaskTask(dataset, seed) for seed in range(study.budget_seeds[dataset])]
    run_missing(
        functools.partial(examine, study, folder=folder, data_dir=data_dir),
        tasks,
        lambda task: task.is_done(study, folder),
        study.workers,
        lambda task, seconds, count: on_done(f"masks of {task.name}: {seconds:.0f} s ({count})"),
    )


def examine(
    study: FeatureSelectionStudy, task: MaskTask, folder: Path, data_dir: Path | None = None
) -> float:
    """Examine the masks of one seed and write its files; returns the wall time [s]."""
    begin = time.perf_counter()
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.seed)
        rows, named = _Examination(study, task, folder, data_dir).run()
    task.named(folder).parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    count = len(next(iter(named.values())))
    arrays: dict[str, Any] = {name: np.packbits(right) for name, right in named.items()}
    np.savez_compressed(packed, count=count, **arrays)
    write_atomically(task.named(folder), packed.getvalue())
    # Last, so that it stands for both.
    table = pd.DataFrame(rows)
    task.table(folder).write(table.to_csv(index=False, float_format="%.4f"))
    return time.perf_counter() - begin


class _Examination:
    """One seed: its images, classifiers and selections."""

    def __init__(
        self,
        study: FeatureSelectionStudy,
        task: MaskTask,
        folder: Path,
        data_dir: Path | None,
    ) -> None:
        self.study = study
        self.settings: MaskSettings = study.masks
        self.task = task
        self.folder = folder
        self.data_dir = data_dir
        self.source = load_images(task.dataset, LEARN, data_dir)
        self.test_source = load_images(task.dataset, "test", data_dir)
        self.learn = labelled(self.source)
        self.test = labelled(self.test_source)
        order = np.random.default_rng(task.seed).permutation(len(self.source))
        self.places = order[: self.settings.sample]
        self.sample = labelled(self.source, places=self.places)
        self.first = self._classifier(task.seed)
        self.second = self._classifier(task.seed + _SECOND)
        self.greedy = self._greedy()
        self.sequential = self._sequential()

    def run(self) -> tuple[list[dict[str, object]], dict[str, BoolArray]]:
        """Examine all selections: a row of numbers for each, and which images are named rightly."""
        rows: list[dict[str, object]] = []
        named: dict[str, BoolArray] = {}
        for method in self.study.examined():
            begin = time.perf_counter()
            masks, test_masks = self._masks(method)
            right = logits_under(self.second, self.test.images, test_masks).argmax(-1)
            named[method.name] = (right == self.test.labels).numpy()
            rows.append(
                {
                    "selection": method.name,
                    "fixed": float(named[method.name].mean()),
                    "own": self._own(method, masks, test_masks),
                    "mask_logistic": self._mask_only(masks, test_masks, ()),
                    "mask_perceptron": self._mask_only(
                        masks, test_masks, (self.settings.mask_only_hidden,)
                    ),
                    "seconds": time.perf_counter() - begin,
                    "classifier_steps": self.settings.classifier_steps,
                }
            )
        return rows, named

    def _classifier(self, seed: int) -> MaskClassifier:
        torch.manual_seed(seed)
        classifier = MaskClassifier(hidden=self.settings.hidden)
        config = DescentConfig(steps=self.settings.classifier_steps, weight_decay=1e-2, seed=seed)
        train_on_random_masks(classifier, self.learn, config)
        return classifier

    def _greedy(self) -> npt.NDArray[np.intp]:
        places = self.places[: self.settings.greedy_images]
        images = labelled(self.source, places=places)

        def loss(pixels: BoolArray) -> float:
            return cross_entropy_under(self.first, images, torch.from_numpy(pixels))

        return greedy_pixels(loss, max(self.settings.budgets))

    def _sequential(self) -> SequentialSelector:
        selector = SequentialSelector(self.greedy[: self.settings.first].tolist())
        config = DescentConfig(self.settings.sequential_steps, batch_size=128, seed=self.task.seed)
        train_sequential(selector, self.first, self.learn, max(self.settings.budgets), config)
        return selector

    def _masks(self, method: Method) -> tuple[Tensor, Tensor]:
        """Masks of the sample of training images and of the test images, (n, pixels) each."""
        choose = self._chooser(method)
        if choose is not None:
            with torch.no_grad():
                return choose(self.sample.images), choose(self.test.images)
        seed = self.task.seed
        pixels = choose_pixels(method, self.source, seed)
        assert pixels is not None
        if pixels.ndim == 1:
            same = torch.from_numpy(pixels).float()
            return same.expand_as(self.sample.images), same.expand_as(self.test.images)
        test_pixels = choose_pixels(method, self.test_source, seed)
        assert test_pixels is not None
        of_sample = pixels[self.source.indices[self.places]]
        of_test = test_pixels[self.test_source.indices]
        return torch.from_numpy(of_sample).float(), torch.from_numpy(of_test).float()

    def _chooser(self, method: Method) -> Masks | None:
        """Return what makes masks, for selections that are learned or searched, or None."""
        budget = method.budget
        assert budget is not None
        match method.selection:
            case "greedy":
                same = torch.from_numpy(pixels_of(self.greedy[:budget])).float()
                return lambda images: same.expand_as(images)
            case "sequential":
                return lambda images: self.sequential.select(images, budget)
            case "fixed_classifier":
                return self._against_fixed(method).mean_mask
            case "top_k":
                return self._trained(method).mean_mask
            case _:
                return None

    def _against_fixed(self, method: Method) -> PixelSelector:
        selector = method.make_selector()
        assert isinstance(selector, PixelSelector)
        config = DescentConfig(self.settings.selector_steps, seed=self.task.seed)
        train_selector(selector, self.first, self.learn, config)
        return selector

    def _trained(self, method: Method) -> PixelSelector:
        task = TrainingTask(method, self.task.dataset, self.task.seed)
        if not task.model(self.folder).is_file():
            train(self.study, task, self.folder, self.data_dir)
        selector = task.load_agent(self.folder).selector
        assert isinstance(selector, PixelSelector)
        return selector.eval()

    def _own(self, method: Method, masks: Tensor, test_masks: Tensor) -> float:
        """Accuracy of a classifier that has learned this selection's masks."""
        if method.selection not in BY_CLASSIFIER:
            # That of the Q-network, which is in the training's file.
            return float("nan")
        classifier = copy.deepcopy(self.first)
        config = DescentConfig(self.settings.further_steps, learning_rate=1e-3, seed=self.task.seed)
        train_on_masks(classifier, self.sample, masks, config)
        return accuracy_under(classifier, self.test, test_masks)

    def _mask_only(self, masks: Tensor, test_masks: Tensor, hidden: tuple[int, ...]) -> float:
        return mask_only_accuracy(
            masks,
            self.sample.labels,
            test_masks,
            self.test.labels,
            hidden=hidden,
            config=DescentConfig(
                self.settings.mask_only_steps,
                batch_size=512,
                learning_rate=1e-2,
                seed=self.task.seed,
            ),
        )
