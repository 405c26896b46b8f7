# SPDX-License-Identifier: MIT
"""PPO for queues against Stable-Baselines3's, from a new environment to a trained policy.

``ns3kan/SingleHopScheduling-v0`` with Poisson arrivals and capacities, K = 4, one environment, and
five with rates of their own, which are then observed. Both train perceptrons of two hidden layers
of 64 for actor and critic with the switch-type paper's settings: 2,000 steps of each environment
between updates, minibatches of 100, 3 epochs, λ = 0.95, ε = 0.1, entropy 0.01, learning rate 3e-4,
discount 0.99, on one thread. A reward is a tenth of the packets, negative, so that
Stable-Baselines3's value loss is of the order of one; this project's PPO divides by the average
cost itself. Each sees queues as it does by default: Stable-Baselines3 as they are, this project's
networks on a logarithmic scale. For the costs, though not for the times, Stable-Baselines3 also
learns from that scale (``sb3_scaled``), so that a difference of inputs is not taken for one of
algorithms.

In a round both learn from scratch, with a seed of its own, for the same number of steps. Then both
policies decide greedily on the same draws of arrivals and capacities, and their mean costs are
compared. Stable-Baselines3 gets its own vector environment over `gymnasium.make` without checks.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
import torch

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.components.average_cost_ppo import AverageCostPPO, AverageCostPPOConfig
from ns3kan.agents.components.encodings import Encoding, Feature
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.bench import Result
from ns3kan.errors import MissingExtraError

ENVIRONMENT = "ns3kan/SingleHopScheduling-v0"
QUEUES, HIDDEN = 4, (64, 64)
ROLLOUT, MINIBATCH, EPOCHS = 2_000, 100, 3
RATE, CLIP, ENTROPY, LAMBDA, GAMMA = 3e-4, 0.1, 0.01, 0.95, 0.99
ARRIVALS, SERVICES = (0.2, 0.6), (3.0, 5.0)
"""Ranges of mean arrivals and capacities [packets/step]; choosing at random is stable."""
EVALUATION_SEED = 1_000_000

Decide = Callable[[np.ndarray], np.ndarray]
"""From observations (environments, K, features) to queues (environments,)."""
Scale = Callable[[np.ndarray], np.ndarray]
"""From observations to inputs of a network, of the same shape."""
Train = Callable[[int, int, int], tuple[float, Decide]]
"""From numbers of environments and steps, and a seed, to seconds and the policy."""


def run(
    rounds: int = 3,
    steps: Sequence[int] = (40_000, 100_000),
    evaluation_steps: int = 10_000,
) -> Result:
    """Compare steps per second and final costs.

    Parameters
    ----------
    rounds
        How often each of the two trains, with one environment and with five.
    steps
        Length of a training with one environment, and with five, all together.
    evaluation_steps
        Steps of each environment over which the costs of a trained policy are averaged.

    Raises
    ------
    RuntimeError
        If Stable-Baselines3 is not installed.
    """
    try:
        import stable_baselines3  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "The benchmark 'ppo' compares with Stable-Baselines3, which is not installed; "
            "install it with pip install 'ns3kan[sb3]'."
        ) from error
    ratios: dict[str, list[float]] = {}
    figures: dict[str, float] = {}
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        for environments, total, name in ((1, steps[0], "1_env"), (5, steps[1], "5_envs")):
            speeds: dict[str, list[float]] = {}
            costs: dict[str, list[float]] = {}
            candidates: dict[str, Train] = {
                "sb3": _train_theirs,
                "ours": _train_ours,
                "sb3_scaled": _train_theirs_scaled,
            }
            for train in candidates.values():
                # A turn that is not counted.
                train(environments, environments * ROLLOUT, 0)
            for seed in range(rounds):
                for who, train in candidates.items():
                    seconds, decide = train(environments, total, seed)
                    speeds.setdefault(who, []).append(total / seconds)
                    costs.setdefault(who, []).append(_cost(environments, decide, evaluation_steps))
            ratios[f"sb3_{name}"] = [
                mine / theirs for mine, theirs in zip(speeds["ours"], speeds["sb3"], strict=True)
            ]
            figures |= {
                f"{who}_{name}_steps_per_second": statistics.median(speeds[who])
                for who in ("ours", "sb3")
            }
            figures |= {
                f"{who}_{name}_final_cost_packets": statistics.fmean(costs[who]) for who in costs
            }
            figures[f"random_{name}_cost_packets"] = _cost(
                environments, _random(environments), evaluation_steps
            )
    return Result(bench="ppo", ratios=ratios, figures=figures)


def _train_ours(environments: int, steps: int, seed: int) -> tuple[float, Decide]:
    """Seconds of a training, and the policy."""
    architecture = ComponentArchitecture(
        _encoding(rates=environments > 1),
        network="mlp",
        components=QUEUES,
        hidden=HIDDEN,
        critic="flat",
        critic_hidden=HIDDEN,
    )
    config = AverageCostPPOConfig(
        total_steps=steps,
        rollout_steps=ROLLOUT,
        minibatch_size=MINIBATCH,
        epochs=EPOCHS,
        critic="network",
        critic_epochs=EPOCHS,
        learning_rate=RATE,
        critic_learning_rate=RATE,
        anneal=False,
        gamma=GAMMA,
        gae_lambda=LAMBDA,
        value_lambda=LAMBDA,
        clip_range=CLIP,
        entropy_coefficient=ENTROPY,
        seed=seed,
    )
    start = time.perf_counter()
    env = _vector_env(environments)
    policy = AverageCostPPO(architecture, config).learn(env)
    seconds = time.perf_counter() - start
    env.close()

    def decide(observations: np.ndarray) -> np.ndarray:
        return policy.actor.decide(torch.from_numpy(observations), ties="first")

    return seconds, decide


def _train_theirs_scaled(environments: int, steps: int, seed: int) -> tuple[float, Decide]:
    """Train it on inputs on the scale of this project's networks."""
    return _train_theirs(environments, steps, seed, _scale(rates=environments > 1))


