# SPDX-License-Identifier: MIT
"""Networks, learning algorithms and the way from a trained network to an equation."""
