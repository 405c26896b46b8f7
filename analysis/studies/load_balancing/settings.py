# SPDX-License-Identifier: MIT
"""What the load-balancing study runs, and on which seeds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from ns3kan.agents.equations.choice.tuning import TUNING
from ns3kan.agents.equations.search.distil import DistilConfig
from ns3kan.agents.equations.search.formula_search import SearchConfig
from ns3kan.agents.ppo import PPOConfig

Reward = Literal["utility", "loss", "delay", "combined"]
Network = Literal["kan", "mlp"]
REWARDS: tuple[Reward, ...] = get_args(Reward)
NETWORKS: tuple[Network, ...] = get_args(Network)
EQUATIONS: dict[Network, str] = {"kan": "equation", "mlp": "PPO-DS"}
"""What the equations are called: those read from KANs, and those distilled of MLPs."""

Rival = Literal[
    "tuned constant",
    "tuned primary",
    "soft least-delay",
    "soft least-utilised",
    "linear logistic",
    "direct search",
    "equation by CMA-ES",
]
RIVALS: tuple[Rival, ...] = get_args(Rival)
"""Controllers without a network whose constants, or formulas, are searched on the same episodes,
as many decisions as a training takes: the four rules with their constants free, a logistic function
of a weighted sum of all features, formulas of the grammar, and the deployed equation once more."""
REPEATED: tuple[Rival, ...] = ("linear logistic", "direct search")
"""Those whose search is random, and is repeated as often as the trainings."""

FEATURES = {
    "load": "1",
    "load_delta": "1",
    "mpls_delay": "s",
    "mpls_loss": "1",
    "mpls_utilisation": "1",
    "internet_delay": "s",
    "internet_loss": "1",
    "internet_utilisation": "1",
}
"""Units of the scenario's features, by name."""

TRADITIONAL = ("equal", "capacity", "primary", "least-delay", "least-utilised")
"""Controllers that the scenario knows by name."""
SCENARIO = "sdwan"
ENVIRONMENT = "ns3kan/SdWan-v0"
_DURATION, _INTERVAL = 60.0, 0.5  # of an episode, and between two decisions [s], the scenario's own


