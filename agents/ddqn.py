# SPDX-License-Identifier: MIT
"""Double deep Q-learning (van Hasselt, Guez, Silver 2016) for any environment with choices.

One file in the order of the paper: act, remember, learn from what is remembered.
"""

import math
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from pydantic import Field
from torch import Tensor, nn

from ns3kan.agents.networks.kan.penalty import KanPenalty
from ns3kan.agents.networks.normalisation import scales_of
from ns3kan.agents.networks.q_network import QArchitecture, QNetwork
from ns3kan.agents.training.double_q import double_q_target
from ns3kan.agents.training.names import choice_names
from ns3kan.agents.training.replay import ReplayBuffer
from ns3kan.agents.training.schedules import (
    Schedule,
    epsilon_greedy,
    learning_rate_schedule,
    linear,
    schedule_state,
)
from ns3kan.agents.training.settings import (
    NUMBER,
    Count,
    CountOrZero,
    NetworkKind,
    NotNegative,
    Positive,
    Seed,
    Share,
    Widths,
    settings,
)
from ns3kan.agents.training.shell import OnProgress, TrainingRun
from ns3kan.agents.training.state import Checkpoints
from ns3kan.agents.training.stepping import Step, Stepper
from ns3kan.errors import InputError

_GRID_SAMPLES = 1024


@settings(frozen=True)
class DDQNConfig:
    """What DDQN can be told; the defaults suit a few ten thousand steps."""

    total_steps: Count = 20_000
    """Environment steps, all environments together."""
    warm_up_steps: Count = 1_000
    """Steps with random actions before learning begins; they set the scales of the network."""
    updates_per_step: Count = 1
    """Gradient steps after each step of all environments."""
    buffer_size: Count = 100_000
    """Transitions in the replay buffer."""
    batch_size: Count = 128
    """Transitions in a gradient step."""
    gamma: Annotated[float, Field(ge=0, lt=1), NUMBER] = 0.9
    """Discount of rewards one step later."""
    learning_rate: Positive = 3e-3
    """Of Adam, at the start."""
    learning_rate_schedule: Schedule = "cosine"
    """"constant", "exponential" or "cosine", over all gradient steps."""
    weight_decay: NotNegative = 1e-4
    """Decoupled (AdamW)."""
    max_grad: Positive = 100.0
    """Every entry of a gradient is cut to this magnitude."""
    epsilon_start: Share = 1.0
    """Share of random actions after the warm-up."""
    epsilon_end: Share = 0.05
    """Share of random actions at the end of the decay."""
    epsilon_decay: Share = 0.5
    """Share of all steps in which it falls from one to the other, on a line."""
    target_every: Count = 100
    """Gradient steps between two updates of the target network."""
    target_rate: Annotated[float, Field(gt=0, le=1), NUMBER] = 1.0
    """How far an update takes the target network towards the Q-network: 1 copies it; a small rate
    with ``target_every=1`` follows it smoothly."""
    network: NetworkKind = "kan"
    """Q-network, "kan" or "mlp"."""
    hidden: Widths | None = None
    """Widths of its hidden layers; None is one of 8 (KAN) or 32 (perceptron)."""
    grid: Count = 3
    """Grid intervals of a KAN."""
    grid_update_every: CountOrZero = 0
    """Gradient steps between two grid updates of a KAN, in the first half of training; 0 makes
    none."""
    penalty: NotNegative = 0.0
    """Weight of the penalties on a KAN's edges."""
    penalties: KanPenalty = field(default_factory=KanPenalty)
    """Their weights relative to each other."""
    log_every: Count = 1_000
    """Environment steps between two rows of the training log."""
    torch_threads: Count = 1
    """Threads of PyTorch; such small networks are fastest with one."""
    seed: Seed = 0
    """Seed of weights, actions, replay and (plus its index) of each environment."""

    def __post_init__(self) -> None:
        if self.penalty > 0 and self.network != "kan":
            raise InputError("The penalty is on a KAN's edges; set it to 0 for the network 'mlp'.")

    def architecture(self, inputs: int, actions: int) -> QArchitecture:
        """Return the Q-network's sizes."""
        return QArchitecture(inputs, actions, self.network, self.hidden, self.grid)


