# SPDX-License-Identifier: MIT
"""Equations of policies of any make, and better ones: imitation and direct search."""
