# SPDX-License-Identifier: MIT
"""States in three parts, and that what is reported of an equation had no say in its choice."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.encodings import single_hop_encoding
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.equations.choice.split import Parts, split
from ns3kan.agents.equations.choice.states import ExtractionError
from ns3kan.agents.equations.reading.fit import extract
from ns3kan.agents.equations.reading.readout import read_equations
from ns3kan.agents.equations.search.formula_search import SearchConfig
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture

Array = NDArray[np.float64]

NAMES = ("a", "b", "c")
UNITS = ("1",) * 3


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=30),
    st.integers(0, 5),
    st.randoms(use_true_random=False),
)
def test_each_state_and_each_episode_is_in_one_part(
    lengths: list[int], seed: int, shuffler: random.Random
) -> None:
    episodes = np.repeat(np.arange(len(lengths)), lengths)
    order = list(range(len(episodes)))
    shuffler.shuffle(order)
    episodes = episodes[order]
    parts = split(len(episodes), episodes, seed)
    own = (parts.fit, parts.choice, parts.report)
    assert sorted(np.concatenate(own).tolist()) == list(range(len(episodes)))
    if len(lengths) >= 8 and max(lengths) < 0.1 * sum(lengths):
        np.testing.assert_allclose(
            [len(rows) / len(episodes) for rows in own], (0.5, 0.25, 0.25), atol=0.1
        )
        assert sum(len(set(episodes[rows].tolist())) for rows in own) == len(lengths)
    again = split(len(episodes), episodes, seed)
    assert parts.fit.tolist() == again.fit.tolist()


@pytest.mark.parametrize("episodes", [None, np.zeros(120), np.repeat([0, 1, 2], [100, 10, 10])])
def test_stretches_take_the_place_of_few_episodes(episodes: Array | None) -> None:
    parts = split(120, episodes, 3)
    assert [len(rows) for rows in (parts.fit, parts.choice, parts.report)] == [60, 30, 30]
    # Ten states that follow each other are in one part.
    owners = np.empty(120)
    for number, rows in enumerate((parts.fit, parts.choice, parts.report)):
        owners[rows] = number
    assert (owners.reshape(12, 10) == owners[::10, None]).all()


def test_parts_of_later_states_come_behind() -> None:
    one = Parts(np.array([0]), np.array([2]), np.array([1]))
    both = Parts.joined([one, one], [3, 3])
    assert [both.fit.tolist(), both.choice.tolist(), both.report.tolist()] == [
        [0, 3],
        [2, 5],
        [1, 4],
    ]


def test_a_number_is_needed_per_state() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\), but there are 120 states: give the"):
        split(120, [0, 1, 2], 0)
    with pytest.raises(ExtractionError, match="there are 120 states"):
        extract(
            random_actor().actor,
            np.random.default_rng(0).random((120, 3)),
            NAMES,
            UNITS,
            episodes=[1],
        )


def elsewhere(states: Array, parts: Parts) -> Array:
    """The same states but for those that are reported on, which are others of the same range."""
    changed = states.copy()
    changed[parts.report] = np.random.default_rng(9).permutation(states[parts.fit])[
        : len(parts.report)
    ]
    # Ranges are those of all states.
    for end in (states.argmin(axis=0), states.argmax(axis=0)):
        changed[end] = states[end]
    return changed


def random_actor(*hidden: int) -> ActorCritic:
    torch.manual_seed(0)
    sizes = Architecture(3, 1, "kan", grid=8, actor_hidden=hidden)
    policy = ActorCritic(sizes, NAMES, UNITS, ("ratio",))
    with torch.no_grad():
        for tensor in policy.actor.body.parameters():
            tensor.add_(torch.randn_like(tensor))
    return policy


@pytest.mark.parametrize("kind", ["one layer", "two layers", "index"])
def test_what_is_reported_on_has_no_say(kind: str) -> None:
    states = np.random.default_rng(1).uniform(0, 1, (240, 3))
    episodes = np.repeat(np.arange(24), 10)
    policy: ActorCritic | ComponentActorCritic
    if kind == "index":
        torch.manual_seed(0)
        encoding = single_hop_encoding()
        policy = ComponentActorCritic(ComponentArchitecture(encoding, "switch-type-kan"))
        states = np.random.default_rng(1).integers(0, (30, 6), (240, 3, 2)).astype(np.float64)
    else:
        policy = random_actor(*([2] if kind == "two layers" else []))
    search = SearchConfig(
        functions=("^2", "tanh"), population=60, generations=4, trials=8, candidates=3, states=100
    )
    changed = elsewhere(states, split(240, episodes, 0))
    first, second = (
        read_equations(policy, own, episodes=episodes, search=search) for own in (states, changed)
    )
    assert [str(each.expressions) for each in first] == [str(each.expressions) for each in second]
    assert [each.fidelity for each in first] != [each.fidelity for each in second]
    assert first[0].fidelity["states"] == 60
