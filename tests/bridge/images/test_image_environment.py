# SPDX-License-Identifier: MIT
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.bridge.images.errors import ImageDataError
from ns3kan.bridge.images.feedback import simulated_feedback
from ns3kan.bridge.images.stream import ImageStream
from ns3kan.bridge.images.vector_env import ImageFeatureSelectionVectorEnv

ID = "ns3kan/ImageFeatureSelection-v0"


@pytest.mark.parametrize("arguments", [{}, {"max_steps": 3, "split": "test", "reward": "+1/-1"}])
def test_checkers(arguments: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(ID, **arguments).unwrapped
        check_env(env)
        check_env_of_sb3(env)


def test_features_have_names_and_units() -> None:
    env = gymnasium.make(ID).unwrapped
    names = env.feature_names  # type: ignore[attr-defined]
    assert (names[0], names[1], names[8], names[63]) == (
        "pixel_0_0",
        "pixel_0_1",
        "pixel_1_0",
        "pixel_7_7",
    )
    assert env.feature_units == ("1",) * 64  # type: ignore[attr-defined]


@pytest.mark.parametrize(("reward", "wrong"), [("+1/0", 0.0), ("+1/-1", -1.0), ("+1/−1", -1.0)])
def test_reward_is_of_the_image_that_was_shown(reward: str, wrong: float) -> None:
    env = gymnasium.make(ID, reward=reward)
    _, info = env.reset(seed=3)
    for _ in range(20):
        label = info["label"]
        *_, info = env.step(label)
    for right in (True, False) * 10:
        action = info["label"] if right else (info["label"] + 1) % 10
        _, received, terminated, truncated, info = env.step(action)
        assert received == (1.0 if right else wrong)
        assert not terminated
        assert not truncated


def test_info_belongs_to_the_observation() -> None:
    env = ImageFeatureSelectionVectorEnv(16, split="test")
    observations, infos = env.reset(seed=1)
    maps = simulated_feedback(env.image_set.images)
    for _ in range(3):
        assert observations.dtype == np.float32
        assert env.observation_space.contains(observations)
        np.testing.assert_array_equal(observations, env.image_set.images[infos["index"]])
        np.testing.assert_array_equal(infos["label"], env.image_set.labels[infos["index"]])
        np.testing.assert_array_equal(infos["feedback"], maps.of(infos["index"]))
        assert infos["_label"].all()
        observations, *_, infos = env.step(infos["label"])


def test_a_pass_shows_every_image_once() -> None:
    env = ImageFeatureSelectionVectorEnv(90, split="validation")
    _, infos = env.reset(seed=1)
    passes = []
    for _ in range(2):
        seen = infos["index"]
        *_, infos = env.step(np.zeros(90, dtype=int))
        passes.append(np.concatenate([seen, infos["index"]]))
        *_, infos = env.step(np.zeros(90, dtype=int))
    for seen in passes:
        np.testing.assert_array_equal(np.sort(seen), env.image_set.indices)
    assert (passes[0] != passes[1]).any()


def test_without_shuffling_in_order() -> None:
    env = ImageFeatureSelectionVectorEnv(100, split="validation", shuffle=False)
    _, first = env.reset()
    *_, second = env.step(np.zeros(100, dtype=int))
    shown = np.concatenate([first["index"], second["index"]])
    indices = env.image_set.indices
    np.testing.assert_array_equal(shown, np.concatenate([indices, indices[:20]]))


def test_single_is_a_vector_of_one() -> None:
    single = gymnasium.make(ID).unwrapped
    lanes = gymnasium.make_vec(ID, num_envs=1)
    a, _ = single.reset(seed=5)
    b, _ = lanes.reset(seed=5)
    for action in range(10):
        np.testing.assert_array_equal(a, b[0])
        a, *_ = single.step(action)
        b, *_ = lanes.step([action])


def test_seeds() -> None:
    env = ImageFeatureSelectionVectorEnv()
    assert env.num_envs == 128
    first = env.reset(seed=1)[1]["index"]
    other = env.reset()[1]["index"]
    np.testing.assert_array_equal(env.reset(seed=1)[1]["index"], first)
    np.testing.assert_array_equal(env.reset()[1]["index"], other)
    assert (first != other).any()


def test_truncation_and_autoreset() -> None:
    env = ImageFeatureSelectionVectorEnv(4, max_steps=2)
    _, infos = env.reset(seed=1)
    ends, rewards = [], []
    for _ in range(6):
        _, reward, terminations, truncations, infos = env.step(infos["label"])
        ends.append(truncations.all())
        rewards.append(reward.tolist())
        assert not terminations.any()
    assert ends == [False, True, False, False, True, False]
    assert rewards == [[1.0] * 4, [1.0] * 4, [0.0] * 4] * 2


def test_shown_pixels() -> None:
    one = np.zeros(64, dtype=bool)
    one[[10, 20]] = True
    env = ImageFeatureSelectionVectorEnv(8, pixels=one)
    observations, infos = env.reset(seed=1)
    np.testing.assert_array_equal(
        observations, np.where(one, env.image_set.images[infos["index"]], 0.0)
    )
    each = np.random.default_rng(0).random((1797, 64)) < 0.2
    env = ImageFeatureSelectionVectorEnv(8, pixels=each)
    observations, infos = env.reset(seed=1)
    np.testing.assert_array_equal(
        observations, np.where(each[infos["index"]], env.image_set.images[infos["index"]], 0.0)
    )
    # The tables themselves are left alone.
    assert (env.image_set.images != 0).mean() > 0.9


def test_feedback_of_people(tmp_path: Path) -> None:
    maps = np.random.default_rng(0).random((1797, 8, 8)).astype(np.float32)
    np.save(tmp_path / "maps.npy", maps)
    env = gymnasium.make(ID, feedback=tmp_path / "maps.npy")
    _, info = env.reset(seed=1)
    np.testing.assert_array_equal(info["feedback"], maps[info["index"]].ravel())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "minst"}, "no data set 'minst'"),
        ({"split": "valid"}, "no split 'valid'"),
        ({"reward": "+2/0"}, r"no reward '\+2/0'; choose \+1/0 or \+1/-1"),
        ({"feedback": "nowhere.npy"}, "nowhere.npy: the feedback cannot be read"),
        ({"feedback_width": 0}, "feedback_width=0"),
        ({"max_steps": 0}, "max_steps=0"),
        ({"num_envs": 0}, "num_envs=0"),
        ({"pixels": np.ones(64)}, "type float64; give booleans"),
        ({"pixels": np.ones(63, dtype=bool)}, r"shape \(63,\)"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageDataError, match=message):
        ImageFeatureSelectionVectorEnv(**arguments)


