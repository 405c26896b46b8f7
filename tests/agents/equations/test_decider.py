# SPDX-License-Identifier: MIT
"""Which decisions suit which environment, and what becomes of them there."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

from ns3kan.agents.equations.artefact.decider import Decider
from ns3kan.agents.equations.search.teachers import DistillationError


class Still(gymnasium.Env[Any, Any]):
    def __init__(
        self, observed: spaces.Space[Any], decided: spaces.Space[Any], **names: tuple[str, ...]
    ) -> None:
        self.observation_space = observed
        self.action_space = decided
        for name, value in names.items():
            setattr(self, name, value)


def make(observed: Any, decided: spaces.Space[Any], **names: tuple[str, ...]) -> SyncVectorEnv:
    if isinstance(observed, tuple):
        observed = spaces.Box(-1.0, 1.0, observed)
    return SyncVectorEnv([lambda: Still(observed, decided, **names)] * 2)


def decider(
    observed: Any,
    decided: spaces.Space[Any],
    decision: str | None = None,
    **names: tuple[str, ...],
) -> Decider:
    return Decider(make(observed, decided, **names), decision, seed=0)


RATIO, RATIOS, THREE = spaces.Box(0, 1, (1,)), spaces.Box(0, 1, (3,)), spaces.Discrete(3)


@pytest.mark.parametrize(
    ("observed", "decided", "suitable", "outputs"),
    [
        ((4,), RATIO, ("ratio",), ("action_0",)),
        ((4,), RATIOS, ("ratio", "softmax"), ("action_0", "action_1", "action_2")),
        ((4,), THREE, ("argmax", "softmax"), ("choice_0", "choice_1", "choice_2")),
        ((3, 4), THREE, ("index",), ("index",)),
    ],
)
def test_decisions_by_space(
    observed: tuple[int, ...],
    decided: spaces.Space[Any],
    suitable: tuple[str, ...],
    outputs: tuple[str, ...],
) -> None:
    found = decider(observed, decided)
    assert found.decision == suitable[0]
    assert found.features == tuple(f"observation_{i}" for i in range(4))
    assert found.units == ("1",) * 4
    assert found.outputs == outputs
    for decision in ("ratio", "softmax", "argmax", "index"):
        if decision in suitable:
            assert decider(observed, decided, decision).roles.decision == decision
        else:
            with pytest.raises(DistillationError, match=f"it must be {' or '.join(suitable)}"):
                decider(observed, decided, decision)


def test_names_are_the_environment_s() -> None:
    found = decider(
        (2,), RATIO, feature_names=("load", "delay"), feature_units=("1", "s"), action_names=("r",)
    )
    assert (found.features, found.units, found.outputs) == (("load", "delay"), ("1", "s"), ("r",))
    with pytest.raises(DistillationError, match="feature_names are load, but it has 2 features"):
        decider((2,), RATIO, feature_names=("load",))


@pytest.mark.parametrize(
    ("observed", "decided"),
    [
        (spaces.Discrete(4), RATIO),
        ((2, 3, 4), THREE),
        ((4, 2), THREE),
        ((3, 2), RATIO),
        ((4,), spaces.Box(-1, 1, (1,))),
        ((4,), spaces.Box(0, 1, (2, 2))),
        ((4,), spaces.Discrete(1)),
        ((4,), spaces.MultiDiscrete([2, 2])),
    ],
)
def test_other_spaces_are_refused(observed: Any, decided: spaces.Space[Any]) -> None:
    with pytest.raises(DistillationError, match="equations observe a Box of one axis and decide"):
        decider(observed, decided)


def test_ratios_go_through_and_are_clipped_by_a_rounding() -> None:
    found = decider((4,), RATIO)
    labels = found.checked([[0.25], [1.0 + 1e-7]], 2)
    np.testing.assert_array_equal(labels, [[0.25], [1.0]])
    action = found.actions_of_labels(labels)
    assert action.dtype == np.float32
    np.testing.assert_array_equal(action, labels)
    np.testing.assert_array_equal(found.actions_of_decisions(labels), action)
    np.testing.assert_array_equal(found.scores(labels), labels)


def test_shares_are_scored_by_their_logarithms() -> None:
    found = decider((4,), RATIOS, "softmax")
    labels = found.checked([[0.5, 0.25, 0.0]], 1)
    np.testing.assert_allclose(found.scores(labels), np.log([[0.5, 0.25, 0.001]]))
    np.testing.assert_array_equal(found.actions_of_labels(labels), labels.astype(np.float32))


def test_choices_are_counted_from_where_the_space_starts() -> None:
    found = decider((4,), spaces.Discrete(3, start=5))
    np.testing.assert_array_equal(
        found.actions_of_labels(np.array([[1.0, 3, 3], [2, 0, 0]])), [6, 5]
    )
    np.testing.assert_array_equal(found.actions_of_labels(np.array([2.0, 0.0])), [7, 5])
    actions = found.actions_of_decisions(np.array([2, 1]))
    assert np.issubdtype(actions.dtype, np.integer)
    np.testing.assert_array_equal(actions, [7, 6])


def test_probabilities_are_drawn_from() -> None:
    found = decider((4,), THREE, "softmax")
    probabilities = np.tile([0.2, 0.0, 0.8], (20_000, 1))
    shares = np.bincount(found.actions_of_decisions(probabilities), minlength=3) / 20_000
    # Standard deviation of a share: 0.0028; five of them.
    np.testing.assert_allclose(shares, [0.2, 0.0, 0.8], atol=0.0142)
    assert shares[1] == 0.0
    logits = np.tile(np.log([1.0, 3.0, 0.0 + 1e-300]) + 800.0, (20_000, 1))
    shares = np.bincount(found.actions_of_labels(logits), minlength=3) / 20_000
    np.testing.assert_allclose(shares, [0.25, 0.75, 0.0], atol=0.0154)


@pytest.mark.parametrize(
    ("found", "answers", "message"),
    [
        (decider((4,), RATIO), [0.1, 0.2], r"shape \(2,\) to 2 observations, .* must be \(2, 1\)"),
        (decider((4,), RATIO), [[0.1, 0.2]] * 2, r"shape \(2, 2\) .* give a policy for this env"),
        (decider((4,), THREE), [[0.1, 0.2]] * 2, r"must be \(2, 3\) or \(2,\); give a policy"),
        (decider((4,), THREE, "softmax"), [1, 2], r"'softmax' it must be \(2, 3\); give"),
        (decider((4,), RATIO), [[0.1], [np.nan]], r"answer to observation 1 is \[nan\]; check its"),
        (decider((4,), THREE), [np.inf, 1], "answer to observation 0 is inf; check its weights"),
        (
            decider((4,), RATIO),
            [[0.1], [1.7]],
            "decides 0.1 to 1.7, but ratios lie between 0 and 1",
        ),
        (decider((4,), RATIO), [[-0.2], [0.7]], "decides −0.2 to 0.7, .*; clip or squash its ans"),
        (decider((4,), THREE), [0, 3], "chooses 0 to 3, but the choices are 0 to 2; give their pl"),
        (decider((4,), THREE), [0, 0.5], "chooses 0 to 0.5, but the choices are 0 to 2"),
    ],
)
def test_answers_that_are_none_are_refused(found: Decider, answers: Any, message: str) -> None:
    with pytest.raises(DistillationError, match=message):
        found.checked(answers, 2)
