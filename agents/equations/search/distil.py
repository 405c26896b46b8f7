# SPDX-License-Identifier: MIT
"""Distil any policy into equations: let it act, let students act, search formulas of its answers.

The states are collected by dataset aggregation (DAgger: Ross, Gordon and Bagnell 2011): formulas
act, the policy says what it would have done, and the next formulas are searched with all states so
far. Without that, a formula is good where the policy goes, and may be bad where its own small
errors take it.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.decider import Decider
from ns3kan.agents.equations.choice.split import Parts, split
from ns3kan.agents.equations.choice.states import MIN_STATES
from ns3kan.agents.equations.expressions.grammar import EvaluationError, Expression
from ns3kan.agents.equations.search.formula_search import SearchConfig
from ns3kan.agents.equations.search.problem import Problem, StillError
from ns3kan.agents.equations.search.symbolic_regression import require_pyoperon
from ns3kan.agents.equations.search.teachers import DistillationError, Teacher, as_teacher
from ns3kan.agents.training.stepping import Stepper
from ns3kan.agents.training.threads import torch_threads
from ns3kan.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DistilConfig:
    """How a policy is distilled."""

    rounds: int = 3
    """How often a student acts after the policy itself has; 0 collects the policy's states only."""
    steps: int = 2_000
    """Steps in a round, all environments together."""
    decision: str | None = None
    """Of the controller: "ratio" or "softmax" where ratios are decided, "argmax" or "softmax" where
    something is chosen, "index" where components are; None takes the first of these."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """How formulas are searched."""
    seed: int = 0
    """Seed of the search and of each environment (plus its index and the steps before)."""

    def __post_init__(self) -> None:
        for name, least in (("rounds", 0), ("steps", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(
                    f"Distillation's {name} is {getattr(self, name)}; it must be at least {least}."
                )


@dataclass(frozen=True)
class Distillation:
    """Equations that stand for a policy.

    Attributes
    ----------
    controllers
        From short to long, each closer to the policy than all shorter ones, with their guarantees;
        which of them to take says the front of their returns
        (`ns3kan.agents.equations.choice.front.measure`).
    observations, answers
        All states that were collected, (n, …), and the policy's answers there.
    rounds
        In which round each state was collected, (n,); 0 is the policy's own.
    parts
        Which states formulas were fitted to, which chose among them, and which they are reported
        on, episode by episode.
    notes
        What the reader should know, in sentences: features that were left out, and why.
    """

    controllers: tuple[Controller, ...]
    observations: Array
    answers: Array
    rounds: NDArray[np.intp]
    parts: Parts
    notes: tuple[str, ...]


def distil(
    policy: Any,
    vector_env: VectorEnv[Any, Any, Any],
    config: DistilConfig | None = None,
    *,
    provenance: Mapping[str, Any] | None = None,
    on_round: Callable[[int, Controller], None] | None = None,
) -> Distillation:
    """Distil a policy into equations.

    Parameters
    ----------
    policy
        What `ns3kan.agents.equations.search.teachers.as_teacher` takes: a policy of this project, a
        model of Stable-Baselines3, or a function from observations (n, …) to ratios (n, actions),
        scores (n, K) or choices (n,).
    vector_env
        Where it decides; stays open. Any autoreset mode. Its ``feature_names``, ``feature_units``
        and ``action_names`` go into the controllers.
    config
        How; the defaults by default.
    provenance
        Goes into the controllers, beside what is known here.
    on_round
        Called after each search with the round and its closest controller.

    Raises
    ------
    DistillationError
        If the policy is none for this environment or answers with NaN, or the states are too few or
        all the same.
    ValueError
        If the environment returns something that is not finite.
    MissingExtraError
        If PyOperon is not installed.

    Examples
    --------
    >>> distillation = distil(policy, environments)  # doctest: +SKIP
    >>> front = measure(distillation.controllers, returns, seeds)  # doctest: +SKIP
    >>> front.knee(most_nodes=25).controller.save("controller.json")  # doctest: +SKIP
    """
    require_pyoperon()
    config = config or DistilConfig()
    teacher = as_teacher(policy, vector_env)
    with torch_threads(1):
        return _Distiller(config, teacher, vector_env, _origin(policy, vector_env, config)).run(
            provenance, on_round
        )


class _Distiller:
    """The states so far, and the formulas of the last search."""

    def __init__(
        self,
        config: DistilConfig,
        teacher: Teacher,
        vector_env: VectorEnv[Any, Any, Any],
        origin: dict[str, Any],
    ) -> None:
        self.config = config
        self.teacher = teacher
        self.env = vector_env
        self.origin = origin
        self.decider = Decider(vector_env, config.decision, config.seed)
        self.observations: list[Array] = []
        self.answers: list[Array] = []
        self.parts: list[Parts] = []
        self.known: list[list[Expression]] = []

    def run(
        self,
        provenance: Mapping[str, Any] | None,
        on_round: Callable[[int, Controller], None] | None,
    ) -> Distillation:
        student: Controller | None = None
        for number in range(self.config.rounds + 1):
            self._collect(student, number)
            observations = np.concatenate(self.observations)
            answers = np.concatenate(self.answers)
            # A state keeps its part, for formulas of one round go into the next.
            parts = Parts.joined(self.parts, [len(each) for each in self.answers])
            problem = self._problem(observations, answers, parts, self.config.seed + number)
            students = problem.search.run(self.known)
            self.known = [
                list(expressions)
                for expressions in zip(*(each.formulas for each in students), strict=True)
            ]
            student = problem.controller(students[-1], self.origin)
            if on_round is not None:
                on_round(number, student)
        origin = self.origin | {"states": len(observations)} | dict(provenance or {})
        return Distillation(
            problem.controllers(students, origin),
            observations,
            answers,
            np.repeat(np.arange(len(self.answers)), [len(each) for each in self.answers]),
            parts,
            problem.notes,
        )

    def _problem(self, observations: Array, answers: Array, parts: Parts, seed: int) -> Problem:
        if len(observations) < MIN_STATES:
            raise DistillationError(
                f"{len(observations)} states are too few to distil a policy from; collect at least "
                f"{MIN_STATES} by raising steps."
            )
        try:
            return Problem(
                self.decider.roles,
                observations,
                self.decider.scores(answers),
                parts,
                seed,
                self.config.search,
            )
        except StillError as error:
            raise DistillationError(
                "All states are the same; distil in an environment in which something changes."
            ) from error

    def _collect(self, student: Controller | None, number: int) -> None:
        """Let a student act, or the policy itself, and ask the policy about all states."""
        columns = None if student is None else list(student.check_inputs(self.decider.features))

        def act(observation: Array) -> NDArray[Any]:
            if student is not None:
                try:
                    decisions = student(observation[..., columns])
                    return self.decider.actions_of_decisions(decisions)
                except EvaluationError:
                    # Far from all states so far; the policy leads back.
                    pass
            return self.decider.actions_of_labels(self._ask(observation))

        seed = self.config.seed + number * self.env.num_envs
        stepper = Stepper(self.env, seed, self.decider.features)
        seen: list[Array] = []
        # The number of each environment's episode: no two have the same.
        playing, episodes = np.arange(self.env.num_envs), list[NDArray[np.intp]]()
        while sum(map(len, seen)) < self.config.steps:
            step = stepper.step(act(stepper.observation))
            seen.append(step.observation[step.valid])
            episodes.append(playing[step.valid])
            playing = playing + step.done * self.env.num_envs
        self.observations.append(np.concatenate(seen))
        self.answers.append(self._ask(self.observations[-1]))
        self.parts.append(split(len(self.answers[-1]), np.concatenate(episodes), seed))

    def _ask(self, observation: Array) -> Array:
        return self.decider.checked(self.teacher(observation), len(observation))


def _origin(
    policy: Any, vector_env: VectorEnv[Any, Any, Any], config: DistilConfig
) -> dict[str, Any]:
    """Provenance as far as it is known here."""
    spec = getattr(vector_env, "spec", None)
    return {
        "algorithm": "distillation",
        "policy": {"kind": type(policy).__name__, **getattr(policy, "provenance", {})},
        "environment": getattr(spec, "id", None) or type(vector_env.unwrapped).__name__,
        "environments": vector_env.num_envs,
        "config": dataclasses.asdict(config),
        "versions": {
            "pyoperon": importlib.metadata.version("pyoperon"),
            "gymnasium": gymnasium.__version__,
            "numpy": np.__version__,
        },
    }
