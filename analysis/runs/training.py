# SPDX-License-Identifier: MIT
"""Train the network of a run, on the environment and with the algorithm that it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from gymnasium import spaces
from gymnasium.vector import VectorEnv

from ns3kan.agents.components.average_cost_ppo import AverageCostPPO
from ns3kan.agents.components.defaults import default_architecture
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.ddqn import DDQN
from ns3kan.agents.discretise import DiscretiseRatios
from ns3kan.agents.ppo import PPO
from ns3kan.agents.training.shell import OnProgress, Trained
from ns3kan.agents.training.shell import Progress as TrainingProgress
from ns3kan.agents.training.state import STATE, Checkpoints
from ns3kan.analysis.environments import make_environments
from ns3kan.analysis.runs import folder as run_folder
from ns3kan.analysis.runs.config import AverageCostRun, DDQNRun, PPORun, RunConfig
from ns3kan.analysis.runs.configuration import ConfigurationError, resolved
from ns3kan.analysis.runs.progress import Progress
from ns3kan.io.files import write_atomically

Tell = Callable[[Progress], None]


def train(
    config: RunConfig, run: Path, on_progress: Tell | None = None, *, resume: bool = False
) -> None:
    """Train, and write ``config.yaml``, ``metrics.csv``, the log of TensorBoard and the checkpoint.

    Parameters
    ----------
    config : RunConfig
    run : Path
        The run folder, which exists.
    on_progress : callable, optional
        Called often with a `Progress`.
    resume : bool
        Go on where an interrupted training was; one that is finished stays as it is.

    Raises
    ------
    ConfigurationError
        If the environment or the network do not suit the algorithm.
    CheckpointError
        If the state to go on from is damaged.
    BridgeError
        If a simulator is missing, refuses its arguments, dies or does not answer.
    """
    if resume and (run / run_folder.CHECKPOINT).is_file():
        return
    tell = on_progress or (lambda progress: None)
    total = config.training.total_steps
    checkpoints = Checkpoints(config.checkpoint_every, resume)
    env = make_environments(
        config.environment.id, config.environment.simulators, config.environment.arguments
    )
    settings = run / run_folder.CONFIG
    is_new = not settings.is_file()
    # Only now, since an environment refuses wrong arguments when it is made.
    write_atomically(settings, resolved(config))
    tell(Progress("training", 0, total))
    try:
        learner = _learner(config, env)
        if isinstance(config, DDQNRun) and isinstance(env.single_action_space, spaces.Box):
            env = DiscretiseRatios(env, config.levels)
        learner.learn(env, run, _told(tell), checkpoints)
    except Exception:
        if is_new and not any((run / name).exists() for name in (run_folder.METRICS, STATE)):
            # Nothing was learned; a folder without settings is not in the way of the next try.
            settings.unlink()
        raise
    finally:
        env.close()


class _Learner(Protocol):
    def learn(
        self,
        vector_env: VectorEnv[Any, Any, Any],
        run_dir: Path | str | None,
        on_progress: OnProgress | None,
        checkpoints: Checkpoints,
    ) -> Trained: ...


def _learner(config: RunConfig, env: VectorEnv[Any, Any, Any]) -> _Learner:
    if isinstance(config, PPORun):
        return PPO(config.training)
    if isinstance(config, DDQNRun):
        return DDQN(config.training)
    assert isinstance(config, AverageCostRun)
    return AverageCostPPO(component_architecture(config, env), config.training)


def component_architecture(
    config: AverageCostRun, env: VectorEnv[Any, Any, Any]
) -> ComponentArchitecture:
    """Network of a policy that chooses among the queues of an environment.

    Raises
    ------
    ConfigurationError
        If it is no environment of queues.
    """
    plain: Any = env.unwrapped
    problem, queues = getattr(plain, "problem", None), getattr(plain, "num_queues", None)
    if problem is None or queues is None:
        raise ConfigurationError(
            f"average-cost-ppo chooses among queues, which {config.environment.id} does not have: "
            "set algorithm to ppo for ratios and to ddqn for other choices"
        )
    settings = config.network
    rates = bool(config.environment.arguments.get("observe_rates", False))
    usual = default_architecture(problem, settings.kind, rates=rates)
    return dataclasses.replace(
        usual,
        components=queues if settings.kind in ("kan", "mlp") else None,
        hidden=usual.hidden if settings.hidden is None else settings.hidden,
        grid=settings.grid,
    )


def _told(tell: Tell) -> OnProgress:
    def on_progress(training: TrainingProgress) -> None:
        total = training.total_steps
        done = min(training.steps, total)
        rate = training.steps_per_second
        tell(Progress("training", done, total, training.mean_reward, rate))

    return on_progress
