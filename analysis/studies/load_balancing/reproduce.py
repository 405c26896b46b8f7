# SPDX-License-Identifier: MIT
"""``ns3kan reproduce load-balancing``: trains what is missing, writes tables and figures."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.search.symbolic_regression import require_pyoperon
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.studies.harness import require_known, save_table
from ns3kan.analysis.studies.load_balancing import figures, oracle
from ns3kan.analysis.studies.load_balancing.choice import deployed, equation_file, find_missing
from ns3kan.analysis.studies.load_balancing.distillation import distil_policy
from ns3kan.analysis.studies.load_balancing.equations import find_equation
from ns3kan.analysis.studies.load_balancing.observation import write_observations
from ns3kan.analysis.studies.load_balancing.rivals import (
    RivalTask,
    deployed_rival,
    find_rivals,
    rivals_table,
)
from ns3kan.analysis.studies.load_balancing.scores import Scores, controller_runs, policy_runs
from ns3kan.analysis.studies.load_balancing.settings import (
    EQUATIONS,
    NETWORKS,
    REPEATED,
    TRADITIONAL,
    TRANSFERS,
    LoadBalancingStudy,
    Reward,
    Rival,
    Transfer,
    rewards_of,
)
from ns3kan.analysis.studies.load_balancing.signs import signs_of_all
from ns3kan.analysis.studies.load_balancing.tables import results_table
from ns3kan.analysis.studies.load_balancing.targets import ORACLES, reached
from ns3kan.analysis.studies.load_balancing.training import TrainingTask, policy_of, train_all

_AS_TRAINED = Transfer()


TABLES = ("rivals", "results", "equations", "signs", "transfer", "observation")


def reproduce(
    study: LoadBalancingStudy,
    folder: Path,
    names: Sequence[str],
    on_message: Callable[[str], None],
) -> Iterator[Path]:
    """Write the study's tables and figures; what is in the folder is not done again.

    Parameters
    ----------
    study
        Settings.
    folder
        Of the results.
    names
        Of `TABLES` and `FIGURES`; "results" comes with the targets and the deployed equations.
    on_message
        Called with a line for each thing that is done.

    Yields
    ------
    Path
        Each file when it is written.

    Raises
    ------
    MissingExtraError
        If PyOperon is not installed.
    ValueError
        If a name is unknown.
    """
    require_known("load-balancing", names, (*TABLES, *figures.FIGURES))
    require_pyoperon()
    folder.mkdir(parents=True, exist_ok=True)
    train_all(study, folder, on_message)
    find_missing(find_equation, "kan", study, folder, on_message)
    find_missing(distil_policy, "mlp", study, folder, on_message)
    find_rivals(study, folder, on_message)
    # Nothing is searched or chosen any more from here on.
    if "rivals" in names:
        yield save_table(rivals_table(study, folder), folder / "rivals.csv", 6)
    if "results" in names:
        yield from _results(study, folder, on_message)
    if "equations" in names:
        yield save_table(_equations(study, folder), folder / "equations.csv", 6)
    if "signs" in names:
        yield save_table(_signs(study, folder), folder / "signs.csv", 6)
    if "transfer" in names:
        yield save_table(_transfer(study, folder, on_message), folder / "transfer.csv", 6)
    if "observation" in names:
        yield write_observations(study, folder)
    yield from figures.write_figures(study, folder, names)


def _results(
    study: LoadBalancingStudy, folder: Path, on_message: Callable[[str], None]
) -> Iterator[Path]:
    """Run all controllers on the held-out seeds."""
    held_out = Scores(folder, "held-out")
    constants = _constants(study, held_out, folder)
    on_message("constant ratios are run")
    results, targets = [], []
    for reward in study.rewards:
        scores = _scores(study, reward, held_out, constants, folder)
        results.append(results_table(scores, reward, learned=("equation", "deployed")))
        task = deployed(study, reward, folder)
        controller = Controller.load(equation_file(task, folder))
        # Its own continuation is no rival.
        single = [
            _title_of_deployed(rival) for rival in study.rivals if rival != "equation by CMA-ES"
        ]
        targets.append(reached(scores, reward, task, controller, single))
        copy = folder / "deployed" / f"{reward}.json"
        copy.parent.mkdir(exist_ok=True)
        controller.save(copy)
        yield copy
        on_message(f"all controllers are run for {reward}")
    yield save_table(pd.concat(results), folder / "results.csv", 6)
    yield save_table(pd.DataFrame(targets), folder / "targets.csv", 6)


def _constants(
    study: LoadBalancingStudy, held_out: Scores, folder: Path
) -> dict[float, pd.DataFrame]:
    """Run all constant ratios, and write the controllers of the best ratio by load."""
    seeds = study.evaluation_seeds()
    missing = [
        reward for reward in study.rewards if not oracle.is_of_these_seeds(study, reward, folder)
    ]
    runs: dict[float, Sequence[pd.DataFrame]] = {}
    if missing:
        # The controllers need every interval, not only the means.
        for ratio in study.constants:
            runs[ratio] = controller_runs(
                f"constant:{ratio}", seeds, study.arguments, study.workers
            )
            held_out.add(f"constant:{ratio}", seeds, [rewards_of(own) for own in runs[ratio]])
    for reward in missing:
        oracle.write_load_oracle(study, runs, reward, folder)
    return {
        ratio: _controller_scores(study, held_out, f"constant:{ratio}", f"constant:{ratio}")
        for ratio in study.constants
    }


def _scores(
    study: LoadBalancingStudy,
    reward: Reward,
    held_out: Scores,
    constants: Mapping[float, pd.DataFrame],
    folder: Path,
) -> dict[str, list[pd.DataFrame]]:
    """Scores by title, a table for each training."""
    run = functools.partial(_controller_scores, study, held_out)
    scores: dict[str, list[pd.DataFrame]] = {"KAN": [], "equation": [], "MLP": [], "PPO-DS": []}
    for seed in range(study.seeds):
        for network in NETWORKS:
            training = TrainingTask(reward, network, seed)
            scores[network.upper()].append(_network_scores(study, training, held_out, folder))
            scores[EQUATIONS[network]].append(
                run(f"{training.name}-equation", equation_file(training, folder))
            )
    best = deployed(study, reward, folder)
    scores["deployed"] = [run(f"{best.name}-equation", equation_file(best, folder))]
    for name in TRADITIONAL:
        scores[name] = [run(name, name)]
    for rival in study.rivals:
        tasks = [RivalTask(reward, rival, number) for number in range(study.repetitions(rival))]
        scores[rival] = [run(task.name, task.controller(folder)) for task in tasks]
        chosen = deployed_rival(study, reward, rival, folder)
        scores[_title_of_deployed(rival)] = [run(chosen.name, chosen.controller(folder))]
    by_load = oracle.oracle_file(folder, reward)
    scores[ORACLES["best ratio by load"]] = [run(by_load.stem, by_load)]
    scores[ORACLES["best constant of each episode"]] = [oracle.best_constants(constants, reward)]
    return scores


def _title_of_deployed(rival: Rival) -> str:
    """Title of the one that is chosen of a rival's repetitions."""
    return f"{rival}, deployed" if rival in REPEATED else rival


