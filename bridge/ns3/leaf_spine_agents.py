# SPDX-License-Identifier: MIT
"""The leaf-spine fabric with one agent per leaf."""

from __future__ import annotations

from typing import Any

from ns3kan.bridge.ns3.leaf_spine import LeafSpineEnv
from ns3kan.bridge.ns3.parallel_env import DictParallelEnv
from ns3kan.errors import InputError

_FIRST = "leaf0_"


class LeafSpineParallelEnv(DictParallelEnv):
    """`LeafSpineEnv` with an agent at each leaf, as a PettingZoo parallel environment.

    Agents are called ``leaf0``, ``leaf1``, … Each observes its own leaf, ``Box(…, (2 + 3 S,))``,
    and sets the weights of its own uplinks, ``Box(0, 1, (S,))``; the numbers mean the same for all,
    so that they can share a policy. Its reward is that of the flows that its leaf's hosts send, or
    of its own uplinks. All act at the same time.

    Parameters
    ----------
    leaves
        How many leaves there are.
    agents
        How many of them have an agent, from the first on; the others keep equal weights. All by
        default.
    **arguments
        As for `LeafSpineEnv`.

    Attributes
    ----------
    feature_names, feature_units, action_names, action_units
        Of one agent: ``load``, ``load_delta``, ``spine0_delay``, …, which are also those that a
        ``controller.json`` for one leaf asks for.

    Raises
    ------
    ValueError
        If `agents` is less than one.
    SimulatorError
        If ``leaf-spine`` refuses an argument, such as more agents than leaves.

    Examples
    --------
    >>> env = LeafSpineParallelEnv(leaves=2, spines=2, duration=0.01)
    >>> env.possible_agents
    ['leaf0', 'leaf1']
    >>> env.close()
    """

    def __init__(self, *, leaves: int = 4, agents: int | None = None, **arguments: Any) -> None:
        agents = leaves if agents is None else agents
        if agents < 1:
            raise InputError(
                f"agents={agents} must be at least 1; use LeafSpineEnv for one agent that decides "
                "for all leaves."
            )
        env = LeafSpineEnv(leaves=leaves, agents=agents, **arguments)
        super().__init__(env)
        features = [name for name in env.feature_names if name.startswith(_FIRST)]
        actions = [name for name in env.action_names if name.startswith(_FIRST)]
        self.feature_names = tuple(name.removeprefix(_FIRST) for name in features)
        self.feature_units = env.feature_units[: len(features)]
        self.action_names = tuple(name.removeprefix(_FIRST) for name in actions)
        self.action_units = env.action_units[: len(actions)]
