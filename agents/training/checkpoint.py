# SPDX-License-Identifier: MIT
"""Checkpoints: tensors and a description in one safetensors file, written whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ns3kan.errors import InputError
from ns3kan.io.documents import DocumentError, parse_json
from ns3kan.io.files import write_atomically

_FORMAT = "ns3kan-checkpoint"
_VERSION = 1
# Longest description that is read; that of a training has the state of its environments in it.
_MOST_BYTES = 2**26


class CheckpointError(InputError):
    """A checkpoint is missing, damaged, or of another kind than expected."""


def save_checkpoint(
    path: Path | str, tensors: Mapping[str, Tensor], description: Mapping[str, Any]
) -> None:
    """Write tensors and a JSON description; an interrupted write leaves what was there before."""
    path = Path(path)
    content = {"format": _FORMAT, "version": _VERSION, **description}
    data = save(
        {name: tensor.detach().contiguous() for name, tensor in tensors.items()},
        metadata={"ns3kan": json.dumps(content)},
    )
    write_atomically(path, data)


def load_checkpoint(path: Path | str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated or damaged, or was not written by `save_checkpoint`.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}; train first or give another path.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        description = parse_json(metadata.get("ns3kan", "null").encode(), _MOST_BYTES)
    except (SafetensorError, DocumentError, OSError) as error:
        raise CheckpointError(
            f"The checkpoint {path} is truncated or damaged ({error}); train again or restore it."
        ) from error
    if not isinstance(description, dict) or description.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is a safetensors file but not a checkpoint of ns3kan.")
    if description.get("version") != _VERSION:
        raise CheckpointError(
            f"The checkpoint {path} has version {description.get('version')}; this ns3kan reads "
            f"version {_VERSION}."
        )
    return tensors, description
