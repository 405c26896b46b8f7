# SPDX-License-Identifier: MIT
"""Optimal policies of small queue systems by dynamic programming."""
