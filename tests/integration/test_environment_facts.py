# SPDX-License-Identifier: MIT
"""The table of facts about environments against the programs and classes that it speaks of."""

from __future__ import annotations

import subprocess
from pathlib import Path

import gymnasium
import pytest

from ns3kan.agents.components.classical import NAMES
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.parallel_paths import DEFAULT_TOPOLOGY, topology_path
from ns3kan.errors import InputError
from ns3kan.registration import (
    ENVIRONMENTS,
    SCENARIOS,
    EnvironmentFacts,
    environment_facts,
)

SHORT = {
    "leaf-spine": ["--controller=equal", "--duration=60ms", "--leaves=2", "--spines=2"],
    "multipath-routing": ["--controller=random", "--slots=5"],
    "parallel-paths": ["--controller=equal", "--duration=4s"],
    "sdwan": ["--controller=equal", "--duration=4s"],
    "single-hop-scheduling": ["--controller=random", "--slots=5"],
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_program_records_the_quantities_of_the_table(scenario: str, tmp_path: Path) -> None:
    facts, table = SCENARIOS[scenario], tmp_path / "intervals.csv"
    command = [str(scenario_path(scenario)), f"--intervals={table}", *SHORT[scenario]]
    if facts.named_topologies:
        command.append(f"--topology={topology_path(DEFAULT_TOPOLOGY)}")
    subprocess.run(command, check=True, timeout=60)
    units, names = (line.strip().split(",") for line in table.read_text().splitlines()[:2])
    units[0] = units[0].removeprefix("# units: ")
    recorded = dict(zip(names, units, strict=True))
    assert recorded.items() >= facts.quantities.items()
    # Nothing stands behind the last feature and the decision that the table does not have.
    last = names[-len(facts.quantities) :]
    assert last == list(facts.quantities)


@pytest.mark.parametrize("facts", ENVIRONMENTS.values(), ids=lambda facts: facts.id)
def test_an_environment_has_a_model_of_the_table_and_rules_that_exist(
    facts: EnvironmentFacts,
) -> None:
    assert facts.model is None or facts.model in ENVIRONMENTS
    if facts.subject == "queues":
        assert {rule.replace("-", "_") for rule in facts.rules} <= set(NAMES)
    elif facts.scenario is not None:
        for rule in facts.rules:
            program = str(scenario_path(facts.scenario))
            command = [program, *SHORT[facts.scenario], f"--controller={rule}"]
            if SCENARIOS[facts.scenario].named_topologies:
                command.append(f"--topology={topology_path(DEFAULT_TOPOLOGY)}")
            subprocess.run(command, check=True, timeout=60)


def test_environments_of_others_have_the_usual_facts_and_unknown_ids_are_refused() -> None:
    assert "CartPole-v1" in gymnasium.registry
    assert environment_facts("CartPole-v1").algorithm == "ppo"
    assert environment_facts("module:Name-v0").rules == ()
    with pytest.raises(InputError, match="did you mean ns3kan/SdWan-v0"):
        environment_facts("ns3kan/SdWam-v0")
