# SPDX-License-Identifier: MIT
"""What the training of a feature-selecting agent can be told."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from ns3kan.agents.networks.kan.penalty import KanPenalty
from ns3kan.agents.networks.q_network import Outside, QArchitecture
from ns3kan.agents.training.schedules import Schedule
from ns3kan.agents.training.settings import (
    Count,
    CountOrZero,
    Flag,
    NetworkKind,
    NotNegative,
    Positive,
    Seed,
    Share,
    Widths,
    settings,
)
from ns3kan.errors import InputError


@settings(frozen=True)
class FeatureSelectionConfig:
    """What the agent can be told; numbers in the paper's text are the defaults."""

    epochs: Count = 100
    """Passes over the images."""
    training: Literal["joint", "literal"] = "joint"
    """``"joint"``: the buffer holds which images were seen, the selector runs again on the replayed
    ones, and the temporal difference trains it too. ``"literal"``: Algorithm 2 as printed, the
    buffer holds selected features, and only the feedback cost trains the selector."""
    network: NetworkKind = "kan"
    """Q-network, "kan" or "mlp"."""
    hidden: Widths | None = None
    """Widths of its hidden layers; None is the paper's 8 (KAN) or 32 (perceptron)."""
    grid: Count = 3
    """Grid intervals of a KAN."""
    outside: Outside = "linear"
    """How a KAN's splines go on beyond their grids."""
    buffer_size: Count = 100_000
    """Transitions in the replay buffer."""
    batch_size: Count = 128
    """Transitions in a gradient step; there is one gradient step for each step of the lanes."""
    gamma: Share = 0.99
    """Discount. The next image has nothing to do with the action, so it only adds to all values
    what the next images are worth on average."""
    learning_rate: Positive = 1e-3
    """Of Adam, at the start."""
    learning_rate_schedule: Schedule = "cosine"
    """"constant", "exponential" or "cosine", stepped after each epoch."""
    weight_decay: NotNegative = 1e-4
    """Decoupled (AdamW)."""
    warm_up_epochs: CountOrZero = 2
    """Epochs in which all actions are random; learning goes on meanwhile."""
    epsilon_start: Share = 1.0
    """Share of random actions after the warm-up."""
    epsilon_end: Share = 0.05
    """Share of random actions at the end of the decay."""
    epsilon_decay: Share = 0.2
    """Share of all epochs in which it falls from one to the other, on a line."""
    target_every: Count = 10
    """Epochs between two copies of the Q-network into the target network."""
    recentre: Flag = True
    """With each such copy all targets rise, since γ times the new values of the next images is in
    them. Whether a constant, the same for all actions, is added to the Q-network's values then, so
    that it need not learn this rise; the greedy policy is the same. The paper has no such thing."""
    max_grad: Positive = 100.0
    """Every entry of a gradient is cut to this magnitude."""
    feedback_weight: NotNegative = 0.5
    """α, weight of the feedback cost."""
    feedback_weight_end: NotNegative | None = None
    """α in the last epoch, reached on a line; None keeps it."""
    score_weight: NotNegative = 1.0
    """Weight of the score function's estimate, for masks that carry no gradient themselves."""
    penalty: NotNegative = 0.0
    """λ, weight of the penalties on a KAN's edges; the paper gives no number."""
    penalties: KanPenalty = field(default_factory=KanPenalty)
    """Their weights relative to each other."""
    grid_update_every: CountOrZero = 25
    """Epochs between two grid updates of a KAN, in the first half of training; 0 makes none."""
    torch_threads: Count = 1
    """Threads of PyTorch; such small networks are fastest with one."""
    seed: Seed = 0
    """Seed of weights, masks, actions, replay and environment."""

    def __post_init__(self) -> None:
        if self.penalty > 0 and self.network != "kan":
            raise InputError("The penalty is on a KAN's edges; set it to 0 for the network 'mlp'.")

    def architecture(self, inputs: int, actions: int) -> QArchitecture:
        """Return the Q-network's sizes."""
        return QArchitecture(
            inputs,
            actions,
            self.network,
            self.hidden,
            self.grid,
            scaled=False,
            outside=self.outside,
        )
