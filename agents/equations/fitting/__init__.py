# SPDX-License-Identifier: MIT
"""Constants of expressions: moved to where the answers are closest, and rounded."""
