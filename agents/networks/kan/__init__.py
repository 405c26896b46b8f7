# SPDX-License-Identifier: MIT
"""Kolmogorov-Arnold networks: layers, spline bases, grids, pruning, penalties, pykan's weights."""
