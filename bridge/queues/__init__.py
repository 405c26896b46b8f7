# SPDX-License-Identifier: MIT
"""Discrete-time queue models as Gymnasium environments: scheduling and routing."""
