# SPDX-License-Identifier: MIT
from pathlib import Path

import pytest

from ns3kan.analysis.demo import DemoConfig
from ns3kan.analysis.runs.configuration import ConfigurationError, load, resolved


@pytest.mark.parametrize("files", [("demo",), ("demo", "demo-quick")])
def test_the_configurations_that_come_with_the_package_are_whole(
    tmp_path: Path, files: tuple[str, ...]
) -> None:
    config = load(DemoConfig, *files)
    path = tmp_path / "config.yaml"
    path.write_text(resolved(config))
    assert load(DemoConfig, path) == config


def test_the_demo_compares_as_the_project_promises() -> None:
    config = load(DemoConfig, "demo")
    assert config.environment.simulators == 2
    assert config.environment.arguments["reward"] == "utility"
    assert config.evaluation.seeds == 20
    assert set(config.evaluation.traditional) == {
        "equal",
        "capacity",
        "primary",
        "least-delay",
        "least-utilised",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training.seed": 999}, "seed 1000 is used by training and by evaluation"),
        ({"extraction.first_seed": 1010}, "seed 1010 is used by extraction and by evaluation"),
        ({"training.actor_hidden": [4]}, "KAN without hidden layers"),
        ({"training.gamma": 2}, "training.gamma must lie between 0 and 1, not 2"),
        ({"evaluation.seeds": 0}, "evaluation.seeds must be at least 1, not 0"),
        ({"evaluation.traditional": []}, "evaluation: traditional must name"),
        ({"environment.simulator": 2}, "did you mean environment.simulators"),
    ],
)
def test_refuses_settings_that_make_no_sense(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(DemoConfig, "demo", changes=changes)
