# SPDX-License-Identifier: MIT
"""Short indices, tuned on the true cost: from trained switch-type KANs, and without any network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.defaults import default_encoding
from ns3kan.agents.components.runners import make_runner
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
from ns3kan.agents.components.trajectories import FloatArray
from ns3kan.agents.equations.artefact.controller import (
    Controller,
)
from ns3kan.agents.equations.expressions.grammar import EvaluationError
from ns3kan.agents.equations.proofs.switch_type_index import switch_type_controller
from ns3kan.agents.equations.reading.index import Factor, ProductIndex, Reading, read_index
from ns3kan.agents.equations.reading.index_readout import component_states
from ns3kan.agents.equations.search.index_search import (
    Costs,
    MeasuredIndex,
    choose,
    measure_index,
    round_index,
    search_indices,
)
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.studies.harness import TaskRows
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.evaluation import (
    MakeRunner,
    evaluate,
    of_index,
    of_policy,
)
from ns3kan.analysis.studies.switch_type.settings import PROBLEMS, SwitchTypeStudy
from ns3kan.analysis.studies.switch_type.training import TrainingTask
from ns3kan.bridge.queues.environment_sets import EnvironmentSet
from ns3kan.bridge.queues.model import Problem

# J₀ that stands for an unstable policy, so that a search has something to go down.
_UNSTABLE = 20.0


@dataclass(frozen=True)
class IndexTask:
    """Search for one index; its results stay in files.

    Attributes
    ----------
    problem
        What it is for.
    seed
        Of the training that it is read from, and of the search.
    from_network
        Whether the search starts at the index read from a network. Otherwise it starts at a product
        of all terms with equal powers, which knows nothing but what speaks for a component and what
        against it.
    """

    problem: Problem
    seed: int
    from_network: bool = True

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.problem.replace('_', '-')}-seed-{self.seed}"

    def front(self, folder: Path) -> TaskRows:
        """Rows of the indices found, from long to short."""
        name = self.name if self.from_network else f"{self.name}-searched"
        return TaskRows(folder / "indices.csv", name)

    def files(self, folder: Path) -> dict[str, Path]:
        """Files of controllers; only a search from a network has "read"."""
        start = folder / "controllers" / self.name
        if not self.from_network:
            return {"tuned": start.with_name(f"{self.name}-searched.json")}
        return {kind: start.with_name(f"{self.name}-{kind}.json") for kind in ("read", "tuned")}


def plain_index(problem: Problem) -> ProductIndex:
    """Return the product of all terms of an encoding, each with the offset 1 and the power ½."""
    seen = default_encoding(problem, "switch-type-kan", rates=True)
    return ProductIndex(
        seen.names,
        tuple(
            Factor(term, direction, exponent=0.5, offset=1.0)
            for term, direction in zip(seen.expressions, seen.directions, strict=True)
        ),
    )


@torch_threads(1)
def find_index(
    study: SwitchTypeStudy,
    task: IndexTask,
    folder: Path,
    on_candidate: Callable[[MeasuredIndex], None] | None = None,
) -> None:
    """Search shorter and better indices from where the task starts, and write the results.

    Constants are tuned on the training environments; when to stop tuning, structure and digits are
    chosen by the validation environments. The test environments are not looked at.
    """
    sets = study_sets(study, task.problem, folder / "environments")
    training = search_costs(sets.training, study.tuning_steps, 2)
    validation = search_costs(sets.validation, study.tuning_steps, 2)
    read = _read(study, task, folder, sets.training) if task.from_network else None
    start = plain_index(task.problem) if read is None else read.reading.index
    front = search_indices(
        start,
        training,
        validation,
        evaluations=study.tuning_evaluations,
        seed=task.seed + 1,
        on_candidate=on_candidate,
    )
    chosen = choose(front, study.most_nodes)
    tuned = round_index(chosen.index, lambda index: float(validation(index).mean()))
    files = task.files(folder)
    for path in files.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    rows = [_row("start" if read is None else "read", measure_index(start, training, validation))]
    rows += [_row("tuned", each) for each in front]
    rows += [_row("chosen, rounded", measure_index(tuned, training, validation))]
    provenance: dict[str, object] = {"study": "switch-type", "problem": task.problem}
    if read is None:
        provenance["search_seed"] = task.seed
        states, _ = visited_states(of_index(tuned), sets.training)
        provenance["choice"] = {"validation_cost": float(validation(tuned).mean())}
        switch_type_controller(tuned, task.problem, states, provenance, {}).save(files["tuned"])
    else:
        provenance["training"] = read.policy.provenance
        for kind, index in (("read", start), ("tuned", tuned)):
            # Costs that chose this index say less of it than those of the study's tables.
            provenance["choice"] = {
                "validation_cost": float(validation(index).mean()),
                "validation_cost_of_network": _network_cost(read.policy, sets.validation, study),
            }
            fidelity = {
                "agreement_with_network": _agreement(index, read.policy, sets.training),
                "r_squared_of_splines": read.reading.r_squared if kind == "read" else {},
            }
            switch_type_controller(index, task.problem, read.states, provenance, fidelity).save(
                files[kind]
            )
    # Written last: the task counts as done when it is there.
    task.front(folder).write(pd.DataFrame(rows).to_csv(index=False, float_format="%.5g"))


@dataclass(frozen=True)
class _NetworkReading:
    """A trained policy, the states that it visits, and the index read out of it."""

    policy: ComponentActorCritic
    states: FloatArray
    reading: Reading


def _read(
    study: SwitchTypeStudy, task: IndexTask, folder: Path, environments: EnvironmentSet
) -> _NetworkReading:
    rate = study.rate(task.problem, "switch-type-kan")
    trained = TrainingTask("general", task.problem, "switch-type-kan", task.seed, rate)
    policy = ComponentActorCritic.load(trained.model(folder))
    network = policy.actor.network
    assert isinstance(network, SwitchTypeKan)
    states, reported = visited_states(of_policy(policy), environments)
    reading = read_index(network, states, reported.reshape(-1, reported.shape[-1]))
    return _NetworkReading(policy, states, reading)


def visited_states(
    make: MakeRunner, environments: EnvironmentSet, steps: int = 4_000, seed: int = 5
) -> tuple[FloatArray, FloatArray]:
    """States that a policy visits, to read from and to report on, as `component_states`."""
    env = environments.make_vec(observe_rates=True)
    seen = make(env, seed, seed).record(steps, mode="greedy")
    env.close()
    return component_states(seen)


def read_controller(path: Path, names: tuple[str, ...]) -> Callable[[FloatArray], FloatArray]:
    """Index function of states (n, features) from a controller file."""
    controller = Controller.load(path)
    columns = [names.index(name) for name in controller.input_names]

    def index(states: FloatArray) -> FloatArray:
        values = dict(zip(controller.input_names, states[:, columns].T, strict=True))
        return controller.expressions[0].evaluate(values)

    return index


def search_costs(environments: EnvironmentSet, steps: int, trajectories: int) -> Costs:
    """Costs of indices as a search needs them: finite even if a policy or a number is not."""

    def costs(index: ProductIndex) -> FloatArray:
        try:
            found = evaluate(
                of_index(index),
                environments,
                steps=steps,
                trajectories=trajectories,
                seed=700_000,
                give_up=4.0,
            )
        except EvaluationError:
            # Of the constants that a search tries some are so large that a factor overflows.
            return np.full(len(environments), _UNSTABLE)
        return np.minimum(found, _UNSTABLE)

    return costs


def _network_cost(
    policy: ComponentActorCritic, environments: EnvironmentSet, study: SwitchTypeStudy
) -> float:
    found = evaluate(
        of_policy(policy),
        environments,
        steps=study.tuning_steps,
        trajectories=1,
        seed=700_000,
    )
    return float(np.minimum(found, _UNSTABLE).mean())


def _agreement(
    index: ProductIndex, policy: ComponentActorCritic, environments: EnvironmentSet
) -> float:
    """Share of visited states in which a component that the index likes best is the network's."""
    env = environments.make_vec(observe_rates=True)
    runner = make_runner(env, policy.actor, seed=6, env_seed=6)
    seen = runner.record(1_000, mode="greedy").observations[:-1]
    seen = seen.reshape(-1, *seen.shape[2:])
    env.close()
    chosen = policy.actor.decide(torch.from_numpy(seen), "first")
    values = index(seen.reshape(-1, seen.shape[-1]).astype(np.float64)).reshape(seen.shape[:-1])
    of_chosen = np.take_along_axis(values, chosen[:, None], axis=1)[:, 0]
    return float((of_chosen >= values.max(axis=1) * (1 - 1e-12)).mean())


def _row(stage: str, candidate: MeasuredIndex) -> dict[str, object]:
    return {
        "stage": stage,
        "nodes": candidate.index.nodes,
        "training_cost": candidate.training_cost,
        "validation_cost": candidate.validation_cost,
        "index": str(candidate.index),
    }


def index_tasks(study: SwitchTypeStudy) -> list[IndexTask]:
    """All of the study."""
    return [
        IndexTask(problem, seed, from_network)
        for seed in study.seeds
        for problem in PROBLEMS
        for from_network in (True, False)
    ]
