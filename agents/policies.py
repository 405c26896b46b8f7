# SPDX-License-Identifier: MIT
"""Trained policies of any kind, read from their checkpoints."""

from pathlib import Path
from typing import Any

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.feature_selection.agent import FeatureSelectionAgent
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.training.checkpoint import CheckpointedModule, CheckpointError, load_checkpoint

KINDS: dict[str, type[CheckpointedModule[Any]]] = {
    policy.kind: policy
    for policy in (ActorCritic, ComponentActorCritic, QNetwork, FeatureSelectionAgent)
}


def load_policy(path: Path | str) -> CheckpointedModule[Any]:
    """Read the policy that a checkpoint holds, of whichever kind it says.

    Raises
    ------
    CheckpointError
        If the checkpoint is missing or damaged, or holds no policy.
    """
    _, description = load_checkpoint(path)
    policy = KINDS.get(str(description.get("kind")))
    if policy is None:
        raise CheckpointError(
            f"The checkpoint {path} holds {description.get('kind')!r} and no policy; "
            f"policies are {', '.join(KINDS)}."
        )
    return policy.load(path)
