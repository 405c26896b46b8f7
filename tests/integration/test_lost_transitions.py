# SPDX-License-Identifier: MIT
"""What a simulator's death means to whoever learns or measures: processes that really die."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import TransformReward
from processes import living_simulators

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents import ddqn
from ns3kan.agents.components.average_cost_ppo import AverageCostPPO, AverageCostPPOConfig
from ns3kan.agents.components.encodings import multi_path_encoding
from ns3kan.agents.components.policy import ComponentActor, ComponentArchitecture
from ns3kan.agents.components.runners import StepRunner, make_runner
from ns3kan.agents.components.trajectories import Trajectories
from ns3kan.agents.ddqn import DDQN, DDQNConfig
from ns3kan.agents.discretise import DiscretiseRatios
from ns3kan.agents.equations.choice.episode_returns import EpisodeReturns
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.agents.networks.normalisation import set_normalisation
from ns3kan.agents.ppo import PPO, PPOConfig
from ns3kan.agents.training.replay import ReplayBuffer
from ns3kan.agents.training.rollout import Collector, Rollout
from ns3kan.agents.training.stepping import LostEpisodeError, Stepper
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.comparison.evaluate import evaluate
from ns3kan.analysis.comparison.policies import Contestant
from ns3kan.analysis.comparison.simulate import Simulation, simulate, simulator_seed
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import SimulatorError
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.packet_queues import PacketMultiPathRouting, PacketQueueVectorEnv
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

EXAMPLE = scenario_path("gym-example")
# The simulator dies in its third step, so that no episode is ever complete.
DEATH = {"command": EXAMPLE, "steps": 9, "fault": "exit-1", "fault_step": 3}
pytestmark = pytest.mark.filterwarnings("ignore:The simulator of environment:RuntimeWarning")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with torch_threads(1):
        yield


def dying(count: int = 2, mode: AutoresetMode = AutoresetMode.NEXT_STEP, **changes: Any) -> Any:
    """Environments with rewards from -2 to -1, whose simulators die."""
    env = Ns3VectorEnv(count, autoreset_mode=mode, **{**DEATH, **changes})
    return TransformReward(env, lambda reward: reward - 2.0)


class Dying(PacketMultiPathRouting):
    """A queue environment whose process is killed now and then."""

    steps_to_live = 23

    def step_async(self, action: Any) -> None:
        """Kill the simulator before it can answer, if it is time."""
        self.lived = getattr(self, "lived", 0) + 1
        if self.lived % self.steps_to_live == 0:
            assert self._session is not None
            os.kill(self._session._simulator.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        super().step_async(action)


def queues(count: int = 2, mode: AutoresetMode = AutoresetMode.NEXT_STEP) -> Any:
    return PacketQueueVectorEnv(
        count, Dying, autoreset_mode=mode, service_rates=[0.9, 0.7], observe_rates=True
    )


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_lost_step_is_not_valid_in_any_autoreset_mode(mode: AutoresetMode) -> None:
    with closing(dying(mode=mode)) as env:
        rollout = Collector(env, 1).collect(lambda seen: np.full((len(seen), 1), 0.5), 8)
    # Two steps, the one in which it dies, and in NEXT_STEP one that starts the next episode.
    pattern = [True, True, False] + [False] * (mode == AutoresetMode.NEXT_STEP)
    expected = np.resize(pattern, 8)
    np.testing.assert_array_equal(rollout.valid, np.stack([expected, expected], axis=1))
    np.testing.assert_array_equal(rollout.rewards[rollout.valid], -1.5)
    assert np.isnan(rollout.rewards[2]).all()
    assert rollout.done[2].all()
    assert not rollout.terminated.any()
    # No episode has a return.
    assert rollout.episode_returns == ()


def test_a_death_is_told() -> None:
    with closing(dying(1, fault_step=1)) as env:
        stepper = Stepper(env, 0, ("noise", "time", "level"))
        with pytest.warns(RuntimeWarning, match=r"environment 0 died in step 1; .*exit status 1"):
            stepper.step(np.zeros((1, 1)))


def test_nothing_is_bootstrapped_through_a_death() -> None:
    with closing(dying()) as env:
        rollout = Collector(env, 1).collect(lambda seen: np.full((len(seen), 1), 0.5), 8)
    torch.manual_seed(0)
    policy = ActorCritic(Architecture(3, 1, "mlp"), ("a", "b", "c"), ("1",) * 3, ("level",))
    config = PPOConfig(gamma=0.9, gae_lambda=0.8)
    values, advantages = PPO(config)._advantages(policy, rollout)
    assert np.isfinite(advantages).all()
    with torch.no_grad():
        last = policy.critic(torch.from_numpy(rollout.observations[2]).float()).double().numpy()
    # The last known step of an episode is followed by the value of what was seen after it.
    second = -1.5 + 0.9 * last - values[1]
    np.testing.assert_allclose(advantages[1], second, rtol=1e-6)
    first = -1.5 + 0.9 * values[1] - values[0] + 0.9 * 0.8 * second
    np.testing.assert_allclose(advantages[0], first, rtol=1e-6)
    # Every reward is -1.5, and so all returns are equal: the death neither pays nor costs.
    set_normalisation(policy, rollout, env.single_observation_space, 0.9)
    assert float(policy.critic.value_shift) == pytest.approx(-15.0)
    assert float(policy.critic.value_scale) < 1e-6


class WatchedPPO(PPO):
    """Notes what it learns from."""

    rollouts: list[Rollout]

    def _update(self, policy: Any, optimiser: Any, rollout: Rollout, *rest: Any) -> Any:
        self.rollouts.append(rollout)
        advantages, returns = rest[0], rest[1]
        assert np.isfinite(advantages[rollout.valid]).all()
        assert np.isfinite(returns[rollout.valid]).all()
        return super()._update(policy, optimiser, rollout, *rest)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_ppo_learns_from_known_steps_only(mode: AutoresetMode) -> None:
    learner = WatchedPPO(PPOConfig(total_steps=60, rollout_steps=16, minibatch_size=16, epochs=2))
    learner.rollouts = []
    with closing(dying(mode=mode)) as env:
        policy = learner.learn(env)
    learned = np.concatenate([each.rewards[each.valid] for each in learner.rollouts])
    assert policy.provenance["steps"] == len(learned) >= 60
    assert -2.0 <= learned.min() <= learned.max() <= -1.0
    assert all(bool(each.isfinite().all()) for each in policy.state_dict().values())


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_ddqn_remembers_known_steps_only(
    mode: AutoresetMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered: list[float] = []

    class Watched(ReplayBuffer):
        def add(self, **values: Any) -> None:
            remembered.extend(values["reward"].tolist())
            super().add(**values)

    monkeypatch.setattr(ddqn, "ReplayBuffer", Watched)
    config = DDQNConfig(total_steps=60, warm_up_steps=20, batch_size=8, log_every=20)
    with closing(DiscretiseRatios(dying(mode=mode), 3)) as env:
        network = DDQN(config).learn(env)
    assert set(remembered) <= {-2.0, -1.5, -1.0}
    assert len(remembered) >= 60
    assert all(bool(each.isfinite().all()) for each in network.state_dict().values())


def architecture() -> ComponentArchitecture:
    return ComponentArchitecture(multi_path_encoding(rates=True), "switch-type-kan")


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("critic", ["least-squares", "network"])
def test_average_cost_ppo_learns_from_known_steps_only(mode: AutoresetMode, critic: str) -> None:
    costs: list[np.ndarray[Any, Any]] = []
    config = AverageCostPPOConfig(
        total_steps=160, rollout_steps=40, minibatch_size=20, cut_interval=16, critic=critic
    )
    with closing(queues(mode=mode)) as env:
        policy = AverageCostPPO(architecture(), config, costs.append).learn(env)
    assert all(part.shape == (40, 2) for part in costs)
    # Every slot brings a packet, which cannot leave in it: no step is without a cost.
    assert np.concatenate(costs).min() >= 1.0
    assert policy.provenance["steps"] == 160
    assert all(bool(each.isfinite().all()) for each in policy.state_dict().values())


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_trajectory_ends_before_a_death_and_the_next_begins_empty(mode: AutoresetMode) -> None:
    with closing(queues(mode=mode)) as env:
        actor = ComponentActor(architecture()).double()
        runner = make_runner(env, actor, seed=0, env_seed=0)
        assert isinstance(runner, StepRunner)
        first, second = (runner.record(40) for _ in range(2))
    assert isinstance(first, Trajectories)
    assert len(first.costs) == 22
    for part in (first, second):
        assert part.is_interrupted
        assert len(part.observations) == len(part.costs) + 1 == len(part.actions) + 1
        # The packets that are there after a step are its cost.
        np.testing.assert_array_equal(part.observations[1:, :, :, 0].sum(-1), part.costs)
    np.testing.assert_array_equal(second.observations[0, :, :, 0], first.observations[0, :, :, 0])


def test_the_mean_cost_of_a_trajectory_with_a_death_is_an_error() -> None:
    with closing(queues()) as env:
        runner = make_runner(env, ComponentActor(architecture()).double(), seed=0, env_seed=40)
        with pytest.raises(LostEpisodeError, match=r"seed 40 was lost .*killed by SIGKILL"):
            runner.mean_costs(30)


def test_returns_of_an_episode_with_a_death_are_an_error() -> None:
    with closing(dying(1)) as env:
        returns = EpisodeReturns(env, seeds=[5, 6])
        with pytest.raises(LostEpisodeError, match=r"seed 5 was lost .*exit status 1"):
            returns.of_policy(lambda seen: np.full((len(seen), 1), 0.5))


def test_distillation_collects_the_states_that_were_seen() -> None:
    pytest.importorskip("pyoperon")
    from ns3kan.agents.equations.search.distil import DistilConfig, _Distiller
    from ns3kan.agents.equations.search.teachers import as_teacher

    with closing(dying()) as env:
        teacher = as_teacher(lambda seen: np.full((len(seen), 1), 0.5), env)
        distiller = _Distiller(DistilConfig(steps=20), teacher, env, {})
        distiller._collect(None, 0)
    # Those of the first two steps of an episode.
    assert set(distiller.observations[0][:, 1]) == {0.0, 1.0}


def register_dying() -> str:
    name = "test/Dying-v0"
    if name not in gymnasium.registry:
        gymnasium.register(
            id=name,
            entry_point=lambda **arguments: Ns3Env(**{**DEATH, **arguments}),  # type: ignore[arg-type]
            vector_entry_point=lambda num_envs, **arguments: Ns3VectorEnv(
                num_envs, **{**DEATH, **arguments}
            ),
        )
    return name


def test_an_evaluation_with_a_death_says_seed_status_and_stderr() -> None:
    half = Contestant("half", "network", lambda seen: np.full((len(seen), 1), 0.5))
    with pytest.raises(LostEpisodeError) as caught:
        evaluate([half], [7, 8], environment=register_dying(), arguments={}, workers=1)
    assert re.search(
        r"half has no score for seed 7.*exit status 1.*stderr", str(caught.value), re.DOTALL
    )


def test_an_evaluation_in_a_scenario_of_paths_with_a_death_says_so() -> None:
    before = living_simulators("sdwan")

    def kills(seen: Any) -> Any:
        (child,) = living_simulators("sdwan") - before
        os.kill(child, signal.SIGKILL)
        return np.full((len(seen), 1), 0.5)

    with pytest.raises(LostEpisodeError, match=r"murder has no score for seed 3.*SIGKILL"):
        evaluate(
            [Contestant("murder", "network", kills)],
            [3],
            environment="ns3kan/SdWan-v0",
            arguments={"duration": 5},
            workers=1,
        )


def test_a_simulation_that_ends_badly_says_seed_status_and_stderr(tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    run = Simulation(missing, simulator_seed(9), {"duration": 5}, episode_seed=9)
    with pytest.raises(SimulatorError) as caught:
        simulate(run)
    assert re.search(
        r"exit status 1 \(seed 9, .*stderr:\n.*missing\.json", str(caught.value), re.DOTALL
    )


def test_a_single_environment_raises_in_whatever_library_drives_it() -> None:
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    with Ns3Env(**DEATH) as env:  # type: ignore[arg-type]
        model = stable_baselines3.PPO("MlpPolicy", env, n_steps=16, batch_size=16, device="cpu")
        with pytest.raises(SimulatorError, match="exit status 1"):
            model.learn(16)
        assert model.rollout_buffer.pos == 2
