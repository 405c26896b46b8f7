# SPDX-License-Identifier: MIT
"""Controllers found without a network, by searches that may take as many decisions as a training.

They are searched on training seeds, and chosen as the equations of networks are: of the candidates
of a search by the validation seeds, of the repetitions by the choice seeds.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.choice.front import Front, Point
from ns3kan.agents.equations.proofs.guarantees import certify
from ns3kan.analysis.comparison.statistics import paired_difference
from ns3kan.analysis.pool import in_processes
from ns3kan.analysis.studies.load_balancing.choice import chosen_place, deployed, equation_file
from ns3kan.analysis.studies.load_balancing.direct_search import direct_search
from ns3kan.analysis.studies.load_balancing.episodes import Budget, Episodes, ratio_controller
from ns3kan.analysis.studies.load_balancing.scores import choice_scores, controller_runs
from ns3kan.analysis.studies.load_balancing.searches import (
    linear_logistic,
    rule_expressions,
    successive_halving,
    tuned_expression,
)
from ns3kan.analysis.studies.load_balancing.settings import (
    REPEATED,
    LoadBalancingStudy,
    Reward,
    Rival,
    column_of,
)
from ns3kan.errors import Ns3kanError


class SearchError(Ns3kanError):
    """A search found nothing that could be run."""


@dataclass(frozen=True)
class RivalTask:
    """One search.

    Attributes
    ----------
    reward
        What for.
    rival
        Of what.
    repetition
        Says on which seeds.
    """

    reward: Reward
    rival: Rival
    repetition: int

    @property
    def name(self) -> str:
        """Name of its files."""
        slug = self.rival.lower().replace(" ", "-")
        return f"{self.reward}-{slug}-{self.repetition}"

    def controller(self, folder: Path) -> Path:
        """File of what was found."""
        return folder / "controllers" / f"{self.name}.json"


@dataclass(frozen=True)
class Searches:
    """Searches that share episodes: for all rewards, of rivals that ask for the same ones."""

    rivals: tuple[Rival, ...]
    repetition: int

    def tasks(self, study: LoadBalancingStudy) -> list[RivalTask]:
        """List them."""
        return [
            RivalTask(reward, rival, self.repetition)
            for rival in self.rivals
            for reward in study.rewards
        ]


def searches_of(study: LoadBalancingStudy) -> list[Searches]:
    """List all, repetitions outermost, so that what is done first is worth most."""
    # The direct search begins with the samples of the weighted sum.
    repeated = tuple(rival for rival in study.rivals if rival in REPEATED)
    once = [Searches((rival,), 0) for rival in study.rivals if rival not in REPEATED]
    again = [Searches(repeated, number) for number in range(study.seeds)] if repeated else []
    return [*once, *again]


def find_rivals(study: LoadBalancingStudy, folder: Path, on_message: Callable[[str], None]) -> None:
    """Run the searches whose files are not there yet."""
    missing = [
        each
        for each in searches_of(study)
        if not all(task.controller(folder).is_file() for task in each.tasks(study))
    ]
    if any("equation by CMA-ES" in each.rivals for each in missing):
        # Which equations they begin with is found here, not in several processes.
        for reward in study.rewards:
            deployed(study, reward, folder)
    search = functools.partial(search_all, study, folder=folder)
    for _, found in in_processes(search, missing, study.workers):
        for name, point in found.items():
            # The first of the choice seeds are those of validation.
            choice_scores(folder).add(name, study.validation_seeds(), point.rewards)
            on_message(f"{name} is searched: {point.expression}")


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    expression
        The ratio.
    rewards
        As of `rewards_of`, on each validation seed.
    """

    expression: str
    rewards: list[dict[str, float]]


def search_all(study: LoadBalancingStudy, searches: Searches, folder: Path) -> dict[str, Found]:
    """Run searches, but for those that are done, and write what they find, each in a file.

    Returns
    -------
    dict of str to Found
        By the names of the searches.

    Raises
    ------
    SearchError
        If nothing that one of them found has a value in all states.
    """
    episodes = Episodes(study)
    return {
        task.name: _search(episodes, task, folder)
        for task in searches.tasks(study)
        if not task.controller(folder).is_file()
    }