def _controller_scores(
    study: LoadBalancingStudy,
    scores: Scores,
    name: str,
    controller: str | Path,
    transfer: Transfer = _AS_TRAINED,
) -> pd.DataFrame:
    run = functools.partial(
        controller_runs,
        controller,
        arguments={**study.arguments, **transfer.arguments},
        workers=study.workers,
        scenario=transfer.scenario,
    )
    return scores.of(name, study.evaluation_seeds(), run)


@torch_threads(1)
def _network_scores(
    study: LoadBalancingStudy, task: TrainingTask, held_out: Scores, folder: Path
) -> pd.DataFrame:
    policy = policy_of(ActorCritic.load(task.model(folder)))
    run = functools.partial(policy_runs, policy, arguments=study.arguments, workers=study.workers)
    return held_out.of(task.name, study.evaluation_seeds(), run)


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
    """Run the deployed equations and rivals, unchanged, where networks and traffics differ."""
    tables = []
    for name in study.transfers:
        transfer = TRANSFERS[name]
        # What is as it was has been run already.
        stem = "held-out" if transfer == _AS_TRAINED else f"transfer-{name.replace(' ', '-')}"
        there = Scores(folder, stem)
        for reward in study.rewards:
            scores: dict[str, list[pd.DataFrame]] = {}
            for title, (key, controller) in _deployed_files(study, reward, folder).items():
                scores[title] = [_controller_scores(study, there, key, controller, transfer)]
            table = results_table(scores, reward, learned=("deployed",))
            table.insert(0, "network", name)
            tables.append(table.drop(columns=["share of gain", "trainings"]))
        on_message(f"equations are tried on: {name}")
    return pd.concat(tables)


def _deployed_files(
    study: LoadBalancingStudy, reward: Reward, folder: Path
) -> dict[str, tuple[str, str | Path]]:
    """Name in the scores, and controller, of what is tried on other networks, by title."""
    task = deployed(study, reward, folder)
    files: dict[str, tuple[str, str | Path]] = {
        "deployed": (f"{task.name}-equation", equation_file(task, folder)),
        **{name: (name, name) for name in TRADITIONAL},
    }
    for rival in study.rivals:
        if rival in study.transferred and reward in study.transferred_for:
            best = deployed_rival(study, reward, rival, folder)
            files[_title_of_deployed(rival)] = (best.name, best.controller(folder))
    return files
