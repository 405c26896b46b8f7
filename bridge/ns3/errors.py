# SPDX-License-Identifier: MIT
"""What can go wrong between Python and a simulator.

::

    BridgeError
    ├── SimulatorNotFoundError   there is no such executable, or it may not be run
    ├── PortInUseError           somebody else listens at the port that was asked for
    ├── TransportError           the simulator or this system has no shared memory
    ├── InsecureError            other hosts could connect, or read the keys
    ├── DescriptorLimitError     too few open files are allowed for so many simulators
    ├── ForkError                the caller is a fork of the process that made the environment
    ├── ClusterError             there is no Ray, or no cluster (in `ns3kan.bridge.ray_cluster`)
    ├── SimulatorError           the simulator died: exit status, signal, end of its stderr
    ├── SimulatorTimeoutError    the simulator lives but said nothing in time, or none came
    └── ProtocolError            what it said makes no sense

Wrong calls (a step before reset, an action outside the action space) are Gymnasium's own errors:
`gymnasium.error.ResetNeeded`, `ClosedEnvironmentError`, `InvalidAction`.
"""

from __future__ import annotations

import os

from gymnasium.error import ClosedEnvironmentError

from ns3kan.errors import Ns3kanError


class BridgeError(Ns3kanError):
    """Base of every error that a simulator can cause."""


class SimulatorNotFoundError(BridgeError):
    """The simulator's executable is missing or may not be run."""


class PortInUseError(BridgeError):
    """The TCP port that was asked for is taken."""


class TransportError(BridgeError):
    """Shared memory was asked for, and the simulator does not know it or the system has none."""


class InsecureError(BridgeError):
    """Other hosts could connect without keys, or other users could read the keys."""


class DescriptorLimitError(BridgeError):
    """So many simulators need more open files than this process may have."""


class ForkError(BridgeError):
    """An environment was used in a fork of the process that made it."""


class SimulatorError(BridgeError):
    """The simulator ended, or went away, although it was still needed.

    Attributes
    ----------
    exit_status : int or None
        Exit status, or None if a signal ended the process or if it was not started here.
    signal_name : str or None
        Name of the signal that ended the process, such as ``"SIGSEGV"``.
    stderr : str
        Beginning and end of what the process wrote to stderr; empty if it was not started here.
    """

    def __init__(
        self, message: str, *, exit_status: int | None, signal_name: str | None, stderr: str
    ) -> None:
        super().__init__(message)
        self.exit_status = exit_status
        self.signal_name = signal_name
        self.stderr = stderr

    def __reduce__(self) -> tuple[object, ...]:
        return _restore_death, (str(self), self.exit_status, self.signal_name, self.stderr)


class SimulatorTimeoutError(BridgeError):
    """The simulator process is alive but did not answer in time.

    Attributes
    ----------
    stderr : str
        Beginning and end of what the process wrote to stderr; empty if it was not started here.
    """

    def __init__(self, message: str, *, stderr: str) -> None:
        super().__init__(message)
        self.stderr = stderr

    def __reduce__(self) -> tuple[object, ...]:
        return _restore_timeout, (str(self), self.stderr)


class ProtocolError(BridgeError):
    """A message is malformed, too large, or contradicts what the simulator declared."""


# Worker processes hand their errors on by pickling them, which keyword arguments do not survive.
def _restore_death(
    message: str, exit_status: int | None, signal_name: str | None, stderr: str
) -> SimulatorError:
    return SimulatorError(message, exit_status=exit_status, signal_name=signal_name, stderr=stderr)


def _restore_timeout(message: str, stderr: str) -> SimulatorTimeoutError:
    return SimulatorTimeoutError(message, stderr=stderr)


def require_usable(call: str, *, is_closed: bool, owner: int) -> None:
    """Check that an environment can still be used, and by this process.

    Parameters
    ----------
    call
        Name of the method that was called.
    is_closed
        Whether the environment was closed.
    owner
        Id of the process that made it.

    Raises
    ------
    ClosedEnvironmentError, ForkError
        If it was closed, or this is a fork of its process.
    """
    if is_closed:
        raise ClosedEnvironmentError(f"{call}() was called after close(); make a new environment.")
    # The sockets' threads do not exist in a fork, which would wait for ever.
    if owner != os.getpid():
        raise ForkError(
            f"{call}() was called in process {os.getpid()}, a fork of process {owner} that made "
            "the environment; make a new environment after the fork."
        )
