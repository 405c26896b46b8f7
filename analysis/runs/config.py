# SPDX-License-Identifier: MIT
"""Settings of a run, from the environment to the evaluation: what ``config.yaml`` holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from ns3kan.agents.components.average_cost_ppo import AverageCostPPOConfig
from ns3kan.agents.ddqn import DDQNConfig
from ns3kan.agents.equations.reading.readout import SEARCH
from ns3kan.agents.equations.search.formula_search import SearchConfig
from ns3kan.agents.ppo import PPOConfig
from ns3kan.agents.training.checkpoint import load_checkpoint
from ns3kan.agents.training.settings import Count, Positive, Seed, Widths, settings
from ns3kan.analysis.runs.configuration import ConfigurationError, Layers
from ns3kan.analysis.runs.folder import CHECKPOINT, CONFIG, METRICS, RunFolderError
from ns3kan.errors import InputError
from ns3kan.registration import environment_facts

ALGORITHMS = ("ppo", "ddqn", "average-cost-ppo")

AGENTS = ("kan", "mlp", "stn", "switch-type-kan")
"""Short names of networks, for the setting ``agent``."""


@settings(frozen=True)
class EnvironmentConfig:
    """What is controlled.

    Parameters
    ----------
    id : str
        Gymnasium id of the environment.
    simulators : int
        How many environments to train on at once.
    arguments : mapping of str to object
        Arguments of the environment: its reward and anything that its scenario takes.
    """

    id: str = "ns3kan/SdWan-v0"
    simulators: Count = 2
    arguments: Mapping[str, Any] = field(default_factory=dict)


@settings(frozen=True)
class ComponentNetworkConfig:
    """Network of a policy that chooses among queues; see `ComponentArchitecture`.

    Parameters
    ----------
    kind : str
        Which network.
    hidden : tuple of int or None
        Widths of its hidden layers; None for those of the switch-type study.
    grid : int
        Grid intervals of the splines of a KAN.
    """

    kind: Literal["switch-type-kan", "stn", "kan", "mlp"] = "switch-type-kan"
    hidden: Widths | None = None
    grid: Count = 8


@settings(frozen=True)
class ExtractionConfig:
    """How the equation is read from the trained network.

    Parameters
    ----------
    first_seed : int
        Seed of the first episode in which states are collected; the others follow.
    episodes : int
        How many episodes the trained network plays.
    prices : tuple of float
        For each one equation is read: how much of the variance of the decision one more node of
        it must explain.
    validation_seeds : int
        Episodes, after those of the states, by whose reward one of several equations is chosen.
    search : SearchConfig
        How formulas of KANs with hidden layers are searched.
    """

    first_seed: Seed = 500
    episodes: Count = 6
    prices: Annotated[tuple[Positive, ...], Field(min_length=1)] = (3e-5, 1e-4, 3e-4, 1e-3)
    validation_seeds: Count = 6
    search: SearchConfig = SEARCH

    @property
    def seeds(self) -> list[int]:
        """Seeds of the episodes in which states are collected."""
        return _seeds(self.first_seed, self.episodes)

    @property
    def validation(self) -> list[int]:
        """Seeds by which an equation is chosen; none if there is only one to choose."""
        count = self.validation_seeds if len(self.prices) > 1 else 0
        return _seeds(self.first_seed + self.episodes, count)


@settings(frozen=True)
class EvaluationConfig:
    """On what the controllers are compared.

    Parameters
    ----------
    first_seed : int
        Seed of the first held-out episode; the others follow.
    seeds : int
        How many held-out episodes.
    traditional : tuple of str or None
        Names of the traditional controllers; None takes those that suit the environment.
    recorded : int
        Of how many episodes to keep every decision of network and equation; of the traditional
        controllers the first is kept.
    steps : int
        Length of an episode that does not end by itself.
    """

    first_seed: Seed = 1000
    seeds: Count = 20
    traditional: tuple[str, ...] | None = None
    recorded: Count = 3
    steps: Count = 10_000

    def __post_init__(self) -> None:
        names = self.traditional
        if names is not None and (not names or len(set(names)) != len(names)):
            raise InputError("traditional must name different controllers, at least one")

    @property
    def held_out(self) -> list[int]:
        """All the seeds."""
        return _seeds(self.first_seed, self.seeds)


@settings(frozen=True, kw_only=True)
class RunConfig:
    """What all runs have in common; ``algorithm`` and ``training`` are those of a subclass.

    Parameters
    ----------
    environment : EnvironmentConfig
    checkpoint_every : int
        Environment steps between two states of the training from which it can go on. The
        environments start new episodes there, interrupted or not, so that a training that goes on
        sees what it would have seen.
    extraction : ExtractionConfig
    evaluation : EvaluationConfig
    """

    algorithm: str
    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    training: PPOConfig | DDQNConfig | AverageCostPPOConfig
    checkpoint_every: Count = 25_000
    extraction: ExtractionConfig = field(default_factory=ExtractionConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        seed = self.training.seed
        used = {
            "training": range(seed, seed + self.environment.simulators),
            "extraction": [*self.extraction.seeds, *self.extraction.validation],
            "evaluation": self.evaluation.held_out,
        }
        for first, second in (("training", "evaluation"), ("extraction", "evaluation")):
            common = set(used[first]) & set(used[second])
            if common:
                raise InputError(
                    f"seed {min(common)} is used by {first} and by {second}: "
                    f"choose seeds that are not, or the evaluation is not held out"
                )


@settings(frozen=True, kw_only=True)
class PPORun(RunConfig):
    """A run with PPO, for ratios."""

    algorithm: Literal["ppo"] = "ppo"
    training: PPOConfig = field(default_factory=PPOConfig)


@settings(frozen=True, kw_only=True)
class DDQNRun(RunConfig):
    """A run with double deep Q-learning, for choices, and for ratios by levels.

    Parameters
    ----------
    levels : int
        Into how many levels each ratio is divided.
    """

    algorithm: Literal["ddqn"] = "ddqn"
    training: DDQNConfig = field(default_factory=DDQNConfig)
    levels: Count = 11


@settings(frozen=True, kw_only=True)
class AverageCostRun(RunConfig):
    """A run with average-cost PPO, for choices among queues.

    Parameters
    ----------
    network : ComponentNetworkConfig
    """

    algorithm: Literal["average-cost-ppo"] = "average-cost-ppo"
    network: ComponentNetworkConfig = field(default_factory=ComponentNetworkConfig)
    training: AverageCostPPOConfig = field(default_factory=AverageCostPPOConfig)
    checkpoint_every: Count = 250_000


@settings(frozen=True, kw_only=True)
class ComparisonConfig:
    """What controllers are compared on, without a run.

    Parameters
    ----------
    environment : EnvironmentConfig
    evaluation : EvaluationConfig
    """

    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


_KINDS: dict[str, type[RunConfig]] = {
    "ppo": PPORun,
    "ddqn": DDQNRun,
    "average-cost-ppo": AverageCostRun,
}


def load_run(*files: Path | str, changes: Mapping[str, object] | None = None) -> RunConfig:
    """Fill the settings of a run.

    Parameters
    ----------
    files, changes
        As for `ns3kan.analysis.runs.configuration.load`. ``algorithm`` says which kind of run it
        is; by default it is the one that suits the environment. ``agent`` is short for the network,
        wherever its algorithm has it.

    Returns
    -------
    RunConfig

    Raises
    ------
    ConfigurationError
        As from `load`.
    """
    layers = Layers.read(*files, changes=changes)
    environment = layers.get("environment.id") or EnvironmentConfig.id
    algorithm = layers.get("algorithm") or environment_facts(str(environment)).algorithm
    if algorithm not in _KINDS:
        raise ConfigurationError(
            f"algorithm must be one of {', '.join(ALGORITHMS)}, not {algorithm!r}"
        )
    _place_agent(layers, algorithm)
    layers.values.setdefault("algorithm", algorithm)
    return layers.fill(_KINDS[algorithm])


def json_schema() -> dict[str, Any]:
    """Describe the files of settings as a JSON Schema, for editors."""
    schema = TypeAdapter(PPORun | DDQNRun | AverageCostRun).json_schema()
    for run in _KINDS.values():
        schema["$defs"][run.__name__]["properties"]["agent"] = {
            "enum": list(AGENTS),
            "description": "Short for the network, wherever its algorithm has it.",
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of a run of ns3kan",
        **schema,
    }


def read_config(run: Path, changes: Mapping[str, object] | None = None) -> RunConfig:
    """Read the settings of a run folder.

    Parameters
    ----------
    run : Path
        What `ns3kan train` has written; or what ``learn(…, run_dir=run)`` has, whose checkpoint
        knows the training but not the environment.
    changes : mapping of str to object, optional
        Other values of settings, by their dotted names.

    Raises
    ------
    RunFolderError
        If it is no run folder, its settings are damaged or of another version, or nobody says the
        environment.
    ConfigurationError
        If a change is wrong.
    CheckpointError
        If there are no settings, and the checkpoint is damaged.
    """
    if not (run / CONFIG).is_file():
        return _of_checkpoint(run, dict(changes or {}))
    try:
        config = load_run(run / CONFIG)
    except ConfigurationError as error:
        raise RunFolderError(
            f"the settings of the run {run} are damaged or of another version ({error}): repair "
            "them, or train again"
        ) from error
    return load_run(run / CONFIG, changes=changes) if changes else config


def is_of_python(run: Path) -> bool:
    """Say whether a folder is what ``learn(…, run_dir=run)`` has left, without the command line."""
    return not (run / CONFIG).is_file() and (run / CHECKPOINT).is_file()


def _of_checkpoint(run: Path, changes: dict[str, object]) -> RunConfig:
    if not is_of_python(run):
        if (run / METRICS).is_file():
            raise RunFolderError(
                f"the training of {run}, which was begun in Python, has not finished: call learn "
                "there again"
            )
        raise RunFolderError(
            f"{run} is not a run folder: name one that `ns3kan train` or `ns3kan demo` has written"
        )
    if "environment.id" not in changes:
        raise RunFolderError(
            f"{run} was trained in Python, and its checkpoint does not say in which environment: "
            "add --set environment.id=ID, and the arguments that it was made with by --set "
            "environment.arguments={NAME: VALUE}"
        )
    _, description = load_checkpoint(run / CHECKPOINT)
    known = description.get("provenance")
    known = known if isinstance(known, Mapping) else {}
    algorithm = str(known.get("algorithm", "ppo")).replace(" ", "-")
    training = {f"training.{name}": value for name, value in dict(known.get("config", {})).items()}
    simulators = known.get("environments", 1)
    return load_run(
        changes={
            "algorithm": algorithm,
            "environment.simulators": simulators,
            **training,
            **changes,
        }
    )


def _place_agent(layers: Layers, algorithm: str) -> None:
    """Put the setting ``agent`` where the algorithm has its network."""
    agent = layers.values.pop("agent", None)
    if agent is None:
        return
    known = AGENTS if algorithm == "average-cost-ppo" else AGENTS[:2]
    if agent not in known:
        raise ConfigurationError(f"agent must be one of {', '.join(known)}, not {agent!r}")
    place = {"ppo": "training.actor", "ddqn": "training.network"}.get(algorithm, "network.kind")
    layers.set(place, agent)
    if algorithm == "ppo" and agent == "mlp" and layers.get("training.actor_hidden") is None:
        # A perceptron without hidden layers is a line.
        layers.set("training.actor_hidden", [64, 64])


def _seeds(first: int, count: int) -> list[int]:
    return list(range(first, first + count))
