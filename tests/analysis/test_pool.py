# SPDX-License-Identifier: MIT
"""Jobs whose processes die, on this machine's cores."""

import os
import signal
from pathlib import Path

from ns3kan.analysis.pool import TaskPoolError, whatever_dies

# Job n of `square`: (n, folder of marks, whether its first process dies).
Job = tuple[int, str, bool]


def square(job: Job) -> int:
    number, marks, dies = job
    if dies:
        mark = Path(marks) / str(number)
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if number == 13:
        raise ValueError("13 is not liked")
    return number**2


def test_processes_that_die_are_replaced(tmp_path: Path) -> None:
    few = [(number, str(tmp_path), number == 2) for number in range(4)]
    found = dict(whatever_dies(square, few, 2))
    assert sorted(found.values()) == [0, 1, 4, 9]
    assert [mark.name for mark in tmp_path.iterdir()] == ["2"]


def test_a_job_that_always_kills_its_process_is_given_up() -> None:
    ((_, result),) = whatever_dies(die, [0], 1)
    assert isinstance(result, TaskPoolError)
    assert "died 4 times" in str(result)


def die(job: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