def _search(episodes: Episodes, task: RivalTask, folder: Path) -> Found:
    study = episodes.study
    budget = Budget(episodes, task.reward, task.repetition)
    expressions = _candidates(budget, task, study, folder)
    seeds = study.validation_seeds()
    ranges = budget.ranges()
    points = []
    for expression in dict.fromkeys(expressions):
        runs = [episodes.run(expression, seed) for seed in seeds]
        if any(run is None for run in runs):
            continue
        controller = ratio_controller(expression, ranges)
        points.append(
            Point(controller, tuple(run.rewards[column_of(task.reward)] for run in runs if run))
        )
    if not points:
        raise SearchError(
            f"The search {task.name} found no equation that has a value in all states; "
            "give it more decisions."
        )
    front = Front(tuple(seeds), tuple(points))
    place = chosen_place(
        [each.nodes for each in front.candidates],
        [each.returns for each in front.candidates],
        study,
    )
    chosen = front.candidates[place].controller
    chosen.provenance = {
        "study": "load-balancing",
        "search": task.rival,
        "repetition": task.repetition,
        "decisions": budget.spent,
        "validation": front.candidates[place].mean_return,
    }
    certify(chosen)
    path = task.controller(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen.save(path)
    expression = chosen.outputs[0].expression
    runs = [episodes.run(expression, seed) for seed in seeds]
    return Found(expression, [run.rewards for run in runs if run is not None])


def _candidates(
    budget: Budget, task: RivalTask, study: LoadBalancingStudy, folder: Path
) -> list[str]:
    # The same samples for all rewards: what is asked of all is run once.
    seed = task.repetition
    if task.rival == "linear logistic":
        return linear_logistic(budget, seed)
    if task.rival == "direct search":
        return direct_search(budget, seed, study.most_nodes)
    if task.rival == "equation by CMA-ES":
        path = equation_file(deployed(study, task.reward, folder), folder)
        start = Controller.load(path).outputs[0].expression
        return [*tuned_expression(start, budget, seed, first_place=0), start]
    return successive_halving(rule_expressions(task.rival), budget, budget.left)[:1]


def deployed_rival(
    study: LoadBalancingStudy, reward: Reward, rival: Rival, folder: Path
) -> RivalTask:
    """Find the repetition that does best on the choice seeds, as `deployed` does of trainings."""
    tasks = [RivalTask(reward, rival, number) for number in range(study.repetitions(rival))]
    if len(tasks) == 1:
        return tasks[0]

    def mean_reward(task: RivalTask) -> float:
        path = task.controller(folder)
        return float(_choice_rewards(study, task.name, path, study.choice_seeds(), reward).mean())

    return max(tasks, key=mean_reward)


def _choice_rewards(
    study: LoadBalancingStudy, name: str, path: Path, seeds: range, reward: Reward
) -> pd.Series:
    """Reward of a controller on some of the choice seeds; what is not there is run."""
    scores = choice_scores(path.parents[1])
    run = functools.partial(controller_runs, path, arguments=study.arguments, workers=study.workers)
    return scores.of(name, seeds, run)[column_of(reward)]


def rivals_table(study: LoadBalancingStudy, folder: Path) -> pd.DataFrame:
    """List what the searches found.

    Returns
    -------
    DataFrame
        ``reward``, ``controller``, ``repetition``, ``deployed`` (whether it is the one), the
        ``decisions`` that the search took, ``nodes``, ``validation`` (mean reward on these seeds),
        ``equation minus this`` (mean paired difference of the deployed equation on these seeds,
        which favour it: it was chosen there) from ``low`` to ``high``, and ``equation``.
    """
    rows = []
    for reward, rival in itertools.product(study.rewards, study.rivals):
        best = deployed_rival(study, reward, rival, folder)
        training = deployed(study, reward, folder)
        seeds = study.validation_seeds()
        ours = _choice_rewards(
            study, f"{training.name}-equation", equation_file(training, folder), seeds, reward
        )
        for number in range(study.repetitions(rival)):
            task = RivalTask(reward, rival, number)
            path = task.controller(folder)
            controller = Controller.load(path)
            theirs = _choice_rewards(study, task.name, path, seeds, reward)
            margin = paired_difference(ours.to_numpy(), theirs.to_numpy())
            rows.append(
                {
                    "reward": reward,
                    "controller": rival,
                    "repetition": number,
                    "deployed": task == best,
                    "decisions": controller.provenance["decisions"],
                    "nodes": controller.expressions[0].nodes(),
                    "validation": float(theirs.mean()),
                    "equation minus this": margin.mean,
                    "low": margin.low,
                    "high": margin.high,
                    "equation": controller.outputs[0].expression,
                }
            )
    return pd.DataFrame(rows)
