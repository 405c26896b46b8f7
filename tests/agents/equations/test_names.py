# SPDX-License-Identifier: MIT
"""Names that are no identifiers become such in equations, and are kept beside them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from hypothesis import given
from hypothesis import strategies as st

from ns3kan.agents.equations.artefact.controller import Controller, ControllerError
from ns3kan.agents.equations.artefact.decider import Decider
from ns3kan.agents.equations.choice.states import ExtractionError
from ns3kan.agents.equations.expressions.grammar import FUNCTIONS
from ns3kan.agents.equations.expressions.names import identifiers
from ns3kan.agents.equations.expressions.parser import is_identifier
from ns3kan.agents.equations.reading.fit import extract
from ns3kan.agents.equations.reading.readout import read_equations
from ns3kan.agents.equations.search.formula_search import SearchConfig
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.agents.ppo import PPO, PPOConfig
from ns3kan.bridge.ns3.installed import scenario_path

LABELS = ("rtt.avg", "queue-length", "größe", "exp")
STATES = np.random.default_rng(0).uniform(0, 1, (120, 4))


@given(
    st.lists(st.text(max_size=8) | st.sampled_from(["a", "a_2", "a.", "a-", "exp"]), unique=True)
)
def test_any_names_become_different_identifiers(names: list[str]) -> None:
    found = identifiers(names)
    assert len(set(found)) == len(names)
    assert all(is_identifier(name) and name not in FUNCTIONS for name in found)
    assert identifiers(found) == found
    for name, own in zip(names, found, strict=True):
        assert own == name or not is_identifier(name) or name in FUNCTIONS


class Named(gymnasium.Env[Any, Any]):
    """Four features with the names of a foreign program, which gives no units."""

    feature_names = LABELS
    feature_units = ("",) * 4
    action_names = ("first share",)
    observation_space = spaces.Box(0, 1, (4,), np.float64)
    action_space = spaces.Box(0, 1, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self.np_random.uniform(0, 1, 4), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self.np_random.uniform(0, 1, 4), -float(action[0]), False, self.steps > 20, {}


class Twice(Named):
    feature_names = ("a", "b", "b", "c")


@pytest.mark.parametrize("hidden", [(), (2,)])
def test_a_policy_with_foreign_names_becomes_an_equation(
    hidden: tuple[int, ...], tmp_path: Path
) -> None:
    config = PPOConfig(total_steps=64, rollout_steps=64, actor_hidden=hidden)
    policy = PPO(config).learn(SyncVectorEnv([Named]))
    assert policy.feature_units == ("1",) * 4
    with torch.no_grad():
        for tensor in policy.actor.body.parameters():
            tensor.add_(0.5 * torch.randn_like(tensor))
    search = SearchConfig(functions=("^2",), population=50, generations=3, trials=5, candidates=2)
    controller = read_equations(policy, STATES, search=search)[-1]
    known = dict(zip(identifiers(LABELS), LABELS, strict=True))
    assert [entry.label for entry in controller.inputs] == [
        known[name] for name in controller.input_names
    ]
    assert {entry.unit for entry in controller.inputs} == {"1"}
    assert (controller.outputs[0].name, controller.outputs[0].label) == (
        "first_share",
        "first share",
    )
    # Found by both names.
    places = [known[name] for name in controller.input_names]
    assert [LABELS[i] for i in controller.check_inputs(LABELS)] == places
    assert [LABELS[i] for i in controller.check_inputs(identifiers(LABELS))] == places
    with pytest.raises(ControllerError, match="does not have the inputs"):
        controller.check_inputs(["load"])
    path = tmp_path / "controller.json"
    controller.save(path)
    again = Controller.load(path)
    assert again.document() == controller.document()
    rows = STATES[:5, list(controller.check_inputs(LABELS))]
    done = subprocess.run(
        [scenario_path("evaluate-controller"), path],
        input="".join(" ".join(map(repr, row)) + "\n" for row in rows.tolist()),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    np.testing.assert_allclose(np.array(done.stdout.split(), float), again(rows)[:, 0], rtol=1e-12)


@pytest.mark.parametrize("label", ["", 3, "ö" * 101])
def test_labels_are_checked_by_both(label: object, tmp_path: Path) -> None:
    document = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": "ratio",
        "inputs": [{"name": "load", "unit": "1", "range": [0, 1], "label": label}],
        "outputs": [{"name": "ratio", "expression": "load", "range": [0, 1]}],
    }
    path = tmp_path / "controller.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ControllerError, match="label"):
        Controller.load(path)
    done = subprocess.run(
        [scenario_path("evaluate-controller"), path],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "inputs[0].label" in done.stderr


def test_two_features_of_one_name_are_refused_before_training() -> None:
    env = SyncVectorEnv([Twice])
    with pytest.raises(ValueError, match="feature_names are 'b'; give each a name of its own"):
        PPO(PPOConfig(total_steps=64)).learn(env)
    with pytest.raises(ValueError, match="feature_names are 'b'"):
        Decider(env, None, 0)
    policy = ActorCritic(Architecture(4, 1, "kan"), Twice.feature_names, ("1",) * 4, ("ratio",))
    with pytest.raises(ExtractionError, match="two features are named 'b'"):
        extract(policy.actor, STATES, Twice.feature_names, ("1",) * 4)
