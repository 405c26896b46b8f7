# SPDX-License-Identifier: MIT
"""Returns of policies and controllers on the same seeds of a Gymnasium environment."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.decider import Decider
from ns3kan.agents.equations.search.teachers import as_teacher
from ns3kan.agents.training.stepping import Stepper
from ns3kan.errors import InputError

Array = NDArray[np.float64]


class EpisodeReturns:
    """Plays one episode per seed and adds its rewards; what a front of equations is measured by.

    Parameters
    ----------
    vector_env
        A single environment, of any autoreset mode; stays open.
    seeds
        Of the episodes, other ones than the states were collected with.
    most_steps
        Longest episode; longer ones are cut.
    decision
        Of the controllers; see `ns3kan.agents.equations.artefact.decider.Decider`.

    Raises
    ------
    ValueError
        If there are several environments, or no seeds.
    """

    def __init__(
        self,
        vector_env: VectorEnv[Any, Any, Any],
        seeds: Sequence[int],
        *,
        most_steps: int = 10_000,
        decision: str | None = None,
    ) -> None:
        if vector_env.num_envs != 1:
            raise InputError(
                f"Returns are measured in one environment, not in {vector_env.num_envs}; give a "
                "vector environment of one."
            )
        if not seeds or most_steps < 1:
            raise InputError("Returns are measured on at least one seed and step; give more.")
        self.seeds = tuple(seeds)
        self._env = vector_env
        self._most_steps = most_steps
        self._decision = decision

    def __call__(self, controller: Controller) -> list[float]:
        """Return per seed of a controller.

        Raises
        ------
        EvaluationError
            If it has no value in a state that it comes to.
        LostEpisodeError
            If a simulator dies.
        """

        def act(decider: Decider, observation: Array) -> NDArray[Any]:
            columns = list(controller.check_inputs(decider.features))
            return decider.actions_of_decisions(controller(observation[..., columns]))

        return self._play(act)

    def of_policy(self, policy: Any) -> list[float]:
        """Return per seed of a policy, in any form that `as_teacher` takes."""
        teacher = as_teacher(policy, self._env)

        def act(decider: Decider, observation: Array) -> NDArray[Any]:
            labels = decider.checked(teacher(observation), len(observation))
            return decider.actions_of_labels(labels)

        return self._play(act)

    def _play(self, act: Callable[[Decider, Array], NDArray[Any]]) -> list[float]:
        returns = []
        for seed in self.seeds:
            # Anew for each seed, so that what is drawn for a decision is the same for all.
            decider = Decider(self._env, self._decision, seed)
            stepper = Stepper(self._env, seed, decider.features, need_whole_episodes=True)
            total = 0.0
            for steps in itertools.count(1):
                step = stepper.step(act(decider, stepper.observation))
                total += float(step.reward[0])
                if step.done[0] or steps == self._most_steps:
                    break
            returns.append(total)
        return returns
