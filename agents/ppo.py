# SPDX-License-Identifier: MIT
"""Proximal policy optimisation (Schulman et al. 2017) for controllers that decide ratios.

One file in the order of the paper: collect, estimate advantages, update.
"""

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn

from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.agents.networks.normalisation import set_normalisation
from ns3kan.agents.training.names import Names, names_of
from ns3kan.agents.training.rollout import Collector, Rollout, check_spaces
from ns3kan.agents.training.settings import (
    Count,
    InnerShare,
    NetworkKind,
    NotNegative,
    Positive,
    PositiveOrInfinite,
    Seed,
    Share,
    Widths,
    settings,
)
from ns3kan.agents.training.shell import OnProgress, TrainingRun, require_minibatches
from ns3kan.agents.training.state import Checkpoints
from ns3kan.agents.training.stepping import Array
from ns3kan.errors import InputError


@settings(frozen=True)
class PPOConfig:
    """What PPO can be told; the defaults suit a few ten thousand steps of a network controller."""

    total_steps: Count = 20_000
    """Environment steps to learn from, all environments together; whole rollouts are made."""
    rollout_steps: Count = 128
    """Steps in each environment between two updates."""
    minibatch_size: Count = 64
    """Transitions in one gradient step; divides rollout_steps times the number of environments."""
    epochs: Count = 10
    """Passes over the transitions of a rollout."""
    learning_rate: Positive = 5e-3
    """Step size of Adam at the start; falls linearly to zero."""
    gamma: Share = 0.9
    """Discount of rewards one step later: how far a decision's consequences reach."""
    gae_lambda: Share = 0.9
    """Weight of longer look-ahead in the advantage (Schulman et al. 2016, eq. 16)."""
    clip_range: Positive = 0.2
    """How far the probability ratio may move (eq. 7's epsilon)."""
    value_coefficient: NotNegative = 0.5
    """Weight of the value loss (eq. 9's c1)."""
    entropy_coefficient: NotNegative = 1e-3
    """Weight of the entropy bonus (eq. 9's c2)."""
    sparsity: NotNegative = 0.0
    """Weight of the KAN paper's regulariser on the actor's edges; larger means fewer terms."""
    max_grad_norm: Positive = 0.5
    """Gradients of actor and critic are scaled down to this norm."""
    target_kl: PositiveOrInfinite | None = 0.05
    """An update ends early when the policy moved further than this; None means never."""
    actor: NetworkKind = "kan"
    """Actor network, "kan" or "mlp"."""
    actor_hidden: Widths = ()
    """Widths of the actor's hidden layers; none for a KAN that is to become an equation."""
    grid: Count = 3
    """Grid intervals of a KAN actor's splines."""
    critic_hidden: Widths = (64, 64)
    """Widths of the critic's hidden layers."""
    start_mode: InnerShare = 0.5
    """Ratio that the untrained policy decides."""
    start_concentration: Positive = 6.0
    """Concentration of the untrained policy around that ratio; near 0 it is uniform."""
    torch_threads: Count = 1
    """Threads of PyTorch; such small networks are fastest with one."""
    seed: Seed = 0
    """Seed of weights, actions, minibatches and (plus its index) of each environment."""

    def __post_init__(self) -> None:
        if self.sparsity > 0 and self.actor != "kan":
            raise InputError("PPO's sparsity needs the actor 'kan'; set sparsity to 0.")


