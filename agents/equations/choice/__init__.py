# SPDX-License-Identifier: MIT
"""Which equation is deployed: fronts, fidelity, tuning on return, rounding."""
