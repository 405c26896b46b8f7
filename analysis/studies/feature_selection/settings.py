# SPDX-License-Identifier: MIT
"""What the feature-selection study runs: the rows of the paper's tables, and our own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from ns3kan.agents.feature_selection.config import FeatureSelectionConfig
from ns3kan.agents.feature_selection.feature_selector import FSNet
from ns3kan.agents.feature_selection.masks import MaskDistribution
from ns3kan.agents.feature_selection.pixel_selector import PixelSelector
from ns3kan.agents.feature_selection.selection import FeatureSelector
from ns3kan.agents.training.settings import NetworkKind
from ns3kan.bridge.images.datasets import Dataset

Table = Literal["I", "II", "III", "IV", "budgets", "formulas"]
Figure = Literal["1", "2", "3", "4"]
Selection = Literal[
    "none",
    "fsnet",
    "top_k",
    "random",
    "most_varying",
    "mutual_information",
    "feedback",
    "greedy",
    "sequential",
    "fixed_classifier",
]

TITLES: dict[Selection, str] = {
    "none": "all pixels",
    "fsnet": "FSNet",
    "top_k": "each image's own pixels, learned",
    "random": "random pixels, the same for all",
    "most_varying": "most varying pixels, the same for all",
    "mutual_information": "pixels by mutual information, the same for all",
    "feedback": "pixels that the image's feedback rates highest",
    "greedy": "pixels by greedy search, the same for all",
    "sequential": "pixels one after another, each by those seen before",
    "fixed_classifier": "each image's own pixels, learned against a fixed classifier",
}

DISTRIBUTIONS: tuple[MaskDistribution, ...] = (
    "bernoulli",
    "gumbel_softmax",
    "normal",
    "beta",
    "dirichlet",
    "multinomial",
    "cauchy",
    "laplace",
    "uniform",
)
"""In the order of Table I."""


@dataclass(frozen=True)
class Method:
    """One way of choosing features and of learning from them, a row of a table."""

    network: NetworkKind = "kan"
    """Q-network, "kan" or "mlp"."""
    selection: Selection = "fsnet"
    """Where its inputs come from."""
    distribution: MaskDistribution = "beta"
    """Of FSNet's masks; "none" is its convolution without a mask."""
    conv_layers: int = 1
    """Of FSNet."""
    hidden: int | None = None
    """Width of the Q-network's hidden layer; None is the paper's 8 (KAN) or 32 (perceptron)."""
    grid: int = 3
    """Grid intervals of a KAN."""
    training: Literal["joint", "literal"] = "joint"
    """How FSNet is trained; see `FeatureSelectionConfig.training`."""
    budget: int | None = None
    """Pixels that are shown, for selections with a budget."""

    @property
    def width(self) -> int:
        """Width of the hidden layer."""
        return self.hidden or (8 if self.network == "kan" else 32)

    @property
    def name(self) -> str:
        """Name in files."""
        parts = [self.network, str(self.width)]
        if self.network == "kan":
            parts += ["grid", str(self.grid)]
        if self.selection == "fsnet":
            parts += [self.distribution, str(self.conv_layers), "conv"]
            if self.training != "joint":
                parts.append(self.training)
        else:
            parts.append("all" if self.selection == "none" else self.selection)
            if self.budget is not None:
                parts += [str(self.budget), "pixels"]
        return "-".join(parts).replace("_", "-")

    @property
    def title(self) -> str:
        """Name in tables."""
        network = "KAN" if self.network == "kan" else "perceptron"
        if self.selection != "fsnet":
            return f"{network}, {TITLES[self.selection]}"
        if self.distribution == "none":
            return f"{network}, convolution, no mask"
        how = "" if self.training == "joint" else ", Algorithm 2 as printed"
        return f"{network}, {self.distribution.replace('_', '-')} mask{how}"

    @property
    def keeps_model(self) -> bool:
        """Whether figures and formulas need the trained networks."""
        return self in SHOWN.values()

    def make_selector(self) -> FeatureSelector | None:
        """Make the network that selects, with weights drawn from PyTorch's random numbers."""
        if self.selection == "fsnet":
            return FSNet(self.conv_layers, distribution=self.distribution)
        if self.selection == "top_k":
            return PixelSelector("top_k", self.budget)
        if self.selection == "fixed_classifier":
            return PixelSelector("top_k", self.budget, network=self.network)
        return None


