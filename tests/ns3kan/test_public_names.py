# SPDX-License-Identifier: MIT
from __future__ import annotations

import subprocess
import sys

import gymnasium
import pytest

import ns3kan
from ns3kan.bridge.ns3.env import Ns3Env


def test_importing_is_quick_and_leaves_torch_alone() -> None:
    program = """
import sys, gymnasium
before = set(sys.modules)
import ns3kan, ns3kan.bridge
print("torch" in sys.modules, len(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    torch, modules = done.stdout.split()
    assert torch == "False"
    assert int(modules) < 20


def test_the_environment_is_registered() -> None:
    spec = gymnasium.spec("ns3kan/SdWan-v0")
    assert spec.max_episode_steps is None
    assert not spec.nondeterministic


def test_public_names_load_when_used() -> None:
    assert ns3kan.Ns3Env is Ns3Env
    assert set(ns3kan.__all__) <= set(dir(ns3kan))
    with pytest.raises(AttributeError, match="No ns3kan attribute Nothing"):
        ns3kan.Nothing  # noqa: B018 - looking it up is what is tested