def test_bad_calls() -> None:
    env = ImageFeatureSelectionVectorEnv(2)
    with pytest.raises(ResetNeeded, match="before reset"):
        env.step([0, 0])
    env.reset(seed=1)
    with pytest.raises(ImageDataError, match="takes no options"):
        env.reset(options={"speed": 1})
    with pytest.raises(InvalidAction, match="Action 10 is none of the classes 0 to 9"):
        env.step([0, 10])
    with pytest.raises(InvalidAction, match=r"shape \(3,\)"):
        env.step([0, 1, 2])
    with pytest.raises(InvalidAction, match="type float64"):
        env.step([0.0, 1.0])
    env.close()
    with pytest.raises(ClosedEnvironmentError, match="step was called after close"):
        env.step([0, 0])
    single = gymnasium.make(ID, max_steps=1).unwrapped
    single.reset(seed=1)
    single.step(0)
    with pytest.raises(ResetNeeded, match="end of the episode"):
        single.step(0)


@given(st.integers(1, 9), st.lists(st.integers(1, 25), min_size=1, max_size=12), st.booleans())
def test_stream_is_pass_after_pass(size: int, batches: list[int], shuffle: bool) -> None:
    indices = np.arange(size) * 3
    stream, rng = ImageStream(indices, shuffle), np.random.default_rng(0)
    shown = np.concatenate([stream.take(batch, rng) for batch in batches])
    assert len(shown) == sum(batches)
    for start in range(0, len(shown), size):
        part = shown[start : start + size]
        assert len(set(part.tolist())) == len(part)
        assert set(part.tolist()) <= set(indices.tolist())
    stream.restart()
    assert sorted(stream.take(size, rng).tolist()) == indices.tolist()
