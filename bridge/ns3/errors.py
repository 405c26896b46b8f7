# SPDX-License-Identifier: MIT
"""What can go wrong between Python and a simulator.

::

    BridgeError
    ├── SimulatorNotFoundError   there is no such executable, or it may not be run
    ├── PortInUseError           somebody else listens at the port that was asked for
    ├── SimulatorError           the simulator died: exit status, signal, end of its stderr
    ├── SimulatorTimeoutError    the simulator lives but said nothing in time
    └── ProtocolError            what it said makes no sense

Wrong calls (a step before reset, an action outside the action space) are Gymnasium's own errors:
`gymnasium.error.ResetNeeded`, `ClosedEnvironmentError`, `InvalidAction`.
"""

from __future__ import annotations


class BridgeError(Exception):
    """Base of every error that a simulator can cause."""


class SimulatorNotFoundError(BridgeError):
    """The simulator's executable is missing or may not be run."""


class PortInUseError(BridgeError):
    """The TCP port that was asked for is taken."""


class SimulatorError(BridgeError):
    """The simulator process ended although it was still needed.

    Attributes
    ----------
    exit_status : int or None
        Exit status, or None if a signal ended the process.
    signal_name : str or None
        Name of the signal that ended the process, such as ``"SIGSEGV"``.
    stderr : str
        Beginning and end of what the process wrote to stderr.
    """

    def __init__(
        self, message: str, *, exit_status: int | None, signal_name: str | None, stderr: str
    ) -> None:
        super().__init__(message)
        self.exit_status = exit_status
        self.signal_name = signal_name
        self.stderr = stderr


class SimulatorTimeoutError(BridgeError):
    """The simulator process is alive but did not answer in time.

    Attributes
    ----------
    stderr : str
        Beginning and end of what the process wrote to stderr.
    """

    def __init__(self, message: str, *, stderr: str) -> None:
        super().__init__(message)
        self.stderr = stderr


class ProtocolError(BridgeError):
    """A message is malformed, too large, or contradicts what the simulator declared."""