class DDQN:
    """Trains a `QNetwork` on a vector environment.

    Parameters
    ----------
    config
        Hyperparameters.

    Examples
    --------
    >>> env = gymnasium.make_vec("ns3kan/MultiPathRouting-v0", num_envs=8)  # doctest: +SKIP
    >>> network = DDQN(DDQNConfig(total_steps=50_000)).learn(env)  # doctest: +SKIP
    """

    def __init__(self, config: DDQNConfig | None = None) -> None:
        self.config = config or DDQNConfig()

    def learn(
        self,
        vector_env: VectorEnv[Any, Any, Any],
        run_dir: Path | str | None = None,
        on_progress: OnProgress | None = None,
        checkpoints: Checkpoints = Checkpoints(),  # noqa: B008 - it is frozen
    ) -> QNetwork:
        """Learn from ``vector_env``, which stays open.

        Parameters
        ----------
        vector_env
            Observes a Box, which is flattened, and chooses from a Discrete space; any autoreset
            mode. Ratios become choices with `ns3kan.agents.discretise.DiscretiseRatios`.
        run_dir
            Folder for ``checkpoint.safetensors``, ``metrics.csv`` and TensorBoard events.
        on_progress
            Called with each row of the training log.
        checkpoints
            When the state of the training is saved in ``run_dir``, with a row of the training log,
            and whether to resume from it.

        Returns
        -------
        QNetwork
            The greedy policy is the argmax of its values; see `QNetwork.choose`.

        Raises
        ------
        ValueError
            If the spaces are others, the environment returns something that is not finite, the
            loss is no longer finite, or a state is damaged or of other settings.
        """
        config = self.config
        observed, first, actions = _spaces(vector_env)
        names = choice_names(vector_env, observed, actions)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = QNetwork(config.architecture(len(names.features), actions), names)
            target = QNetwork(network.architecture)
        target.requires_grad_(False)
        with TrainingRun(
            "ddqn", config, vector_env, config.total_steps, run_dir, on_progress, checkpoints
        ) as run:
            self._train(network, target, vector_env, observed, first, run)
        return run.finish(network)

    def _train(
        self,
        network: QNetwork,
        target: QNetwork,
        vector_env: VectorEnv[Any, Any, Any],
        observed: spaces.Box,
        first: int,
        run: TrainingRun,
    ) -> None:
        config = self.config
        inputs = network.architecture.inputs
        optimiser = torch.optim.AdamW(
            network.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        iterations = max(1, math.ceil(config.total_steps / vector_env.num_envs))
        schedule = learning_rate_schedule(
            optimiser, config.learning_rate_schedule, iterations * config.updates_per_step
        )
        exploration = torch.Generator().manual_seed(config.seed)
        buffer = ReplayBuffer(
            config.buffer_size,
            {
                "observation": torch.zeros(inputs),
                "action": torch.tensor(0),
                "reward": torch.tensor(0.0),
                "next_observation": torch.zeros(inputs),
                "terminated": torch.tensor(False),
            },
            config.seed,
        )
        names = tuple(
            f"observation_{i}" for i in range(observed.shape[-1] if observed.shape else 1)
        )
        updates, logged, learning = 0, run.steps, False
        rewards: list[float] = []
        losses: list[Tensor] = []
        if run.state is not None:
            state = run.state
            updates, learning = state["updates"], state["learning"]
            network.load_state_dict(state["network"])
            target.load_state_dict(state["target"])
            optimiser.load_state_dict(state["optimiser"])
            schedule.load_state_dict(state["schedule"])
            exploration.set_state(state["exploration"])
            buffer.restore(state["buffer"])
        stepper = Stepper(vector_env, run.environment_seed, names)
        while not run.is_over:
            # Act.
            epsilon = self._epsilon(run.steps) if learning else 1.0
            with torch.no_grad():
                values = network(torch.from_numpy(_flat(stepper.observation)))
            action = epsilon_greedy(values, epsilon, exploration)
            step = stepper.step(action.numpy() + first)

            # Remember.
            _remember(buffer, step, action)
            run.steps += int(step.valid.sum())
            rewards += step.reward[step.valid].tolist()
            if not learning and run.steps >= config.warm_up_steps:
                learning = True
                _set_scales(network, buffer, observed, config.gamma)
                target.load_state_dict(network.state_dict())

            # Learn.
            for _ in range(config.updates_per_step if learning else 0):
                losses.append(self._update(network, target, optimiser, buffer))
                schedule.step()
                updates += 1
                if updates % config.target_every == 0:
                    _follow(target, network, config.target_rate)
                every = config.grid_update_every
                if every and updates % every == 0 and 2 * run.steps < config.total_steps:
                    samples = buffer.sample(_GRID_SAMPLES)["observation"]
                    network.update_grids(samples)
                    target.update_grids(samples)

            if run.steps - logged >= config.log_every or run.is_over:
                loss = float(torch.stack(losses).mean()) if losses else math.nan
                if losses and not math.isfinite(loss):
                    raise InputError(
                        f"The loss is not finite after {run.steps} steps; lower the learning rate."
                    )
                mean_reward = float(np.mean(rewards)) if rewards else math.nan
                run.report(
                    mean_reward,
                    {
                        "mean_reward": mean_reward,
                        "td_loss": loss,
                        "epsilon": epsilon,
                        "learning_rate": float(optimiser.param_groups[0]["lr"]),
                    },
                )
                rewards, losses, logged = [], [], run.steps
                if run.is_due():
                    run.save(
                        {
                            "updates": updates,
                            "learning": learning,
                            "network": network.state_dict(),
                            "target": target.state_dict(),
                            "optimiser": optimiser.state_dict(),
                            "schedule": schedule_state(schedule),
                            "exploration": exploration.get_state(),
                            "buffer": buffer.state(),
                        }
                    )
                    stepper = Stepper(vector_env, run.environment_seed, names)

    def _update(
        self,
        network: QNetwork,
        target: QNetwork,
        optimiser: torch.optim.Optimizer,
        buffer: ReplayBuffer,
    ) -> Tensor:
        """Make one gradient step; its temporal-difference loss."""
        config = self.config
        batch = buffer.sample(config.batch_size)
        with torch.no_grad():
            ahead = batch["next_observation"]
            goal = double_q_target(
                batch["reward"], network(ahead), target(ahead), config.gamma, batch["terminated"]
            )
        if config.penalty > 0:
            values, penalty = network.penalised(batch["observation"], config.penalties)
        else:
            values, penalty = network(batch["observation"]), torch.zeros(())
        chosen = values.gather(1, batch["action"][:, None])[:, 0]
        # On the network's own scale, so that the loss bends at the same place for any reward.
        loss = nn.functional.smooth_l1_loss(
            chosen / network.value_scale, goal / network.value_scale
        )
        optimiser.zero_grad()
        total: Tensor = loss + config.penalty * penalty
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_value_(network.parameters(), config.max_grad)
        optimiser.step()
        return loss.detach()

    def _epsilon(self, steps: int) -> float:
        config = self.config
        decay = max(1.0, config.epsilon_decay * config.total_steps)
        share = (steps - config.warm_up_steps) / decay
        return linear(config.epsilon_start, config.epsilon_end, share)


def _spaces(vector_env: VectorEnv[Any, Any, Any]) -> tuple[spaces.Box, int, int]:
    """Observation space, first action, and number of actions."""
    observed, decided = vector_env.single_observation_space, vector_env.single_action_space
    if not isinstance(observed, spaces.Box):
        raise InputError(
            f"DDQN observes a Box, but the environment's space is {observed}; flatten it, as "
            "gymnasium.wrappers.vector.FlattenObservation does."
        )
    if not isinstance(decided, spaces.Discrete):
        what = (
            "wrap ratios, a Box of one axis from 0 to 1, in "
            "ns3kan.agents.discretise.DiscretiseRatios"
            if isinstance(decided, spaces.Box) and decided.dtype.kind == "f"
            else "declare each combination of its values as one choice of a Discrete"
        )
        raise InputError(
            f"DDQN chooses from a Discrete space, but the environment's is {decided}; {what}."
        )
    return observed, int(decided.start), int(decided.n)


def _flat(observation: Any) -> Any:
    return np.asarray(observation, np.float32).reshape(len(observation), -1)


def _remember(buffer: ReplayBuffer, step: Step, action: Tensor) -> None:
    valid = step.valid
    buffer.add(
        observation=torch.from_numpy(_flat(step.observation)[valid]),
        action=action[torch.from_numpy(valid)],
        reward=torch.from_numpy(step.reward[valid].astype(np.float32)),
        next_observation=torch.from_numpy(_flat(step.next_observation)[valid]),
        terminated=torch.from_numpy(step.terminated[valid]),
    )


def _set_scales(network: QNetwork, buffer: ReplayBuffer, space: spaces.Box, gamma: float) -> None:
    """Fix the scales of observations and values from what random actions showed.

    Values start at the mean of the discounted return, if rewards came without regard to the state,
    and vary by its standard deviation.
    """
    seen = buffer.held()
    shift, half = scales_of(seen["observation"].double().numpy(), space)
    network.shift.copy_(torch.from_numpy(shift))
    network.scale.copy_(torch.from_numpy(half))
    goes_on = gamma * (1.0 - seen["terminated"].double().mean())
    spread = seen["reward"].double().std(unbiased=False) / math.sqrt(1.0 - gamma**2)
    network.value_shift.copy_(seen["reward"].double().mean() / (1.0 - goes_on))
    network.value_scale.copy_(spread if spread > 1e-8 else torch.tensor(1.0))


def _follow(target: QNetwork, network: QNetwork, rate: float) -> None:
    if rate == 1.0:
        target.load_state_dict(network.state_dict())
        return
    with torch.no_grad():
        for mine, theirs in zip(target.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, rate)
