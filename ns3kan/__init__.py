# SPDX-License-Identifier: MIT
"""Train controllers on packet-level ns-3 simulations and read them out as equations.

Importing this package registers the environments ``ns3kan/SdWan-v0``, ``ns3kan/ParallelPaths-v0``,
``ns3kan/LeafSpine-v0``, ``ns3kan/SingleHopScheduling-v0``, ``ns3kan/MultiPathRouting-v0``, packet
by packet in ns-3 ``ns3kan/PacketSingleHopScheduling-v0`` and ``ns3kan/PacketMultiPathRouting-v0``,
and ``ns3kan/ImageFeatureSelection-v0`` with Gymnasium. The public names, which stand in
``__init__.pyi``, are loaded when they are first used, so that the import stays quick.
"""

import lazy_loader

from ns3kan.registration import register_environments

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

register_environments()
