# SPDX-License-Identifier: MIT
"""The constants of a controller learned on return: PPO trains them in the environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from ns3kan.agents.equations.artefact.controller import Controller, ControllerOutput
from ns3kan.agents.equations.fitting.module import LogitModule
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture, RatioActor
from ns3kan.agents.networks.normalisation import set_normalisation
from ns3kan.agents.ppo import PPO, PPOConfig
from ns3kan.agents.training.names import names_of
from ns3kan.agents.training.rollout import Collector, check_spaces
from ns3kan.agents.training.stepping import Array
from ns3kan.errors import InputError
from ns3kan.io.numbers import point_text

TUNING = PPOConfig(
    total_steps=4_096, learning_rate=2e-3, entropy_coefficient=0.0, start_concentration=30.0
)
"""For equations that decide well already: small steps, and decisions close to what they say."""


class TuningError(InputError):
    """The constants of a controller cannot be learned; the message says why."""


class FormulaActor(RatioActor):
    """A policy whose modes are a controller's ratios; features come in their own units.

    Parameters
    ----------
    controller
        Its decision is "ratio"; its limits are 0 and 1.
    feature_names
        Of the observation, in order.
    start_concentration
        How closely decisions follow the modes; see `RatioActor`.
    """

    def __init__(
        self, controller: Controller, feature_names: Sequence[str], start_concentration: float
    ) -> None:
        sizes = Architecture(len(feature_names), len(controller.outputs), "mlp")
        super().__init__(sizes, start_concentration=start_concentration)
        self.formulas = LogitModule(controller.expressions, feature_names)
        self.body = self.formulas

    def normalise(self, observation: Tensor) -> Tensor:
        """Observations as they are, in the precision of the constants."""
        return observation.to(self.shift.dtype)

    def logit(self, observation: Tensor) -> Tensor:
        """Logits (batch, actions) of the modes.

        Raises
        ------
        TuningError
            If the formula has no value in a state.
        """
        logit = super().logit(observation)
        wrong = logit.isnan().any(dim=-1)
        if wrong.any():
            place = int(wrong.nonzero()[0])
            names = self.formulas.formulas.feature_names
            state = point_text(dict(zip(names, observation[place].tolist(), strict=True)))
            raise TuningError(
                f"The formula has no value at {state}: it is not defined there, or its constants "
                "did not stay finite; take one that is defined and smooth on all states."
            )
        return logit


def tune(
    controller: Controller, vector_env: VectorEnv[Any, Any, Any], config: PPOConfig = TUNING
) -> Controller:
    """Learn the constants of a controller on return, by PPO on the formula itself.

    The formula's shape, its exponents and its inputs stay. Whether the result is better is for the
    returns on validation seeds to say; it needs not be.

    Parameters
    ----------
    controller
        Decides ratios between 0 and 1.
    vector_env
        Where it decides; stays open.
    config
        How long and how fast; what it says about the actor does not count.

    Returns
    -------
    Controller
        With the same inputs and outputs, and without fidelity record and guarantees, which would
        be those of other constants.

    Raises
    ------
    ControllerError
        If the environment lacks an input.
    TuningError
        If the decision is another, the outputs are not the environment's actions, the formula has
        no value in a state, or the constants do not stay finite.
    ValueError
        As `PPO.learn`.
    """
    names = names_of(vector_env, *check_spaces(vector_env))
    controller.check_inputs(names.features)
    decided = tuple(output.name for output in controller.outputs)
    if controller.decision != "ratio" or decided != names.actions:
        raise TuningError(
            f"The controller decides {', '.join(decided)} by {controller.decision}, but the "
            f"environment takes the ratios {', '.join(names.actions)}; give a controller of these."
        )
    if any(output.range != (0.0, 1.0) for output in controller.outputs):
        raise TuningError("Ratios are learned between 0 and 1; give outputs of this range.")
    policy = _policy(controller, vector_env, config)
    learned = PPO(config, start=policy).learn(vector_env)
    actor = learned.actor
    assert isinstance(actor, FormulaActor)
    try:
        expressions = actor.formulas.written()
    except ValueError as error:
        raise TuningError(
            "The constants did not stay finite: somewhere the formula is infinitely steep; take "
            "one that is smooth on all states."
        ) from error
    return Controller(
        controller.inputs,
        [
            ControllerOutput(output.name, str(expression), output.range)
            for output, expression in zip(controller.outputs, expressions, strict=True)
        ],
        provenance={**controller.provenance, "tuning": dataclasses.asdict(config)},
    )


def _policy(
    controller: Controller, vector_env: VectorEnv[Any, Any, Any], config: PPOConfig
) -> ActorCritic:
    """Put formula and critic together, on the scales that a first rollout shows."""
    names = names_of(vector_env, *check_spaces(vector_env))
    sizes = Architecture(
        len(names.features), len(names.actions), "mlp", critic_hidden=tuple(config.critic_hidden)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        policy = ActorCritic(sizes, names.features, names.units, names.actions)
        actor = FormulaActor(controller, names.features, config.start_concentration)
    policy.actor = actor
    generator = np.random.default_rng(config.seed)

    def act(observation: Array) -> Array:
        return actor.sample(torch.from_numpy(observation).float(), generator)

    rollout = Collector(vector_env, config.seed).collect(act, config.rollout_steps)
    set_normalisation(policy, rollout, vector_env.single_observation_space, config.gamma)
    return policy
