# SPDX-License-Identifier: MIT
"""Run networks, equations and traditional rules on the same held-out seeds.

Where paths are chosen, networks decide through the Gymnasium environment and everything else inside
ns-3. All these simulations write the same table of their intervals, and all results come out of the
tables, so nothing depends on which way a decision took. Elsewhere all decide through the
environment.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ns3kan.agents.training.stepping import LostEpisodeError, require_whole
from ns3kan.analysis.comparison.completion import Episode, completion_argument
from ns3kan.analysis.comparison.policies import Contestant, Policy, in_environment, ratios_of
from ns3kan.analysis.comparison.simulate import (
    Simulation,
    measure,
    read_recorded,
    recorded_files,
    simulator_seed,
)
from ns3kan.analysis.comparison.tables import FABRIC_QUANTITIES
from ns3kan.analysis.environments import make_environments
from ns3kan.analysis.pool import in_threads
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.bridge.ns3.errors import ProtocolError, SimulatorError, SimulatorTimeoutError
from ns3kan.bridge.ns3.recordings import run_names, separate
from ns3kan.errors import InputError
from ns3kan.registration import environment_facts

Array = NDArray[np.float64]


class _Measured(Protocol):
    def __call__(self) -> Episode: ...


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Parameters
    ----------
    results : DataFrame
        One row per controller and seed: ``controller``, ``kind`` (network, equation or
        traditional), ``seed``, what `summarise` gives, and those of
        `ns3kan.analysis.comparison.completion.COMPLETION` that the scenario measures.
    intervals : DataFrame
        ``controller``, ``seed`` and every column of the simulator's table, one row per decision,
        for all controllers and seeds.
    """

    results: pd.DataFrame
    intervals: pd.DataFrame


