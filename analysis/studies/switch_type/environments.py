# SPDX-License-Identifier: MIT
"""The study's environments: sampled once as in the paper, then read from files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from ns3kan.agents.components.classical import make_policy
from ns3kan.agents.components.defaults import QUEUES
from ns3kan.analysis.studies.switch_type.settings import REFERENCES, SwitchTypeStudy
from ns3kan.bridge.queues.environment_sampling import sample_environments
from ns3kan.bridge.queues.environment_sets import EnvironmentSet
from ns3kan.bridge.queues.model import Problem
from ns3kan.errors import InputError


@dataclass(frozen=True)
class StudySets:
    """Environments to train on, to choose by, and to look at once."""

    training: EnvironmentSet
    validation: EnvironmentSet
    test: EnvironmentSet

    def __getitem__(self, name: str) -> EnvironmentSet:
        result: EnvironmentSet = getattr(self, name)
        return result


def study_sets(study: SwitchTypeStudy, problem: Problem, folder: Path) -> StudySets:
    """Read the sets of a problem, or sample and save them where there are none.

    Parameters
    ----------
    study
        Sizes and seeds.
    problem
        "single_hop" or "multi_path".
    folder
        Where ``<problem>.json`` and ``<problem>-validation.json`` are.
    """
    name = problem.replace("_", "-")
    both = _load_or_sample(
        problem,
        study.training_environments + study.test_environments,
        study.set_seed,
        study.reference_steps,
        folder / f"{name}.json",
    )
    validation = _load_or_sample(
        problem,
        study.validation_environments,
        study.validation_seed,
        study.reference_steps,
        folder / f"{name}-validation.json",
    )
    split = study.training_environments
    return StudySets(
        dataclasses.replace(both, environments=both.environments[:split]),
        validation,
        dataclasses.replace(both, environments=both.environments[split:]),
    )


def _load_or_sample(
    problem: Problem, count: int, seed: int, steps: int, path: Path
) -> EnvironmentSet:
    if path.is_file():
        found = EnvironmentSet.load(path)
        if (found.problem, len(found), found.seed) != (problem, count, seed):
            raise InputError(
                f"{path} holds {len(found)} environments of {found.problem} from seed "
                f"{found.seed}, but the study needs {count} of {problem} from seed {seed}; "
                "delete it, or change the study."
            )
        return found
    reference = REFERENCES[problem]
    sampled = sample_environments(
        problem,
        count,
        lambda env, ties: make_policy(reference, env, seed=ties),
        f"{reference}, ties random",
        seed=seed,
        num_queues=QUEUES[problem],
        steps=steps,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    sampled.save(path)
    return sampled
