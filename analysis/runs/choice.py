# SPDX-License-Identifier: MIT
"""What a command line means by a run: its settings and its folder."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gymnasium

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.analysis.runs.config import (
    ComparisonConfig,
    RunConfig,
    is_of_python,
    load_run,
    read_config,
)
from ns3kan.analysis.runs.configuration import CONFIGS, ConfigurationError, Layers, parse_values
from ns3kan.analysis.runs.folder import CONFIG, RunFolderError
from ns3kan.registration import ENVIRONMENTS

RUNS = Path("runs")
"""Where run folders are by default."""


@dataclass(frozen=True)
class RunChoice:
    """The settings of a run and its folder."""

    config: RunConfig
    folder: Path


def choose_run(name: str, values: Mapping[str, str], folder: Path | None = None) -> RunChoice:
    """Find out which settings are meant, and where their run is written.

    Parameters
    ----------
    name
        A YAML file, the name of one that comes with the package, the id of an environment, or a
        run folder.
    values
        Changes of settings, as they were typed.
    folder
        The run folder, if it was said.

    Raises
    ------
    ConfigurationError
        If there is nothing of this name, or a setting is wrong.
    RunFolderError
        If it is a folder without a run.
    """
    changes = parse_values(values)
    path = Path(name)
    if path.is_dir():
        if is_of_python(path):
            raise RunFolderError(
                f"{path} was trained in Python and is finished: train on from its policy there, by "
                "PPO(config, start=policy), or name a configuration or an environment"
            )
        read_config(path)
        return RunChoice(load_run(path / CONFIG, changes=changes), folder or path)
    if path.suffix in (".yaml", ".yml"):
        return RunChoice(load_run(path, changes=changes), folder or RUNS / path.stem)
    if (CONFIGS / f"{name}.yaml").is_file():
        return RunChoice(load_run(name, changes=changes), folder or RUNS / name)
    if name in gymnasium.registry or ":" in name:
        config = load_run(changes={"environment.id": name, **changes})
        stem = name.rpartition("/")[2].rpartition("-v")[0] or name.replace(":", "-")
        return RunChoice(config, folder or RUNS / stem.lower())
    known = [path.stem for path in CONFIGS.glob("*.yaml")]
    known += ENVIRONMENTS
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    raise ConfigurationError(
        f"there is no configuration, environment or run folder {name!r}: did you mean {near}?"
    )


def check_resumed(choice: RunChoice) -> None:
    """Check that a run that goes on has the settings that it began with.

    Raises
    ------
    RunFolderError
        If it has others, or its folder is damaged.
    """
    if not choice.folder.exists() or not (choice.folder / CONFIG).exists():
        # Nothing to go on with: it begins.
        return
    if read_config(choice.folder) != choice.config:
        raise RunFolderError(
            f"{choice.folder} was begun with other settings: go on with `ns3kan train "
            f"{choice.folder} --resume`, or choose another folder by --folder"
        )


def changed(run: Path, values: Mapping[str, str]) -> RunConfig:
    """Read the settings of a run, with changes for what is done with it now.

    Raises
    ------
    RunFolderError
        If it is no run folder, its settings are damaged, or nobody says the environment.
    ConfigurationError
        If a change is wrong.
    """
    return read_config(run, parse_values(values))


def settings_of(
    who: Sequence[str], environment: str | None, values: Mapping[str, str]
) -> RunConfig | ComparisonConfig:
    """Find settings to compare several by: those of the first run folder or controller.

    Without a run there is no training whose seeds could be looked at again.

    Raises
    ------
    ConfigurationError
        If no environment is named anywhere, or a change is wrong.
    """
    changes = parse_values(values)
    if environment is not None:
        return _comparison({"environment.id": environment, **changes})
    for each in who:
        path = Path(each)
        if path.is_dir():
            return changed(path, values)
        if path.suffix == ".json":
            origin = Controller.load(path).provenance.get("environment")
            if isinstance(origin, Mapping) and "id" in origin:
                given = {
                    "environment.id": origin["id"],
                    "environment.arguments": dict(origin.get("arguments", {})),
                }
                return _comparison({**given, **changes})
    raise ConfigurationError("no environment is named: give its id by --env")


def _comparison(changes: Mapping[str, object]) -> ComparisonConfig:
    return Layers.read(changes=changes).fill(ComparisonConfig)