class PPO:
    """Trains an `ActorCritic` on a vector environment.

    Parameters
    ----------
    config
        Hyperparameters.
    start
        Policy to go on from, which itself stays as it is; what the hyperparameters say about its
        networks does not count then. Its scales stay. None makes a new one.

    Examples
    --------
    >>> environments = gymnasium.make_vec("ns3kan/SdWan-v0", num_envs=2)  # doctest: +SKIP
    >>> policy = PPO(PPOConfig(total_steps=24_000)).learn(environments)  # doctest: +SKIP
    """

    def __init__(self, config: PPOConfig | None = None, start: ActorCritic | None = None) -> None:
        self.config = config or PPOConfig()
        self.start = start

    def learn(
        self,
        vector_env: VectorEnv[Any, Any, Any],
        run_dir: Path | str | None = None,
        on_progress: OnProgress | None = None,
        checkpoints: Checkpoints = Checkpoints(),  # noqa: B008 - it is frozen
    ) -> ActorCritic:
        """Learn from ``vector_env``, which stays open.

        Parameters
        ----------
        vector_env
            Observes a Box of one axis and decides a Box from 0 to 1; any autoreset mode. Its
            ``feature_names``, ``feature_units`` and ``action_names`` go into the result.
        run_dir
            Folder for ``checkpoint.safetensors`` (written after the last update), ``metrics.csv``
            and TensorBoard events; nothing is written without it.
        on_progress
            Called after each update.
        checkpoints
            When the state of the training is saved in ``run_dir``, and whether to resume.

        Raises
        ------
        ValueError
            If the spaces are others, a rollout cannot be cut into minibatches, the environment
            returns something that is not finite, or a state is damaged or of other settings.
        """
        config = self.config
        features, actions = check_spaces(vector_env)
        require_minibatches(config.rollout_steps, config.minibatch_size, vector_env)
        policy = self._start_policy(names_of(vector_env, features, actions), features, actions)
        with TrainingRun(
            "ppo", config, vector_env, config.total_steps, run_dir, on_progress, checkpoints
        ) as run:
            self._train(policy, vector_env, run)
        return run.finish(policy)

    def _start_policy(self, names: Names, features: int, actions: int) -> ActorCritic:
        config = self.config
        if self.start is not None:
            for what, mine, theirs in (
                ("observes", self.start.feature_names, names.features),
                ("decides", self.start.action_names, names.actions),
            ):
                if mine != theirs:
                    raise InputError(
                        f"The policy to go on from {what} {', '.join(mine)}, but the environment "
                        f"has {', '.join(theirs)}; give one for this environment."
                    )
            return copy.deepcopy(self.start)
        architecture = Architecture(
            features=features,
            actions=actions,
            actor=config.actor,
            actor_hidden=tuple(config.actor_hidden),
            grid=config.grid,
            critic_hidden=tuple(config.critic_hidden),
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            return ActorCritic(
                architecture,
                names.features,
                names.units,
                names.actions,
                config.start_mode,
                config.start_concentration,
            )

    def _train(
        self, policy: ActorCritic, vector_env: VectorEnv[Any, Any, Any], run: TrainingRun
    ) -> None:
        config = self.config
        generator = np.random.default_rng(config.seed)
        optimiser = torch.optim.Adam(policy.parameters(), lr=config.learning_rate, eps=1e-5)
        if run.state is not None:
            policy.load_state_dict(run.state["policy"])
            optimiser.load_state_dict(run.state["optimiser"])
            generator.bit_generator.state = run.state["generator"]
        collector = Collector(vector_env, run.environment_seed)

        def act(observation: Array) -> Array:
            return policy.actor.sample(torch.from_numpy(observation).float(), generator)

        while not run.is_over:
            optimiser.param_groups[0]["lr"] = config.learning_rate * run.share_left

            # Collect. The first rollout also says on what scales observations and returns lie.
            rollout = collector.collect(act, config.rollout_steps)
            valid = rollout.valid
            if not valid.any():
                continue
            if run.steps == 0 and self.start is None:
                set_normalisation(
                    policy, rollout, vector_env.single_observation_space, config.gamma
                )
            run.steps += int(valid.sum())

            # Estimate advantages, then update.
            values, advantages = self._advantages(policy, rollout)
            returns = values + advantages
            losses = self._update(policy, optimiser, rollout, advantages, returns, generator)

            mean_reward = float(rollout.rewards[valid].mean())
            spread = float(returns[valid].var())
            unexplained = float((returns - values)[valid].var())
            ended = rollout.episode_returns
            run.report(
                mean_reward,
                {
                    "mean_reward": mean_reward,
                    "mean_return": float(np.mean(ended)) if ended else math.nan,
                    **losses,
                    "explained_variance": 1 - unexplained / spread if spread > 0 else math.nan,
                },
            )
            if run.is_due():
                run.save(
                    {
                        "policy": policy.state_dict(),
                        "optimiser": optimiser.state_dict(),
                        "generator": generator.bit_generator.state,
                    }
                )
                collector = Collector(vector_env, run.environment_seed)

    def _advantages(self, policy: ActorCritic, rollout: Rollout) -> tuple[Array, Array]:
        """Values and generalised advantage estimates (Schulman et al. 2016), (steps, envs).

        An episode that was cut off (truncated) goes on in thought: its last observation's value
        stands for the rewards to come. One that terminated has none. An episode whose simulator
        died ends with the last step whose outcome is known, as if it had been cut off there.
        """
        config = self.config
        with torch.no_grad():
            values = _values(policy, rollout.observations)
            next_values = _values(policy, rollout.next_observations)
        next_values[rollout.terminated] = 0.0
        deltas = rollout.rewards + config.gamma * next_values - values
        advantages = np.zeros_like(deltas)
        ahead = np.zeros(deltas.shape[1])
        for t in reversed(range(len(deltas))):
            carry = np.where(rollout.done[t], 0.0, ahead)
            ahead = deltas[t] + config.gamma * config.gae_lambda * carry
            # A step that only resets belongs to no episode, and what a lost one brought is unknown.
            ahead[~rollout.valid[t]] = 0.0
            advantages[t] = ahead
        return values, advantages

    def _update(
        self,
        policy: ActorCritic,
        optimiser: torch.optim.Optimizer,
        rollout: Rollout,
        advantages: Array,
        returns: Array,
        generator: np.random.Generator,
    ) -> dict[str, float]:
        config = self.config
        valid = rollout.valid
        observation = torch.from_numpy(rollout.observations[valid]).float()
        action = torch.from_numpy(rollout.actions[valid]).float()
        advantage = torch.from_numpy(advantages[valid]).float()
        advantage = (advantage - advantage.mean()) / (advantage.std(unbiased=False) + 1e-8)
        target = torch.from_numpy(returns[valid]).float()
        # The value loss is taken on the critic's own scale, so that it needs no tuning to rewards.
        target = (target - policy.critic.value_shift) / policy.critic.value_scale
        with torch.no_grad():
            old_log_prob, _ = policy.actor.evaluate(observation, action)

        history: list[tuple[Tensor, ...]] = []
        count = len(observation)
        parts = max(1, count // config.minibatch_size)
        for _ in range(config.epochs):
            epoch_kl: list[Tensor] = []
            order = torch.from_numpy(generator.permutation(count))
            for index in order.tensor_split(parts):
                seen = observation[index]
                log_prob, entropy = policy.actor.evaluate(seen, action[index])
                log_ratio = log_prob - old_log_prob[index]
                ratio = log_ratio.exp()
                gain = torch.minimum(
                    ratio * advantage[index],
                    ratio.clamp(1 - config.clip_range, 1 + config.clip_range) * advantage[index],
                )
                policy_loss = -gain.mean()
                value_loss = (policy.critic.standard_value(seen) - target[index]).square().mean()
                loss = (
                    policy_loss
                    + config.value_coefficient * value_loss
                    - config.entropy_coefficient * entropy.mean()
                )
                if config.sparsity > 0:
                    loss = loss + config.sparsity * policy.actor.sparsity(seen)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                # Apart, so that a wrong critic does not hold the actor back.
                nn.utils.clip_grad_norm_(policy.actor.parameters(), config.max_grad_norm)
                nn.utils.clip_grad_norm_(policy.critic.parameters(), config.max_grad_norm)
                optimiser.step()
                with torch.no_grad():
                    # An estimate that is never negative: Schulman, "Approximating KL divergence".
                    kl = ((ratio - 1) - log_ratio).mean()
                    clipped = ((ratio - 1).abs() > config.clip_range).float().mean()
                epoch_kl.append(kl)
                history.append(
                    (
                        policy_loss.detach(),
                        value_loss.detach(),
                        entropy.mean().detach(),
                        kl,
                        clipped,
                    )
                )
            if config.target_kl is not None and torch.stack(epoch_kl).mean() > config.target_kl:
                break
        means = torch.tensor([[float(x) for x in row] for row in history]).mean(0).tolist()
        keys = ("policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction")
        return dict(zip(keys, means, strict=True))


def _values(policy: ActorCritic, observations: Array) -> Array:
    flat = torch.from_numpy(observations.reshape(-1, observations.shape[-1])).float()
    values: Array = policy.critic(flat).double().numpy().reshape(observations.shape[:-1])
    return values
