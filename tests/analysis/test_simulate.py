# SPDX-License-Identifier: MIT
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ns3kan.analysis import pool
from ns3kan.analysis.comparison.simulate import read_intervals, simulator_seed
from ns3kan.analysis.pool import in_threads
from ns3kan.bridge.ns3.installed import scenario_path


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

    monkeypatch.setattr(pool, "ThreadPoolExecutor", Pool)
    with pytest.raises(ValueError, match="no"):
        in_threads([fail, *[late] * 500], workers=1)
    # One may have begun before the error was seen.
    assert begun in (["fail"], ["fail", "late"])


def test_seeds_of_the_simulator_differ_and_are_fixed() -> None:
    seeds = [simulator_seed(seed) for seed in range(200)]
    assert len(set(seeds)) == 200
    assert seeds == [simulator_seed(seed) for seed in range(200)]
    assert all(1 <= seed < 2**31 for seed in seeds)


def test_a_table_without_rows_is_refused_in_a_sentence(tmp_path: Path) -> None:
    # As a scenario writes it in which nothing was sent.
    subprocess.run(
        [
            scenario_path("leaf-spine"),
            "--controller=ecmp",
            "--load=0.000001",
            "--duration=0.001",
            "--flows=flows.csv",
        ],
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    with pytest.raises(ValueError, match=r"flows\.csv has no rows: .* let it run for longer\.$"):
        read_intervals(tmp_path / "flows.csv")


@pytest.mark.parametrize("text", ["", "# units: s\n", "time\n1\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"table\.csv is no table of a scenario"):
        read_intervals(path)
