# SPDX-License-Identifier: MIT
"""Documents of strangers are read within limits, and refused in a sentence."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import ns3kan
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from ns3kan.agents.training.checkpoint import CheckpointError, load_checkpoint
from ns3kan.analysis.runs.configuration import ConfigurationError, parse_values
from ns3kan.bridge.ns3.security import CurveKeys
from ns3kan.bridge.queues.environment_sets import EnvironmentSet, EnvironmentSetError
from ns3kan.io.documents import (
    MAX_BYTES,
    MAX_NESTING,
    DocumentError,
    parse_json,
    parse_yaml,
    read_bytes,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts),
    max_leaves=10,
)  # fmt: skip


@given(VALUES)
@settings(deadline=None)
def test_what_json_says_is_read(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@given(VALUES)
@settings(deadline=None)
def test_what_yaml_says_is_read(value: Any) -> None:
    text = yaml.safe_dump(value)
    # What PyYAML itself does not read back, such as some characters of control, is no matter here.
    if "&" not in text:
        assert parse_yaml(text) == yaml.safe_load(text)


DEEP = "[" * 5000 + "]" * 5000
BAD_YAML = {
    "deep": (DEEP, f"line 1: nested more than {MAX_NESTING} levels deep|maximum nesting depth"),
    "deep blocks": ("".join(" " * i + "a:\n" for i in range(200)), "nested more than"),
    "recursive": ("&a [*a]", "line 1: an alias is not allowed; write out what it stands for"),
    "laughs": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "line 2: an alias is not allowed"),
    "merged": ("a: &a {x: 1}\nb: {<<: *a}", "line 2: an alias is not allowed"),
    "digits": ("seed: " + "9" * 200_000, "line 1: a number or word of 200000 characters"),
    "minutes": ("seed: " + "1:" * 100_000 + "1", "a number or word of 200001 characters"),
    "twins": ("a: 1\nb: 2\na: 3", 'line 3: the key "a" stands twice in one mapping'),
    "long": ("#" * (MAX_BYTES + 1), f"longer than {MAX_BYTES} bytes"),
    "open": ("a: [", "line"),
    "several": ("a: 1\n---\nb: 2", "single document|another document"),
    "object": ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    "no date": ("a: 2026-02-31", "day is out of range"),
    "no UTF-8": (b"a: \xff", "invalid start byte"),
    "zero": ("a: \0", "line|special characters|control characters"),
}


@pytest.mark.parametrize("case", BAD_YAML)
def test_bad_yaml_is_refused_in_time(case: str) -> None:
    text, sentence = BAD_YAML[case]
    began = time.process_time()
    with pytest.raises(DocumentError) as caught:
        parse_yaml(text)
    assert time.process_time() - began < 20
    assert any(part in str(caught.value) for part in sentence.split("|")), str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "value", [DEEP, "&a [*a]", "9" * 200_000, "1e400", str(2**65), "1:" * 5000 + "1"]
)
def test_settings_of_strangers_are_refused_in_a_sentence(value: str) -> None:
    done = ns3kan("train", "demo", "--set", f"training.seed={value}", "--print-config")
    assert done.returncode == 1
    assert done.stderr.startswith("ns3kan: ")
    assert "training.seed" in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 600
    with pytest.raises(ConfigurationError):
        parse_values({"a": DEEP})


@pytest.mark.parametrize("text", [DEEP, "&a {a: *a}", "a: " + "9" * 200_000])
def test_a_run_folder_of_strangers_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    for command in ("report", "extract", "evaluate"):
        done = ns3kan(command, str(tmp_path))
        assert done.returncode == 1
        assert done.stderr.startswith("ns3kan: ")
        assert done.stderr.count("\n") == 1
        assert len(done.stderr) < 1000


@pytest.mark.parametrize(
    "description", ["[" * 100_000, '{"a":' * 100_000, "9" * 200_000, '{"a": 1, "a": 2}', "\0", ""]
)
def test_descriptions_of_checkpoints_are_read_within_limits(
    tmp_path: Path, description: str
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(save({}, metadata={"ns3kan": description}))
    with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors is (truncated|a safe)"):
        load_checkpoint(path)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 200_000, "{} {}", '{"a": 1, "a": 1}'])
def test_other_json_is_read_within_limits(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(EnvironmentSetError, match=r"file\.json: "):
        EnvironmentSet.load(path)
    with pytest.raises(ValueError, match="is not a key file"):
        CurveKeys.load(path)


def test_files_are_read_to_a_limit() -> None:
    with pytest.raises(DocumentError, match="longer than 1000 bytes"):
        read_bytes("/dev/zero", 1000)


def test_long_seeds_are_refused_in_a_sentence() -> None:
    for seeds in ("9" * 200_000, "0..99999999999999", "1.." + "9" * 5000):
        done = ns3kan("simulate", "sdwan", "equal", "--seeds", seeds)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert len(done.stderr) < 1000


def test_numbers_are_those_of_doubles() -> None:
    assert parse_json(b"[1, 1.5, 1e308, -0.0]") == [1, 1.5, 1e308, -0.0]
    assert math.copysign(1, parse_json(b"-0.0")) == -1
    for number in (b"1e309", b"9" * 400, b"NaN", b"-Infinity"):
        with pytest.raises(DocumentError, match="not JSON"):
            parse_json(number)
