# SPDX-License-Identifier: MIT
"""One simulator process: start it, watch it, stop it.

A simulator never outlives its Python. `Simulator.stop` ends it, collecting the object or leaving
the interpreter ends it, and if the interpreter itself is killed the kernel ends it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from ns3kan.bridge.ns3 import peers
from ns3kan.bridge.ns3.errors import (
    ProtocolError,
    SimulatorError,
    SimulatorNotFoundError,
    SimulatorTimeoutError,
)
from ns3kan.bridge.ns3.installed import installed_file, scenario_path
from ns3kan.io.streams import reserve_standard_descriptors

__all__ = ["Simulator", "scenario_path"]

_TERM_PATIENCE = 1.0
_KILL_PATIENCE = 10.0


class Simulator:
    """One running simulator process.

    Its stdout is that of Python; its stdin is empty; of its stderr the beginning and the end are
    kept.

    Parameters
    ----------
    command
        Executable and arguments; no shell sees them.
    env
        Environment variables beyond those of Python.
    descriptors
        Open files that the process inherits under the same numbers.
    timeout
        Longest wait until the process has been started [s].

    Raises
    ------
    SimulatorNotFoundError
        If there is no such executable.
    SimulatorTimeoutError
        If it could not be started in time.
    """

    is_child = True

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
        timeout: float = 60.0,
    ) -> None:
        # Else a socket or a shared memory could have the number of one of the child's streams.
        reserve_standard_descriptors()
        executable = find_executable(command[0])
        self.name = Path(executable).name
        try:
            self._process = _starter().start(
                tied([executable, *command[1:]]),
                {**os.environ, **(env or {})},
                descriptors,
                timeout,
            )
        except TimeoutError as error:
            raise SimulatorTimeoutError(
                f"The simulator {self.name} could not be started within {timeout:g} s: its process "
                "was stopped, or the system is too busy; try again.",
                stderr="",
            ) from error
        self.pid = self._process.pid
        self._owner = os.getpid()
        assert self._process.stderr is not None
        self._stderr = _Excerpt(self._process.stderr)
        self._finalizer = weakref.finalize(self, _kill, self._process, self._owner)

    def refuses(self, owner: peers.Owner | None) -> str | None:
        """Refuse what is not this process or one that it has started.

        Parameters
        ----------
        owner
            Of a connection.
        """
        if owner is not None and peers.holder(owner, peers.family(self.pid)) is not None:
            return None
        return (
            f"it is not the simulator {self.name} (process {self.pid}) that was started here, nor "
            "a process that it has started"
        )

    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return not _has_exited(self._process)

    def stop(self, patience: float) -> int | None:
        """End the process, and anything that it started, if it does not end by itself.

        Parameters
        ----------
        patience
            How long to wait [s] before it is told to end, and soon after that killed.

        Returns
        -------
        int or None
            Exit status, negative for a signal. None in a fork of the process that started it,
            which stops nothing.
        """
        if self._owner != os.getpid():
            return None
        # A process that was stopped could not leave, and would not hear of its end.
        _signal_group(self._process, signal.SIGCONT)
        if not _wait(self._process, patience):
            _signal_group(self._process, signal.SIGTERM)
            _wait(self._process, _TERM_PATIENCE)
        self._finalizer()
        self._stderr.finish()
        return self._process.returncode

    def stderr(self) -> str:
        """Beginning and end of what the process has written to stderr so far."""
        return self._stderr.text()

    def describe_stderr(self) -> str:
        """Return a clause for an error message that ends with what stderr holds."""
        text = complaint(self.stderr())
        return f"its stderr:\n{text}" if text else "it wrote nothing to stderr"

    def disconnection(self, occasion: str) -> ProtocolError:
        """Say that the process closed its connection but runs on.

        Parameters
        ----------
        occasion
            What was going on, as for `death`.
        """
        return ProtocolError(
            f"The simulator {self.name} (process {self.pid}) closed its connection {occasion} but "
            f"runs on; {self.describe_stderr()}"
        )

    def silence(self, expected: str, timeout: float) -> SimulatorTimeoutError:
        """Say that the process runs but did not say what it should have in time.

        Parameters
        ----------
        expected
            What that was, such as ``"its first state"``.
        timeout
            How long it was waited for [s].
        """
        return SimulatorTimeoutError(
            f"The simulator {self.name} (process {self.pid}) runs but did not send {expected} "
            f"within {timeout:g} s; {self.describe_stderr()}",
            stderr=self.stderr(),
        )

    def death(self, occasion: str) -> SimulatorError:
        """Reap the process, which has ended, and say how it ended.

        Parameters
        ----------
        occasion
            What was going on, such as ``"before its first state"``.
        """
        status = self.stop(patience=0.0)
        if status is None or status >= 0:
            exit_status, signal_name = status, None
            manner = f"ended with exit status {status}"
        else:
            exit_status, signal_name = None, signal.Signals(-status).name
            manner = f"was killed by {signal_name}"
        return SimulatorError(
            f"The simulator {self.name} {manner} {occasion}; {self.describe_stderr()}",
            exit_status=exit_status,
            signal_name=signal_name,
            stderr=self.stderr(),
        )


# Beginnings of the lines with which programs say how they are called: ns3::CommandLine, argparse,
# getopt and popt.
_USAGE = re.compile(r"\[Program Options\]|^\s*usage\b|^(program options|general arguments):", re.I)
_COMPLAINT = re.compile(
    r"\b(error|invalid|illegal|unknown|unrecogni[sz]ed|unexpected|unsupported|missing|bad|no such|"
    r"not (allowed|a valid|valid|recogni[sz]ed|an option)|requires?|there is no)\b",
    re.I,
)


def complaint(stderr: str) -> str:
    """Say what a program complained about before or after it printed how it is to be called.

    Parameters
    ----------
    stderr
        What it wrote.

    Returns
    -------
    str
        The lines with the reason, if it printed its usage and they can be told apart; else all.
    """
    lines = stderr.splitlines()
    usages = [i for i, line in enumerate(lines) if _USAGE.search(line)]
    if not usages:
        return stderr
    # The reason stands before the usage (ns-3) or behind it (argparse), and never is an option.
    reasons = [line for line in lines[: usages[0]] if line.strip()] + [
        line
        for line in lines[usages[0] :]
        if _COMPLAINT.search(line) and not _USAGE.search(line) and not line[:1].isspace()
    ]
    return "\n".join(reasons) or stderr


def find_executable(command: str) -> str:
    """Absolute path of an executable given by path or by a name on the PATH.

    Raises
    ------
    SimulatorNotFoundError
        If there is none, or if it may not be run.
    """
    path = shutil.which(command)
    if path is None:
        reason = (
            "may not be executed; set its execute permission"
            if Path(command).is_file()
            else "does not exist; give the path of an executable file"
        )
        raise SimulatorNotFoundError(f"The simulator {command} {reason}.")
    return str(Path(path).absolute())


def tied(command: Sequence[str]) -> list[str]:
    """Make a command one that the kernel ends together with the thread that starts it.

    Parameters
    ----------
    command
        Path of an executable, and arguments.
    """
    return [str(installed_file("bin/tie-to-parent")), str(os.getpid()), *command]


class _Starter:
    """Starts processes from one thread that lives as long as the interpreter.

    The kernel's parent-death signal is sent when the *thread* that started the child ends, so no
    thread of the caller's will do.
    """

    def __init__(self) -> None:
        self._requests: SimpleQueue[
            tuple[list[str], dict[str, str], Sequence[int], Future[subprocess.Popen[bytes]]]
        ]
        self._requests = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="ns3kan-starter", daemon=True)
        self._thread.start()

    def start(
        self,
        command: list[str],
        env: dict[str, str],
        descriptors: Sequence[int],
        timeout: float,
    ) -> subprocess.Popen[bytes]:
        future: Future[subprocess.Popen[bytes]] = Future()
        self._requests.put((command, env, descriptors, future))
        try:
            return future.result(timeout)
        except BaseException:
            # Given up while the child was being born: nobody else would know of it.
            future.add_done_callback(_kill_unclaimed)
            self._kill_unborn()
            raise

    def _kill_unborn(self) -> None:
        """Kill the child that this thread waits for, which does not run its program yet."""
        children = Path(f"/proc/self/task/{self._thread.native_id}/children")
        interpreter = Path("/proc/self/exe").readlink()
        for pid in map(int, children.read_text().split()):
            with contextlib.suppress(OSError):  # it has ended since
                if Path(f"/proc/{pid}/exe").readlink() == interpreter:
                    os.kill(pid, signal.SIGKILL)

    def _serve(self) -> None:
        while True:
            command, env, descriptors, future = self._requests.get()
            try:
                # A process group of its own: Ctrl-C in the terminal is Python's to handle, and
                # whatever the simulator starts can be ended with it.
                process = subprocess.Popen(
                    command,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=descriptors,
                    process_group=0,
                )
            except OSError as error:
                future.set_exception(error)
            else:
                future.set_result(process)
            # Keep nothing alive while waiting for the next request.
            del future


@functools.cache
def _starter() -> _Starter:
    return _Starter()


# Threads do not survive a fork.
os.register_at_fork(after_in_child=_starter.cache_clear)


def _kill_unclaimed(future: Future[subprocess.Popen[bytes]]) -> None:
    if future.exception() is None:
        _kill(future.result(), os.getpid())


def _has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has ended, without reaping it.

    As long as it is not reaped its id cannot be given to another process, so that its group can
    still be signalled safely.
    """
    if process.returncode is not None:
        return True
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _wait(process: subprocess.Popen[bytes], patience: float) -> bool:
    """Wait for a process to end and say whether it did."""
    deadline = time.monotonic() + patience
    pause = 0.0005
    while not _has_exited(process):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(2 * pause, 0.02)
    return True


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.returncode is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return


def _kill(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill what is left of a process group and reap its leader."""
    if owner == os.getpid():
        _signal_group(process, signal.SIGKILL)
        process.wait(_KILL_PATIENCE)


class _Excerpt:
    """Reads a pipe to its end and keeps the beginning and the end of what came.

    Parameters
    ----------
    pipe
        The reading end, closed when its other end is.
    """

    _HEAD = 2048
    _TAIL = 6144

    def __init__(self, pipe: IO[bytes]) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._drain, args=(pipe,), name="ns3kan-stderr", daemon=True
        )
        self._thread.start()

    def _drain(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), 65536):
                with self._lock:
                    room = self._HEAD - len(self._head)
                    self._head += chunk[:room]
                    self._tail += chunk[room:]
                    if len(self._tail) > self._TAIL:
                        del self._tail[: -self._TAIL]
                        self._dropped = True

    def finish(self) -> None:
        """Wait until everything has been read, as far as it comes soon."""
        self._thread.join(1.0)

    def text(self) -> str:
        """Return what was kept."""
        with self._lock:
            middle = b"\n[...]\n" if self._dropped else b""
            return (self._head + middle + self._tail).decode(errors="replace").strip()
