# SPDX-License-Identifier: MIT
"""Critics of a long-run average: differential values of states, environment by environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from scipy.signal import lfilter

from ns3kan.agents.components.actor_critic import ComponentCritic
from ns3kan.agents.components.flat_parameters import Learner
from ns3kan.agents.components.gradients import make_pullback
from ns3kan.agents.components.trajectories import BoolArray, FloatArray, Trajectories


class Critic(Protocol):
    """Estimates how much more is to come from a state than on average."""

    def values(self, part: Trajectories) -> FloatArray:
        """Values of all states of a part of a rollout, shape (steps + 1, environments)."""
        ...

    def fit(
        self,
        rollout: Sequence[Trajectories],
        cuts: Sequence[BoolArray],
        rewards: Sequence[FloatArray],
        returns: FloatArray,
        share: float,
    ) -> None:
        """Learn from a rollout.

        Parameters
        ----------
        rollout
            Parts that follow each other.
        cuts
            After which of them an environment does not go on from where it was, (environments,).
        rewards
            Differential rewards of each part, (steps, environments).
        returns
            Estimated values of the states of the whole rollout, (steps, environments).
        share
            Part of the training that is left, 1 at its start.
        """
        ...

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called on a critic with the same arguments."""
        ...


class LeastSquaresCritic:
    """Least-squares temporal difference learning on quadratic features, LSTD(λ).

    In each environment V(s) = w·ψ(s), with ψ the lengths of the queues and all their products of
    two (a fluid's differential value is a quadratic form), capacities, min(q, y) and exp(−q/2) (the
    correction near an empty queue), all over their averages. w solves A w = b with

        A = Σ z_t (ψ(s_t) − γ ψ(s_{t+1}))ᵀ,   b = Σ z_t r_t,   z_t = γλ z_{t−1} + ψ(s_t)

    (Bradtke and Barto 1996; Boyan 2002), older rollouts weighing less and less. Unlike a network
    that descends a gradient it is exact after one rollout, which matters: which queue's packets
    cost more in the long run is a small difference of values, and a critic that has not found it
    draws the policy to what serves most packets at once, under which loaded queues grow.

    Parameters
    ----------
    gamma, trace_decay
        γ and λ.
    memory
        Weight of what was learned before, relative to the next rollout.
    ridge
        Added to A's diagonal, relative to its mean.
    """

    def __init__(
        self, gamma: float, trace_decay: float = 0.9, memory: float = 0.8, ridge: float = 1e-4
    ) -> None:
        self._gamma = gamma
        self._decay = gamma * trace_decay
        self._memory = memory
        self._ridge = ridge
        self._scale: FloatArray | None = None
        self._matrix: FloatArray | None = None
        self._vector: FloatArray | None = None
        self._weights: FloatArray | None = None

    def values(self, part: Trajectories) -> FloatArray:
        """Values of all states of a part of a rollout; 0 before the first fit."""
        features = self._features(part.observations)
        if self._weights is None:
            return np.zeros(features.shape[:2])
        return np.asarray(np.einsum("tef,ef->te", features, self._weights))

    def fit(
        self,
        rollout: Sequence[Trajectories],
        cuts: Sequence[BoolArray],
        rewards: Sequence[FloatArray],
        returns: FloatArray,
        share: float,
    ) -> None:
        """Learn from a rollout, see `Critic`."""
        matrix: npt.NDArray[np.float64] | float = 0.0
        vector: npt.NDArray[np.float64] | float = 0.0
        state: FloatArray | None = None
        for part, cut, reward in zip(rollout, cuts, rewards, strict=True):
            features = self._features(part.observations)
            start = np.zeros((1, *features.shape[1:])) if state is None else state
            traces, state = lfilter([1.0], [1.0, -self._decay], features[:-1], axis=0, zi=start)
            # The filter's state is decay times the last trace.
            state[:, cut] = 0.0
            change = features[:-1] - self._gamma * features[1:]
            # As matrix products, environment by environment.
            traces = traces.transpose(1, 2, 0)
            matrix = matrix + traces @ change.transpose(1, 0, 2)
            vector = vector + (traces @ reward.T[:, :, None])[..., 0]
        if self._matrix is not None and self._vector is not None:
            matrix = matrix + self._memory * self._matrix
            vector = vector + self._memory * self._vector
        self._matrix, self._vector = np.asarray(matrix), np.asarray(vector)
        diagonal = np.abs(np.einsum("eff->ef", self._matrix))
        load = self._ridge * diagonal + 1e-9 * diagonal.max(axis=1, keepdims=True)
        regular = self._matrix + load[:, :, None] * np.eye(load.shape[1])
        self._weights = np.linalg.solve(regular, self._vector[..., None])[..., 0]

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {
            "scale": self._scale,
            "matrix": self._matrix,
            "vector": self._vector,
            "weights": self._weights,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called, see `Critic`."""
        self._scale, self._matrix = state["scale"], state["matrix"]
        self._vector, self._weights = state["vector"], state["weights"]

    def _features(self, observations: npt.NDArray[np.float32]) -> FloatArray:
        """ψ, shape (steps + 1, environments, features)."""
        # An encoding may have turned their sign.
        lengths = np.abs(observations[..., 0].astype(np.float64))
        capacities = observations[..., 1].astype(np.float64)
        if self._scale is None:
            # Per environment, and fixed, for the sums over rollouts to stay comparable.
            self._scale = 1.0 + lengths.mean(axis=(0, 2), keepdims=True)
        served = np.minimum(lengths, capacities)
        scaled = lengths / self._scale
        pairs = combinations_with_replacement(range(lengths.shape[2]), 2)
        first, second = (list(places) for places in zip(*pairs, strict=True))
        return np.concatenate(
            (
                np.ones_like(lengths[..., :1]),
                scaled,
                scaled[..., first] * scaled[..., second],
                np.exp(-lengths / 2),
                capacities,
                served,
            ),
            axis=-1,
        )


class NetworkCritic:
    """A `ComponentCritic` trained on returns; its outputs are scaled environment by environment.

    Parameters
    ----------
    network
        Is trained.
    rate, highest_norm
        Step size at the start, bound on the gradient.
    epochs, minibatch_size
        Passes over a rollout, and transitions in a gradient step.
    clip
        Targets are cut at so many standard deviations.
    generator
        Of minibatches.
    """

    def __init__(
        self,
        network: ComponentCritic,
        rate: float,
        highest_norm: float,
        epochs: int,
        minibatch_size: int,
        clip: float,
        generator: np.random.Generator,
    ) -> None:
        self._network = network
        self._learner = Learner(network, rate, highest_norm)
        self._epochs = epochs
        self._size = minibatch_size
        self._clip = clip
        self._generator = generator
        # Values in units in which the network's outputs have a standard deviation of about 1.
        self._scale: FloatArray | None = None

    def values(self, part: Trajectories) -> FloatArray:
        """Values of all states of a part of a rollout; 0 before the first fit."""
        shape = part.observations.shape[:2]
        if self._scale is None:
            return np.zeros(shape)
        with torch.no_grad():
            seen = torch.from_numpy(part.observations).flatten(0, 1)
            standard = self._network.standard_value(seen).double().numpy()
        return np.asarray(standard.reshape(shape) * self._scale)

    def fit(
        self,
        rollout: Sequence[Trajectories],
        cuts: Sequence[BoolArray],
        rewards: Sequence[FloatArray],
        returns: FloatArray,
        share: float,
    ) -> None:
        """Learn from a rollout, see `Critic`."""
        spread = np.maximum(returns.std(axis=0), 1e-6)
        # Down slowly, up at once: a queue that starts to grow is not to be cut off.
        slow = spread if self._scale is None else 0.9 * self._scale + 0.1 * spread
        self._scale = np.maximum(spread, slow)
        # Differential values are known but for a constant: each environment's average is zero.
        targets = ((returns - returns.mean(axis=0)) / self._scale).clip(-self._clip, self._clip)
        observations = np.concatenate([part.observations[:-1] for part in rollout])
        with torch.no_grad():
            prepared = self._network.prepare(torch.from_numpy(observations).flatten(0, 1))
        seen_by_critic = prepared.numpy()
        columns = (seen_by_critic, targets.astype(seen_by_critic.dtype).ravel())
        self._learner.set_rate(share)
        pullback = make_pullback(self._network)
        for seen, target in minibatches(columns, self._epochs, self._size, self._generator):
            values, set_gradients = pullback(seen)
            # The gradient of the smooth L1 loss, in closed form.
            set_gradients((values - target).clip(-1.0, 1.0) / self._size)
            self._learner.step()

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {"learner": self._learner.state(), "scale": self._scale}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called, see `Critic`."""
        self._learner.restore(state["learner"])
        self._scale = state["scale"]


def minibatches(
    columns: Sequence[npt.NDArray[Any]], epochs: int, size: int, generator: np.random.Generator
) -> Iterator[list[npt.NDArray[Any]]]:
    """Rows of the columns in random order, so many times over, in parts of one size."""
    for _ in range(epochs):
        order = generator.permutation(len(columns[0]))
        shuffled = [column.take(order, axis=0) for column in columns]
        for start in range(0, len(order), size):
            yield [column[start : start + size] for column in shuffled]
