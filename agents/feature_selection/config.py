# SPDX-License-Identifier: MIT
"""What the training of a feature-selecting agent can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from ns3kan.agents.networks.kan.penalty import KanPenalty
from ns3kan.agents.networks.q_network import QArchitecture
from ns3kan.agents.training.schedules import LEARNING_RATE_SCHEDULES
from ns3kan.agents.training.settings import (
    require,
    require_counts,
    require_not_negative,
    require_positive,
    require_seed,
    require_shares,
)
from ns3kan.errors import InputError


@dataclass(frozen=True)
class FeatureSelectionConfig:
    """What the agent can be told; numbers in the paper's text are the defaults."""

    epochs: int = 100
    """Passes over the images."""
    training: str = "joint"
    """``"joint"``: the buffer holds which images were seen, the selector runs again on the replayed
    ones, and the temporal difference trains it too. ``"literal"``: Algorithm 2 as printed, the
    buffer holds selected features, and only the feedback cost trains the selector."""
    network: str = "kan"
    """Q-network, "kan" or "mlp"."""
    hidden: tuple[int, ...] | None = None
    """Widths of its hidden layers; None is the paper's 8 (KAN) or 32 (perceptron)."""
    grid: int = 3
    """Grid intervals of a KAN."""
    outside: str = "linear"
    """How a KAN's splines go on beyond their grids."""
    buffer_size: int = 100_000
    """Transitions in the replay buffer."""
    batch_size: int = 128
    """Transitions in a gradient step; there is one gradient step for each step of the lanes."""
    gamma: float = 0.99
    """Discount. The next image has nothing to do with the action, so it only adds to all values
    what the next images are worth on average."""
    learning_rate: float = 1e-3
    """Of Adam, at the start."""
    learning_rate_schedule: str = "cosine"
    """"constant", "exponential" or "cosine", stepped after each epoch."""
    weight_decay: float = 1e-4
    """Decoupled (AdamW)."""
    warm_up_epochs: int = 2
    """Epochs in which all actions are random; learning goes on meanwhile."""
    epsilon_start: float = 1.0
    """Share of random actions after the warm-up."""
    epsilon_end: float = 0.05
    """Share of random actions at the end of the decay."""
    epsilon_decay: float = 0.2
    """Share of all epochs in which it falls from one to the other, on a line."""
    target_every: int = 10
    """Epochs between two copies of the Q-network into the target network."""
    recentre: bool = True
    """With each such copy all targets rise, since γ times the new values of the next images is in
    them. Whether a constant, the same for all actions, is added to the Q-network's values then, so
    that it need not learn this rise; the greedy policy is the same. The paper has no such thing."""
    max_grad: float = 100.0
    """Every entry of a gradient is cut to this magnitude."""
    feedback_weight: float = 0.5
    """α, weight of the feedback cost."""
    feedback_weight_end: float | None = None
    """α in the last epoch, reached on a line; None keeps it."""
    score_weight: float = 1.0
    """Weight of the score function's estimate, for masks that carry no gradient themselves."""
    penalty: float = 0.0
    """λ, weight of the penalties on a KAN's edges; the paper gives no number."""
    penalties: KanPenalty = field(default_factory=KanPenalty)
    """Their weights relative to each other."""
    grid_update_every: int = 25
    """Epochs between two grid updates of a KAN, in the first half of training; 0 makes none."""
    torch_threads: int = 1
    """Threads of PyTorch; such small networks are fastest with one."""
    seed: int = 0
    """Seed of weights, masks, actions, replay and environment."""

    def __post_init__(self) -> None:
        owner = "The agent"
        require_counts(
            owner, self, "epochs", "buffer_size", "batch_size", "target_every", "torch_threads"
        )
        require_positive(owner, self, "learning_rate", "max_grad")
        require_not_negative(
            owner, self, "weight_decay", "feedback_weight", "score_weight", "penalty"
        )
        require_shares(owner, self, "gamma", "epsilon_start", "epsilon_end", "epsilon_decay")
        require_counts(owner, self, "warm_up_epochs", "grid_update_every", least=0)
        require_seed(owner, self)
        if self.feedback_weight_end is not None:
            require_not_negative(owner, self, "feedback_weight_end")
        training = self.training in ("joint", "literal")
        require(owner, self, "training", training, "be 'joint' or 'literal'")
        known = LEARNING_RATE_SCHEDULES
        require(
            owner,
            self,
            "learning_rate_schedule",
            self.learning_rate_schedule in known,
            f"be one of {', '.join(known)}",
        )
        # Refuses what the Q-network would.
        self.architecture(1, 1)
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
