# SPDX-License-Identifier: MIT
"""Q-networks as policies of Stable-Baselines3's DQN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium import spaces
from numpy.typing import ArrayLike
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.dqn.policies import QNetwork as StableBaselinesQNetwork

from ns3kan.agents.networks.q_network import QArchitecture, QNetwork
from ns3kan.agents.stable_baselines.scales import checked_scales, set_scales
from ns3kan.agents.training.settings import NetworkKind


class QPolicy(DQNPolicy):  # type: ignore[misc]
    """KAN or perceptron that values all choices, for DQN.

    Parameters
    ----------
    observation_space, action_space, lr_schedule
        As Stable-Baselines3 gives them: a Box, flattened if need be, and a Discrete space.
    network
        ``"kan"`` or ``"mlp"``.
    hidden
        Widths of its hidden layers; None is one layer of 8 (KAN) or 32 (perceptron).
    grid
        Grid intervals of a KAN.
    shift, scale
        Observations enter the network as ``(observation - shift) / scale``; from
        `observation_scales`, or those of the space's bounds if it has any.
    others
        Of `stable_baselines3.dqn.policies.DQNPolicy`.

    Attributes
    ----------
    q_net
        Its own ``q_net`` is a `QNetwork`.

    Raises
    ------
    ValueError
        If there are no scales for an unbounded observation.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Any,
        *,
        network: NetworkKind = "kan",
        hidden: Sequence[int] | None = None,
        grid: int = 3,
        shift: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        **others: Any,
    ) -> None:
        self._given = {
            "network": network,
            "hidden": hidden,
            "grid": grid,
            "shift": shift,
            "scale": scale,
        }
        self._scales = checked_scales(observation_space, shift, scale)
        self._architecture = QArchitecture(
            spaces.flatdim(observation_space),
            int(action_space.n) if isinstance(action_space, spaces.Discrete) else 0,
            network,
            None if hidden is None else tuple(hidden),
            grid,
        )
        super().__init__(observation_space, action_space, lr_schedule, **others)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), **self._given}

    def make_q_net(self) -> StableBaselinesQNetwork:
        """Make a network, with new weights."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        wrapped = StableBaselinesQNetwork(**arguments)
        wrapped.q_net = QNetwork(self._architecture)
        set_scales(wrapped.q_net, self._scales)
        return wrapped.to(self.device)
