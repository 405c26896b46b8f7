# SPDX-License-Identifier: MIT
"""Classical and index policies of scheduling and routing, for many systems at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ns3kan.errors import InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Ties = Literal["random", "lowest"]
Features = Mapping[str, FloatArray]


class PolicyError(InputError):
    """A policy does not exist, or does not fit the environment or observation it is given."""


@dataclass(frozen=True)
class _Rule:
    """Scores from features, what the features are, and which problems it is for."""

    scores: Callable[..., FloatArray]
    features: tuple[str, ...]
    problems: tuple[str, ...]


_Q, _Y, _MU = "queue_length", "capacity", "service_rate"
_HOP, _PATH, _BOTH = ("single_hop",), ("multi_path",), ("single_hop", "multi_path")

_RULES: Mapping[str, _Rule] = {
    "longest_queue": _Rule(lambda q: q, (_Q,), _HOP),
    "longest_connected_queue": _Rule(lambda q, y: np.where(y > 0, q, -1.0), (_Q, _Y), _HOP),
    "max_weight": _Rule(lambda q, y: q * y, (_Q, _Y), _HOP),
    "max_weight_served": _Rule(lambda q, y: q * np.minimum(q, y), (_Q, _Y), _HOP),
    "max_served": _Rule(np.minimum, (_Q, _Y), _HOP),
    "c_mu": _Rule(lambda q, mu: np.where(q > 0, mu, -1.0), (_Q, _MU), _HOP),
    "shortest_queue": _Rule(lambda q: -q, (_Q,), _PATH),
    "shortest_queue_after_service": _Rule(lambda q, y: -np.maximum(q - y, 0), (_Q, _Y), _PATH),
    "shortest_expected_delay": _Rule(lambda q, mu: -_waiting(q + 1, mu), (_Q, _MU), _PATH),
    "shortest_expected_delay_after_service": _Rule(
        lambda q, y, mu: -_waiting(np.maximum(q - y, 0) + 1, mu), (_Q, _Y, _MU), _PATH
    ),
    "power_of_d": _Rule(lambda q: -q, (_Q,), _PATH),
    "random": _Rule(lambda q: np.zeros_like(q), (_Q,), _BOTH),
    "round_robin": _Rule(lambda q: np.zeros_like(q), (_Q,), _BOTH),
}

NAMES = tuple(_RULES)
"""Policies by name; see `make_policy`."""


def _waiting(packets: FloatArray, rate: FloatArray) -> FloatArray:
    """Return the steps to serve packets; without a rate a server would take for ever."""
    with np.errstate(divide="ignore"):
        return packets / rate


class IndexPolicy:
    """Choose the queue with the greatest score, in every system of a batch.

    Parameters
    ----------
    name
        What tables call it.
    scores
        From features by name, each of shape (…, K), to scores of that shape.
    feature_names
        Features of the observations, in order.
    num_queues
        K; None for any.
    ties
        "random": any of the queues with the greatest score, equally likely. "lowest": the first.
    seed
        Of the ties and other choices at random.

    Examples
    --------
    >>> policy = IndexPolicy("longest", lambda f: f["queue_length"], ("queue_length", "capacity"))
    >>> policy([[[3, 1], [5, 0]], [[2, 1], [1, 1]]]).tolist()
    [1, 0]
    """

    def __init__(
        self,
        name: str,
        scores: Callable[[Features], FloatArray],
        feature_names: Sequence[str],
        num_queues: int | None = None,
        *,
        ties: Ties = "random",
        seed: int | None = None,
    ) -> None:
        if ties not in ("random", "lowest"):
            raise PolicyError(f"There is no tie rule {ties!r}; choose random or lowest.")
        self.name = name
        self.ties = ties
        self.feature_names = tuple(feature_names)
        self.num_queues = num_queues
        self._scores = scores
        self.reset(seed)

    def reset(self, seed: int | None = None) -> None:
        """Forget what was done before and start the random choices anew."""
        self._rng = np.random.default_rng(seed)

    def scores(self, observations: npt.ArrayLike) -> FloatArray:
        """Scores of the queues, shape (…, K), of observations of shape (…, K, features).

        Raises
        ------
        PolicyError
            If the shape does not fit.
        """
        values = np.asarray(observations, dtype=np.float64)
        queues = self.num_queues or "K"
        if (
            values.ndim < 2
            or values.shape[-1] != len(self.feature_names)
            or (self.num_queues and values.shape[-2] != self.num_queues)
        ):
            raise PolicyError(
                f"An observation of shape {values.shape} was given to the policy {self.name!r}, "
                f"which takes (…, {queues}, {len(self.feature_names)})."
            )
        return self._scores(dict(zip(self.feature_names, np.moveaxis(values, -1, 0), strict=True)))

    def __call__(self, observations: npt.ArrayLike) -> IntArray:
        """Queues chosen, from 0.

        Parameters
        ----------
        observations
            Shape (…, K, features).

        Returns
        -------
        array of shape (…)
        """
        return self._choose(self.scores(observations))

    def _choose(self, scores: FloatArray) -> IntArray:
        if self.ties == "lowest":
            return np.asarray(scores.argmax(axis=-1))
        best = scores == scores.max(axis=-1, keepdims=True)
        # Positive where best, so that the greatest draw among the best wins.
        return np.asarray((best * (1.0 - self._rng.random(scores.shape))).argmax(axis=-1))


class _Random(IndexPolicy):
    def _choose(self, scores: FloatArray) -> IntArray:
        return np.asarray(self._rng.integers(scores.shape[-1], size=scores.shape[:-1]), np.intp)


class _RoundRobin(IndexPolicy):
    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self._turn = -1

    def _choose(self, scores: FloatArray) -> IntArray:
        self._turn = (self._turn + 1) % scores.shape[-1]
        return np.full(scores.shape[:-1], self._turn, dtype=np.intp)


class _PowerOfD(IndexPolicy):
    sampled = 2

    def _choose(self, scores: FloatArray) -> IntArray:
        order = self._rng.random(scores.shape).argsort(axis=-1)
        return super()._choose(np.where(order < self.sampled, scores, -np.inf))


def make_policy(
    name: str,
    env: Any,
    *,
    ties: Ties = "random",
    seed: int | None = None,
    weights: npt.ArrayLike | None = None,
    d: int | None = None,
) -> IndexPolicy:
    """Make a policy for an environment of queues.

    With queue lengths q, capacities y and service rates μ, the queue with the greatest

    =========================================  ==========  ====================================
    name                                       problem     score
    =========================================  ==========  ====================================
    ``longest_queue``                          single-hop  q
    ``longest_connected_queue``                single-hop  q where y > 0
    ``max_weight``                             single-hop  q·y
    ``max_weight_served``                      single-hop  q·min(q, y)
    ``max_served``                             single-hop  min(q, y)
    ``c_mu``                                   single-hop  ``weights``·μ where q > 0
    ``shortest_queue``                         multi-path  −q
    ``shortest_queue_after_service``           multi-path  −[q − y]⁺
    ``shortest_expected_delay``                multi-path  −(q + 1)/μ
    ``shortest_expected_delay_after_service``  multi-path  −([q − y]⁺ + 1)/μ
    ``power_of_d``                             multi-path  −q of ``d`` queues drawn at random
    ``random``, ``round_robin``                both
    =========================================  ==========  ====================================

    Parameters
    ----------
    name
        From the table.
    env
        Single or vector environment, wrapped or not; its ``problem``, ``num_queues`` and
        ``feature_names`` are read.
    ties, seed
        As for `IndexPolicy`.
    weights
        Costs of waiting packets for ``c_mu``, shape (K,); 1 by default.
    d
        Queues drawn for ``power_of_d``; 2 by default.

    Raises
    ------
    PolicyError
        If the policy does not exist, is one for the other problem, needs a feature that the
        environment does not show, or takes no such parameter.

    References
    ----------
    L. Tassiulas and A. Ephremides 1993 (longest connected queue); A. Stolyar 2004 (MaxWeight);
    M. Mitzenmacher 2001 (power of d choices).
    """
    if name not in _RULES:
        raise PolicyError(f"There is no policy {name!r}; choose one of {', '.join(NAMES)}.")
    rule = _RULES[name]
    problem, num_queues, names = (
        queue_attribute(env, key) for key in ("problem", "num_queues", "feature_names")
    )
    if problem not in rule.problems:
        raise PolicyError(
            f"The policy {name!r} is for {' and '.join(rule.problems)}, "
            f"but the environment is {problem}."
        )
    missing = [feature for feature in rule.features if feature not in names]
    if missing:
        raise PolicyError(
            f"The policy {name!r} needs {', '.join(missing)}, the environment shows "
            f"{', '.join(names)}; make it with observe_rates=True."
        )
    if (weights is not None and name != "c_mu") or (d is not None and name != "power_of_d"):
        raise PolicyError(f"The policy {name!r} takes no {'d' if weights is None else 'weights'}.")
    factors = np.ones(num_queues) if weights is None else np.asarray(weights, dtype=np.float64)
    if factors.shape != (num_queues,) or not (np.isfinite(factors) & (factors >= 0)).all():
        raise PolicyError(
            f"weights={weights!r} must be {num_queues} numbers, finite and not negative."
        )

    def scores(features: Features) -> FloatArray:
        values = rule.scores(*(features[feature] for feature in rule.features))
        return values if weights is None else values * np.where(values > 0, factors, 1.0)

    kinds = {"random": _Random, "round_robin": _RoundRobin, "power_of_d": _PowerOfD}
    policy = kinds.get(name, IndexPolicy)(name, scores, names, num_queues, ties=ties, seed=seed)
    if isinstance(policy, _PowerOfD):
        policy.sampled = 2 if d is None else d
        if not 1 <= policy.sampled <= num_queues:
            raise PolicyError(f"d={d} must be between 1 and the {num_queues} queues.")
    return policy


def queue_attribute(env: Any, name: str) -> Any:
    """Look up an attribute of the outermost wrapper that has it, or of the environment.

    Raises
    ------
    PolicyError
        If none has it, and so it is no environment of queues.
    """
    layer = env
    while layer is not None:
        if hasattr(layer, name):
            return getattr(layer, name)
        layer = getattr(layer, "env", None)
    raise PolicyError(f"{env} has no {name}, so it is no environment of queues.")
