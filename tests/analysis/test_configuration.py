# SPDX-License-Identifier: MIT
import json
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator

from ns3kan.agents.training.settings import Flag, Number, Whole, settings
from ns3kan.analysis.runs.config import ExtractionConfig, json_schema
from ns3kan.analysis.runs.configuration import CONFIGS, ConfigurationError, load, resolved
from ns3kan.errors import InputError
from ns3kan.io.documents import parse_yaml


@settings(frozen=True)
class Inner:
    rate: Number = 0.1
    mode: Literal["fast", "slow"] = "fast"

    def __post_init__(self) -> None:
        if self.rate <= 0.0:
            raise ValueError(f"rate must be positive, not {self.rate}")


@settings(frozen=True)
class Outer:
    steps: Whole
    inner: Inner = field(default_factory=Inner)
    names: tuple[str, ...] = ("a",)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    limit: Number | None = None
    loud: Flag = False


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_later_files_and_changes_win_and_leave_the_rest(tmp_path: Path) -> None:
    first = write(tmp_path / "a.yaml", "steps: 3\ninner: {rate: 3e-4, mode: slow}\nnames: [x, y]\n")
    second = write(tmp_path / "b.yaml", "inner:\n  rate: 2\narguments: {simTime: 10}\n")
    settings = load(Outer, first, second, changes={"steps": 5, "inner.mode": "fast"})
    assert settings == Outer(5, Inner(2.0, "fast"), ("x", "y"), {"simTime": 10})


def test_the_resolved_text_reads_back_equal(tmp_path: Path) -> None:
    settings = Outer(7, Inner(1e-5, "slow"), ("p", "q"), {"simTime": 2.5}, limit=1e20, loud=True)
    assert load(Outer, write(tmp_path / "c.yaml", resolved(settings))) == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step: 3", r"unknown setting 'step' in .*a\.yaml: did you mean steps\?"),
        ("steps: 3\ninner: {rat: 1}", r"unknown setting 'inner\.rat' .* did you mean inner\.rate"),
        ("steps: three", "steps must be a whole number, not 'three'"),
        ("steps: true", "steps must be a whole number, not True"),
        ("steps: 3\ninner: {rate: high}", r"inner\.rate must be a number, not 'high'"),
        ("steps: 3\ninner: {rate: -1}", "inner: rate must be positive"),
        ("steps: 3\ninner: {mode: medium}", r"inner\.mode must be 'fast' or 'slow'"),
        ("steps: 3\ninner: 4", "inner must be a group of settings, not 4"),
        ("steps: 3\nnames: x", "names must be a list, not 'x'"),
        ("steps: 3\nnames: [1]", "names must be a word, not 1"),
        ("steps: 3\nloud: 1", "loud must be true or false, not 1"),
        ("steps: [", r"not readable YAML \(line \d: did not find"),
        ("- steps", "must hold settings"),
        ("{}", "steps"),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(Outer, write(tmp_path / "a.yaml", text))


def test_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no configuration file .*nowhere\.yaml"):
        load(Outer, tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigurationError, match=r"no configuration file .*configs/nothing\.yaml"):
        load(Outer, "nothing")


def test_a_price_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match=r"prices\[1\] is nan; it must be positive"):
        ExtractionConfig(prices=(3e-5, float("nan")))


def test_the_schema_for_editors_is_current_and_accepts_the_experiments() -> None:
    text = (CONFIGS / "run.schema.json").read_text()
    # `ns3kan schema > configs/run.schema.json` writes it anew.
    assert json.loads(text) == json_schema()
    check = Draft202012Validator(json.loads(text))
    for path in sorted(CONFIGS.glob("*.yaml")):
        assert "# yaml-language-server: $schema=run.schema.json" in path.read_text()
        check.validate(parse_yaml(path.read_bytes()))
    check.validate({"agent": "mlp", "training": {"learning_rate": 1e-3}})
    for wrong in ({"trainings": {}}, {"training": {"gamma": 2}}, {"evaluation": {"seeds": 0}}):
        assert not check.is_valid(wrong)
