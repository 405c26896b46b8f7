# SPDX-License-Identifier: MIT
"""The whole state of a training in one file, from which it goes on as if never interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ns3kan.agents.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

STATE = "training.safetensors"
"""Name of the file in a run folder."""

# Seeds of the environments after a checkpoint lie above all that people choose.
_FIRST_SEED = 2**30


@dataclass(frozen=True)
class Checkpoints:
    """When the state of a training is saved, and whether it goes on from there.

    An environment's inner state cannot be kept in general, a running simulator's least of all.
    Therefore all environments start new episodes after each checkpoint, with seeds that follow
    from the training's seed and the steps made. This happens whether the training is interrupted
    or not, and so both see the same.

    Parameters
    ----------
    every
        Environment steps between two checkpoints; 0 keeps none.
    resume
        Whether the training goes on from the last checkpoint, if there is one.
    """

    every: int = 0
    resume: bool = False


class TrainingState:
    """Keeps the state of one training in a run folder.

    Parameters
    ----------
    run_dir
        Folder of the run; None keeps nothing.
    checkpoints
        When.
    config
        The training's settings, JSON values; a state of others is refused.
    """

    def __init__(
        self, run_dir: Path | str | None, checkpoints: Checkpoints, config: Mapping[str, Any]
    ) -> None:
        self._path = None if run_dir is None else Path(run_dir) / STATE
        self._every = checkpoints.every if run_dir is not None else 0
        self._resume = checkpoints.resume
        self._config = _plain(config)
        self._saved_at = 0

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last; None if the training is to begin.

        Raises
        ------
        CheckpointError
            If the file is damaged, or of a training with other settings.
        """
        if not self._resume or self._path is None or not self._path.is_file():
            return None
        tensors, description = load_checkpoint(self._path)
        if description.get("kind") != "training-state":
            raise CheckpointError(f"{self._path} does not hold the state of a training.")
        if description["config"] != self._config:
            raise CheckpointError(
                f"{self._path} is of a training with other settings; train with those of its "
                "config.yaml, or in another folder."
            )
        state: dict[str, Any] = _restored(description["state"], tensors)
        self._saved_at = int(state["steps"])
        return state

    def is_due(self, steps: int, total_steps: int) -> bool:
        """Whether to keep the state after so many steps; not at the end, where the result is."""
        return bool(self._every) and self._saved_at + self._every <= steps < total_steps

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep a state: numbers, words, tensors and arrays in mappings and lists; ``steps``."""
        assert self._path is not None
        tensors: dict[str, Tensor] = {}
        description = {
            "kind": "training-state",
            "config": self._config,
            "state": _taken(state, tensors),
        }
        save_checkpoint(self._path, tensors, description)
        self._saved_at = int(state["steps"])

    def forget(self) -> None:
        """Remove the state of a training that is finished."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def environment_seed(seed: int, steps: int) -> int:
    """Seed of the environments from a checkpoint on; the training's own at its beginning."""
    if steps == 0:
        return seed
    drawn = np.random.SeedSequence([seed, steps]).generate_state(1)[0]
    return _FIRST_SEED + int(drawn) % _FIRST_SEED // 2


def _plain(value: Any) -> Any:
    """JSON values as they are after reading: lists for tuples."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _taken(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Replace tensors and arrays by references into ``tensors``; what is left is JSON."""
    if isinstance(value, Tensor | np.ndarray):
        name = f"tensor-{len(tensors)}"
        is_array = isinstance(value, np.ndarray)
        # A copy, for parts of one vector share their memory.
        tensors[name] = torch.as_tensor(value).detach().clone()
        return {"array" if is_array else "tensor": name}
    if isinstance(value, Mapping):
        # As pairs, for an optimiser's state has numbers as keys.
        return {"items": [[key, _taken(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_taken(item, tensors) for item in value]
    return value


def _restored(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        if "array" in value:
            return tensors[value["array"]].numpy()
        return {key: _restored(item, tensors) for key, item in value["items"]}
    if isinstance(value, list):
        return [_restored(item, tensors) for item in value]
    return value
