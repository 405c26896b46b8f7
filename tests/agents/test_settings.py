# SPDX-License-Identifier: MIT
"""Settings that would fail later are refused when they are made, and by the limit they break."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from ns3kan.agents.components.average_cost_ppo import AverageCostPPOConfig
from ns3kan.agents.components.encodings import multi_path_encoding
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.ddqn import DDQNConfig
from ns3kan.agents.feature_selection.config import FeatureSelectionConfig
from ns3kan.agents.feature_selection.feature_selector import FSNet, dropout
from ns3kan.agents.networks.actor_critic import Architecture
from ns3kan.agents.networks.q_network import QArchitecture
from ns3kan.agents.ppo import PPOConfig

CONFIGS: list[Any] = [PPOConfig, AverageCostPPOConfig, DDQNConfig, FeatureSelectionConfig]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("learning_rate", math.inf, "be finite"),
        ("learning_rate", 0.0, "be positive"),
        ("learning_rate", math.nan, "be positive"),
        ("torch_threads", 1.5, "be a whole number"),
        ("torch_threads", True, "be a whole number"),
        ("torch_threads", 0, "be at least 1"),
        ("seed", -1, "not be negative"),
        ("seed", 2**63, "be at most"),
        ("seed", 0.5, "be a whole number"),
    ],
)
def test_a_setting_is_refused_by_the_limit_that_it_breaks(
    config: Any, name: str, value: Any, what: str
) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value!r}; it must {what}"):
        config(**{name: value})


@pytest.mark.parametrize(
    ("config", "name", "value", "what"),
    [
        (PPOConfig, "entropy_coefficient", math.inf, "be finite"),
        (PPOConfig, "minibatch_size", 0.5, "be a whole number"),
        (PPOConfig, "rollout_steps", 128.0, "be a whole number"),
        (PPOConfig, "critic_hidden", (2.5,), "be a whole number"),
        (DDQNConfig, "weight_decay", math.inf, "be finite"),
        (DDQNConfig, "grid_update_every", 0.5, "be a whole number"),
        (FeatureSelectionConfig, "feedback_weight_end", math.inf, "be finite"),
        (FeatureSelectionConfig, "feedback_weight_end", math.nan, "not be negative"),
        (FeatureSelectionConfig, "outside", "nowhere", "be 'fade' or 'linear'"),
        (DDQNConfig, "grid", 0, "be at least 1"),
        (AverageCostPPOConfig, "start_spread", math.inf, "be finite"),
    ],
)
def test_settings_of_one_algorithm(config: Any, name: str, value: Any, what: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}(\[0\])? is .*; it must {what}"):
        config(**{name: value})


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (Architecture, {"features": 0}),
        (Architecture, {"features": 2, "grid": 0}),
        (Architecture, {"features": 2, "actor_hidden": (0,)}),
        (QArchitecture, {"inputs": 2, "actions": 2, "grid": 0}),
        (ComponentArchitecture, {"encoding": multi_path_encoding(True), "grid": 0}),
        (
            ComponentArchitecture,
            {"encoding": multi_path_encoding(True), "network": "stn", "hidden": (0,)},
        ),
    ],
)
def test_networks_that_cannot_be_made_are_refused_as_they_are_described(
    make: Any, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="it must"):
        make(**changes)


def test_infinity_switches_a_limit_off() -> None:
    config = AverageCostPPOConfig(cut_length=math.inf, value_clip=math.inf)
    assert config.cut_length == math.inf


@pytest.mark.parametrize("share", [0.999, 1.0, -0.1, math.nan])
def test_a_dropout_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"dropout=.* must lie between 0 and 0\.9961"):
        FSNet(dropout=share)


def test_the_largest_dropout_keeps_the_mean() -> None:
    selector = FSNet(dropout=255 / 256)
    torch.manual_seed(0)
    kept = dropout(torch.ones(1 << 18), selector.dropout)
    assert bool(kept.isfinite().all())
    # One in 256 stays, with the standard deviation of a binomial count.
    assert float(kept.mean()) == pytest.approx(1.0, abs=5 * math.sqrt(255 / 2**18))
