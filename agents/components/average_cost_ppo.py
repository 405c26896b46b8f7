# SPDX-License-Identifier: MIT
"""Proximal policy optimisation for a long-run average cost and a choice of one component.

Schulman et al. 2017 with the changes that unbounded queues and an average without discount need;
see `AverageCostPPOConfig` for each and why.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.vector import VectorEnv
from scipy.signal import lfilter

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.critics import Critic, LeastSquaresCritic, NetworkCritic, minibatches
from ns3kan.agents.components.distinct_states import rollout_inputs
from ns3kan.agents.components.flat_parameters import Learner
from ns3kan.agents.components.gradients import add_roughness, surrogate_gradient
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.components.runners import make_runner
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
from ns3kan.agents.components.trajectories import (
    BoolArray,
    FloatArray,
    Runner,
    Trajectories,
)
from ns3kan.agents.training.settings import (
    Count,
    Flag,
    NotNegative,
    Positive,
    PositiveOrInfinite,
    Seed,
    Share,
    settings,
)
from ns3kan.agents.training.shell import OnProgress, TrainingRun, require_minibatches
from ns3kan.agents.training.state import Checkpoints
from ns3kan.errors import InputError


@settings(frozen=True)
class AverageCostPPOConfig:
    """What the training can be told; the defaults are those of the switch-type study.

    The average reward ρ of an environment takes the place of a discount: advantages estimate the
    differential value, the sum of all r − ρ to come (Sutton and Barto 2018, section 10.3).
    """

    total_steps: Count = 1_000_000
    """Steps to learn from, all environments together; whole rollouts are made."""
    rollout_steps: Count = 2_000
    """Steps in each environment between two updates."""
    minibatch_size: Count = 100
    """Transitions in one gradient step."""
    epochs: Count = 3
    """Passes over the transitions of a rollout."""
    critic: Literal["least-squares", "network"] = "least-squares"
    """"least-squares" solves for values that are quadratic in the queue lengths, "network" trains
    a perceptron on returns; see `ns3kan.agents.components.critics`."""
    critic_epochs: Count = 3
    """Passes over the transitions of a rollout for a critic network."""
    learning_rate: Positive = 3e-3
    """Step size of Adam for the actor."""
    critic_learning_rate: Positive = 1e-3
    """Step size of Adam for the critic."""
    anneal: Flag = True
    """Whether both fall linearly to zero."""
    gamma: Share = 0.998
    """Discount of differential values. At 1 they are a sum without end, whose noise grows with
    the time that a queue takes to empty; a little less ends it."""
    gae_lambda: Share = 0.95
    """Weight of longer look-ahead in the advantage (Schulman et al. 2016, eq. 16)."""
    value_lambda: Share = 0.9
    """The same for what the critic learns from."""
    clip_range: Positive = 0.1
    """How far the probability ratio may move (Schulman et al. 2017, eq. 7's epsilon)."""
    entropy_coefficient: NotNegative = 0.01
    """Weight of the entropy bonus at the start; falls with the step size."""
    smoothness: NotNegative = 0.0
    """Weight of the roughness of a switch-type KAN's splines."""
    averaging: Share = 0.0
    """Share of the training, at its end, whose weights are averaged for the policy returned
    (Polyak and Juditsky 1992): single updates are noisy."""
    max_grad_norm: Positive = 0.5
    """Gradients of actor and critic are scaled down to this norm, apart."""
    normalise_costs: Flag = True
    """Costs are divided by their average in the environment so far. Else an environment with long
    queues outweighs all others."""
    separate_advantages: Flag = True
    """Advantages are standardised environment by environment, for the same reason."""
    value_clip: PositiveOrInfinite = 5.0
    """Value targets are cut at so many standard deviations, so that a long queue does not spoil
    the critic for all others."""
    cut_length: PositiveOrInfinite = 300.0
    """An environment with more packets than this starts anew with empty queues, its last value
    standing for what would have come. Else a lane that a poor policy lets grow stays where nothing
    can be learned from it."""
    cut_interval: Count = 250
    """Steps between two looks at how many packets there are."""
    start_spread: Positive = 10.0
    """Span of a switch-type network's values over the usual states before training. Large enough
    for the untrained policy to prefer what attracts, so that queues are stable from the start."""
    torch_threads: Count = 1
    """Threads of PyTorch; such small networks are fastest with one."""
    seed: Seed = 0
    """Seed of weights, actions, minibatches and (plus its index) of each environment."""


class AverageCostPPO:
    """Trains a `ComponentActorCritic` on a vector environment of queues.

    Parameters
    ----------
    architecture
        Network of the policy and its critic.
    config
        Hyperparameters.
    on_rollout
        Called with the costs of each rollout, shape (steps, environments).

    Examples
    --------
    >>> from ns3kan.agents.components.encodings import multi_path_encoding
    >>> architecture = ComponentArchitecture(multi_path_encoding(rates=True))
    >>> env = gymnasium.make_vec("ns3kan/MultiPathRouting-v0", 1, observe_rates=True,
    ...     vectorization_mode="vector_entry_point")  # doctest: +SKIP
    >>> policy = AverageCostPPO(architecture).learn(env)  # doctest: +SKIP
    """

    def __init__(
        self,
        architecture: ComponentArchitecture,
        config: AverageCostPPOConfig | None = None,
        on_rollout: Callable[[FloatArray], None] | None = None,
    ) -> None:
        self.architecture = architecture
        self.config = config or AverageCostPPOConfig()
        self.on_rollout = on_rollout

    def learn(
        self,
        vector_env: VectorEnv[Any, Any, Any],
        run_dir: Path | str | None = None,
        on_progress: OnProgress | None = None,
        checkpoints: Checkpoints = Checkpoints(),  # noqa: B008 - it is frozen
    ) -> ComponentActorCritic:
        """Learn from ``vector_env``, which stays open.

        Parameters
        ----------
        vector_env
            Observes components with the features of the architecture's encoding, chooses one of
            them, and never ends an episode.
        run_dir, on_progress, checkpoints
            As for `ns3kan.agents.training.shell.TrainingRun`; queues are empty after each
            checkpoint. The reward is the negative cost.

        Raises
        ------
        ValueError
            If spaces or features are not those of the architecture, a rollout cannot be cut into
            minibatches, the network has no splines to smooth, an episode ends, something is not
            finite, or a state is damaged or of other settings.
        """
        config, architecture = self.config, self.architecture
        require_minibatches(config.rollout_steps, config.minibatch_size, vector_env)
        if config.smoothness > 0 and architecture.network != "switch-type-kan":
            raise InputError(
                f"PPO's smoothness is {config.smoothness!r}, but only a switch-type KAN has "
                f"splines to smooth, and the network is {architecture.network!r}; leave it 0."
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            policy = ComponentActorCritic(architecture, config.start_spread)
        with TrainingRun(
            "average-cost ppo",
            config,
            vector_env,
            config.total_steps,
            run_dir,
            on_progress,
            checkpoints,
            {"architecture": dataclasses.asdict(architecture)},
        ) as run:
            self._train(policy, vector_env, run)
        return run.finish(policy)

    def _train(
        self, policy: ComponentActorCritic, vector_env: VectorEnv[Any, Any, Any], run: TrainingRun
    ) -> None:
        config = self.config
        generator = np.random.default_rng(config.seed)
        learner = Learner(policy.actor, config.learning_rate, config.max_grad_norm)
        critic: Critic = LeastSquaresCritic(config.gamma, config.value_lambda)
        if config.critic == "network":
            critic = NetworkCritic(
                policy.critic,
                config.critic_learning_rate,
                config.max_grad_norm,
                config.critic_epochs,
                config.minibatch_size,
                config.value_clip,
                generator,
            )
        estimator = _Estimator(critic, config, vector_env.num_envs)
        if run.state is not None:
            learner.restore(run.state["learner"])
            critic.restore(run.state["critic"])
            estimator.restore(run.state["estimator"])
            generator.bit_generator.state = run.state["generator"]

        def start_anew() -> Runner:
            return make_runner(
                vector_env,
                policy.actor,
                seed=int(generator.integers(2**31)),
                env_seed=run.environment_seed,
            )

        runner = start_anew()
        while not run.is_over:
            left = run.share_left if config.anneal else 1.0
            learner.set_rate(left)

            runner.refresh()
            rollout, cuts = self._collect(runner)
            costs = np.concatenate([part.costs for part in rollout])
            if self.on_rollout is not None:
                self.on_rollout(costs)
            run.steps += costs.size

            advantages = estimator.estimate(rollout, cuts, left)
            losses = self._update(
                policy,
                learner,
                np.concatenate([part.observations[:-1] for part in rollout]),
                np.concatenate([part.actions for part in rollout]).ravel(),
                advantages.astype(np.float32).ravel(),
                config.entropy_coefficient * left,
                generator,
            )
            if run.steps > (1.0 - config.averaging) * config.total_steps:
                learner.average()

            mean_cost = float(costs.mean())
            run.report(
                -mean_cost,
                {
                    "mean_cost": mean_cost,
                    **{f"cost_{i}": float(c) for i, c in enumerate(costs.mean(0))},
                    **losses,
                    "explained_variance": estimator.explained_variance,
                    "cuts": float(np.sum(cuts)),
                },
            )
            if run.is_due():
                run.save(
                    {
                        "learner": learner.state(),
                        "critic": critic.state(),
                        "estimator": estimator.state(),
                        "generator": generator.bit_generator.state,
                    }
                )
                runner = start_anew()
        learner.use_average()

    def _collect(self, runner: Runner) -> tuple[list[Trajectories], list[BoolArray]]:
        """Make a rollout in parts, and tell which environments were cut after each of them."""
        config = self.config
        parts, cuts = [], []
        left = config.rollout_steps
        while left:
            parts.append(runner.record(min(left, config.cut_interval)))
            left -= len(parts[-1].costs)
            long = np.abs(parts[-1].observations[-1, :, :, 0]).sum(-1) > config.cut_length
            if parts[-1].is_interrupted:
                # What comes next does not follow in any environment.
                cuts.append(np.ones_like(long))
                continue
            cuts.append(long)
            if long.any():
                runner.forget(long)
        return parts, cuts

    def _update(
        self,
        policy: ComponentActorCritic,
        learner: Learner,
        observations: npt.NDArray[np.float32],
        action: npt.NDArray[np.int64],
        advantage: npt.NDArray[np.float32],
        entropy_coefficient: float,
        generator: np.random.Generator,
    ) -> dict[str, float]:
        config = self.config
        network, size = policy.actor.network, config.minibatch_size
        flat = observations.reshape(-1, *observations.shape[2:])
        inputs = rollout_inputs(policy.actor, flat, size)
        with torch.no_grad():
            rows = torch.from_numpy(action)[:, None]
            chosen = torch.log_softmax(inputs.logits(), -1).gather(-1, rows)[:, 0]
        columns = (inputs.rows, action, chosen.numpy(), advantage)
        for seen, a, old, gain in minibatches(columns, config.epochs, size, generator):
            logits, set_gradients = inputs.pullback(seen)
            set_gradients(
                surrogate_gradient(logits, a, old, gain, config.clip_range, entropy_coefficient)
            )
            if config.smoothness > 0 and isinstance(network, SwitchTypeKan):
                add_roughness(network, config.smoothness)
            learner.step()
        with torch.no_grad():
            log_probability = torch.log_softmax(inputs.logits(), -1)
            log_ratio = log_probability.gather(-1, rows)[:, 0] - chosen
            entropy = -(log_probability.exp() * log_probability).sum(-1)
        return {
            "entropy": float(entropy.mean()),
            # An estimate that is never negative: Schulman, "Approximating KL divergence".
            "approximate_kl": float((log_ratio.exp() - 1 - log_ratio).mean()),
        }


class _Estimator:
    """Advantages, with the average cost of each environment."""

    def __init__(self, critic: Critic, config: AverageCostPPOConfig, environments: int) -> None:
        self._critic = critic
        self._config = config
        self._rollouts = 0
        self._cost = np.zeros(environments)
        self.explained_variance = math.nan

    def estimate(
        self, rollout: Sequence[Trajectories], cuts: Sequence[BoolArray], share: float
    ) -> FloatArray:
        """Standardised advantages (steps, environments); the critic learns on the way.

        Parameters
        ----------
        rollout, cuts, share
            As for `Critic.fit`.
        """
        config = self._config
        costs = np.concatenate([part.costs for part in rollout])
        # The average cost, over a window that grows up to ten rollouts.
        self._rollouts = min(self._rollouts + 1, 10)
        self._cost += (costs.mean(0) - self._cost) / self._rollouts
        unit = self._cost if config.normalise_costs else np.full_like(self._cost, self._cost.mean())
        unit = np.maximum(unit, 1e-6)
        rewards = [(self._cost - part.costs) / unit for part in rollout]

        values = [self._critic.values(part) for part in rollout]
        returns = self._sums(values, rewards, cuts, config.value_lambda)
        flat = np.concatenate([value[:-1] for value in values])
        returns += flat
        self.explained_variance = float(1 - ((returns - flat).var(0) / returns.var(0)).mean())
        if config.critic == "least-squares":
            # With few weights it follows no noise, so it may be fitted to the rollout that it then
            # values.
            self._critic.fit(rollout, cuts, rewards, returns, share)
            values = [self._critic.values(part) for part in rollout]
        advantages = self._sums(values, rewards, cuts, config.gae_lambda)
        if config.critic == "network":
            self._critic.fit(rollout, cuts, rewards, returns, share)
        axis = 0 if config.separate_advantages else None
        centred = advantages - advantages.mean(axis)
        return np.asarray(centred / (advantages.std(axis) + 1e-8))

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {"rollouts": self._rollouts, "cost": self._cost}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called."""
        self._rollouts, self._cost = state["rollouts"], state["cost"]

    def _sums(
        self,
        values: Sequence[FloatArray],
        rewards: Sequence[FloatArray],
        cuts: Sequence[BoolArray],
        weight: float,
    ) -> FloatArray:
        """Generalised advantage estimates, (steps, environments)."""
        gamma = self._config.gamma
        parts = []
        ahead = np.zeros(rewards[0].shape[1])
        for value, reward, cut in zip(
            reversed(values), reversed(rewards), reversed(cuts), strict=True
        ):
            deltas = reward + gamma * value[1:] - value[:-1]
            ahead = np.where(cut, 0.0, ahead)
            # Σ (γλ)^i δ_{t+i}, as a filter that runs backwards.
            sums, _ = lfilter(
                [1.0], [1.0, -gamma * weight], deltas[::-1], axis=0, zi=gamma * weight * ahead[None]
            )
            parts.append(sums[::-1])
            ahead = sums[-1]
        return np.concatenate(parts[::-1])