def _train_theirs(
    environments: int, steps: int, seed: int, scale: Scale | None = None
) -> tuple[float, Decide]:
    """Seconds of a training, and the policy."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    start = time.perf_counter()
    env = DummyVecEnv([_maker(environments, i, scale) for i in range(environments)])
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=ROLLOUT,
        batch_size=MINIBATCH,
        n_epochs=EPOCHS,
        learning_rate=RATE,
        gamma=GAMMA,
        gae_lambda=LAMBDA,
        clip_range=CLIP,
        ent_coef=ENTROPY,
        policy_kwargs={"net_arch": {"pi": list(HIDDEN), "vf": list(HIDDEN)}},
        device="cpu",
        seed=seed,
    )
    model.learn(steps)
    seconds = time.perf_counter() - start
    env.close()

    def decide(observations: np.ndarray) -> np.ndarray:
        seen = observations if scale is None else scale(observations)
        return np.asarray(model.predict(seen, deterministic=True)[0])

    return seconds, decide


def _arguments(environments: int) -> dict[str, Any]:
    """Rates under which choosing at random is stable."""
    rng = np.random.default_rng(0)
    return {
        "arrival_rates": rng.uniform(*ARRIVALS, (environments, QUEUES)),
        "service_rates": rng.uniform(*SERVICES, (environments, QUEUES)),
        "observe_rates": environments > 1,
        "reward_scale": 0.1,
    }


def _encoding(rates: bool) -> Encoding:
    """Scales of this project's networks, for queues of some ten packets."""
    features = [Feature("queue_length", 1, 10.0, 1.0), Feature("capacity", 1, 6.0, 1.0)]
    if rates:
        features += [
            Feature("arrival_rate", 1, ARRIVALS[1], None),
            Feature("service_rate", -1, SERVICES[1], None),
        ]
    return Encoding(tuple(features))


def _scale(rates: bool) -> Scale:
    """Make the function from observations to the inputs of this project's networks."""
    encoding = _encoding(rates)
    return lambda observations: encoding.attractions(torch.from_numpy(observations)).numpy()


def _maker(environments: int, place: int, scale: Scale | None) -> Callable[[], Any]:
    arguments = _arguments(environments)
    arguments |= {name: arguments[name][place] for name in ("arrival_rates", "service_rates")}

    def make() -> gymnasium.Env[Any, Any]:
        env = gymnasium.make(ENVIRONMENT, disable_env_checker=True, **arguments)
        if scale is None:
            return env
        shape = env.observation_space.shape
        space = gymnasium.spaces.Box(-np.inf, np.inf, shape, np.float32)
        return gymnasium.wrappers.TransformObservation(env, scale, space)

    return make


def _vector_env(environments: int) -> Any:
    return gymnasium.make_vec(
        ENVIRONMENT,
        environments,
        vectorization_mode="vector_entry_point",
        **_arguments(environments),
    )


def _random(environments: int) -> Decide:
    generator = np.random.default_rng(0)
    return lambda observations: generator.integers(0, QUEUES, environments)


def _cost(environments: int, decide: Decide, steps: int) -> float:
    """Mean number of packets over all environments; each step's draws do not depend on actions."""
    env = _vector_env(environments)
    observations, _ = env.reset(seed=EVALUATION_SEED)
    total = 0.0
    for _ in range(steps):
        total += float(observations[..., 0].sum())
        observations, *_ = env.step(decide(observations))
    env.close()
    return total / (steps * environments)
