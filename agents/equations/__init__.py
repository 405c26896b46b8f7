# SPDX-License-Identifier: MIT
"""Equations: their grammar, the controllers made of them, and how they are read out of a KAN."""
