# SPDX-License-Identifier: MIT
"""Paper 3: features selected per image for a double DQN whose Q-network is a KAN."""
