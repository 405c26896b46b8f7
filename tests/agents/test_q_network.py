# SPDX-License-Identifier: MIT
from pathlib import Path

import pytest
import torch
from torch import nn

from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.networks.kan.penalty import KanPenalty
from ns3kan.agents.networks.q_network import QArchitecture, QNetwork
from ns3kan.agents.training.checkpoint import CheckpointError, save_checkpoint
from ns3kan.agents.training.double_q import double_q_target
from ns3kan.agents.training.schedules import epsilon_greedy, learning_rate_schedule, linear


def test_the_papers_networks() -> None:
    kan = QNetwork(QArchitecture(64, 10))
    assert isinstance(kan.body, Kan)
    assert [(layer.in_features, layer.out_features) for layer in kan.body.layers] == [
        (64, 8),
        (8, 10),
    ]
    assert {(layer.grid, layer.order) for layer in kan.body.layers} == {(3, 3)}
    mlp = QNetwork(QArchitecture(64, 10, "mlp"))
    linear_in, activation, linear_out = mlp.body
    assert isinstance(linear_in, nn.Linear)
    assert isinstance(linear_out, nn.Linear)
    assert isinstance(activation, nn.ReLU)
    assert linear_in.weight.shape == (32, 64)
    assert linear_out.weight.shape == (10, 32)


@pytest.mark.parametrize("kind", ["kan", "mlp"])
def test_scales_of_observations_and_values(kind: str) -> None:
    torch.manual_seed(0)
    plain = QNetwork(QArchitecture(3, 2, kind))
    scaled = QNetwork(QArchitecture(3, 2, kind))
    scaled.load_state_dict(plain.state_dict())
    scaled.shift.fill_(5.0)
    scaled.scale.fill_(2.0)
    scaled.value_shift.fill_(-7.0)
    scaled.value_scale.fill_(3.0)
    x = torch.randn(20, 3)
    torch.testing.assert_close(scaled(x * 2 + 5), plain(x) * 3 - 7, rtol=1e-5, atol=1e-5)
    assert torch.equal(plain.choose(x), plain(x).argmax(-1))


def test_penalised_values_are_the_values() -> None:
    torch.manual_seed(0)
    network = QNetwork(QArchitecture(4, 3))
    network.value_shift.fill_(2.0)
    x = torch.randn(7, 4)
    values, penalty = network.penalised(x, KanPenalty())
    torch.testing.assert_close(values, network(x))
    assert penalty.item() > 0


@pytest.mark.parametrize("kind", ["kan", "mlp"])
def test_checkpoint_with_moved_grids(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    network = QNetwork(QArchitecture(4, 3, kind, hidden=(5, 6)))
    x = torch.randn(50, 4)
    if kind == "kan":
        assert network.update_grids(x) < 0.1
    network.provenance = {"steps": 3}
    network.save(tmp_path / "q.safetensors")
    loaded = QNetwork.load(tmp_path / "q.safetensors")
    assert loaded.architecture == network.architecture
    assert torch.equal(loaded(x), network(x))
    assert loaded.provenance == {"steps": 3}
    assert loaded.feature_names == tuple(f"observation_{i}" for i in range(4))


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_checkpoint(path, {}, {"kind": "actor-critic"})
    with pytest.raises(CheckpointError, match="holds 'actor-critic', not 'q-network'"):
        QNetwork.load(path)
    network = QNetwork(QArchitecture(4, 3))
    network.architecture = QArchitecture(4, 2)
    network.save(path)
    with pytest.raises(CheckpointError, match="do not fit the architecture"):
        QNetwork.load(path)


def test_bad_architectures_are_refused() -> None:
    with pytest.raises(ValueError, match="kind is 'cnn'"):
        QArchitecture(4, 3, "cnn")
    with pytest.raises(ValueError, match=r"hidden\[0\] is 0; it must be at least 1"):
        QArchitecture(4, 3, hidden=(0,))
    with pytest.raises(ValueError, match="the Q-network is a perceptron"):
        QNetwork(QArchitecture(4, 3, "mlp")).update_grids(torch.zeros(5, 4))


def test_double_q_target_by_hand() -> None:
    reward = torch.tensor([1.0, 2.0, 3.0])
    online = torch.tensor([[0.0, 5.0], [9.0, 1.0], [0.0, 1.0]])
    target = torch.tensor([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]])
    ended = torch.tensor([False, False, True])
    # The online network chooses 1, 0, 1; its own values do not enter.
    expected = torch.tensor([1.0 + 0.5 * 20.0, 2.0 + 0.5 * 30.0, 3.0])
    torch.testing.assert_close(double_q_target(reward, online, target, 0.5, ended), expected)
    expected[2] += 0.5 * 60.0
    torch.testing.assert_close(double_q_target(reward, online, target, 0.5), expected)


def test_epsilon_greedy() -> None:
    values = torch.tensor([[0.0, 1.0, 0.5]]).expand(30_000, 3)
    generator = torch.Generator().manual_seed(0)
    assert (epsilon_greedy(values, 0.0, generator) == 1).all()
    share = torch.bincount(epsilon_greedy(values, 0.3, generator)) / 30_000
    torch.testing.assert_close(share, torch.tensor([0.1, 0.8, 0.1]), rtol=0.0, atol=0.015)


def test_schedules() -> None:
    assert [linear(1.0, 0.5, share) for share in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [
        1.0,
        1.0,
        0.75,
        0.5,
        0.5,
    ]
    for name, expected in (("constant", 2.0), ("exponential", 0.02), ("cosine", 0.02)):
        optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
        schedule = learning_rate_schedule(optimiser, name, updates=10)
        rates = []
        for _ in range(10):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step()
        assert rates[0] == 2.0
        assert rates == sorted(rates, reverse=True)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(expected)
    with pytest.raises(ValueError, match="schedule 'step'; choose one of constant"):
        learning_rate_schedule(optimiser, "step", 3)
