# SPDX-License-Identifier: MIT
"""`Ns3Env` with a simulator that is not of this project."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded

from ns3kan.bridge.ns3.arguments import draw_simulator_seed, format_arguments
from ns3kan.bridge.ns3.channel import Channel
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import (
    PortInUseError,
    ProtocolError,
    SimulatorError,
    SimulatorNotFoundError,
    SimulatorTimeoutError,
)
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.session import decode_info

FOREIGN = str(Path(__file__).with_name("foreign_simulator.py"))


def foreign(behaviour: str = "well", **options: Any) -> Ns3Env:
    return Ns3Env(sys.executable, [FOREIGN, behaviour], **options)


def test_a_foreign_simulator_is_driven_unchanged() -> None:
    with foreign() as env:
        assert env.observation_space == gymnasium.spaces.Box(-1e6, 1e6, (2, 2), np.float64)
        assert env.action_space == gymnasium.spaces.Box(0, 1, (2,), np.float32)
        assert env.feature_names == tuple(f"observation_{i}" for i in range(4))
        assert env.action_names == ("action_0", "action_1")
        # What the first reset without a seed starts with was drawn in the constructor.
        observation, info = env.reset()
        assert observation[0, 1] == 0
        assert info == {"extra_info": "step 0"}
        for step in range(1, 4):
            action = np.array([0.25, step / 4], np.float32)
            observation, reward, terminated, truncated, info = env.step(action)
            np.testing.assert_array_equal(observation[0, 1], step)
            np.testing.assert_array_equal(observation[1], action)
            assert reward == 0.25 + step / 4
            assert not terminated
            assert truncated == (step == 3)
        with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
            env.step(action)
        assert env.reset()[0][0, 1] == 0


def test_game_over_terminates() -> None:
    with foreign("game-over") as env:
        env.reset()
        flags = [env.step(np.zeros(2, np.float32))[2:4] for _ in range(3)]
    assert flags == [(False, False), (False, False), (True, False)]


def test_the_seed_of_the_simulator_follows_from_the_seed_of_reset() -> None:
    def series(env: Ns3Env) -> list[float]:
        return [env.reset(seed=7)[0][0, 0], env.reset()[0][0, 0], env.reset(seed=8)[0][0, 0]]

    with foreign() as env:
        first = series(env)
        assert first == series(env)
    assert len(set(first)) == 3
    assert first[0] == draw_simulator_seed(np.random.Generator(np.random.PCG64(7)))
    assert all(1 <= seed < 2**31 for seed in first)


@pytest.mark.parametrize("behaviour", ["random-bytes", "two-parts", "truncated"])
def test_a_senseless_first_word_is_refused(behaviour: str) -> None:
    with pytest.raises(ProtocolError, match="received"):
        foreign(behaviour)


@pytest.mark.parametrize("behaviour", ["other-shape", "random-state"])
def test_a_senseless_state_ends_the_episode_but_not_the_environment(behaviour: str) -> None:
    with foreign(behaviour) as env:
        env.reset()
        with pytest.raises(ProtocolError, match="received"):
            env.step(np.zeros(2, np.float32))
        with pytest.raises(ResetNeeded):
            env.step(np.zeros(2, np.float32))
        env.reset()


def test_a_simulator_that_never_connects_runs_into_the_timeout() -> None:
    with pytest.raises(
        SimulatorTimeoutError, match=r"simulator sh .*did not send .* within 0\.2 s"
    ):
        Ns3Env("sh", ["-c", "exec sleep 60"], timeout=0.2)


def test_a_simulator_that_leaves_at_once_is_an_error() -> None:
    with pytest.raises(SimulatorError, match="exit status 0 before its first message"):
        Ns3Env("true")


def test_a_missing_simulator_is_an_error() -> None:
    with pytest.raises(SimulatorNotFoundError, match="/no/such/simulator does not exist"):
        Ns3Env("/no/such/simulator")


def test_a_port_in_use_is_an_error() -> None:
    channel = Channel()
    with pytest.raises(PortInUseError, match=str(channel.port)):
        foreign(port=channel.port)
    channel.close()
    with foreign(port=channel.port) as env:
        assert env.reset()[0][0, 1] == 0
        assert env.reset()[0][0, 1] == 0
        with pytest.raises(PortInUseError):
            foreign(port=channel.port)


def test_wrong_calls_are_told_apart() -> None:
    env = foreign()
    with pytest.raises(ResetNeeded):
        env.step(np.zeros(2, np.float32))
    env.reset()
    for action in ([2.0, 0.0], [math.nan, 0.0], [0.0], "left", [1 + 1j, 0]):
        with pytest.raises(InvalidAction, match=re.escape(repr(action))):
            env.step(action)
    with pytest.raises(ValueError, match="no options"):
        env.reset(options={"speed": 2})
    # None of this has disturbed the episode.
    assert env.step([0.5, 0.5])[1] == 1
    env.close()
    env.close()
    with pytest.raises(ClosedEnvironmentError, match="make a new environment"):
        env.step(np.zeros(2, np.float32))
    with pytest.raises(ClosedEnvironmentError):
        env.reset()


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": math.nan}, {"port": 2**16}])
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        foreign(**options)


def test_ctrl_c_in_a_step_leaves_no_process() -> None:
    program = f"""