SHOWN = {
    "KAN, with selection": Method(),
    "KAN, all pixels": Method(selection="none"),
    "perceptron, with selection": Method("mlp"),
    "perceptron, all pixels": Method("mlp", "none"),
}
"""Methods whose trained networks stay, for figures and formulas."""

PAPER_TABLES: dict[Table, tuple[Method, ...]] = {
    "I": tuple(Method("mlp", distribution=name) for name in DISTRIBUTIONS),
    "II": (
        Method("kan", "none"),
        Method("mlp", "none"),
        # Not the paper's: what of Table III is due to the convolution, and what to the mask.
        Method("kan", distribution="none"),
        Method("mlp", distribution="none"),
    ),
    "III": (
        Method("kan"),
        Method("mlp"),
        Method("kan", conv_layers=2),
        Method("mlp", conv_layers=2),
        # The paper leaves open what trains FSNet; its numbers may be of either.
        Method("kan", training="literal"),
        Method("mlp", training="literal"),
    ),
    "IV": (
        Method("kan", conv_layers=2, grid=2),
        Method("kan", conv_layers=2),
        Method("kan", conv_layers=2, hidden=16),
    ),
}
"""Rows of the paper's tables, and ours that explain them."""

GLOBAL_SELECTIONS: tuple[Selection, ...] = (
    "random",
    "most_varying",
    "mutual_information",
    "greedy",
)
"""The same pixels for all images."""

BY_CLASSIFIER: tuple[Selection, ...] = ("greedy", "sequential", "fixed_classifier")
"""Selections that are made with a classifier that is trained on random masks and then fixed."""


@dataclass(frozen=True)
class MaskSettings:
    """How masks are examined, and how selections are made with a fixed classifier.

    The kind of sequential training and its first pixels were chosen on the validation images of
    digits and MNIST; lengths and widths are what a slow core does in a minute or two per seed.
    """

    budgets: tuple[int, ...] = (8, 16)
    """Pixels shown by the selections of `BY_CLASSIFIER`."""
    hidden: tuple[int, ...] = (128, 128)
    """Widths of the classifiers' hidden layers."""
    classifier_steps: int = 2_000
    """Gradient steps of each classifier on random masks, 256 images each, as in all others."""
    selector_steps: int = 400
    """Of a selector that sees the whole image."""
    sequential_steps: int = 800
    """Of the selector of one pixel after another, for all budgets together."""
    first: int = 2
    """Pixels of the greedy search that it begins with."""
    further_steps: int = 300
    """In which a copy of the fixed classifier learns the masks of one selection."""
    mask_only_steps: int = 400
    """Of a classifier that sees masks alone."""
    mask_only_hidden: int = 64
    """Width of that classifier's hidden layer, where it has one."""
    greedy_images: int = 1_000
    """Training images of the greedy search."""
    sample: int = 10_000
    """Most training images whose masks are learned from."""


