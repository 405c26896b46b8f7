# SPDX-License-Identifier: MIT
"""Who is compared, by run folder, file or name."""

from __future__ import annotations

import math
from pathlib import Path

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.discretise import ratio_levels
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.policies import load_policy
from ns3kan.agents.training.checkpoint import CheckpointError
from ns3kan.analysis.comparison.policies import Contestant, Network, policy_of
from ns3kan.analysis.runs.config import DDQNRun, is_of_python, read_config
from ns3kan.analysis.runs.folder import CHECKPOINT, CONTROLLER
from ns3kan.errors import InputError


def contestant(text: str) -> Contestant:
    """Find out what is meant: a run folder, a ``controller.json``, or the name of a rule.

    Raises
    ------
    CheckpointError
        If a run folder has no checkpoint, or a damaged one.
    ValueError
        If a file is missing or is no controller.
    """
    path = Path(text)
    if path.is_dir():
        return _network(text, path)
    if path.suffix == ".json":
        Controller.load(path)
        return Contestant(text, "equation", None, path)
    if "/" in text:
        raise InputError(f"there is no run folder {text}: check its name")
    return Contestant(text, "traditional", None, text)


def load_network(run: Path) -> Network:
    """Load the trained network of a run.

    Raises
    ------
    CheckpointError
        If the checkpoint is missing, damaged or of an unknown kind.
    """
    path = run / CHECKPOINT
    policy = load_policy(path)
    if isinstance(policy, ActorCritic | ComponentActorCritic | QNetwork):
        return policy
    raise CheckpointError(f"The checkpoint {path} holds no policy of a run; train again.")


def of_run(run: Path) -> list[Contestant]:
    """Return the network of a run and, if there is one, its equation."""
    found = [_network("network", run)]
    if (run / CONTROLLER).is_file():
        found.append(Contestant("equation", "equation", None, run / CONTROLLER))
    return found


def _network(name: str, run: Path) -> Contestant:
    network = load_network(run)
    # What was trained in Python has no levels: ratios are divided by `ns3kan train` alone.
    config = None if is_of_python(run) else read_config(run)
    ratios = None
    if isinstance(network, QNetwork) and isinstance(config, DDQNRun):
        choices = network.architecture.actions
        count = round(math.log(choices, config.levels))
        if config.levels**count == choices:
            ratios = ratio_levels(config.levels, count)
    return Contestant(name, "network", policy_of(network), ratios=ratios)
