# SPDX-License-Identifier: MIT
"""Simulators as Gymnasium environments."""