@dataclass(frozen=True)
class FeatureSelectionStudy:
    """Settings of ``ns3kan reproduce feature-selection``."""

    dataset: Dataset = "digits"
    """Whose images."""
    data_dir: Path | None = None
    """Where they are; see `ns3kan.bridge.images.datasets.load_images`."""
    seeds: dict[str, int] = field(
        default_factory=lambda: {"digits": 5, "mnist": 2, "fashion-mnist": 2}
    )
    """How many trainings there are of each row of the paper's tables, by data set."""
    budget_seeds: dict[str, int] = field(
        default_factory=lambda: {"digits": 5, "mnist": 3, "fashion-mnist": 3}
    )
    """How many with each budget."""
    epochs: int = 100
    """Of the trainings of the paper's tables, as in the paper: all with the digits, and with the
    larger data sets those of `SHOWN`."""
    further_epochs: int = 10
    """Of the others with the larger data sets."""
    budget_epochs: dict[str, int] = field(
        default_factory=lambda: {"digits": 100, "mnist": 10, "fashion-mnist": 10}
    )
    """Of the trainings with budgets: all data sets get at least 1,200 gradient steps."""
    budgets: tuple[int, ...] = (8, 16, 32, 64)
    """Pixels that the Q-network may see."""
    budget_network: NetworkKind = "mlp"
    """Q-network of the trainings with budgets."""
    learning_rates: dict[str, dict[str, float]] = field(
        default_factory=lambda: {"fashion-mnist": {"kan": 1e-2, "mlp": 1e-2}}
    )
    """Learning rates of trainings without budgets, by data set and network, where the paper's
    1e-3 is not kept: chosen from 1e-3, 3e-3 and 1e-2 by the accuracy on validation images after
    25 epochs of the training with selection."""
    budget_learning_rate: float = 3e-3
    """Of all trainings with budgets."""
    masks: MaskSettings = field(default_factory=MaskSettings)
    """Of the examination of masks in the table of budgets."""
    images: int = 128
    """Images at a time, and transitions in a gradient step."""
    train_sample: int = 2_000
    """Training images that the training accuracy is measured on."""
    last_epochs: int = 10
    """Epochs of a window, and of the means at the end."""
    edges: tuple[int, ...] = (592, 296, 148, 96, 64, 40)
    """Most edges of a formula; the KAN has 592."""
    refinement_steps: int = 600
    """Steps of the joint fit of a formula's constants."""
    workers: int = 2
    """Trainings at the same time."""

    def methods(self, table: Table) -> tuple[Method, ...]:
        """Rows of a table."""
        if table == "formulas":
            return SHOWN["KAN, with selection"], SHOWN["KAN, all pixels"]
        if table != "budgets":
            return PAPER_TABLES[table]
        chosen: tuple[Selection, ...] = (
            "top_k",
            *(one for one in GLOBAL_SELECTIONS if one not in BY_CLASSIFIER),
            "feedback",
        )
        return tuple(
            # All 64 pixels are the same by whatever rule.
            Method(self.budget_network, selection if budget < 64 else "none", budget=budget)
            for budget in self.budgets
            for selection in (chosen if budget < 64 else chosen[:1])
        )

    def by_classifier(self) -> tuple[Method, ...]:
        """Rows of the table of budgets that no Q-network is trained for."""
        return tuple(
            Method(network, selection, budget=budget)
            for budget in self.masks.budgets
            for selection in BY_CLASSIFIER
            for network in (("mlp", "kan") if selection == "fixed_classifier" else ("mlp",))
        )

    def examined(self) -> tuple[Method, ...]:
        """Rows of the table of budgets whose masks are examined."""
        trained = (method for method in self.methods("budgets") if method.selection != "none")
        return *trained, *self.by_classifier()

    def epochs_of(self, method: Method, dataset: str) -> int:
        """Epochs of a training."""
        if method.budget is not None:
            return self.budget_epochs[dataset]
        return self.epochs if dataset == "digits" or method.keeps_model else self.further_epochs

    def seeds_of(self, method: Method, dataset: str) -> range:
        """Seeds of the trainings of a method."""
        return range((self.seeds if method.budget is None else self.budget_seeds)[dataset])

    def config(self, method: Method, dataset: str, seed: int) -> FeatureSelectionConfig:
        """Configure a training."""
        config = FeatureSelectionConfig(
            epochs=self.epochs_of(method, dataset),
            training=method.training,
            network=method.network,
            hidden=None if method.hidden is None else (method.hidden,),
            grid=method.grid,
            batch_size=self.images,
            seed=seed,
        )
        if method.budget is None:
            rates = self.learning_rates.get(dataset, {})
            return dataclasses.replace(
                config, learning_rate=rates.get(method.network, config.learning_rate)
            )
        return dataclasses.replace(
            config,
            learning_rate=self.budget_learning_rate,
            # Feedback leads at first; in the end only the reward counts.
            feedback_weight_end=0.0,
        )


def quick() -> FeatureSelectionStudy:
    """Make settings so small that the numbers say only that everything works."""
    return FeatureSelectionStudy(
        epochs=6,
        further_epochs=2,
        budget_epochs={"digits": 6, "mnist": 1, "fashion-mnist": 1},
        seeds=dict.fromkeys(get_args(Dataset), 2),
        budget_seeds=dict.fromkeys(get_args(Dataset), 2),
        budgets=(8, 64),
        masks=MaskSettings(
            budgets=(8,),
            classifier_steps=300,
            selector_steps=100,
            sequential_steps=100,
            further_steps=50,
            mask_only_steps=100,
            greedy_images=300,
            sample=1_000,
        ),
        edges=(592, 96),
        refinement_steps=50,
    )
