# SPDX-License-Identifier: MIT
"""Long-run costs of policies over environments, by trajectories with common seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.classical import IndexPolicy, make_policy
from ns3kan.agents.components.runners import IndexFunction, IndexRunner, StepRunner, make_runner
from ns3kan.agents.components.trajectories import Floats, Runner
from ns3kan.agents.training.threads import torch_threads
from ns3kan.bridge.queues.environment_sets import EnvironmentSet
from ns3kan.bridge.queues.vector_env import QueueVectorEnv

FloatArray = npt.NDArray[np.float64]
MakeRunner = Callable[[QueueVectorEnv, int, int], Runner]
"""From a vector environment, its seed and the policy's seed."""

# Seeds of evaluations, apart from those of training.
ENVIRONMENT_SEED, POLICY_SEED = 900_000, 910_000
GIVE_UP = 50.0
"""J₀ that a run that is stopped as unstable would at least have reached."""
# Steps between two looks at how long the queues are.
_BLOCK = 2_500


@torch_threads(1)
def evaluate(
    make: MakeRunner,
    environments: EnvironmentSet,
    *,
    steps: int,
    trajectories: int,
    observe_rates: bool = True,
    seed: int = ENVIRONMENT_SEED,
    give_up: float = GIVE_UP,
    ties: str = "random",
) -> FloatArray:
    """Normalised costs J₀ = J(π)/J(π₀) of a policy, shape (environments,).

    All policies meet the same arrivals and capacities. Where the mean cost so far is more than
    ``give_up`` times J(π₀) times the share of steps done, that is, where it would be at least so
    much at the end even if all queues emptied at once, the rest is not simulated and infinity is
    returned: the policy is unstable there.

    Parameters
    ----------
    make
        Makes the policy's runner.
    environments
        With their reference costs.
    steps, trajectories
        Length and number of trajectories in each environment.
    observe_rates
        Whether the policy sees mean rates.
    seed
        Of the first trajectory of the first environment.
    give_up
        See above.
    ties
        Which of equal components is chosen: any, "random", or the first, "lowest".
    """
    env = environments.make_vec(trajectories, observe_rates=observe_rates)
    runner = make(env, seed, POLICY_SEED)
    total = np.zeros(env.num_envs)
    limit = give_up * np.repeat(environments.reference_costs, trajectories)
    unstable = np.zeros(env.num_envs, dtype=np.bool_)
    done = 0
    while done < steps:
        block = min(_BLOCK, steps - done)
        total += block * runner.mean_costs(block, ties=ties)
        done += block
        gone = total / steps > limit
        unstable |= gone
        if unstable.all():
            break
        if gone.any():
            # Emptied now and then, so that their queues do not slow the others down.
            runner.forget(gone)
    env.close()
    costs = np.where(unstable, np.inf, total / steps).reshape(-1, trajectories).mean(axis=1)
    return np.asarray(costs / environments.reference_costs)


def of_network(path: Path) -> MakeRunner:
    """Runner of a trained policy, which acts greedily."""
    return of_policy(ComponentActorCritic.load(path))


def of_policy(policy: ComponentActorCritic) -> MakeRunner:
    """Runner of a policy, which acts greedily."""
    return lambda env, env_seed, seed: make_runner(env, policy.actor, seed=seed, env_seed=env_seed)


def of_index(index: IndexFunction) -> MakeRunner:
    """Runner of an index, a function of states of single components (n, features)."""

    def make(env: QueueVectorEnv, env_seed: int, seed: int) -> Runner:
        env.reset(seed=env_seed)
        return IndexRunner(env, index, seed)

    return make


def of_classical(name: str) -> MakeRunner:
    """Runner of a classical policy by name, ties broken at random."""

    def make(env: QueueVectorEnv, env_seed: int, seed: int) -> Runner:
        observations, _ = env.reset(seed=env_seed)
        policy = make_policy(name, env, seed=seed)
        if name in _NOT_BY_SCORE:
            return StepRunner(
                env, observations, lambda seen, mode, ties: policy(seen), env_seed=env_seed
            )
        return IndexRunner(env, _scores(policy), seed)

    return make


_NOT_BY_SCORE = ("random", "round_robin", "power_of_d")


def _scores(policy: IndexPolicy) -> IndexFunction:
    def index(states: FloatArray) -> Floats:
        # One queue each; the number of queues that the policy was made for does not matter here.
        policy.num_queues = None
        return policy.scores(states[:, None, :])[:, 0]

    return index
