# SPDX-License-Identifier: MIT
"""Train controllers on packet-level ns-3 simulations and read them out as equations.

Importing this package registers the environments ``ns3kan/SdWan-v0``,
``ns3kan/SingleHopScheduling-v0`` and ``ns3kan/MultiPathRouting-v0`` with Gymnasium. The public
names are loaded when they are first used, so that the import stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from ns3kan.agents.equations.controller import Controller as Controller
    from ns3kan.bridge.ns3.env import Ns3Env as Ns3Env
    from ns3kan.bridge.ns3.errors import BridgeError as BridgeError
    from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv as Ns3VectorEnv

_PUBLIC = {
    "BridgeError": "ns3kan.bridge.ns3.errors",
    "Controller": "ns3kan.agents.equations.controller",
    "Ns3Env": "ns3kan.bridge.ns3.env",
    "Ns3VectorEnv": "ns3kan.bridge.ns3.vector_env",
}

__all__ = ["BridgeError", "Controller", "Ns3Env", "Ns3VectorEnv"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})


gymnasium.register(
    id="ns3kan/SdWan-v0",
    entry_point="ns3kan.bridge.ns3.sdwan:SdWanEnv",
    vector_entry_point="ns3kan.bridge.ns3.sdwan:make_sdwan_vector_env",
)
gymnasium.register(
    id="ns3kan/SingleHopScheduling-v0",
    entry_point="ns3kan.bridge.queues.single_hop:SingleHopScheduling",
    vector_entry_point="ns3kan.bridge.queues.single_hop:SingleHopVectorEnv",
)
gymnasium.register(
    id="ns3kan/MultiPathRouting-v0",
    entry_point="ns3kan.bridge.queues.multi_path:MultiPathRouting",
    vector_entry_point="ns3kan.bridge.queues.multi_path:MultiPathVectorEnv",
)