import numpy as np, os, pathlib, signal, sys, threading
# A runner in the background may have made this process ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
from ns3kan.bridge.ns3.env import Ns3Env
env = Ns3Env(sys.executable, [{FOREIGN!r}, "well"])
env.reset()
tasks = pathlib.Path("/proc/self/task").iterdir()
(pid,) = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
os.kill(pid, signal.SIGSTOP)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    env.step(np.zeros(2, np.float32))
except KeyboardInterrupt:
    print("interrupted", os.path.exists(f"/proc/{{pid}}"))
env.reset()
env.step(np.zeros(2, np.float32))
print("again")
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["interrupted", "False", "again"]


def test_a_fork_cannot_end_the_episode() -> None:
    with foreign() as env:
        env.reset()
        child = os.fork()
        if child == 0:
            env.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert env.step([0.5, 0.5])[1] == 1


def test_arguments_become_options() -> None:
    assert format_arguments(
        {
            "reward": "utility",
            "cross_traffic": True,
            "tcp": False,
            "mpls_rate": np.float64(6e6),
            "flows": 3,
            "folder": Path("/tmp"),
        }
    ) == [
        "--reward=utility",
        "--crossTraffic=true",
        "--tcp=false",
        "--mplsRate=6000000.0",
        "--flows=3",
        "--folder=/tmp",
    ]


def test_arguments_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sim_seed .*reset\(seed=…\)"):
        format_arguments({"sim_seed": 3})
    with pytest.raises(TypeError, match=r"one executable; give its arguments as args="):
        Ns3Env(["./sim", "--a=1"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"rates=\[1, 2\]"):
        format_arguments({"rates": [1, 2]})  # type: ignore[dict-item]  # what is tested


def test_info_is_json_if_it_is_json() -> None:
    assert decode_info("") == {}
    assert decode_info("plain text") == {"extra_info": "plain text"}
    assert decode_info("[1, 2]") == {"extra_info": [1, 2]}
    assert decode_info('{"loss": 0.5, "path": "mpls"}') == {"loss": 0.5, "path": "mpls"}
    assert math.isnan(decode_info('{"delay": null}')["delay"])
    assert type(decode_info('{"time": 3}')["time"]) is float
    deep = "[" * 100_000
    assert decode_info(deep) == {"extra_info": deep}


def test_nothing_is_left_open() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with foreign() as env:
        env.reset()
    before = descriptors()
    for _ in range(3):
        with foreign() as env:
            env.reset()
            env.reset()
    assert descriptors() == before


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1])
def test_any_seed_can_be_told_to_a_simulator(seed: int) -> None:
    with Ns3Env(scenario_path("gym-example"), steps=2) as env:
        assert env._session is not None
        env._session.repeat(seed)
        assert 0 <= env._session.receive_state().observation[0] < 1
    with Ns3Env(scenario_path("gym-example"), [f"--simSeed={seed}"], seed_argument=None) as env:
        assert 0 <= env.reset()[0][0] < 1
