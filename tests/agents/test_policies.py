# SPDX-License-Identifier: MIT
"""One loader for the checkpoints of all algorithms."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.encodings import single_hop_encoding
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.feature_selection.agent import FeatureSelectionAgent
from ns3kan.agents.feature_selection.pixel_selector import PixelSelector
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.agents.networks.q_network import QArchitecture, QNetwork
from ns3kan.agents.policies import load_policy
from ns3kan.agents.training.checkpoint import CheckpointedModule, CheckpointError, save_checkpoint

POLICIES = {
    "ratios": lambda: ActorCritic(Architecture(2), ("a", "b"), ("1", "s"), ("ratio",)),
    "components": lambda: ComponentActorCritic(ComponentArchitecture(single_hop_encoding())),
    "choices": lambda: QNetwork(QArchitecture(4, 3, hidden=(5,))),
    "pixels": lambda: FeatureSelectionAgent(
        QNetwork(QArchitecture(64, 10, "mlp")), PixelSelector("top_k", 8, network="kan")
    ),
    "images": lambda: FeatureSelectionAgent(QNetwork(QArchitecture(64, 10, "mlp")), None),
}


@pytest.mark.parametrize("name", POLICIES)
def test_each_kind_is_loaded_as_what_it_is(name: str, tmp_path: Path) -> None:
    policy: CheckpointedModule[Any] = POLICIES[name]()  # type: ignore[no-untyped-call]
    policy.provenance = {"steps": 3}
    policy.save(tmp_path / "policy.safetensors")
    loaded = load_policy(tmp_path / "policy.safetensors")
    assert type(loaded) is type(policy)
    assert loaded.architecture == policy.architecture
    assert loaded.provenance == {"steps": 3}
    for key, value in policy.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)


def test_what_is_no_policy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, {}, {"kind": "training-state"})
    with pytest.raises(CheckpointError, match="holds 'training-state' and no policy"):
        load_policy(path)


def test_committed_models_load() -> None:
    models = Path(__file__).parents[2] / "analysis" / "results"
    for study, kind in (
        ("feature-selection", FeatureSelectionAgent),
        ("load-balancing", ActorCritic),
        ("switch-type", ComponentActorCritic),
    ):
        paths = sorted((models / study / "models").glob("*.safetensors"))
        assert paths
        assert {type(load_policy(path)) for path in paths} == {kind}
