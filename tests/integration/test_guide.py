# SPDX-License-Identifier: MIT
"""The scenario that the guide writes from an empty file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.installed import scenario_path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "ns3_scenarios" / "examples" / "rate-control.cc"


def test_the_guide_shows_the_file_which_is_short() -> None:
    code = SOURCE.read_text(encoding="utf-8")
    assert len(code.splitlines()) <= 80
    guide = (ROOT / "docs" / "guides" / "own-scenario.md").read_text(encoding="utf-8")
    assert f"```cpp\n{code}```" in guide


def test_it_is_an_environment() -> None:
    with Ns3Env(scenario_path("rate-control")) as env:
        check_env(env, skip_render_check=True)
        assert env.feature_names == ("queue_length",)
        assert env.feature_units == ("packet",)


def test_a_slow_sender_leaves_the_queue_empty_and_a_fast_one_fills_it() -> None:
    with Ns3Env(scenario_path("rate-control")) as env:
        lengths, rewards = {}, {}
        for rate in (1e6, 1e7):
            env.reset(seed=1)
            steps = []
            truncated = False
            while not truncated:
                observation, reward, _, truncated, _ = env.step(np.array([rate]))
                steps.append((observation[0], reward))
            # A decision each 0.1 s of 10 s, the first after one interval, none at the end.
            assert len(steps) == 99
            lengths[rate], rewards[rate] = np.mean(steps[1:], axis=0)
        # 1 and 6 Mbit/s fit into 10, 10 and 6 do not; half the time the 6 are there.
        assert lengths[1e6] < 2
        assert lengths[1e7] > 30
        assert rewards[1e6] == pytest.approx(0.1 - lengths[1e6] / 100)
