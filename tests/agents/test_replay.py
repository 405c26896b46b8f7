# SPDX-License-Identifier: MIT
import pytest
import torch

from ns3kan.agents.feature_selection.seen_images import SeenImages
from ns3kan.agents.training.replay import ReplayBuffer

FIELDS = {"image": torch.tensor(0), "observation": torch.zeros(2)}


def add(buffer: ReplayBuffer, first: int, count: int) -> None:
    image = torch.arange(first, first + count)
    buffer.add(image=image, observation=torch.stack((image, -image), dim=-1).float())


def test_holds_the_newest_and_keeps_rows_together() -> None:
    buffer = ReplayBuffer(5, FIELDS)
    add(buffer, 0, 3)
    assert len(buffer) == 3
    add(buffer, 3, 4)
    assert len(buffer) == 5
    assert sorted(buffer.held()["image"].tolist()) == [2, 3, 4, 5, 6]
    batch = buffer.sample(400)
    assert set(batch["image"].tolist()) == {2, 3, 4, 5, 6}
    torch.testing.assert_close(batch["observation"][:, 1], -batch["image"].float())
    assert batch["image"].dtype == torch.int64


def test_more_rows_than_it_holds() -> None:
    buffer = ReplayBuffer(4, FIELDS)
    add(buffer, 0, 11)
    assert sorted(buffer.held()["image"].tolist()) == [7, 8, 9, 10]
    add(buffer, 11, 1)
    assert sorted(buffer.held()["image"].tolist()) == [8, 9, 10, 11]


def test_sampling_is_uniform_and_seeded() -> None:
    first, second, other = (ReplayBuffer(10, FIELDS, seed) for seed in (1, 1, 2))
    for buffer in (first, second, other):
        add(buffer, 0, 10)
    drawn = first.sample(20_000)["image"]
    assert torch.equal(drawn, second.sample(20_000)["image"])
    assert not torch.equal(drawn, other.sample(20_000)["image"])
    # 2,000 each; five standard deviations of a binomial count are 212.
    assert (torch.bincount(drawn) - 2000).abs().max() < 212


def test_memory_is_made_once() -> None:
    buffer = ReplayBuffer(6, FIELDS)
    add(buffer, 0, 6)
    place = buffer.held()["observation"].data_ptr()
    add(buffer, 6, 6)
    assert buffer.held()["observation"].data_ptr() == place


def test_bad_use_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity 0 and 2 fields"):
        ReplayBuffer(0, FIELDS)
    buffer = ReplayBuffer(3, FIELDS)
    with pytest.raises(ValueError, match="is empty"):
        buffer.sample(1)
    with pytest.raises(ValueError, match=r"given \['image'\]"):
        buffer.add(image=torch.tensor([1]))
    with pytest.raises(ValueError, match=r"'observation' was given shape \(1, 3\)"):
        buffer.add(image=torch.tensor([1]), observation=torch.zeros(1, 3))


def test_images_are_kept_once_by_index() -> None:
    seen = SeenImages(3)
    info = {"index": [5, 0], "feedback": torch.full((2, 3), 0.5).numpy()}
    index = seen.add(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).numpy(), info)
    assert index.tolist() == [5, 0]
    seen.add(torch.full((1, 3), 9.0).numpy(), {"index": [40], "feedback": [[0.0, 0.0, 1.0]]})
    assert seen.images[5].tolist() == [1.0, 2.0, 3.0]
    assert seen.images[0].tolist() == [4.0, 5.0, 6.0]
    assert seen.feedback[40].tolist() == [0.0, 0.0, 1.0]
    with pytest.raises(ValueError, match="no 'feedback'"):
        seen.add(torch.zeros(1, 3).numpy(), {"index": [1]})
    with pytest.raises(ValueError, match="one map"):
        seen.add(torch.zeros(1, 3).numpy(), {"index": [1], "feedback": [[0.0]]})
