# SPDX-License-Identifier: MIT
"""Iterations of the paper's Algorithm 2, and of one that trains the selector with them.

References
----------
Jahin, Mridha, Dey, "Human-in-the-loop feature selection using interpretable Kolmogorov-Arnold
network-based double deep Q-network".
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn

from ns3kan.agents.components.flat_parameters import FlatParameters
from ns3kan.agents.feature_selection.agent import as_module
from ns3kan.agents.feature_selection.config import FeatureSelectionConfig
from ns3kan.agents.feature_selection.seen_images import SeenImages
from ns3kan.agents.feature_selection.selection import FeatureSelector, SelectorOutput, feedback_cost
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.training.double_q import double_q_target
from ns3kan.agents.training.names import choice_names
from ns3kan.agents.training.replay import ReplayBuffer
from ns3kan.agents.training.schedules import (
    epsilon_greedy,
    learning_rate_schedule,
    linear,
    schedule_state,
)
from ns3kan.errors import InputError

# Replayed states that grids are fitted to, and that a rise of the targets is estimated from.
_SAMPLES = 1024


class Learner:
    """The state of a training: networks, buffer, and what the environment shows."""

    def __init__(
        self,
        config: FeatureSelectionConfig,
        vector_env: VectorEnv[Any, Any, Any],
        selector: FeatureSelector | None,
        inputs: int,
        actions: int,
        network: QNetwork | None = None,
    ) -> None:
        self.config = config
        self.env = vector_env
        self.selector = selector
        names = choice_names(vector_env, vector_env.single_observation_space, actions)
        self.network = network or QNetwork(config.architecture(inputs, actions), names)
        self.target = copy.deepcopy(self.network)
        self.target.requires_grad_(False)
        learning: list[nn.Module] = [self.network]
        if selector is not None:
            learning.append(as_module(selector).train())
        self.parameters = FlatParameters(nn.ModuleList(learning))
        self.optimiser = torch.optim.AdamW(
            [self.parameters.vector],
            config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.schedule = learning_rate_schedule(
            self.optimiser, config.learning_rate_schedule, config.epochs
        )
        self.literal = config.training == "literal" and selector is not None
        observation = torch.zeros(inputs) if self.literal else torch.tensor(0)
        self.buffer = ReplayBuffer(
            config.buffer_size,
            {
                "state": observation,
                "action": torch.tensor(0),
                "reward": torch.tensor(0.0),
                "next_state": observation,
            },
            config.seed,
        )
        self.exploration = torch.Generator().manual_seed(config.seed)
        self.seen = SeenImages(inputs)
        self.epsilon = 1.0
        self.feedback_weight = config.feedback_weight
        self.restart(config.seed)

    def restart(self, seed: int) -> None:
        """Start new episodes in all environments."""
        observation, info = self.env.reset(seed=seed)
        self.now = self.seen.add(observation, info)
        # The selected features of the images shown, and their transition's first part (literal).
        self.pending: dict[str, Tensor] | None = None
        self.pending_rows = torch.zeros(self.env.num_envs, dtype=torch.bool)
        self.resetting = torch.zeros(self.env.num_envs, dtype=torch.bool)

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        selector = None if self.selector is None else as_module(self.selector).state_dict()
        return {
            "network": self.network.state_dict(),
            "target": self.target.state_dict(),
            "selector": selector,
            "optimiser": self.optimiser.state_dict(),
            "schedule": schedule_state(self.schedule),
            "buffer": self.buffer.state(),
            "seen": self.seen.state(),
            "exploration": self.exploration.get_state(),
            "torch": torch.get_rng_state(),
        }

    def restore(self, state: Mapping[str, Any], seed: int) -> None:
        """Go on where `state` was called, in new episodes."""
        self.network.load_state_dict(state["network"])
        self.target.load_state_dict(state["target"])
        if self.selector is not None:
            as_module(self.selector).load_state_dict(state["selector"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.buffer.restore(state["buffer"])
        self.seen.restore(state["seen"])
        self.exploration.set_state(state["exploration"])
        self.restart(seed)
        torch.set_rng_state(state["torch"])

    def epoch(self, epoch: int, steps: int) -> dict[str, float]:
        """Make one pass over the images and return its numbers."""
        config = self.config
        self.epsilon = self._epsilon(epoch)
        end = config.feedback_weight_end
        if end is not None:
            share = epoch / max(1, config.epochs - 1)
            self.feedback_weight = linear(config.feedback_weight, end, share)
        if self.selector is not None:
            self.selector.anneal(epoch)
        sums = torch.zeros(3)
        reward = torch.zeros(())
        for _ in range(steps):
            losses, rewards = self.iterate()
            sums += losses
            reward += rewards.mean()
        if not sums.isfinite().all():
            raise InputError(
                f"The loss is not finite in epoch {epoch}; lower the learning rate or the penalty."
            )
        done = epoch + 1
        every = config.grid_update_every
        change = 0.0
        if (
            config.network == "kan"
            and every
            and done % every == 0
            and 2 * done < config.epochs
            and len(self.buffer)
        ):
            change = self._update_grids()
        if done % config.target_every == 0:
            self._update_target()
        rate = float(self.optimiser.param_groups[0]["lr"])
        self.schedule.step()
        td, cost, penalty = (sums / steps).tolist()
        return {
            "td_loss": td,
            "feedback_cost": cost,
            "penalty": penalty,
            "mean_reward": reward.item() / steps,
            "epsilon": self.epsilon,
            "feedback_weight": self.feedback_weight,
            "learning_rate": rate,
            "grid_update_change": change,
        }

    def iterate(self) -> tuple[Tensor, Tensor]:
        """Act once, and learn once if the buffer is ready.

        Returns temporal-difference loss, feedback cost and penalty (3,), and rewards (lanes,).
        """
        return self._literal_iteration() if self.literal else self._joint_iteration()

    def _joint_iteration(self) -> tuple[Tensor, Tensor]:
        """Act on the images shown; learn from replayed ones, whose features are selected again.

        The images to act on and the replayed next images go through the networks together.
        """
        config = self.config
        batch = self.buffer.sample(config.batch_size) if self._ready() else None
        count = len(self.now)
        with torch.no_grad():
            shown = self.now if batch is None else torch.cat((self.now, batch["next_state"]))
            features = self._select(self.seen.images.index_select(0, shown))
            values = self.network(features)
        actions = epsilon_greedy(values[:count], self.epsilon, self.exploration)
        now = self.now
        rewards, valid = self._step(actions)
        self._store(valid, state=now, action=actions, reward=rewards, next_state=self.now)
        if batch is None:
            return torch.zeros(3), rewards
        with torch.no_grad():
            target = double_q_target(
                batch["reward"], values[count:], self.target(features[count:]), config.gamma
            )
        images = self.seen.images.index_select(0, batch["state"])
        if self.selector is None:
            return self._learn(images, batch["action"], target, None, None), rewards
        selected = self.selector(images)
        feedback = self.seen.feedback.index_select(0, batch["state"])
        learned = self._learn(selected.features, batch["action"], target, selected, feedback)
        return learned, rewards

    def _literal_iteration(self) -> tuple[Tensor, Tensor]:
        """Algorithm 2 as printed: features are stored, feedback on the images shown is learned."""
        config = self.config
        assert self.selector is not None
        selected = self.selector(self.seen.images[self.now])
        features = selected.features.detach()
        if self.pending is not None:
            self.buffer.add(**self.pending, next_state=features[self.pending_rows])
        with torch.no_grad():
            values = self.network(features)
        actions = epsilon_greedy(values, self.epsilon, self.exploration)
        feedback = self.seen.feedback[self.now]
        rewards, valid = self._step(actions)
        self.pending = {
            "state": features[valid],
            "action": actions[valid],
            "reward": rewards[valid],
        }
        self.pending_rows = valid
        if not self._ready():
            return torch.zeros(3), rewards
        batch = self.buffer.sample(config.batch_size)
        with torch.no_grad():
            both = batch["next_state"]
            target = double_q_target(
                batch["reward"], self.network(both), self.target(both), config.gamma
            )
        apart = dataclasses.replace(selected, log_prob=None)
        learned = self._learn(batch["state"], batch["action"], target, apart, feedback)
        return learned, rewards

    def _learn(
        self,
        features: Tensor,
        actions: Tensor,
        target: Tensor,
        selected: SelectorOutput | None,
        feedback: Tensor | None,
    ) -> Tensor:
        """Make one gradient step and return temporal-difference loss, feedback cost and penalty."""
        config = self.config
        if config.penalty > 0:
            values, penalty = self.network.penalised(features, config.penalties)
        else:
            values, penalty = self.network(features), torch.zeros(())
        chosen = values.gather(1, actions[:, None])[:, 0]
        errors = nn.functional.smooth_l1_loss(chosen, target, reduction="none")
        td = errors.mean()
        loss = td + config.penalty * penalty
        cost = torch.zeros(())
        if selected is not None and feedback is not None:
            cost = feedback_cost(selected.relevance, feedback)
            loss = loss + self.feedback_weight * cost
            if selected.log_prob is not None:
                # REINFORCE on the loss, the batch's mean being the baseline.
                advantage = (errors - td).detach()
                loss = loss + config.score_weight * (advantage * selected.log_prob).mean()
        gradient = self.parameters.gradient.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        gradient.clamp_(-config.max_grad, config.max_grad)
        self.optimiser.step()
        return torch.stack((td.detach(), cost.detach(), penalty.detach()))

    def _step(self, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Step the environment; rewards, and which lanes made a transition."""
        observation, reward, terminated, truncated, info = self.env.step(actions.numpy())
        valid = ~self.resetting
        self.resetting = torch.from_numpy(np.logical_or(terminated, truncated))
        self.now = self.seen.add(observation, info)
        return torch.from_numpy(np.asarray(reward, np.float32)), valid

    def _store(self, valid: Tensor, **values: Tensor) -> None:
        if not valid.all():
            values = {name: value[valid] for name, value in values.items()}
        self.buffer.add(**values)

    def _ready(self) -> bool:
        return len(self.buffer) > self.config.batch_size

    def _select(self, images: Tensor) -> Tensor:
        return images if self.selector is None else self.selector(images).features

    def _epsilon(self, epoch: int) -> float:
        config = self.config
        if epoch < config.warm_up_epochs:
            return 1.0
        decay = max(1.0, config.epsilon_decay * config.epochs)
        share = (epoch - config.warm_up_epochs + 1) / decay
        return linear(config.epsilon_start, config.epsilon_end, share)

    def _update_target(self) -> None:
        """Copy the Q-network; with `recentre`, add to its values what that adds to the targets."""
        config = self.config
        if not (config.recentre and len(self.buffer)):
            self.target.load_state_dict(self.network.state_dict())
            return
        with torch.no_grad():
            features = self._replayed_features("next_state")
            best = self.network(features).argmax(-1, keepdim=True)
            before = self.target(features).gather(1, best).mean()
            self.target.load_state_dict(self.network.state_dict())
            after = self.target(features).gather(1, best).mean()
            self.network.value_shift += config.gamma * (after - before)

    def _replayed_features(self, name: str) -> Tensor:
        states = self.buffer.sample(_SAMPLES)[name]
        return states if self.literal else self._select(self.seen.images[states])

    def _update_grids(self) -> float:
        """Move the grids of both networks to where replayed features lie."""
        with torch.no_grad():
            features = self._replayed_features("state")
            self.target.update_grids(features)
            return self.network.update_grids(features)
