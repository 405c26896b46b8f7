# SPDX-License-Identifier: MIT
"""Controllers compared: simulations, policies, statistics, tables, findings."""
