# SPDX-License-Identifier: MIT
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ns3kan.analysis import simulate
from ns3kan.analysis.simulate import in_threads, simulator_seed


def test_results_come_in_the_order_of_the_calls() -> None:
    first_may_end = threading.Event()

    def first() -> int:
        assert first_may_end.wait(10.0)
        return 1

    def second() -> int:
        first_may_end.set()
        return 2

    counted = []
    assert in_threads([first, second], workers=2, on_done=lambda: counted.append(1)) == [1, 2]
    assert len(counted) == 2


def test_an_error_drops_what_has_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    dropped = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            dropped.set()
            super().shutdown(wait=wait)

    def fail() -> None:
        begun.append("fail")
        raise ValueError("no")

    def late() -> None:
        begun.append("late")
        assert dropped.wait(10.0)

    monkeypatch.setattr(simulate, "ThreadPoolExecutor", Pool)
    with pytest.raises(ValueError, match="no"):
        in_threads([fail, *[late] * 500], workers=1)
    # One may have begun before the error was seen.
    assert begun in (["fail"], ["fail", "late"])


def test_seeds_of_the_simulator_differ_and_are_fixed() -> None:
    seeds = [simulator_seed(seed) for seed in range(200)]
    assert len(set(seeds)) == 200
    assert seeds == [simulator_seed(seed) for seed in range(200)]
    assert all(1 <= seed < 2**31 for seed in seeds)
