# SPDX-License-Identifier: MIT
"""What an environment lets decide, and how answers become its actions."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import ArrayLike, NDArray

from ns3kan.agents.equations.search.problem import Roles
from ns3kan.agents.equations.search.teachers import DistillationError
from ns3kan.agents.spaces import are_ratios
from ns3kan.agents.training.names import given_names
from ns3kan.io.numbers import limits_text

Array = NDArray[np.float64]

# Further outside of [0, 1] than rounding explains.
_OUTSIDE = 1e-6
# Shares are taken to be at least this, for the logarithm of 0 is infinite.
_LEAST_SHARE = 1e-3


class Decider:
    """The decisions of an environment.

    Parameters
    ----------
    vector_env
        Observes a Box of one axis and decides a Box from 0 to 1 or chooses from Discrete; or
        observes a Box (K, features) and chooses from Discrete(K).
    decision
        Of the controller, "ratio", "softmax", "argmax" or "index"; None takes the first that suits
        the environment.
    seed
        Of choices that are drawn.

    Attributes
    ----------
    decision : str
    features, units, outputs : tuple of str
        Names and units of the features, and names of the controller's outputs.

    Raises
    ------
    DistillationError
        If the spaces are others, or the decision is none for them.
    """

    def __init__(
        self, vector_env: VectorEnv[Any, Any, Any], decision: str | None, seed: int
    ) -> None:
        self.space = vector_env.single_observation_space
        self.action_space = vector_env.single_action_space
        self._dtype = vector_env.action_space.dtype
        suitable = _decisions(self.space, self.action_space)
        if not suitable:
            raise DistillationError(
                f"The environment has the spaces {self.space} and {self.action_space}; equations "
                "observe a Box of one axis and decide a Box from 0 to 1 (float32 or float64) or "
                "choose from Discrete, or observe a Box (K, features) and choose from Discrete(K)."
            )
        if decision is not None and decision not in suitable:
            raise DistillationError(
                f"The decision is {decision!r}, but with the action space {self.action_space} it "
                f"must be {' or '.join(suitable)}."
            )
        self.decision = decision or suitable[0]
        assert isinstance(self.space, spaces.Box)
        self.features = given_names(
            vector_env, "feature_names", "observation", self.space.shape[-1]
        )
        self.units = given_names(vector_env, "feature_units", None, self.space.shape[-1])
        for what, names in (("feature_names", self.features), ("feature_units", self.units)):
            if len(names) != self.space.shape[-1]:
                raise DistillationError(
                    f"The environment's {what} are {', '.join(names)}, but it has "
                    f"{self.space.shape[-1]} features; name each of them."
                )
        if isinstance(self.action_space, spaces.Discrete):
            self._count = int(self.action_space.n)
            self.outputs = tuple(f"choice_{i}" for i in range(self._count))
        else:
            assert isinstance(self.action_space, spaces.Box)
            self._count = self.action_space.shape[0]
            self.outputs = given_names(vector_env, "action_names", "action", self._count)
        if self.decision == "index":
            self.outputs = ("index",)
        self._rng = np.random.default_rng(seed)

    @property
    def roles(self) -> Roles:
        """Names, decision, and bounds of the features."""
        assert isinstance(self.space, spaces.Box)
        return Roles(
            self.features,
            self.units,
            self.outputs,
            self.decision,
            self.space.low.reshape(-1, len(self.features)).min(axis=0),
            self.space.high.reshape(-1, len(self.features)).max(axis=0),
        )

    def checked(self, answers: ArrayLike, states: int) -> Array:
        """Return answers as labels: ratios, scores (states, K), or choices (states,).

        Raises
        ------
        DistillationError
            If their shape is not that of the environment's decisions, or they are not finite, not
            ratios or no choices.
        """
        labels = np.asarray(answers, dtype=np.float64)
        chooses = isinstance(self.action_space, spaces.Discrete)
        known: list[tuple[int, ...]] = [(states, self._count)]
        if chooses and self.decision != "softmax":
            known.append((states,))
        if labels.shape not in known:
            expected = " or ".join(map(str, known))
            raise DistillationError(
                f"The policy answers an array of shape {labels.shape} to {states} observations, "
                f"but for {self.action_space} and the decision {self.decision!r} it must be "
                f"{expected}; give a policy for this environment."
            )
        finite = np.isfinite(labels).reshape(states, -1).all(axis=1)
        if not finite.all():
            place = int(np.argmin(finite))
            raise DistillationError(
                f"The policy's answer to observation {place} is {labels[place]}; check its weights "
                "and that it sees observations on the scale of its training."
            )
        if not chooses:
            if labels.min() < -_OUTSIDE or labels.max() > 1 + _OUTSIDE:
                raise DistillationError(
                    f"The policy decides {limits_text(labels.min(), labels.max())}, but ratios lie "
                    "between 0 and 1; clip or squash its answers."
                )
            return np.clip(labels, 0.0, 1.0)
        if labels.ndim == 1 and not np.isin(labels, np.arange(self._count)).all():
            raise DistillationError(
                f"The policy chooses {limits_text(labels.min(), labels.max())}, but the choices "
                f"are 0 to {self._count - 1}; give their places."
            )
        return labels

    def scores(self, labels: Array) -> Array:
        """Return labels as formulas are to say them: shares by their logarithms."""
        if self.decision == "softmax" and isinstance(self.action_space, spaces.Box):
            return np.log(np.maximum(labels, _LEAST_SHARE))
        return labels

    def actions_of_labels(self, labels: Array) -> NDArray[Any]:
        """Return the environment's actions for a policy's answers."""
        if not isinstance(self.action_space, spaces.Discrete):
            return labels.astype(self._dtype)
        if self.decision == "softmax":
            return self._drawn(np.exp(labels - labels.max(axis=1, keepdims=True)))
        return self._chosen(labels if labels.ndim == 1 else labels.argmax(axis=1))

    def actions_of_decisions(self, decisions: NDArray[Any]) -> NDArray[Any]:
        """Return the environment's actions for what a controller decided."""
        if not isinstance(self.action_space, spaces.Discrete):
            return decisions.astype(self._dtype)
        return self._drawn(decisions) if self.decision == "softmax" else self._chosen(decisions)

    def _drawn(self, weights: Array) -> NDArray[Any]:
        ends = weights.cumsum(axis=1)
        drawn = self._rng.random((len(weights), 1)) * ends[:, -1:]
        return self._chosen((drawn >= ends).sum(axis=1))

    def _chosen(self, places: NDArray[Any]) -> NDArray[Any]:
        assert isinstance(self.action_space, spaces.Discrete)
        return np.asarray(places.astype(self._dtype) + self.action_space.start)


def _decisions(observed: spaces.Space[Any], decided: spaces.Space[Any]) -> tuple[str, ...]:
    """Decisions of a controller that suit these spaces."""
    if not isinstance(observed, spaces.Box) or len(observed.shape) not in (1, 2):
        return ()
    if isinstance(decided, spaces.Discrete):
        if len(observed.shape) == 2:
            return ("index",) if decided.n == observed.shape[0] else ()
        return ("argmax", "softmax") if decided.n > 1 else ()
    if len(observed.shape) != 1 or not are_ratios(decided):
        return ()
    assert isinstance(decided, spaces.Box)
    return ("ratio", "softmax") if decided.shape[0] > 1 else ("ratio",)
