# SPDX-License-Identifier: MIT
"""Train controllers on packet-level ns-3 simulations and read them out as equations.

Importing this package registers the environments ``ns3kan/SdWan-v0``, ``ns3kan/ParallelPaths-v0``,
``ns3kan/LeafSpine-v0``, ``ns3kan/SingleHopScheduling-v0``, ``ns3kan/MultiPathRouting-v0``, packet
by packet in ns-3 ``ns3kan/PacketSingleHopScheduling-v0`` and ``ns3kan/PacketMultiPathRouting-v0``,
and ``ns3kan/ImageFeatureSelection-v0`` with Gymnasium. The public names are loaded when they are
first used, so that the import stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ns3kan.registration import register_environments

if TYPE_CHECKING:
    from ns3kan.agents.equations.artefact.controller import Controller as Controller
    from ns3kan.bridge.ns3.env import Ns3Env as Ns3Env
    from ns3kan.bridge.ns3.errors import BridgeError as BridgeError
    from ns3kan.bridge.ns3.parallel_env import DictParallelEnv as DictParallelEnv
    from ns3kan.bridge.ns3.parallel_env import Ns3ParallelEnv as Ns3ParallelEnv
    from ns3kan.bridge.ns3.security import CurveKeys as CurveKeys
    from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv as Ns3VectorEnv

_PUBLIC = {
    "BridgeError": "ns3kan.bridge.ns3.errors",
    "Controller": "ns3kan.agents.equations.artefact.controller",
    "CurveKeys": "ns3kan.bridge.ns3.security",
    "DictParallelEnv": "ns3kan.bridge.ns3.parallel_env",
    "Ns3Env": "ns3kan.bridge.ns3.env",
    "Ns3ParallelEnv": "ns3kan.bridge.ns3.parallel_env",
    "Ns3VectorEnv": "ns3kan.bridge.ns3.vector_env",
}

__all__ = [
    "BridgeError",
    "Controller",
    "CurveKeys",
    "DictParallelEnv",
    "Ns3Env",
    "Ns3ParallelEnv",
    "Ns3VectorEnv",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})


register_environments()
