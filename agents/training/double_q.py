# SPDX-License-Identifier: MIT
"""The target of double Q-learning."""

from torch import Tensor


def double_q_target(
    reward: Tensor,
    next_values: Tensor,
    next_target_values: Tensor,
    gamma: float,
    terminated: Tensor | None = None,
) -> Tensor:
    """Return reward + γ Q_target(s', argmax_a Q(s', a)), (batch,).

    The online network chooses the next action and the target network says what it is worth, so that
    the noise of one does not make a maximum of the other's (van Hasselt, Guez, Silver 2016, eq. 4).

    Parameters
    ----------
    reward
        Shape (batch,).
    next_values, next_target_values
        Values of the next state by the online and the target network, shape (batch, actions).
    gamma
        Discount.
    terminated
        Where nothing follows, shape (batch,); None for nowhere.
    """
    best = next_values.argmax(-1, keepdim=True)
    ahead = next_target_values.gather(1, best)[:, 0]
    if terminated is not None:
        ahead = ahead.masked_fill(terminated, 0.0)
    return reward + gamma * ahead
