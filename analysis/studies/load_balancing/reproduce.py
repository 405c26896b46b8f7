# SPDX-License-Identifier: MIT
"""``ns3kan reproduce load-balancing``: trains what is missing, writes tables and figures."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ns3kan.agents.equations.controller import Controller
from ns3kan.agents.equations.symbolic_regression import require_pyoperon
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.threads import torch_threads
from ns3kan.analysis.studies.load_balancing import figures, oracle
from ns3kan.analysis.studies.load_balancing.choice import deployed, equation_file
from ns3kan.analysis.studies.load_balancing.distillation import distil_policies
from ns3kan.analysis.studies.load_balancing.equations import find_equations
from ns3kan.analysis.studies.load_balancing.scores import controller_runs, kept, policy_runs
from ns3kan.analysis.studies.load_balancing.settings import (
    EQUATIONS,
    NETWORKS,
    TRADITIONAL,
    TRANSFERS,
    LoadBalancingStudy,
    Reward,
    Transfer,
)
from ns3kan.analysis.studies.load_balancing.signs import signs_of_all
from ns3kan.analysis.studies.load_balancing.tables import results_table
from ns3kan.analysis.studies.load_balancing.targets import ORACLES, reached
from ns3kan.analysis.studies.load_balancing.training import TrainingTask, policy_of, train_all
from ns3kan.files import write_atomically


def reproduce(
    study: LoadBalancingStudy, folder: Path, on_message: Callable[[str], None]
) -> Iterator[Path]:
    """Write the study's tables and figures; what is in the folder is not done again.

    Parameters
    ----------
    study
        Settings.
    folder
        Of the results.
    on_message
        Called with a line for each thing that is done.

    Yields
    ------
    Path
        Each file when it is written.

    Raises
    ------
    RuntimeError
        If PyOperon is not installed.
    """
    require_pyoperon()
    folder.mkdir(parents=True, exist_ok=True)
    train_all(study, folder, on_message)
    find_equations(study, folder, on_message)
    distil_policies(study, folder, on_message)
    constants = _constants(study, folder)
    on_message("constant ratios are run")
    results, targets = [], []
    for reward in study.rewards:
        scores = _scores(study, reward, constants, folder)
        results.append(results_table(scores, reward, learned=("equation", "deployed")))
        task = deployed(study, reward, folder)
        controller = Controller.load(equation_file(task, folder))
        targets.append(reached(scores, reward, task, controller))
        copy = folder / "deployed" / f"{reward}.json"
        copy.parent.mkdir(exist_ok=True)
        controller.save(copy)
        yield copy
        on_message(f"all controllers are run for {reward}")
    yield _save(pd.concat(results), folder / "results.csv")
    yield _save(pd.DataFrame(targets), folder / "targets.csv")
    yield _save(_equations(study, folder), folder / "equations.csv")
    yield _save(_signs(study, folder), folder / "signs.csv")
    yield _save(_transfer(study, folder, on_message), folder / "transfer.csv")
    yield from figures.write_figures(study, folder)


def _constants(study: LoadBalancingStudy, folder: Path) -> dict[float, pd.DataFrame]:
    """Run all constant ratios, and write the controllers of the best ratio by load."""
    seeds = study.evaluation_seeds()
    missing = [
        reward for reward in study.rewards if not oracle.oracle_file(folder, reward).is_file()
    ]
    runs: dict[float, Sequence[pd.DataFrame]] = {}

    def run(ratio: float, own: Sequence[int]) -> Sequence[pd.DataFrame]:
        runs[ratio] = controller_runs(f"constant:{ratio}", own, study.arguments, study.workers)
        return runs[ratio]

    scores = {}
    for ratio in study.constants:
        file = folder / "scores" / f"constant-{ratio}.csv"
        if missing:
            # The controllers need every interval, not only the means.
            file.unlink(missing_ok=True)
        scores[ratio] = kept(file, seeds, functools.partial(run, ratio))
    for reward in missing:
        oracle.write_load_oracle(study, runs, reward, folder)
    return scores


def _scores(
    study: LoadBalancingStudy, reward: Reward, constants: Mapping[float, pd.DataFrame], folder: Path
) -> dict[str, list[pd.DataFrame]]:
    """Scores by title, a table for each training."""
    seeds = study.evaluation_seeds()

    def of_controller(name: str, controller: str | Path) -> pd.DataFrame:
        run = functools.partial(
            controller_runs, controller, arguments=study.arguments, workers=study.workers
        )
        return kept(folder / "scores" / f"{name}.csv", seeds, run)

    scores: dict[str, list[pd.DataFrame]] = {"KAN": [], "equation": [], "MLP": [], "PPO-DS": []}
    for seed in range(study.seeds):
        for network in NETWORKS:
            task = TrainingTask(reward, network, seed)
            scores[network.upper()].append(_network_scores(study, task, folder))
            scores[EQUATIONS[network]].append(
                of_controller(f"{task.name}-equation", equation_file(task, folder))
            )
    task = deployed(study, reward, folder)
    scores["deployed"] = [of_controller(f"{task.name}-equation", equation_file(task, folder))]
    for name in TRADITIONAL:
        scores[name] = [of_controller(name, name)]
    by_load = oracle.oracle_file(folder, reward)
    scores[ORACLES["best ratio by load"]] = [of_controller(by_load.stem, by_load)]
    scores[ORACLES["best constant of each episode"]] = [oracle.best_constants(constants, reward)]
    return scores


@torch_threads(1)
def _network_scores(study: LoadBalancingStudy, task: TrainingTask, folder: Path) -> pd.DataFrame:
    policy = policy_of(ActorCritic.load(task.model(folder)))
    run = functools.partial(policy_runs, policy, arguments=study.arguments, workers=study.workers)
    return kept(folder / "scores" / f"{task.name}.csv", study.evaluation_seeds(), run)


def _equations(study: LoadBalancingStudy, folder: Path) -> pd.DataFrame:
    """List the chosen equations with their sizes and fidelity to their networks."""
    rows = []
    for reward, network, seed in itertools.product(study.rewards, NETWORKS, range(study.seeds)):
        controller = Controller.load(equation_file(TrainingTask(reward, network, seed), folder))
        rows.append(
            {
                "reward": reward,
                "method": EQUATIONS[network],
                "seed": seed,
                "nodes": controller.expressions[0].nodes(),
                "r2": controller.fidelity["r2"],
                "equation": controller.outputs[0].expression,
            }
        )
    return pd.DataFrame(rows)


def _signs(study: LoadBalancingStudy, folder: Path) -> pd.DataFrame:
    """Check the deployed equations against the physics, where they decided in validation."""
    deciding = []
    for reward in study.rewards:
        path = equation_file(deployed(study, reward, folder), folder)
        runs = controller_runs(path, study.validation_seeds(), study.arguments, study.workers)
        deciding.append((str(reward), Controller.load(path), pd.concat(runs)))
    return signs_of_all(deciding)


def _transfer(
    study: LoadBalancingStudy, folder: Path, on_message: Callable[[str], None]
) -> pd.DataFrame:
    """Run the deployed equations, unchanged, where networks and traffics differ."""
    tables = []
    for name in study.transfers:
        transfer = TRANSFERS[name]
        # What is as it was has been run already.
        prefix = f"transfer-{name.replace(' ', '-')}-" if transfer != Transfer() else ""
        for reward in study.rewards:
            scores: dict[str, list[pd.DataFrame]] = {}
            task = deployed(study, reward, folder)
            files: dict[str, tuple[str, str | Path]] = {
                "deployed": (f"{task.name}-equation", equation_file(task, folder)),
                **{name: (name, name) for name in TRADITIONAL},
            }
            for title, (stem, controller) in files.items():
                run = functools.partial(
                    controller_runs,
                    controller,
                    arguments={**study.arguments, **transfer.arguments},
                    workers=study.workers,
                    scenario=transfer.scenario,
                )
                file = folder / "scores" / f"{prefix}{stem}.csv"
                scores[title] = [kept(file, study.evaluation_seeds(), run)]
            table = results_table(scores, reward, learned=("deployed",))
            table.insert(0, "network", name)
            tables.append(table.drop(columns=["share of gain", "trainings"]))
        on_message(f"equations are tried on: {name}")
    return pd.concat(tables)


def _save(table: pd.DataFrame, path: Path) -> Path:
    write_atomically(path, table.to_csv(index=False, float_format="%.6g"))
    return path
