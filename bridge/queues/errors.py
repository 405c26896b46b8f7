# SPDX-License-Identifier: MIT
"""What is raised when a queue model is asked for something it cannot be."""


class QueueError(ValueError):
    """An argument of a queue model is wrong, or does not fit the others."""
