# SPDX-License-Identifier: MIT
"""Checkpoints: tensors and a description in one safetensors file, written whole or not at all."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ns3kan.errors import InputError
from ns3kan.io.documents import DocumentError, parse_json
from ns3kan.io.files import write_atomically

A = TypeVar("A")

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


def load_checkpoint(
    path: Path | str, kind: str | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Parameters
    ----------
    path
        The file.
    kind
        What it must hold, the description's entry ``kind``; None for anything.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated or damaged, was not written by `save_checkpoint`, or holds
        something of another kind.
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
    if kind is not None and description.get("kind") != kind:
        raise CheckpointError(
            f"The checkpoint {path} holds {description.get('kind')!r}, not {kind!r}."
        )
    return tensors, description


class CheckpointedModule(nn.Module, Generic[A]):
    """A network that a checkpoint holds whole: weights, architecture, provenance.

    Attributes
    ----------
    kind
        Name of the class of networks in checkpoints.
    architecture
        What determines the shapes of its tensors, a dataclass.
    provenance : dict
        How it was trained, JSON values only.
    """

    kind: ClassVar[str]
    architecture: A

    def __init__(self, architecture: A) -> None:
        super().__init__()
        self.architecture = architecture
        self.provenance: dict[str, Any] = {}

    def description(self) -> dict[str, Any]:
        """Return what `from_description` makes a network without weights of, JSON values."""
        architecture: Any = self.architecture
        return {"architecture": dataclasses.asdict(architecture)}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Make the network that `description` is of."""
        raise NotImplementedError

    def save(self, path: Path | str) -> None:
        """Write weights, description and provenance to a safetensors file."""
        content = {"kind": self.kind, **self.description(), "provenance": self.provenance}
        save_checkpoint(path, self.state_dict(), content)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        CheckpointError
            If the file is missing, damaged, or of another kind.
        """
        tensors, description = load_checkpoint(path, cls.kind)
        try:
            result = cls.from_description(description)
            # Weights keep the precision that they were trained in.
            for dtype in {value.dtype for value in tensors.values() if value.is_floating_point()}:
                result.to(dtype)
            result.load_state_dict(tensors)
            result.provenance = description["provenance"]
        except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"The weights in the checkpoint {path} do not fit the architecture that it names: "
                f"{' '.join(str(error).split())}"
            ) from error
        return result


def with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings read from JSON with tuples in place of lists."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
