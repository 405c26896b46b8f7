# SPDX-License-Identifier: MIT
"""The environments that Gymnasium makes by their names."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

_ENVIRONMENTS = {
    "SdWan-v0": (
        "bridge.ns3.sdwan:SdWanEnv",
        "bridge.ns3.sdwan:make_sdwan_vector_env",
    ),
    "ParallelPaths-v0": (
        "bridge.ns3.parallel_paths:ParallelPathsEnv",
        "bridge.ns3.parallel_paths:make_parallel_paths_vector_env",
    ),
    "LeafSpine-v0": (
        "bridge.ns3.leaf_spine:LeafSpineEnv",
        "bridge.ns3.leaf_spine:make_leaf_spine_vector_env",
    ),
    "SingleHopScheduling-v0": (
        "bridge.queues.single_hop:SingleHopScheduling",
        "bridge.queues.single_hop:SingleHopVectorEnv",
    ),
    "MultiPathRouting-v0": (
        "bridge.queues.multi_path:MultiPathRouting",
        "bridge.queues.multi_path:MultiPathVectorEnv",
    ),
    "PacketSingleHopScheduling-v0": (
        "bridge.ns3.packet_queues:PacketSingleHopScheduling",
        "bridge.ns3.packet_queues:make_scheduling_vector_env",
    ),
    "PacketMultiPathRouting-v0": (
        "bridge.ns3.packet_queues:PacketMultiPathRouting",
        "bridge.ns3.packet_queues:make_routing_vector_env",
    ),
    "ImageFeatureSelection-v0": (
        "bridge.images.feature_selection:ImageFeatureSelection",
        "bridge.images.vector_env:ImageFeatureSelectionVectorEnv",
    ),
}
"""Where single environments and vector environments of each name are made, in the package."""


_REGISTRY = "gymnasium.envs.registration"


def register_environments() -> None:
    """Register all environments with Gymnasium, now or as soon as somebody imports it.

    Gymnasium takes long to import, and what only answers ``--help`` does without it.
    """
    if _REGISTRY in sys.modules:
        _register(sys.modules[_REGISTRY])
    else:
        sys.meta_path.insert(0, _RegistryFinder())


def _register(registry: ModuleType) -> None:
    for name, (single, vector) in _ENVIRONMENTS.items():
        registry.register(
            id=f"ns3kan/{name}",
            entry_point=f"ns3kan.{single}",
            vector_entry_point=f"ns3kan.{vector}",
        )


class _RegistryFinder:
    """Finds Gymnasium's registry, once, as others would, and fills it when it has been loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_register(module: ModuleType) -> None:
                load(module)
                _register(module)

            spec.loader.exec_module = load_and_register  # type: ignore[method-assign]
        return spec
