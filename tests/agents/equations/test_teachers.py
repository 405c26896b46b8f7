# SPDX-License-Identifier: MIT
"""Policies of all makes answer as they decide, and only where they were trained."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.encodings import single_hop_encoding
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.equations.search.teachers import DistillationError, as_teacher
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.agents.networks.q_network import QArchitecture, QNetwork

RNG = np.random.default_rng(0)
NAMES = ("load", "delay")
RATIO, THREE = spaces.Box(0, 1, (1,)), spaces.Discrete(3)


class Random(gymnasium.Env[Any, Any]):
    """Shows numbers at random."""

    action_names = ("ratio",)

    def __init__(
        self, shape: tuple[int, ...], decided: spaces.Space[Any], names: tuple[str, ...] = NAMES
    ) -> None:
        self.observation_space = spaces.Box(-10.0, 10.0, shape, np.float32)
        self.action_space = decided
        self.feature_names = names

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        return self.observation_space.sample(), 0.0, False, True, {}


def make(*arguments: Any) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: Random(*arguments)])


@pytest.mark.parametrize("kind", ["kan", "mlp"])
def test_ratio_actors_answer_their_modes(kind: str) -> None:
    hidden = () if kind == "kan" else (8,)
    policy = ActorCritic(Architecture(2, 1, kind, hidden), NAMES, ("1", "s"), ("ratio",))
    seen = RNG.uniform(-1, 1, (5, 2))
    answers = as_teacher(policy, make((2,), RATIO))(seen)
    with torch.no_grad():
        modes = policy.actor.mode(torch.from_numpy(seen).float())
    np.testing.assert_array_equal(answers, modes.double().numpy())
    with pytest.raises(
        DistillationError, match=r"observes load, delay, but .* has delay, load; gi"
    ):
        as_teacher(policy, make((2,), RATIO, ("delay", "load")))
    with pytest.raises(DistillationError, match="decides ratios"):
        as_teacher(policy, make((2,), THREE))


@pytest.mark.parametrize("double", [False, True])
def test_policies_over_components_answer_their_values(double: bool) -> None:
    encoding = single_hop_encoding()
    policy = ComponentActorCritic(ComponentArchitecture(encoding, "stn", hidden=(8,)))
    if double:
        policy.double()
    seen = RNG.uniform(0, 9, (5, 3, 2))
    answers = np.asarray(as_teacher(policy, make((3, 2), THREE, encoding.names))(seen))
    assert answers.shape == (5, 3)
    tensor = torch.from_numpy(seen if double else seen.astype(np.float32))
    np.testing.assert_array_equal(answers.argmax(axis=1), policy.actor.decide(tensor, ties="first"))
    with pytest.raises(DistillationError, match="shows load, delay of each component, but"):
        as_teacher(policy, make((3, 2), THREE))


def test_q_networks_answer_their_values() -> None:
    network = QNetwork(QArchitecture(2, 3, "mlp"))
    seen = RNG.uniform(-1, 1, (5, 2))
    answers = np.asarray(as_teacher(network, make((2,), THREE))(seen))
    np.testing.assert_array_equal(
        answers.argmax(axis=1), network.choose(torch.from_numpy(seen).float()).numpy()
    )
    for misfit in (make((3,), THREE), make((2,), spaces.Discrete(2)), make((2,), RATIO)):
        with pytest.raises(DistillationError, match="takes 2 numbers and has 3 actions, but"):
            as_teacher(network, misfit)


def test_functions_answer_for_themselves() -> None:
    def policy(observation: Any) -> Any:
        return observation

    assert as_teacher(policy, make((2,), RATIO)) is policy


@pytest.mark.parametrize("policy", [torch.nn.Linear(2, 1), "controller.json", None])
def test_other_things_are_no_policies(policy: Any) -> None:
    kind = type(policy).__name__
    with pytest.raises(DistillationError, match=f"A {kind} is no policy that can be asked; give"):
        as_teacher(policy, make((2,), RATIO))


def test_models_of_stable_baselines() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    torch.manual_seed(0)
    ratios, choices = make((2,), RATIO), make((2,), THREE)
    seen = RNG.uniform(-10, 10, (40, 2))
    single = seen.astype(np.float32)

    ppo = sb3.PPO("MlpPolicy", Random((2,), RATIO), n_steps=8, batch_size=8, seed=0, device="cpu")
    answers = np.asarray(as_teacher(ppo, ratios)(seen))
    np.testing.assert_array_equal(answers, ppo.predict(single, deterministic=True)[0])
    # Its Gaussian means are clipped to the space.
    assert answers.shape == (40, 1)
    assert answers.min() >= 0.0

    for kind, options in (("PPO", {"n_steps": 8, "batch_size": 8}), ("DQN", {})):
        model = getattr(sb3, kind)(
            "MlpPolicy", Random((2,), THREE), seed=0, device="cpu", **options
        )
        scores = np.asarray(as_teacher(model, choices)(seen))
        assert scores.shape == (40, 3)
        np.testing.assert_array_equal(
            scores.argmax(axis=1), model.predict(single, deterministic=True)[0]
        )
        with pytest.raises(DistillationError, match="trained with the space Discrete"):
            as_teacher(model, ratios)
        with pytest.raises(DistillationError, match=r"space Discrete\(3\), .* Discrete\(2\); give"):
            as_teacher(model, make((2,), spaces.Discrete(2)))
    with pytest.raises(DistillationError, match="trained with the space Box"):
        as_teacher(ppo, make((3,), RATIO, ("a", "b", "c")))
