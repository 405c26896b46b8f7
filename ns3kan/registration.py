# SPDX-License-Identifier: MIT
"""What the environments and scenarios of ns3kan are: one table, and their registration."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import gymnasium

from ns3kan.errors import InputError

Subject = Literal["paths", "fabric", "queues", "images", "other"]
"""What is decided on: the paths of flows, the uplinks of a fabric, queues, pixels and classes."""
Algorithm = Literal["ppo", "average-cost-ppo", "ddqn"]


@dataclass(frozen=True)
class ScenarioFacts:
    """A simulation of ns-3 that runs without Python as well.

    Parameters
    ----------
    quantities
        What it measures in every interval beside features, decision and reward, with units.
    completion
        The argument that writes what completion times of flows are read from, ``"summary"`` or
        ``"flows"``; None if there is none.
    completion_needs
        Values of arguments without which flows may lose bytes and have no completion times.
    named_topologies
        Whether its argument ``topology`` can be a name of
        `ns3kan.bridge.ns3.parallel_paths.TOPOLOGIES`.
    """

    quantities: Mapping[str, str]
    completion: Literal["summary", "flows"] | None = None
    completion_needs: tuple[tuple[str, str], ...] = ()
    named_topologies: bool = False


_TCP = (("transport", "tcp"),)
_TRAFFIC = {"goodput": "bit/s", "delay": "s", "loss": "1"}
_PATHS = {**_TRAFFIC, "active_flows": "1"}
_FLOWS = ("out_of_order", "active_flows", "finished_flows", "log_slowdown")
_FABRIC = _TRAFFIC | dict.fromkeys((*_FLOWS, "offered_load", "delivered_load"), "1")
_QUEUES = dict.fromkeys(("cost", "drops", "delivered"), "packet")
SCENARIOS = {
    "leaf-spine": ScenarioFacts(_FABRIC, "summary"),
    "multipath-routing": ScenarioFacts(_QUEUES),
    "parallel-paths": ScenarioFacts(_PATHS, "flows", _TCP, named_topologies=True),
    "sdwan": ScenarioFacts(_PATHS, "flows", _TCP),
    "single-hop-scheduling": ScenarioFacts(_QUEUES),
}
"""Scenarios that can be simulated without Python, by name."""


@dataclass(frozen=True)
class EnvironmentFacts:
    """An environment as the rest of the package knows it.

    Parameters
    ----------
    id
        Its name for ``gymnasium.make``.
    env, vector_env
        Entry points within the package ``ns3kan``; empty for an environment of others.
    subject
        What is decided on.
    algorithm
        The one that suits.
    scenario
        Of `SCENARIOS`, if a ``controller.json`` and rules decide inside that program and every
        decision is measured there alike, whoever takes it; else None.
    model
        The environment of the same system without packets, which is faster; None if there is none.
    observes_inputs
        Whether the observation is what a controller inside the scenario has as inputs, and the
        action its outputs.
    rules
        Traditional controllers to compare with, by name.
    """

    id: str
    env: str = ""
    vector_env: str = ""
    subject: Subject = "other"
    algorithm: Algorithm = "ppo"
    scenario: str | None = None
    model: str | None = None
    observes_inputs: bool = False
    rules: tuple[str, ...] = ()


_PATH_RULES = ("equal", "capacity", "primary", "least-delay", "least-utilised")
_SCHEDULING_RULES = ("max-weight", "longest-queue", "random")
_ROUTING_RULES = ("shortest-queue", "random")

ENVIRONMENTS = {
    facts.id: facts
    for facts in (
        EnvironmentFacts(
            "ns3kan/SdWan-v0",
            "bridge.ns3.sdwan:SdWanEnv",
            "bridge.ns3.sdwan:make_sdwan_vector_env",
            "paths",
            scenario="sdwan",
            observes_inputs=True,
            rules=_PATH_RULES,
        ),
        EnvironmentFacts(
            "ns3kan/ParallelPaths-v0",
            "bridge.ns3.parallel_paths:ParallelPathsEnv",
            "bridge.ns3.parallel_paths:make_parallel_paths_vector_env",
            "paths",
            scenario="parallel-paths",
            observes_inputs=True,
            rules=_PATH_RULES,
        ),
        EnvironmentFacts(
            "ns3kan/LeafSpine-v0",
            "bridge.ns3.leaf_spine:LeafSpineEnv",
            "bridge.ns3.leaf_spine:make_leaf_spine_vector_env",
            "fabric",
            scenario="leaf-spine",
            rules=("ecmp", "conga", "least-utilised"),
        ),
        EnvironmentFacts(
            "ns3kan/SingleHopScheduling-v0",
            "bridge.queues.single_hop:SingleHopScheduling",
            "bridge.queues.single_hop:SingleHopVectorEnv",
            "queues",
            "average-cost-ppo",
            rules=_SCHEDULING_RULES,
        ),
        EnvironmentFacts(
            "ns3kan/MultiPathRouting-v0",
            "bridge.queues.multi_path:MultiPathRouting",
            "bridge.queues.multi_path:MultiPathVectorEnv",
            "queues",
            "average-cost-ppo",
            rules=_ROUTING_RULES,
        ),
        EnvironmentFacts(
            "ns3kan/PacketSingleHopScheduling-v0",
            "bridge.ns3.packet_queues:PacketSingleHopScheduling",
            "bridge.ns3.packet_queues:make_scheduling_vector_env",
            "queues",
            "average-cost-ppo",
            model="ns3kan/SingleHopScheduling-v0",
            rules=_SCHEDULING_RULES,
        ),
        EnvironmentFacts(
            "ns3kan/PacketMultiPathRouting-v0",
            "bridge.ns3.packet_queues:PacketMultiPathRouting",
            "bridge.ns3.packet_queues:make_routing_vector_env",
            "queues",
            "average-cost-ppo",
            model="ns3kan/MultiPathRouting-v0",
            rules=_ROUTING_RULES,
        ),
        EnvironmentFacts(
            "ns3kan/ImageFeatureSelection-v0",
            "bridge.images.feature_selection:ImageFeatureSelection",
            "bridge.images.vector_env:ImageFeatureSelectionVectorEnv",
            "images",
            "ddqn",
        ),
    )
}
"""The environments of ns3kan, by id."""


def environment_facts(environment: str) -> EnvironmentFacts:
    """Look an environment up.

    Parameters
    ----------
    environment
        Gymnasium id. One that others have registered, or whose id names the module that registers
        it (``"module:Name-v0"``), has the defaults of `EnvironmentFacts`.

    Raises
    ------
    ValueError
        If no environment of this id is registered.

    Examples
    --------
    >>> environment_facts("ns3kan/LeafSpine-v0").rules
    ('ecmp', 'conga', 'least-utilised')
    """
    if environment in ENVIRONMENTS:
        return ENVIRONMENTS[environment]
    if environment in gymnasium.registry or ":" in environment:
        return EnvironmentFacts(environment)
    nearest = difflib.get_close_matches(environment, ENVIRONMENTS, n=1, cutoff=0.0)[0]
    raise InputError(
        f"no environment {environment!r} is registered: did you mean {nearest}? For one of your "
        "own, write the module that registers it before its id, as in module:Name-v0"
    )


def register_environments() -> None:
    """Register all environments with Gymnasium."""
    for facts in ENVIRONMENTS.values():
        gymnasium.register(
            id=facts.id,
            entry_point=f"ns3kan.{facts.env}",
            vector_entry_point=f"ns3kan.{facts.vector_env}",
        )
