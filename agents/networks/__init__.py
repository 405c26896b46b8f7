# SPDX-License-Identifier: MIT
"""Kolmogorov-Arnold networks, perceptrons, and the actor and critic made of them."""
