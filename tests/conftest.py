# SPDX-License-Identifier: MIT
"""What all tests need of the process that they run in."""

import os
import signal
import threading


def pytest_configure() -> None:
    # A shell starts what runs in its background with interrupts ignored, children of it included.
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    ):
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, since some tests wait for most of their time."""
    return len(os.sched_getaffinity(0)) + 1
