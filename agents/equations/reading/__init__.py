# SPDX-License-Identifier: MIT
"""From a trained network with splines to candidates for its equation."""
