# SPDX-License-Identifier: MIT
from typing import Any

import numpy as np
import numpy.typing as npt

GREATEST_LOWEST: int
GREATEST_RANDOM: int
SAMPLE: int

class Lanes:
    def __init__(
        self,
        is_single_hop: bool,
        thresholds: npt.NDArray[np.uint32],
        firsts: npt.NDArray[np.int64],
        columns: npt.NDArray[np.int32],
        bases: npt.NDArray[np.int64],
        constants: npt.NDArray[np.float64],
        buffers: npt.NDArray[np.int64] | None,
        weights: npt.NDArray[np.float64] | None,
        is_quadratic: bool,
        drop_cost: float,
        scale: float,
    ) -> None: ...
    @property
    def largest_capacity(self) -> int: ...
    @property
    def queues(self) -> npt.NDArray[np.int64]: ...
    def seed(
        self, lanes: npt.NDArray[np.int64], states: npt.NDArray[np.uint64], is_policy: bool
    ) -> None: ...
    def restart(self) -> None: ...
    def observe(self, observations: npt.NDArray[np.float64]) -> None: ...
    def step(
        self,
        actions: npt.NDArray[np.int64],
        observations: npt.NDArray[np.float64],
        rewards: npt.NDArray[np.float64],
        drops: npt.NDArray[np.int64] | None,
    ) -> bool: ...
    def run_index(
        self,
        values: npt.NDArray[np.floating[Any]],
        rows: npt.NDArray[np.int32],
        steps: int,
        rule: int,
        totals: npt.NDArray[np.float64],
        costs: npt.NDArray[np.float64] | None,
        every: int,
        queues: npt.NDArray[np.int32] | None,
        capacities: npt.NDArray[np.int32] | None,
        actions: npt.NDArray[np.int32] | None,
    ) -> int: ...
    def run_network(
        self,
        layers: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]],
        scales: npt.NDArray[np.float64],
        constants: npt.NDArray[np.float32],
        steps: int,
        rule: int,
        totals: npt.NDArray[np.float64],
        costs: npt.NDArray[np.float64] | None,
        every: int,
        queues: npt.NDArray[np.int32] | None,
        capacities: npt.NDArray[np.int32] | None,
        actions: npt.NDArray[np.int32] | None,
    ) -> int: ...
