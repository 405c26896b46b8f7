# SPDX-License-Identifier: MIT
"""Algorithm 2, epoch by epoch, with evaluation and records."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from ns3kan.agents.feature_selection.agent import FeatureSelectionAgent, LabelledImages
from ns3kan.agents.feature_selection.config import FeatureSelectionConfig
from ns3kan.agents.feature_selection.learner import Learner
from ns3kan.agents.feature_selection.selection import FeatureSelector
from ns3kan.agents.training.shell import OnProgress, TrainingRun
from ns3kan.agents.training.state import Checkpoints
from ns3kan.errors import InputError


class FeatureSelectionTraining:
    """Trains a Q-network, and a selector if there is one, on an environment of images.

    Parameters
    ----------
    config
        Hyperparameters.
    selector
        Trained in place, from the weights that it has; None gives the network all pixels.
    evaluate_on
        Images by the name of their split; after each epoch, accuracy, macro precision, recall and
        F1 on them are recorded, with the mean mask and with sampled masks.
    images_per_epoch
        By default ``len(vector_env.unwrapped.image_set)``.

    Examples
    --------
    >>> config = FeatureSelectionConfig(epochs=20)
    >>> env = gymnasium.make_vec("ns3kan/ImageFeatureSelection-v0", 128)  # doctest: +SKIP
    >>> agent = FeatureSelectionTraining(config, FSNet()).learn(env)  # doctest: +SKIP
    """

    def __init__(
        self,
        config: FeatureSelectionConfig | None = None,
        selector: FeatureSelector | None = None,
        *,
        evaluate_on: Mapping[str, LabelledImages] | None = None,
        images_per_epoch: int | None = None,
    ) -> None:
        self.config = config or FeatureSelectionConfig()
        self.selector = selector
        self.evaluate_on = evaluate_on or {}
        self.images_per_epoch = images_per_epoch

    def learn(
        self,
        vector_env: VectorEnv[Any, Any, Any],
        run_dir: Path | str | None = None,
        on_progress: OnProgress | None = None,
        checkpoints: Checkpoints = Checkpoints(),  # noqa: B008 - it is frozen
    ) -> FeatureSelectionAgent:
        """Learn from ``vector_env``, which stays open.

        Parameters
        ----------
        vector_env
            Shows normalised images as a Box of one axis and takes classes, a Discrete space; its
            info says the ``index`` of each image and its ``feedback``.
        run_dir, on_progress, checkpoints
            As for `ns3kan.agents.training.shell.TrainingRun`, where a step is an epoch.

        Raises
        ------
        ValueError
            If the environment has other spaces or its info lacks something, or the loss is no
            longer finite.
        """
        config = self.config
        inputs, actions = _check_spaces(vector_env)
        images = self.images_per_epoch
        if images is None:
            image_set = getattr(vector_env.unwrapped, "image_set", None)
            if image_set is None:
                raise InputError(
                    "The environment does not say how many images it has; give images_per_epoch."
                )
            images = len(image_set)
        with (
            torch.random.fork_rng(devices=[]),
            TrainingRun(
                "feature-selection",
                config,
                vector_env,
                config.epochs,
                run_dir,
                on_progress,
                checkpoints,
                {"selector": None if self.selector is None else type(self.selector).__name__},
            ) as run,
        ):
            torch.manual_seed(config.seed)
            learner = Learner(config, vector_env, self.selector, inputs, actions)
            if run.state is not None:
                learner.restore(run.state, run.environment_seed)
            agent = FeatureSelectionAgent(learner.network, self.selector)
            while not run.is_over:
                row = learner.epoch(run.steps, math.ceil(images / vector_env.num_envs))
                run.steps += 1
                with run.unmeasured():
                    for split, data in self.evaluate_on.items():
                        row |= _all_scores(agent, data, split, config.seed)
                run.report(row["mean_reward"], row)
                if run.is_due():
                    run.save(learner.state())
                    learner.restart(run.environment_seed)
        learner.network.eval()
        return run.finish(agent)


def _all_scores(
    agent: FeatureSelectionAgent, data: LabelledImages, split: str, seed: int
) -> dict[str, float]:
    row: dict[str, float] = {}
    for mask in ("mean", "sampled") if agent.selector is not None else ("mean",):
        result = agent.evaluate(data, sampled=mask == "sampled", seed=seed)
        for name, value in dataclasses.asdict(result).items():
            row[f"{split}_{mask}_{name}"] = value
    return row


def _check_spaces(vector_env: VectorEnv[Any, Any, Any]) -> tuple[int, int]:
    observed, decided = vector_env.single_observation_space, vector_env.single_action_space
    if not isinstance(observed, spaces.Box) or len(observed.shape) != 1:
        raise InputError(
            f"The environment shows {observed}; feature selection needs images as a Box of one "
            "axis."
        )
    if not isinstance(decided, spaces.Discrete) or decided.start != 0:
        raise InputError(
            f"The environment takes {decided}; feature selection needs classes, a Discrete space."
        )
    if vector_env.metadata.get("autoreset_mode") != AutoresetMode.NEXT_STEP:
        raise InputError(
            "The environment does not reset itself in the step after an episode; set its autoreset "
            "mode to AutoresetMode.NEXT_STEP."
        )
    return observed.shape[0], int(decided.n)