def evaluate(
    contestants: Sequence[Contestant],
    seeds: Sequence[int],
    *,
    environment: str,
    arguments: Mapping[str, Any],
    steps: int = 10_000,
    workers: int | None = None,
    on_done: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate networks, equations and traditional rules on the same seeds.

    Parameters
    ----------
    contestants : sequence of Contestant
        In an environment with a scenario (`ns3kan.registration.EnvironmentFacts`) only networks
        decide through the environment, the others inside ns-3; in any other all decide through it.
    seeds : sequence of int
        Seeds as for ``env.reset``; the simulators inside ns-3 are given the same traffic.
    environment : str
        Gymnasium id of the environment.
    arguments : mapping of str to object
        Arguments of the environment, which are the scenario's too. A file that they tell the
        scenario to write becomes one for each controller and seed, named by both.
    steps : int
        Length of an episode that does not end by itself.
    workers : int, optional
        Episodes at a time; by default as many as there are cores.
    on_done : callable, optional
        Called with (episodes done, episodes in all) after each.

    Returns
    -------
    Evaluation

    Raises
    ------
    LostEpisodeError
        If a simulator refuses its arguments, dies or does not answer: it says whose episode of
        which seed has no score, the simulator's exit status, and the end of its stderr.
    BridgeError
        If a simulator cannot be started.
    ValueError
        If there is no seed, or one twice, or a contestant does not suit the environment.
    """
    if not seeds or len(set(seeds)) != len(seeds):
        raise InputError(f"evaluation needs different seeds, at least one, not {list(seeds)}")
    # Seed by seed, so that an evaluation's progress is even.
    who = [(one, seed) for seed in seeds for one in contestants]
    names = run_names([one.name for one, _ in who], [seed for _, seed in who])
    calls = [
        _call(one, seed, environment, own, steps)
        for (one, seed), own in zip(who, separate([arguments] * len(who), names), strict=True)
    ]
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if on_done is not None:
            on_done(done, len(calls))

    calls = [
        functools.partial(_scored, call, one.name, seed)
        for call, (one, seed) in zip(calls, who, strict=True)
    ]
    episodes = in_threads(calls, workers=workers, on_done=count)
    order = {one.name: index for index, one in enumerate(contestants)}
    ranked = sorted(zip(who, episodes, strict=True), key=lambda item: order[item[0][0].name])
    results = pd.DataFrame.from_records(
        [
            {
                "controller": one.name,
                "kind": one.kind,
                "seed": seed,
                **summarise(episode.intervals),
                **episode.completion,
            }
            for (one, seed), episode in ranked
        ]
    )
    intervals = pd.concat(
        [
            episode.intervals.assign(controller=one.name, seed=seed)
            for (one, seed), episode in ranked
        ],
        ignore_index=True,
    )
    columns = ["controller", "seed"]
    return Evaluation(results, intervals[columns + [c for c in intervals if c not in columns]])


def _call(
    one: Contestant, seed: int, environment: str, arguments: Mapping[str, Any], steps: int
) -> _Measured:
    """Prepare the measurement of an episode, in the way that suits."""
    scenario = environment_facts(environment).scenario
    if scenario is None:
        return functools.partial(_stepped, one, seed, environment, arguments, steps)
    if one.kind == "network":
        return functools.partial(_played, ratios_of(one), seed, environment, arguments)
    run = Simulation(one.controller, simulator_seed(seed), arguments, scenario)
    return functools.partial(measure, run)


def _scored(call: _Measured, name: str, seed: int) -> Episode:
    """Measure an episode, or say whose it is that cannot be."""
    try:
        return call()
    except (LostEpisodeError, SimulatorError, SimulatorTimeoutError, ProtocolError) as error:
        raise LostEpisodeError(f"{name} has no score for seed {seed}: {error}") from error


def step(
    one: Contestant, seed: int, environment: str, arguments: Mapping[str, Any], steps: int
) -> pd.DataFrame:
    """Let a contestant decide step by step in any environment, until an episode ends.

    Parameters
    ----------
    one : Contestant
    seed : int
        As for ``env.reset``.
    environment : str
        Gymnasium id.
    arguments : mapping of str to object
        Arguments of the environment.
    steps : int
        Most steps.

    Returns
    -------
    DataFrame
        One row per step: ``reward``.

    Raises
    ------
    LostEpisodeError
        If the simulator dies.
    ValueError
        If the contestant does not suit the environment.
    """
    env = make_environments(environment, 1, arguments)
    rewards = []
    try:
        policy = in_environment(one, env, seed)
        observation, _ = env.reset(seed=seed)
        for _ in range(steps):
            observation, reward, terminated, truncated, info = env.step(policy(observation))
            require_whole(info, 1, seed)
            rewards.append(float(reward[0]))
            if terminated[0] or truncated[0]:
                break
    finally:
        env.close()
    return pd.DataFrame({"reward": rewards})


def play(policy: Policy, seed: int, environment: str, arguments: Mapping[str, Any]) -> pd.DataFrame:
    """Let a policy decide through an environment with a scenario for one episode.

    Parameters
    ----------
    policy : callable
        Observations (1, features) to actions (1, actions).
    seed : int
        As for ``env.reset``.
    environment : str
        Gymnasium id.
    arguments : mapping of str to object
        Arguments of the environment.

    Returns
    -------
    DataFrame
        The simulator's table of intervals, as from `simulate`.

    Raises
    ------
    BridgeError
        If the simulator refuses its arguments, dies or does not answer.
    """
    return _run(policy, seed, environment, arguments, None).intervals


def _stepped(
    one: Contestant, seed: int, environment: str, arguments: Mapping[str, Any], steps: int
) -> Episode:
    return Episode(step(one, seed, environment, arguments, steps))


def _played(policy: Policy, seed: int, environment: str, arguments: Mapping[str, Any]) -> Episode:
    scenario = environment_facts(environment).scenario
    assert scenario is not None
    completion = completion_argument(scenario, arguments)
    return _run(policy, seed, environment, arguments, completion)


def _run(
    policy: Policy,
    seed: int,
    environment: str,
    arguments: Mapping[str, Any],
    completion: str | None,
) -> Episode:
    """Let a policy decide for one episode and read what the scenario has written of it."""
    with scratch_folder() as folder:
        others, files = recorded_files(arguments, completion, folder)
        given: dict[str, Any] = others | {name: str(path) for name, path in files.items()}
        env = gymnasium.make(environment, **given)
        try:
            observation, _ = env.reset(seed=seed)
            over = False
            while not over:
                action = policy(np.asarray(observation, dtype=np.float64)[None, :])[0]
                observation, _, terminated, truncated, _ = env.step(action)
                over = terminated or truncated
        finally:
            # Waits for the simulator's end: only then the tables are complete.
            env.close()
        return read_recorded(files, completion)


def summarise(intervals: pd.DataFrame) -> dict[str, float]:
    """Summarise one episode.

    Parameters
    ----------
    intervals : DataFrame
        As from `simulate`.

    Returns
    -------
    dict of str to float
        ``reward``; in a scenario of paths ``goodput`` (bit/s), ``delay`` (s) and ``loss`` (share);
        and in a fabric ``offered_load`` and ``delivered_load`` (shares of the uplinks): means over
        the intervals, each of which counts the same.
    """
    return {name: float(intervals[name].mean()) for name in FABRIC_QUANTITIES if name in intervals}


def visited_states(intervals: pd.DataFrame, features: Sequence[str]) -> Array:
    """Collect the states in which a controller decided.

    Parameters
    ----------
    intervals : DataFrame
        As from `simulate` or `play`.
    features : sequence of str
        Names of the observation's components, in their order.

    Returns
    -------
    array of float, shape (decisions, features)
    """
    return intervals[list(features)].to_numpy(np.float64)