@dataclass(frozen=True)
class Transfer:
    """A network or traffic that no policy was trained on.

    Attributes
    ----------
    arguments
        Of the scenario, beside those of the study.
    scenario
        Its name.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    scenario: str = SCENARIO


TRANSFERS = {
    "as trained": Transfer(),
    "slower mpls": Transfer({"mpls_rate": "4Mbps"}),
    "faster internet": Transfer({"internet_rate": "15Mbps"}),
    "long internet": Transfer({"internet_delay": "60ms"}),
    "lossy internet": Transfer({"internet_loss": 0.03}),
    "heavy load": Transfer({"min_load": "8Mbps", "max_load": "16Mbps"}),
    "no cross traffic": Transfer({"cross_sources": 0}),
    "large flows": Transfer({"mean_flow_size": 200_000}),
    "tcp": Transfer({"transport": "tcp"}),
    # The same two paths, the second of which loses everything from 25 s to 35 s.
    "link failure": Transfer({"topology": "sdwan-failure"}, "parallel-paths"),
}
"""What the unchanged equations are tried on."""

_UTILITY, _LOSS, _DELAY = 1.0, 1.0, 10.0  # weights of the reward "combined", the scenario's own


@dataclass(frozen=True)
class LoadBalancingStudy:
    """Settings of ``ns3kan reproduce load-balancing``."""

    rewards: tuple[Reward, ...] = REWARDS
    """What policies are trained for."""
    seeds: int = 5
    """Trainings of each network for each reward."""
    total_steps: int = 24_576
    """Decisions of a training."""
    simulators: int = 2
    """Simulators that a training uses."""
    rates: dict[Network, float] = field(default_factory=lambda: {"kan": 5e-3, "mlp": 3e-3})
    """Learning rates, swept on a seed of its own and judged by the validation episodes."""
    extraction_episodes: int = 16
    """Episodes of a trained policy whose states its equation is fitted to."""
    prices: tuple[float, ...] = (3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
    """Shares of variance that one more node must explain; each gives a candidate."""
    most_terms: tuple[int, ...] = (2, 4, 8)
    """Most terms of a candidate."""
    distillation: DistilConfig = field(
        default_factory=lambda: DistilConfig(
            rounds=2,
            steps=1_500,
            search=SearchConfig(functions=("^2", "exp", "tanh", "min", "max")),
        )
    )
    """How the equations of PPO-DS are searched. Division is left out, for what they are without it
    has no poles in states that they meet only later."""
    validation_episodes: int = 10
    """Episodes by which an equation is chosen from its front."""
    tuning_steps: int = 4_096
    """Decisions from which PPO learns the constants of the chosen equation on return, which are
    then rounded to the fewest digits that keep it; the result joins the front. 0 does neither."""
    most_nodes: int = 25
    """Longest equation that may be chosen."""
    rivals: tuple[Rival, ...] = RIVALS
    """Which of `RIVALS` are searched."""
    transferred: tuple[Rival, ...] = ("tuned primary", "linear logistic", "direct search")
    """Which of them are tried on other networks."""
    transferred_for: tuple[Reward, ...] = ("utility",)
    """Rewards for which they are."""
    choice_episodes: int = 30
    """Episodes, those of validation first, by which one of the trainings' equations is chosen to be
    deployed: as many as it is then judged by."""
    evaluation_episodes: int = 30
    """Held-out episodes, the same for all."""
    constants: tuple[float, ...] = tuple(np.round(np.linspace(0.0, 1.0, 21), 2).tolist())
    """Constant ratios that the hindsight oracle chooses from."""
    load_bins: int = 6
    """Loads, by quantile, that the oracle by load may treat differently."""
    transfers: tuple[str, ...] = tuple(TRANSFERS)
    """Which of `TRANSFERS` are run."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Arguments of the scenario in training, beside the reward."""
    workers: int = 2
    """Trainings, and simulations, at the same time."""

    def extraction_seeds(self) -> range:
        """Seeds of episodes on which equations are fitted; training has those below."""
        return range(500, 500 + self.extraction_episodes)

    def validation_seeds(self) -> range:
        """Seeds by which an equation is chosen from the candidates of a training."""
        return range(700, 700 + self.validation_episodes)

    def choice_seeds(self) -> range:
        """Seeds by which the deployed equation is chosen."""
        return range(700, 700 + self.choice_episodes)

    def evaluation_seeds(self) -> range:
        """Seeds that are looked at once."""
        return range(3000, 3000 + self.evaluation_episodes)

    def search_seeds(self, repetition: int) -> range:
        """Seeds of episodes that a rival's search may use, all of them below those of fits."""
        size = self.extraction_seeds().start // self.seeds
        return range(size * repetition, size * (repetition + 1))

    def episode_decisions(self) -> int:
        """How many decisions an episode has."""
        duration = float(self.arguments.get("duration", _DURATION))
        return math.floor(duration / float(self.arguments.get("interval", _INTERVAL)))

    def repetitions(self, rival: Rival) -> int:
        """How often a rival is searched."""
        return self.seeds if rival in REPEATED else 1

    def tuning(self, seed: int) -> PPOConfig:
        """Configure the learning of an equation's constants."""
        # Beyond all seeds of distillations, below those of validation.
        return dataclasses.replace(TUNING, total_steps=self.tuning_steps, seed=650 + 4 * seed)

    def distil(self, seed: int) -> DistilConfig:
        """Configure a distillation."""
        # Each round takes a few seeds of environments.
        first = self.extraction_seeds().start + 20 * seed
        return dataclasses.replace(self.distillation, seed=first)

    def ppo(self, network: Network, seed: int) -> PPOConfig:
        """Configure a training."""
        return PPOConfig(
            total_steps=self.total_steps,
            actor=network,
            actor_hidden=() if network == "kan" else (64, 64),
            learning_rate=self.rates[network],
            # The environments of training take the seeds from here on.
            seed=10 * seed,
        )


def quick() -> LoadBalancingStudy:
    """Make settings in which everything runs within minutes; its numbers mean nothing."""
    return LoadBalancingStudy(
        rewards=("utility", "loss"),
        seeds=1,
        total_steps=1_024,
        extraction_episodes=4,
        prices=(1e-3,),
        most_terms=(2, 4),
        distillation=DistilConfig(
            rounds=1,
            steps=200,
            search=SearchConfig(
                functions=("^2",), population=50, generations=5, trials=10, candidates=3, states=100
            ),
        ),
        validation_episodes=2,
        choice_episodes=2,
        tuning_steps=0,
        evaluation_episodes=3,
        constants=(0.0, 0.5, 1.0),
        load_bins=2,
        transfers=("slower mpls", "tcp"),
        arguments={"duration": 15.0},
    )


def rewards_of(intervals: pd.DataFrame) -> dict[str, float]:
    """Mean of each reward, and of goodput [bit/s], delay [s] and loss, over an episode.

    Parameters
    ----------
    intervals
        As from `ns3kan.analysis.comparison.simulate.simulate` of an episode whose reward is the
        utility; from it and what else is measured the other rewards follow, so one simulation
        serves for all.
    """
    means = {name: float(intervals[name].mean()) for name in ("reward", "goodput", "delay", "loss")}
    utility = means.pop("reward")
    return {
        "utility": utility,
        "reward loss": -means["loss"],
        "reward delay": -means["delay"],
        "combined": _UTILITY * utility - _LOSS * means["loss"] - _DELAY * means["delay"],
        **means,
    }


def column_of(reward: Reward) -> str:
    """Column of `rewards_of` that holds a reward; more is better."""
    return f"reward {reward}" if reward in ("loss", "delay") else reward
