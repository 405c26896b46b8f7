# SPDX-License-Identifier: MIT
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from ns3kan.analysis import bench
from ns3kan.analysis.bench import Result, alternate
from ns3kan.errors import MissingExtraError


def test_candidates_take_turns() -> None:
    calls: list[str] = []
    seconds = alternate(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")},
        rounds=2,
        repetitions={"a": 2, "b": 1},
    )
    assert "".join(calls) == "aab" * 3
    assert {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}


def test_json_line() -> None:
    line = Result("x", {"rival": [1.0, 4.0, 2.0]}, {"mine_ms": 0.5}).to_json()
    assert json.loads(line) == {
        "bench": "x",
        "ratios": {"rival": {"median": 2.0, "min": 1.0, "max": 4.0}},
        "figures": {"mine_ms": 0.5},
    }
    assert "\n" not in line


def test_unknown_benchmark_is_refused() -> None:
    with pytest.raises(
        ValueError, match="no benchmark 'nothing'; choose one of bridge, controller, ddqn"
    ):
        bench.run("nothing")


def test_kan_is_compared_with_equal_outputs() -> None:
    pytest.importorskip("kan")
    from ns3kan.analysis.bench import kan

    result = kan.run(rounds=1)
    assert set(result.ratios) == {"pykan", "pykan_tuned", "mlp"}
    assert result.figures["largest_output_difference"] < 1e-5
    # Far below what is reached, so that a busy machine does not fail it.
    assert result.ratios["pykan"][0] > 10


def test_training_iterations_are_compared() -> None:
    pytest.importorskip("kan")
    from ns3kan.analysis.bench import ddqn

    result = ddqn.run(rounds=2)
    assert set(result.ratios) == {"pykan", "mlp"}
    # Far below what is reached, so that a busy machine does not fail it.
    assert max(result.ratios["pykan"]) > 6
    assert max(result.ratios["mlp"]) > 0.2
    assert result.figures["kan_ms_per_iteration"] > 0


def test_decisions_are_compared() -> None:
    from ns3kan.analysis.bench import controller

    result = controller.run(rounds=2)
    assert set(result.ratios) == {"torch"}
    assert set(result.figures) == {
        f"{name}_ns" for name in ("cpp", "ns3", "python", "plain_python", "torch")
    }
    # Far below what is reached, so that a busy machine does not fail it.
    assert max(result.ratios["torch"]) > 20
    assert result.figures["cpp_ns"] > 1


def test_what_a_sweep_adds_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    from ns3kan.analysis.bench import sweep

    # The way over Ray has tests of its own.
    monkeypatch.setitem(sys.modules, "ray", None)
    result = sweep.run(rounds=1, tasks=20)
    assert set(result.ratios) == {"local_minute"}
    # Far below what is reached, so that a busy machine does not fail it.
    assert result.ratios["local_minute"][0] > 2
    assert result.figures["local_ms"] > 0


def test_the_bridge_is_compared() -> None:
    from ns3kan.analysis.bench import bridge

    result = bridge.run(rounds=2, idle=0.3)
    assert set(result.ratios) == {
        "shm_over_zmq",
        "zmq_over_raw_echo",
        "reset_in_process",
        "two_simulators",
    }
    assert {"shm_step_us", "zmq_step_us", "idle_cpu_share"} <= result.figures.keys()
    # Far below what is reached, so that a busy machine does not fail it.
    assert max(result.ratios["shm_over_zmq"]) > 2
    assert max(result.ratios["reset_in_process"]) > 3
    assert result.figures["idle_cpu_share"] < 0.1


def test_queues_are_compared_with_equal_states() -> None:
    from ns3kan.analysis.bench import queues

    result = queues.run(rounds=1, lanes=64, sizes=[(16, 2)])
    assert set(result.ratios) == {"sync_vector_env"}
    # Far below what 1,024 lanes reach, so that a busy machine does not fail it.
    assert result.ratios["sync_vector_env"][0] > 5
    assert result.figures["vector_env_steps_per_second"] > 0


def test_simulations_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    from ns3kan.analysis.bench import sim
    from ns3kan.bridge.ns3.installed import installed_file

    # The package's own programs in the place of optimised ones: they must come out equal.
    monkeypatch.setenv(sim.OPTIMISED, str(installed_file("bin/sdwan").parent))
    result = sim.run(rounds=3, duration=60, bridge_duration=2)
    assert set(result.ratios) == {
        "minimal_ns3",
        "equation_over_ratio",
        "bridge_1ms",
        "bridge_1ms_zmq",
        "optimised_ns3",
    }
    # Far off what is reached, so that a busy machine does not fail it.
    assert max(result.ratios["minimal_ns3"]) > 0.4
    assert max(result.ratios["equation_over_ratio"]) > 0.6
    assert max(result.ratios["bridge_1ms"]) > 1.2
    assert max(result.ratios["optimised_ns3"]) > 0.6
    assert result.figures["packets_per_second"] > 1000
    assert (
        result.figures["minimal_events_per_second"] > result.figures["minimal_packets_per_second"]
    )


def test_an_equation_in_the_comparison_decides_the_constant_ratio(tmp_path: Path) -> None:
    from ns3kan.analysis.bench import sim
    from ns3kan.analysis.comparison.simulate import read_intervals

    sim.write_equation(tmp_path / "equation.json")
    tables = []
    for controller in (f"constant:{sim.RATIO}", "equation.json"):
        command = sim.sdwan(30, controller)
        sim.run_program(command, "--intervals=out.csv", folder=tmp_path)
        tables.append(read_intervals(tmp_path / "out.csv").drop(columns="ratio"))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    with pytest.raises(RuntimeError, match="there is no argument --nonsense"):
        sim.run_program(sim.sdwan(30), "--nonsense=1", folder=tmp_path)


def test_ppo_is_compared() -> None:
    pytest.importorskip("stable_baselines3")
    from ns3kan.analysis.bench import ppo

    result = ppo.run(rounds=1, steps=[2_000, 10_000], evaluation_steps=200)
    assert set(result.ratios) == {"sb3_1_env", "sb3_5_envs"}
    # Far below what is reached, so that a busy machine does not fail it.
    assert result.ratios["sb3_1_env"][0] > 3
    assert result.ratios["sb3_5_envs"][0] > 1.5
    for name in ("1_env", "5_envs"):
        # Far too few steps to learn much, but not to decide sensibly.
        assert 0 < result.figures[f"ours_{name}_final_cost_packets"] < 20
        assert result.figures[f"sb3_{name}_steps_per_second"] > 0


def test_ppo_names_the_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from ns3kan.analysis.bench import ppo

    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ns3kan\[sb3\]'"):
        ppo.run(rounds=1)
