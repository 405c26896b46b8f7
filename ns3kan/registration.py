# SPDX-License-Identifier: MIT
"""The environments that Gymnasium makes by their names."""

from __future__ import annotations

import gymnasium

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


def register_environments() -> None:
    """Register all environments with Gymnasium."""
    for name, (single, vector) in _ENVIRONMENTS.items():
        gymnasium.register(
            id=f"ns3kan/{name}",
            entry_point=f"ns3kan.{single}",
            vector_entry_point=f"ns3kan.{vector}",
        )
