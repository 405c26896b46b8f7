# SPDX-License-Identifier: MIT
from typing import Any

import gymnasium
import numpy as np
import pytest

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.bridge.queues.encodings import SignEncoding, VectorSignEncoding
from ns3kan.bridge.queues.errors import QueueError

HOP, PATH = "ns3kan/SingleHopScheduling-v0", "ns3kan/MultiPathRouting-v0"


@pytest.mark.parametrize(
    ("name", "signs", "names"),
    [
        (HOP, [1, 1, 1, -1], "queue_length capacity arrival_rate negative_service_rate"),
        (PATH, [-1, 1, 1], "negative_queue_length capacity service_rate"),
    ],
)
def test_signs_of_the_paper(name: str, signs: list[int], names: str) -> None:
    plain = gymnasium.make(name, observe_rates=True)
    encoded = SignEncoding(gymnasium.make(name, observe_rates=True))
    vector = VectorSignEncoding(
        gymnasium.make_vec(name, 1, vectorization_mode="vector_entry_point", observe_rates=True)
    )
    assert encoded.feature_names == vector.feature_names == tuple(names.split())
    assert len(encoded.feature_units) == len(signs)
    expected = plain.reset(seed=1)[0] * signs
    assert np.array_equal(encoded.reset(seed=1)[0], expected)
    assert np.array_equal(vector.reset(seed=1)[0][0], expected)
    for _ in range(30):
        expected = plain.step(0)[0] * signs
        observation = encoded.step(0)[0]
        assert np.array_equal(observation, expected)
        assert encoded.observation_space.contains(observation)
        observations = vector.step(np.zeros(1, dtype=np.int64))[0]
        assert np.array_equal(observations[0], expected)
        assert vector.observation_space.contains(observations)


def test_signs_by_hand() -> None:
    env = SignEncoding(gymnasium.make(HOP), signs=[-1, 1])
    assert env.feature_names == ("negative_queue_length", "capacity")


@pytest.mark.parametrize(
    ("signs", "message"),
    [([1], "1 signs were given for the 2 features"), ([1, 2], "sign of capacity is 2")],
)
def test_wrong_signs(signs: Any, message: str) -> None:
    with pytest.raises(QueueError, match=message):
        SignEncoding(gymnasium.make(HOP), signs=signs)
    with pytest.raises(QueueError, match=message):
        VectorSignEncoding(
            gymnasium.make_vec(HOP, 2, vectorization_mode="vector_entry_point"), signs=signs
        )


def test_other_environments_have_no_encoding() -> None:
    with pytest.raises(QueueError, match="no queue environment"):
        SignEncoding(gymnasium.make("CartPole-v1"))
