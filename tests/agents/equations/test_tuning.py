# SPDX-License-Identifier: MIT
"""Constants that are off are put right by their returns, and rounded as far as these allow."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.choice.episode_returns import EpisodeReturns
from ns3kan.agents.equations.choice.front import Point
from ns3kan.agents.equations.choice.rounding import round_on_return
from ns3kan.agents.equations.choice.tuning import TuningError, tune
from ns3kan.agents.ppo import PPOConfig


class Target(gymnasium.Env[Any, Any]):
    """The best ratio is 1/(1 + exp(1 - 2*load)); the reward is minus the squared distance."""

    feature_names = ("noise", "load")
    feature_units = ("1", "1")
    action_names = ("ratio",)

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-10.0, 10.0, (2,), np.float64)
        self.action_space = spaces.Box(0, 1, (1,), np.float64)

    def _observe(self) -> Any:
        self.load = self.np_random.uniform(0, 2)
        return np.array([self.np_random.normal(), self.load]).clip(-10, 10)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        return self._observe(), {}

    def step(self, action: Any) -> Any:
        self.t += 1
        reward = -float((action[0] - 1 / (1 + np.exp(1 - 2 * self.load))) ** 2)
        return self._observe(), reward, False, self.t >= 50, {}


LOAD = ControllerInput("load", "1", (0.0, 2.0))


def controller(text: str, range: Any = (0.0, 1.0), **changes: Any) -> Controller:
    return Controller([LOAD], [ControllerOutput("ratio", text, range)], **changes)


FAST = PPOConfig(
    total_steps=4_096,
    rollout_steps=256,
    minibatch_size=128,
    learning_rate=3e-2,
    gamma=0.0,
    entropy_coefficient=0.0,
    start_concentration=30.0,
)


def test_a_formula_that_is_off_gets_better_on_return() -> None:
    # Fitted to the wrong policy: on average a third of what a ratio can be wrong by.
    off = controller("1/(1 + exp(2.5 - 1.2*load))", provenance={"by": "test"})
    env = SyncVectorEnv([Target] * 2)
    tuned = tune(off, env, FAST)
    assert tuned.provenance["by"] == "test"
    assert tuned.provenance["tuning"]["total_steps"] == 4_096
    assert not tuned.guarantees
    returns = EpisodeReturns(SyncVectorEnv([Target]), range(900, 910))
    before, after = np.array(returns(off)), np.array(returns(tuned))
    # In each of ten episodes at most a quarter of the loss is left: half of the way, at least.
    assert (after > before / 4).all()
    again = tune(off, env, FAST)
    assert again.outputs == tuned.outputs

    exact = Point(tuned, tuple(after))
    rounded = round_on_return(exact, returns)
    assert rounded.controller.provenance["digits"] < 8
    assert rounded.nodes <= exact.nodes
    shortfall = after - np.array(rounded.returns)
    assert shortfall.mean() <= shortfall.std(ddof=1) / np.sqrt(len(shortfall))
    assert rounded.returns == tuple(returns(rounded.controller))


def test_the_fewest_digits_that_keep_the_return() -> None:
    exact = controller("0.123456*load + 0.3333333")

    def returns(changed: Controller) -> list[float]:
        # 0.1 and 0.3 cost 0.05 and more, 0.12 and 0.33 at most 0.011, everything below is noise.
        wrong = np.abs(changed([[1.0], [2.0]]) - exact([[1.0], [2.0]])).max()
        return [-wrong if wrong > 0.02 else 0.0, -2 * wrong if wrong > 0.02 else 0.0]

    rounded = round_on_return(Point(exact, (0.0, 0.0)), returns)
    assert rounded.controller.outputs[0].expression in ("0.12*load + 0.33", "0.33 + 0.12*load")
    assert rounded.controller.provenance["digits"] == 2
    stubborn = round_on_return(
        Point(exact, (0.0, 0.0)), lambda changed: [0.0 if changed is exact else -1.0, -1.0]
    )
    assert stubborn.controller is exact


def test_what_simplifying_makes_of_rounded_constants_is_rounded() -> None:
    exact = controller("1/(1 + exp(0.7123 - 3.456*load))")
    rounded = round_on_return(Point(exact, (0.0, 0.0)), lambda changed: [0.0, 0.0])
    # The exponential of 0.7 is a factor, 2.01375...
    assert rounded.controller.outputs[0].expression == "1/(1 + 2*exp(-3*load))"


def test_controllers_that_cannot_be_tuned() -> None:
    env = SyncVectorEnv([Target])
    index = Controller([LOAD], [ControllerOutput("index", "load")], "index")
    with pytest.raises(TuningError, match="decides index by index, but the environment takes the"):
        tune(index, env)
    with pytest.raises(TuningError, match="Ratios are learned between 0 and 1; give outputs"):
        tune(controller("load", range=(0.2, 0.8)), env)
    undefined = controller("1/(1 + exp(log(load - load - 1)))")
    small = PPOConfig(total_steps=64, rollout_steps=64)
    with pytest.raises(TuningError, match=r"has no value at noise=.*, load=.*: it is not defined"):
        tune(undefined, env, small)
