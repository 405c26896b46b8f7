# SPDX-License-Identifier: MIT
"""ns-3 simulations as Gymnasium environments, over the ns3-gym protocol."""
