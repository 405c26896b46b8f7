# SPDX-License-Identifier: MIT
"""The networks of this package as policies of Stable-Baselines3.

What is inside afterwards is an `ActorCritic`, a `ComponentActor` or a `QNetwork` like those that
the algorithms here train, so that equations are read out of it in the same way. Needs the extra
``sb3``.

Examples
--------
>>> import gymnasium, ns3kan
>>> from stable_baselines3 import PPO
>>> env = gymnasium.make("ns3kan/SdWan-v0")
>>> model = PPO(RatioPolicy, env, policy_kwargs=ratio_policy_kwargs(env))  # doctest: +SKIP
>>> model.learn(24_576).policy.agent.save("checkpoint.safetensors")  # doctest: +SKIP
"""

from importlib.util import find_spec

from ns3kan.errors import MissingExtraError

if find_spec("stable_baselines3") is None:
    raise MissingExtraError(
        "ns3kan.agents.stable_baselines needs Stable-Baselines3: pip install 'ns3kan[sb3]'"
    )

from ns3kan.agents.stable_baselines.actor_critics import (
    ComponentPolicy,
    RatioPolicy,
    ratio_policy_kwargs,
)
from ns3kan.agents.stable_baselines.q_policy import QPolicy
from ns3kan.agents.stable_baselines.ratio_distribution import RatioDistribution
from ns3kan.agents.stable_baselines.scales import observation_scales

__all__ = [
    "ComponentPolicy",
    "QPolicy",
    "RatioDistribution",
    "RatioPolicy",
    "observation_scales",
    "ratio_policy_kwargs",
]
