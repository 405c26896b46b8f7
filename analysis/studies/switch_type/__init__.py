# SPDX-License-Identifier: MIT
"""Paper 2: switch-type networks and KANs for scheduling and routing, and the indices in them."""
