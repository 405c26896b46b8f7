# SPDX-License-Identifier: MIT
"""Equations read from trained KANs, of several lengths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.choice.split import split
from ns3kan.agents.equations.reading.fit import Extraction
from ns3kan.agents.equations.reading.readout import read_equations
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.comparison.evaluate import visited_states
from ns3kan.analysis.studies.harness import TaskRows
from ns3kan.analysis.studies.load_balancing.choice import Seen, choose
from ns3kan.analysis.studies.load_balancing.scores import policy_runs
from ns3kan.analysis.studies.load_balancing.settings import LoadBalancingStudy
from ns3kan.analysis.studies.load_balancing.training import TrainingTask, policy_of

Array = npt.NDArray[np.float64]


def splines_of(task: TrainingTask, folder: Path) -> TaskRows:
    """Rows of the splines of a KAN and their fits."""
    return TaskRows(folder / "splines.csv", task.name)


@torch_threads(1)
def find_equation(study: LoadBalancingStudy, task: TrainingTask, folder: Path) -> str:
    """Read the equation of one KAN, and write it, its splines, and the front that it comes from.

    Returns
    -------
    str
        The expression.
    """
    agent = ActorCritic.load(task.model(folder))
    states, episodes = states_of(agent, study)
    readings: list[Extraction] = []
    read_equations(
        agent,
        states,
        episodes=episodes,
        prices=study.prices,
        most_terms=study.most_terms,
        provenance={"study": "load-balancing", "training": task.name, **agent.provenance},
        on_reading=readings.append,
    )
    reading_of = {reading.controller: reading for reading in readings}
    # Divided as for the equations.
    reported = states[split(len(states), episodes, 0).report]
    seen = Seen(agent.feature_names, reported, policy_of(agent)(reported))

    def keep_splines(origin: Controller) -> None:
        splines = reading_of[origin].splines
        splines_of(task, folder).write(splines.to_csv(index=False, float_format="%.6g"))

    chosen = choose(list(reading_of), seen, study, task, folder, keep_splines)
    return chosen.outputs[0].expression


def states_of(agent: ActorCritic, study: LoadBalancingStudy) -> tuple[Array, npt.NDArray[np.intp]]:
    """States (n, features) that a policy visits, and the number of the episode of each, (n,)."""
    runs = policy_runs(policy_of(agent), study.extraction_seeds(), study.arguments, workers=1)
    states = [visited_states(run, agent.feature_names) for run in runs]
    return np.concatenate(states), np.repeat(
        np.arange(len(states)), [len(episode) for episode in states]
    )
