# SPDX-License-Identifier: MIT
"""What is raised when a queue model is asked for something it cannot be."""

from ns3kan.errors import InputError


class QueueError(InputError):
    """An argument of a queue model is wrong, or does not fit the others."""
