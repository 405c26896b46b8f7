# SPDX-License-Identifier: MIT
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import VectorEnv
from sklearn.metrics import f1_score, precision_score, recall_score
from torch import Tensor

import ns3kan  # noqa: F401 - registers the environment
from ns3kan.agents.feature_selection import (
    FeatureSelectionAgent,
    FeatureSelectionConfig,
    FeatureSelectionTraining,
    LabelledImages,
)
from ns3kan.agents.feature_selection.classification import scores
from ns3kan.agents.feature_selection.feature_selector import FSNet
from ns3kan.agents.feature_selection.learner import Learner
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from ns3kan.agents.training.threads import torch_threads


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of PyTorch only wait for each other on so little work."""
    with torch_threads(1):
        yield


def digits(lanes: int = 64, **options: Any) -> VectorEnv[Any, Any, Any]:
    return gymnasium.make_vec("ns3kan/ImageFeatureSelection-v0", num_envs=lanes, **options)


def labelled(split: str) -> LabelledImages:
    data: Any = digits(1, split=split).unwrapped
    rows = data.image_set.indices
    return LabelledImages(
        torch.tensor(data.image_set.images[rows]), torch.tensor(data.image_set.labels[rows])
    )


def fsnet(seed: int = 0, **options: Any) -> FSNet:
    torch.manual_seed(seed)
    return FSNet(**options)


def learner(selector: FSNet | None, **options: Any) -> Learner:
    torch.manual_seed(0)
    config = FeatureSelectionConfig(epochs=4, **options)
    return Learner(config, digits(), selector, 64, 10)


def copy_of(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def changed(module: torch.nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {n for n, value in module.state_dict().items() if not torch.equal(value, before[n])}


FAST = {"learning_rate": 1e-2, "weight_decay": 0.0, "gamma": 0.5, "target_every": 2}


@pytest.mark.parametrize(
    ("network", "training"),
    [("kan", "joint"), ("mlp", "joint"), ("kan", "literal"), ("mlp", "literal")],
)
def test_learns_digits(network: str, training: str) -> None:
    config = FeatureSelectionConfig(epochs=25, network=network, training=training, **FAST)  # type: ignore[arg-type]
    agent = FeatureSelectionTraining(config, fsnet()).learn(digits())
    result = agent.evaluate(labelled("test"))
    # One in ten by chance.
    assert result.accuracy > 0.75
    assert result.macro_f1 > 0.7
    sampled = agent.evaluate(labelled("test"), sampled=True)
    assert 0.5 < sampled.accuracy < result.accuracy + 0.05


def test_learns_digits_from_all_pixels() -> None:
    config = FeatureSelectionConfig(epochs=20, **FAST)  # type: ignore[arg-type]
    agent = FeatureSelectionTraining(config).learn(digits())
    assert agent.selector is None
    assert agent.evaluate(labelled("test")).accuracy > 0.85


def test_joint_training_takes_the_temporal_difference_to_the_selector() -> None:
    selector = fsnet()
    joint = learner(selector, feedback_weight=0.0, weight_decay=0.0)
    while len(joint.buffer) <= 128:
        joint.iterate()
    before = copy_of(selector)
    joint.iterate()
    assert {"fc2.weight", "fc1.weight"} <= changed(selector, before)


def test_literal_training_takes_only_the_feedback_to_the_selector() -> None:
    def after(weight: float) -> tuple[set[str], set[str]]:
        selector = fsnet()
        literal = learner(selector, training="literal", feedback_weight=weight, weight_decay=0.0)
        while len(literal.buffer) <= 128:
            literal.iterate()
        states = copy_of(selector), copy_of(literal.network)
        literal.iterate()
        return changed(selector, states[0]), changed(literal.network, states[1])

    selector_changes, network_changes = after(0.0)
    assert selector_changes == set()
    assert "body.0.weight" in network_changes
    assert "fc2.weight" in after(0.5)[0]


def test_what_is_stored_follows_the_stream_of_images() -> None:
    """State, action, reward and next state belong together, in either way of training."""
    joint = learner(None)
    images: Any = joint.env.unwrapped
    labels = torch.tensor(images.image_set.labels)
    shown = [joint.now]
    for _ in range(3):
        joint.iterate()
        shown.append(joint.now)
    held = joint.buffer.held()
    assert torch.equal(held["state"], torch.cat(shown[:-1]))
    assert torch.equal(held["next_state"], torch.cat(shown[1:]))
    right = held["action"] == labels[held["state"]]
    assert torch.equal(held["reward"], right.float())
    torch.testing.assert_close(
        joint.seen.images[shown[0]], torch.tensor(images.image_set.images[shown[0].numpy()])
    )

    literal = learner(fsnet(distribution="none", dropout=0.0), training="literal")
    shown = [literal.now]
    for _ in range(2):
        literal.iterate()
        shown.append(literal.now)
    held = literal.buffer.held()
    assert len(literal.buffer) == len(shown[0])
    # Nothing was learned yet, so the selector still makes the same features.
    assert isinstance(literal.selector, FSNet)
    for name, index in (("state", shown[0]), ("next_state", shown[1])):
        expected = literal.selector.mean_features(literal.seen.images[index])
        torch.testing.assert_close(held[name], expected)


@pytest.mark.parametrize("training", ["joint", "literal"])
def test_steps_that_only_reset_are_not_stored(training: str) -> None:
    torch.manual_seed(0)
    config = FeatureSelectionConfig(epochs=2, training=training)
    made = Learner(config, digits(8, max_steps=3), fsnet(), 64, 10)
    for _ in range(9):
        made.iterate()
    # Steps 4 and 8 only reset; the literal way stores a transition one step later.
    assert len(made.buffer) == 8 * 7 if training == "joint" else 8 * 7 - 8


@pytest.mark.parametrize("distribution", ["bernoulli", "multinomial"])
def test_masks_without_a_gradient_get_the_score_functions(distribution: str) -> None:
    def after(weight: float) -> set[str]:
        selector = fsnet(distribution=distribution)
        made = learner(selector, feedback_weight=0.0, score_weight=weight, weight_decay=0.0)
        for _ in range(3):
            made.iterate()
        before = copy_of(selector)
        made.iterate()
        return changed(selector, before)

    assert "fc2.weight" in after(1.0)
    assert "fc2.weight" not in after(0.0)


def test_the_score_function_finds_the_better_masks() -> None:
    """A loss that only depends on whether feature 0 is kept makes its relevance go up."""

    class Chooser(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logit = torch.nn.Parameter(torch.zeros(()))

    chooser = Chooser()
    optimiser = torch.optim.Adam(chooser.parameters(), lr=0.05)
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        relevance = chooser.logit.sigmoid().expand(64)
        mask = (torch.rand(64, generator=generator) < relevance).float()
        log_prob = torch.where(mask == 1, relevance, 1 - relevance).log()
        errors = 1.0 - mask
        loss = ((errors - errors.mean()).detach() * log_prob).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert chooser.logit.sigmoid() > 0.95


def test_schedule_of_an_epoch_by_epoch_run(tmp_path: Path) -> None:
    config = FeatureSelectionConfig(
        epochs=10,
        warm_up_epochs=2,
        epsilon_decay=0.4,
        epsilon_end=0.1,
        feedback_weight=0.5,
        feedback_weight_end=0.0,
        grid_update_every=2,
        penalty=1e-4,
        learning_rate_schedule="exponential",
    )
    selector = fsnet(distribution="gumbel_softmax", temperature_decay=0.5)
    rows: list[dict[str, float]] = []
    FeatureSelectionTraining(
        config, selector, evaluate_on={"validation": labelled("validation")}
    ).learn(digits(128), tmp_path, lambda progress: rows.append(dict(progress.metrics)))
    epsilons = [row["epsilon"] for row in rows]
    np.testing.assert_allclose(epsilons, [1.0, 1.0, 0.775, 0.55, 0.325] + [0.1] * 5)
    np.testing.assert_allclose([row["feedback_weight"] for row in rows], np.linspace(0.5, 0.0, 10))
    # Grid updates after epochs 2 and 4, in the first half only.
    assert [row["grid_update_change"] > 0 for row in rows] == [
        epoch in (2, 4) for epoch in range(1, 11)
    ]
    assert rows[-1]["penalty"] > 0
    assert selector.temperature == pytest.approx(0.1)
    with (tmp_path / "metrics.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 10
    wanted = {
        f"validation_{mask}_{name}"
        for mask in ("mean", "sampled")
        for name in ("accuracy", "macro_precision", "macro_recall", "macro_f1")
    }
    assert wanted <= table[0].keys()


def test_grid_updates_hardly_change_values() -> None:
    torch.manual_seed(0)
    made = learner(fsnet())
    for epoch in range(3):
        made.epoch(epoch, 20)
    features = torch.rand(200, 64)
    assert made.network.update_grids(features) < 0.05


def test_the_target_network_follows_at_its_epochs_and_values_are_recentred() -> None:
    made = learner(fsnet(), target_every=2, gamma=0.9)
    first = copy_of(made.target)
    made.epoch(0, 20)
    assert changed(made.target, first) == set()
    made.epoch(1, 20)
    assert {"body.0.weight", "body.1.weight"} <= changed(made.target, first)
    weights = {n: v for n, v in made.target.state_dict().items() if n != "value_shift"}
    for name, value in weights.items():
        assert torch.equal(value, made.network.state_dict()[name])
    assert made.network.value_shift > made.target.value_shift


def test_runs_are_repeatable_and_leave_the_random_numbers_alone() -> None:
    def run() -> FeatureSelectionAgent:
        config = FeatureSelectionConfig(epochs=2, seed=3)
        return FeatureSelectionTraining(config, fsnet()).learn(digits())

    first = run()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    second_selector = fsnet()
    config = FeatureSelectionConfig(epochs=2, seed=3)
    second = FeatureSelectionTraining(config, second_selector).learn(digits())
    assert isinstance(first.selector, FSNet)
    for mine, other in (
        (first.network, second.network),
        (first.selector, second_selector),
    ):
        assert changed(mine, copy_of(other)) == set()
    torch.manual_seed(5)
    assert torch.equal(state, torch.get_rng_state())
    data = labelled("validation")
    assert first.evaluate(data, sampled=True) == second.evaluate(data, sampled=True)


def test_evaluation_leaves_modes_alone_and_is_without_dropout() -> None:
    selector = fsnet()
    config = FeatureSelectionConfig()
    agent = FeatureSelectionAgent(QNetwork(config.architecture(64, 10)), selector)
    selector.train()
    data = labelled("validation")
    assert agent.evaluate(data) == agent.evaluate(data)
    assert agent.evaluate(data, sampled=True, seed=1) == agent.evaluate(data, sampled=True, seed=1)
    assert selector.training


def test_scores_are_scikit_learns() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2, 2, 2])
    predicted = torch.tensor([0, 1, 1, 1, 2, 0, 3])
    result = scores(labels, predicted)
    assert result.accuracy == pytest.approx(4 / 7)
    options = {"average": "macro", "zero_division": 0.0}
    assert result.macro_precision == precision_score(labels, predicted, **options)
    assert result.macro_recall == recall_score(labels, predicted, **options)
    assert result.macro_f1 == f1_score(labels, predicted, **options)


def test_checkpoint(tmp_path: Path) -> None:
    config = FeatureSelectionConfig(epochs=3, grid_update_every=1)
    agent = FeatureSelectionTraining(config, fsnet(dropout=0.2)).learn(digits(), tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    loaded = FeatureSelectionAgent.load(path)
    assert isinstance(loaded.selector, FSNet)
    assert loaded.selector.dropout == 0.2
    data = labelled("test")
    assert loaded.evaluate(data) == agent.evaluate(data)
    assert loaded.evaluate(data, sampled=True) == agent.evaluate(data, sampled=True)
    tensors, description = load_checkpoint(path)
    description["selector"]["arguments"]["conv_layers"] = 2
    save_checkpoint(path, tensors, description)
    with pytest.raises(CheckpointError, match="do not fit the architecture"):
        FeatureSelectionAgent.load(path)
    description["selector"]["class"] = "Unknown"
    save_checkpoint(path, tensors, description)
    with pytest.raises(CheckpointError, match="Unknown"):
        FeatureSelectionAgent.load(path)
    agent.network.save(path)
    with pytest.raises(CheckpointError, match="holds 'q-network', not 'feature-selection-agent'"):
        FeatureSelectionAgent.load(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"training": "both"}, "must be 'joint' or 'literal'"),
        ({"gamma": 1.1}, "gamma"),
        ({"feedback_weight": -1.0}, "feedback_weight"),
        ({"feedback_weight_end": -1.0}, "feedback_weight_end"),
        ({"learning_rate_schedule": "step"}, "be 'constant', 'exponential' or 'cosine'"),
        ({"network": "cnn"}, "network is 'cnn'"),
        ({"network": "mlp", "penalty": 0.1}, "on a KAN's edges"),
    ],
)
def test_bad_configurations_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FeatureSelectionConfig(**arguments)


def test_other_environments_and_data_are_refused() -> None:
    config = FeatureSelectionConfig(epochs=1)
    training = FeatureSelectionTraining(config)
    one_image = FeatureSelectionTraining(config, images_per_epoch=1)
    with pytest.raises(ValueError, match="a Discrete space"):
        one_image.learn(gymnasium.make_vec("Pendulum-v1", num_envs=1))
    with pytest.raises(ValueError, match="Box of one axis"):
        training.learn(gymnasium.make_vec("ns3kan/MultiPathRouting-v0", num_envs=1))
    with pytest.raises(ValueError, match="how many images"):
        training.learn(gymnasium.make_vec("CartPole-v1", num_envs=1))
    with pytest.raises(ValueError, match="no 'index'"):
        one_image.learn(gymnasium.make_vec("CartPole-v1", num_envs=1))
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module"):
        FeatureSelectionTraining(config, lambda images: images).learn(digits())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="do not belong together"):
        LabelledImages(torch.zeros(3, 64), torch.zeros(2))
