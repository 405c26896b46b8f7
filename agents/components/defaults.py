# SPDX-License-Identifier: MIT
"""Networks of policies over queues by name, with the sizes of the switch-type study."""

from __future__ import annotations

import dataclasses
from typing import Any

from ns3kan.agents.components.encodings import (
    Combination,
    Encoding,
    multi_path_encoding,
    single_hop_encoding,
)
from ns3kan.agents.components.policy import ComponentArchitecture

QUEUES = {"single_hop": 4, "multi_path": 8}
"""The paper's numbers of queues."""

# Widths of hidden layers.
_HIDDEN: dict[str, tuple[int, ...]] = {
    "mlp": (64, 64),
    "kan": (8,),
    "stn": (32, 32, 32, 32),
    "switch-type-kan": (),
}
# One more term for the switch-type KAN: what is served now, and what is left after serving.
_COMBINATIONS = {
    "single_hop": Combination("minimum", "queue_length", "capacity", 6.0, 0.3),
    "multi_path": Combination("excess", "queue_length", "capacity", 100.0, 1.0),
}


def default_encoding(problem: str, network: str, *, rates: bool) -> Encoding:
    """Features of a component as a network sees them."""
    make = single_hop_encoding if problem == "single_hop" else multi_path_encoding
    plain = make(rates=rates)
    if network != "switch-type-kan":
        return plain
    return dataclasses.replace(plain, combinations=(_COMBINATIONS[problem],))


def default_architecture(problem: str, network: str, *, rates: bool) -> ComponentArchitecture:
    """Network of a policy, by name.

    Parameters
    ----------
    problem
        "single_hop" or "multi_path".
    network
        "mlp", "stn", "switch-type-kan" or "kan".
    rates
        Whether mean arrival and service rates are observed.
    """
    common: dict[str, Any] = {"network": network, "critic_hidden": (32, 64)}
    seen = default_encoding(problem, network, rates=rates)
    if network in ("mlp", "kan"):
        common["components"] = QUEUES[problem]
    return ComponentArchitecture(seen, hidden=_HIDDEN[network], **common)
