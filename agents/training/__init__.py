# SPDX-License-Identifier: MIT
"""What all algorithms share: rollouts, replay, normalisation, log, state of a training."""
