# SPDX-License-Identifier: MIT
"""Read the equation out of a run's network: candidates, their front, ``controller.json``."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.runners import IndexRunner, make_runner
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.choice.front import Front, Point
from ns3kan.agents.equations.choice.states import ExtractionError
from ns3kan.agents.equations.expressions.grammar import EvaluationError
from ns3kan.agents.equations.proofs.switch_type_index import switch_type_controller
from ns3kan.agents.equations.reading.fit import Extraction
from ns3kan.agents.equations.reading.index import ProductIndex, read_index
from ns3kan.agents.equations.reading.index_readout import Agreement, component_states
from ns3kan.agents.equations.reading.readout import read_equations
from ns3kan.agents.equations.search.index_search import MeasuredIndex, search_indices
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.comparison.evaluate import evaluate, play, visited_states
from ns3kan.analysis.comparison.policies import Contestant, Network, policy_of
from ns3kan.analysis.environments import make_environments
from ns3kan.analysis.pool import in_threads
from ns3kan.analysis.runs import folder as run_folder
from ns3kan.analysis.runs.config import RunConfig
from ns3kan.analysis.runs.contestants import load_network
from ns3kan.analysis.runs.progress import Progress
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.bridge.ns3.recordings import run_names, separate
from ns3kan.io.files import write_atomically
from ns3kan.registration import ENVIRONMENTS, environment_facts

Array = NDArray[np.float64]
Tell = Callable[[Progress], None]

FRONT = "front"
"""Folder of the candidates in a run folder."""
MOST_TRIALS = 2_000
"""After so many trials of indices no shorter one is begun, whatever the clock says."""

_STATES = tuple(facts.id for facts in ENVIRONMENTS.values() if facts.observes_inputs)

# Steps of an episode in which an index is tried, and calls of the cost for a tuning.
_INDEX_STEPS, _INDEX_EVALUATIONS = 4_000, 40
# Cost that stands for an index without a value somewhere.
_UNDEFINED = 1e9


def extract_run(
    config: RunConfig,
    run: Path,
    on_progress: Tell | None = None,
    *,
    most_nodes: int | None = None,
) -> Controller:
    """Read equations out of a run's network, choose one, and write ``controller.json``.

    All candidates with their returns on the validation seeds stay in the folder ``front``. The
    chosen one is its knee; see `ns3kan.agents.equations.choice.front.Front`.

    Parameters
    ----------
    config : RunConfig
    run : Path
        The run folder, with a trained network: a KAN that decides ratios, or a switch-type KAN.
    on_progress : callable, optional
        Called often with a `Progress`.
    most_nodes : int, optional
        Longest equation allowed.

    Returns
    -------
    Controller
        What was chosen.

    Raises
    ------
    CheckpointError
        If there is no trained network, or it is damaged.
    ExtractionError
        If no equation can be read from such a network or from the states that it visits.
    """
    tell = on_progress or (lambda progress: None)
    network = load_network(run)
    splines: pd.DataFrame | None = None
    if (advice := _other_ways(config, network)) is not None:
        raise ExtractionError(f"no equation is read by `ns3kan extract` from {run}: {advice}")
    if isinstance(network, ActorCritic):
        front, splines = _ratio_equations(config, network, tell)
    else:
        assert isinstance(network, ComponentActorCritic)
        front = _indices(config, network, tell)
    controller = front.knee(most_nodes).controller
    shutil.rmtree(run / FRONT, ignore_errors=True)
    if len(front.candidates) > 1:
        front.save(run / FRONT)
    if splines is not None:
        write_atomically(run / run_folder.SPLINES, splines.to_csv(index=False))
    controller.save(run / run_folder.CONTROLLER)
    return controller


def _other_ways(config: RunConfig, network: Network) -> str | None:
    """Say what leads to an equation where this command does not; None where it does."""
    loaded = "ns3kan.analysis.runs.contestants.load_network"
    distil = (
        f"give the network ({loaded}) and the environments that it was trained in to "
        "ns3kan.agents.equations.search.distil.distil (extra distil), which finds equations that "
        "decide as it does"
    )
    read = (
        f"give the network ({loaded}) and states that it has visited to "
        "ns3kan.agents.equations.reading.readout.read_equations"
    )
    environment = config.environment.id
    if isinstance(network, QNetwork):
        sizes = network.architecture
        if environment_facts(environment).subject == "images":
            return (
                f"it chooses among {sizes.actions} pixels by {sizes.inputs} numbers, a formula for "
                f"each pixel; `ns3kan evaluate` and `ns3kan report` take the network as it is"
            )
        kind = "a KAN" if sizes.kind == "kan" else "a perceptron"
        return (
            f"it chooses among {sizes.actions} by the Q-values of {kind}; "
            f"{read if sizes.kind == 'kan' else distil}"
        )
    if isinstance(network, ComponentActorCritic):
        if isinstance(network.actor.network, SwitchTypeKan):
            return None
        return (
            f"its network, {network.architecture.network}, has no product of powers to read; train "
            f"one with --set agent=switch-type-kan, or {distil}"
        )
    if network.architecture.actor != "kan":
        again = "train one with --set agent=kan, or " if environment in _STATES else ""
        return f"its network is a perceptron, which has no splines to read; {again}{distil}"
    if environment not in _STATES:
        return f"states are collected in {' and '.join(_STATES)}, not in {environment}; {read}"
    return None


def _ratio_equations(
    config: RunConfig, network: ActorCritic, tell: Tell
) -> tuple[Front, pd.DataFrame | None]:
    """Candidates from a KAN of ratios; if it is one sum, also the splines of the longest."""
    environment = config.environment
    policy, seeds = policy_of(network), config.extraction.seeds
    arguments = separate(
        [environment.arguments] * len(seeds), run_names(["states"] * len(seeds), seeds)
    )
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        tell(Progress("states", done, len(seeds)))

    tell(Progress("states", 0, len(seeds)))
    episodes = in_threads(
        [
            functools.partial(play, policy, seed, environment.id, separated)
            for seed, separated in zip(seeds, arguments, strict=True)
        ],
        on_done=count,
    )
    visited = [visited_states(episode, network.feature_names) for episode in episodes]
    states = np.concatenate(visited)
    places = np.repeat(np.arange(len(visited)), [len(part) for part in visited])
    prices = config.extraction.prices
    is_one_sum = not network.architecture.actor_hidden and network.architecture.actions == 1
    rounds = len(prices) if is_one_sum else 1
    readings: list[Extraction] = []

    def keep(reading: Extraction) -> None:
        readings.append(reading)
        tell(Progress("equation", len(readings), rounds))

    tell(Progress("equation", 0, rounds))
    controllers = read_equations(
        network,
        states,
        episodes=places,
        prices=prices,
        search=config.extraction.search,
        provenance=provenance(config, network.provenance["steps"]),
        on_reading=keep,
    )
    tell(Progress("equation", rounds, rounds))
    if not readings:
        return _measured(config, list(controllers), tell), None
    # From the longest to the shortest.
    return _measured(config, [each.controller for each in readings], tell), readings[0].splines


def _measured(config: RunConfig, controllers: list[Controller], tell: Tell) -> Front:
    """Front of controllers by their rewards on the validation seeds; a single one is not run."""
    seeds = config.extraction.validation
    if len(controllers) == 1 or not seeds:
        # Of several from short to long the last is closest to the network.
        return Front((0,), tuple(Point(each, (0.0,)) for each in controllers[-1:]))
    tell(Progress("front", 0, len(seeds) * len(controllers)))
    environment = config.environment
    contestants = []
    with scratch_folder() as folder:
        for place, controller in enumerate(controllers):
            path = folder / f"{place}.json"
            controller.save(path)
            contestants.append(Contestant(str(place), "equation", None, path))
        results = evaluate(
            contestants,
            seeds,
            environment=environment.id,
            arguments=dict(environment.arguments),
            on_done=lambda done, total: tell(Progress("front", done, total)),
        ).results
    rewards = results.pivot(index="controller", columns="seed", values="reward")
    return Front(
        tuple(seeds),
        tuple(
            Point(controller, tuple(rewards.loc[[str(place)], seeds].to_numpy(float)[0].tolist()))
            for place, controller in enumerate(controllers)
        ),
    )


def _indices(config: RunConfig, network: ComponentActorCritic, tell: Tell) -> Front:
    """Candidates from a switch-type KAN: as read, then shorter and shorter ones, tuned."""
    kan = network.actor.network
    assert isinstance(kan, SwitchTypeKan)
    settings = config.extraction
    # Packet by packet it would take too long.
    model = environment_facts(config.environment.id).model or config.environment.id
    arguments = config.environment.arguments
    tell(Progress("states", 0, 1))
    env: Any = make_environments(model, settings.episodes, arguments)
    try:
        problem = env.problem
        runner = make_runner(
            env, network.actor, seed=settings.first_seed, env_seed=settings.first_seed
        )
        states, reported = component_states(runner.record(_INDEX_STEPS, mode="greedy"))
        reading = read_index(kan, states, reported.reshape(-1, reported.shape[-1]))
        agreement = Agreement(kan, reported)
        validation_seed = settings.first_seed + settings.episodes
        other: Any = make_environments(model, settings.validation_seeds, arguments)
        try:
            candidates = _searched(
                reading.index,
                lambda index: _costs(env, index, settings.first_seed),
                lambda index: _costs(other, index, validation_seed),
                tell,
            )
        finally:
            other.close()
    finally:
        env.close()
    points = [
        Point(
            switch_type_controller(
                each.index,
                problem,
                states,
                provenance(config, network.provenance["steps"])
                | {"choice": {"validation_cost": each.validation_cost}},
                {
                    "agreement": agreement(each.index),
                    "states": len(reported),
                    "nodes": each.index.nodes,
                    "r_squared_of_splines": reading.r_squared,
                },
            ),
            tuple(-cost for cost in each.validation_costs),
        )
        for each in candidates
    ]
    seeds = tuple(range(validation_seed, validation_seed + settings.validation_seeds))
    return Front(seeds, tuple(points))


class _EnoughError(Exception):
    """Ends a search whose candidates so far are enough."""


@torch_threads(1)
def _searched(
    start: ProductIndex,
    training: Callable[[ProductIndex], Array],
    validation: Callable[[ProductIndex], Array],
    tell: Tell,
) -> list[MeasuredIndex]:
    front = list[MeasuredIndex]()
    rounds, trials = start.nodes, 0

    def counted(index: ProductIndex) -> Array:
        nonlocal trials
        trials += 1
        return training(index)

    def keep(candidate: MeasuredIndex) -> None:
        front.append(candidate)
        tell(Progress("equation", rounds - candidate.index.nodes, rounds))
        if trials > MOST_TRIALS:
            raise _EnoughError

    with contextlib.suppress(_EnoughError):
        search_indices(
            start, counted, validation, evaluations=_INDEX_EVALUATIONS, on_candidate=keep
        )
    tell(Progress("equation", rounds, rounds))
    return front


def _costs(env: Any, index: ProductIndex, seed: int) -> Array:
    """Mean costs of an index in each lane, always with the same draws."""
    env.reset(seed=seed)
    try:
        return IndexRunner(env, index, seed).mean_costs(_INDEX_STEPS, ties="lowest")
    except EvaluationError:
        # Of the constants that a search tries some are so large that a factor overflows.
        return np.full(env.num_envs, _UNDEFINED)


def provenance(config: RunConfig, steps: int) -> dict[str, Any]:
    """Say where an equation comes from, as ``controller.json`` keeps it."""
    return {
        "environment": {
            "id": config.environment.id,
            "arguments": dict(config.environment.arguments),
        },
        "seeds": {
            "training": config.training.seed,
            "extraction": {
                "first": config.extraction.first_seed,
                "count": config.extraction.episodes,
            },
            "evaluation": {"first": config.evaluation.first_seed, "count": config.evaluation.seeds},
        },
        "steps": steps,
        "versions": {name: _version(name) for name in ("ns3kan", "ns3", "torch")},
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        # ns-3 may come from somewhere else than its wheel.
        return "unknown"
