# SPDX-License-Identifier: MIT
"""The controller artefact, ``controller.json``: the one thing that leaves training."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema.exceptions
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ns3kan.agents.equations.expressions.grammar import FUNCTIONS, EvaluationError, Expression
from ns3kan.agents.equations.expressions.parser import ExpressionError, is_identifier, parse
from ns3kan.errors import InputError
from ns3kan.io.documents import MAX_BYTES, DocumentError, parse_json, read_bytes, shortened
from ns3kan.io.files import write_atomically
from ns3kan.io.numbers import formula_text, point_text

FORMAT = "ns3kan-controller"
VERSION = 1
MAX_QUANTITIES = 4096
"""Most inputs, and most outputs."""
MAX_NAME = 200
"""Longest name of an input or output."""


class ControllerError(InputError):
    """A controller artefact is wrong, or does not fit what it is asked to control."""


@dataclass(frozen=True)
class ControllerInput:
    """A named feature that the expressions use.

    Attributes
    ----------
    name
        Its name, as in ``env.unwrapped.feature_names``.
    unit
        Its SI unit, "1" for shares and counts.
    range
        Least and greatest value seen in training; values outside are not refused.
    label
        What the environment calls it, if that is no identifier, such as ``rtt.avg``.
    """

    name: str
    unit: str
    range: tuple[float, float]
    label: str | None = None


@dataclass(frozen=True)
class ControllerOutput:
    """A named expression.

    Attributes
    ----------
    name
        Its name.
    expression
        In the grammar of `ns3kan.agents.equations.expressions.grammar`, over the inputs' names.
    range
        Least and greatest value allowed; a ratio is clipped to it.
    label
        What the environment calls it, if that is no identifier.
    """

    name: str
    expression: str
    range: tuple[float, float] | None = None
    label: str | None = None


class Controller:
    """A controller made of equations; the same file drives Python and ns-3, with equal numbers.

    Parameters
    ----------
    inputs
        Features, in the order in which they are given to the controller.
    outputs
        Expressions over them.
    decision
        How their values become a decision: "ratio" (each value, clipped to its output's range),
        "softmax" (probabilities), "argmax" (index of the greatest), or "index" (the one expression
        is evaluated on the features of each component; index of the component with the greatest
        value). The first of equals wins.
    provenance
        Environment, seeds, steps and versions behind it; goes into the file as it is.
    fidelity
        How well it stands for its network; goes into the file as it is.
    guarantees
        What is proven of it, as `guarantees.guarantee` says it; goes into the file as it is.

    Raises
    ------
    ControllerError
        If names repeat, ranges are empty or expressions lie outside the grammar.

    Examples
    --------
    >>> controller = Controller(
    ...     inputs=[ControllerInput("load", "1", (0.0, 1.3))],
    ...     outputs=[ControllerOutput("ratio", "0.3*load^2 + 0.1", (0.0, 1.0))],
    ... )
    >>> controller([1.0])
    array([0.4])
    """

    def __init__(
        self,
        inputs: Sequence[ControllerInput],
        outputs: Sequence[ControllerOutput],
        decision: str = "ratio",
        *,
        provenance: Mapping[str, Any] | None = None,
        fidelity: Mapping[str, Any] | None = None,
        guarantees: Mapping[str, Any] | None = None,
    ) -> None:
        self.inputs = tuple(
            dataclasses.replace(entry, range=_pair(entry.range)) for entry in inputs
        )
        self.outputs = tuple(
            output
            if output.range is None
            else dataclasses.replace(output, range=_pair(output.range))
            for output in outputs
        )
        self.decision = decision
        self.provenance = _plain(dict(provenance or {}))
        self.fidelity = _plain(dict(fidelity or {}))
        self.guarantees = _plain(dict(guarantees or {}))
        _check(self.document())
        names = self.input_names
        self.expressions = tuple(_parse_output(output, names) for output in self.outputs)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in order."""
        return tuple(entry.name for entry in self.inputs)

    @property
    def box(self) -> dict[str, tuple[float, float]]:
        """Declared range of each input."""
        return {entry.name: entry.range for entry in self.inputs}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Controller:
        """Read an artefact.

        Raises
        ------
        ControllerError
            If the file cannot be read or is no valid artefact; the message names the file and the
            key, or the position within the expression.
        """
        try:
            document = parse_json(read_bytes(path))
        except OSError as error:
            raise ControllerError(
                f"{path}: cannot be read ({error.strerror}), give the file of a controller artefact"
            ) from error
        except DocumentError as error:
            raise ControllerError(f"{path}: {error}") from error
        try:
            _check(document)
            return cls(
                [
                    ControllerInput(
                        entry["name"], entry["unit"], _pair(entry["range"]), entry.get("label")
                    )
                    for entry in document["inputs"]
                ],
                [
                    ControllerOutput(
                        entry["name"],
                        entry["expression"],
                        _pair(entry["range"]) if "range" in entry else None,
                        entry.get("label"),
                    )
                    for entry in document["outputs"]
                ],
                document["decision"],
                provenance=document.get("provenance"),
                fidelity=document.get("fidelity"),
                guarantees=document.get("guarantees"),
            )
        except ControllerError as error:
            raise ControllerError(f"{path}: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the artefact: all of it, or (on any error) nothing."""
        text = json.dumps(self.document(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        data = text.encode()
        if len(data) > MAX_BYTES:
            raise ControllerError(
                f"{path}: the artefact would be longer than {MAX_BYTES} bytes and is not read "
                "then; keep less in it"
            )
        write_atomically(Path(path), data)

    def check_inputs(self, available: Sequence[str]) -> tuple[int, ...]:
        """Find the inputs among the features that an environment offers.

        Parameters
        ----------
        available
            Names of the features, in the environment's order.

        Returns
        -------
        for each input of the controller its place in ``available``

        Raises
        ------
        ControllerError
            If some are missing; the message names them and what there is.
        """
        offered = {name: place for place, name in reversed(list(enumerate(available)))}
        known = [(entry.label or entry.name, entry.name) for entry in self.inputs]
        missing = [label for label, name in known if label not in offered and name not in offered]
        if missing:
            raise ControllerError(
                f"the environment does not have the inputs {', '.join(missing)}, "
                f"it offers {', '.join(available)}"
            )
        return tuple(offered[label] if label in offered else offered[name] for label, name in known)

    def __call__(self, observation: ArrayLike) -> NDArray[np.float64] | NDArray[np.intp]:
        """Decide.

        Parameters
        ----------
        observation
            Shape (inputs,) or (batch, inputs), in the order of ``inputs``; with decision "index"
            (components, inputs) or (batch, components, inputs). Or a mapping or a DataFrame, from
            which the inputs are taken by their names, whatever else it holds.

        Returns
        -------
        ratios or probabilities, shape (outputs,) or (batch, outputs); for "argmax" and "index"
        indices, shape () or (batch,)

        Raises
        ------
        ControllerError
            If the shape is wrong, or an input is missing.
        EvaluationError
            If an expression divides by zero or gives NaN or infinity; the message names the
            output and the values of the inputs.
        """
        observation = self._in_order(observation)
        values = np.asarray(observation, dtype=np.float64)
        extra = 1 if self.decision == "index" else 0
        if values.ndim - extra not in (1, 2) or values.shape[-1] != len(self.inputs):
            expected = "(…, components, inputs)" if extra else "(inputs,) or (batch, inputs)"
            raise ControllerError(
                f"an observation of shape {values.shape} was given to a controller of "
                f"{len(self.inputs)} inputs, which takes {expected}"
            )
        rows = values.reshape(-1, len(self.inputs))
        results = np.stack([self._evaluate(i, rows) for i in range(len(self.outputs))], axis=-1)
        results = results.reshape(*values.shape[:-1], len(self.outputs))
        match self.decision:
            case "ratio":
                lows, highs = np.transpose([output.range or (0, 0) for output in self.outputs])
                return np.clip(results, lows, highs)
            case "softmax":
                weights = np.exp(results - results.max(axis=-1, keepdims=True))
                return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
            case "argmax":
                return np.asarray(results.argmax(axis=-1))
            case _:
                return np.asarray(results[..., 0].argmax(axis=-1))

    def _in_order(self, observation: Any) -> Any:
        """Take the inputs out of a table or a mapping by their names."""
        names = list(observation.keys()) if hasattr(observation, "keys") else []
        if not any(isinstance(name, str) for name in names):
            return observation
        missing = [name for name in self.input_names if name not in names]
        if missing:
            raise ControllerError(
                f"the inputs {', '.join(missing)} are missing among {', '.join(map(str, names))}"
            )
        return np.stack([np.asarray(observation[name]) for name in self.input_names], axis=-1)

    def _evaluate(self, output: int, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        try:
            values = dict(zip(self.input_names, rows.T, strict=True))
            return self.expressions[output].evaluate(values)
        except EvaluationError as error:
            at = point_text(dict(zip(self.input_names, rows[error.row].tolist(), strict=True)))
            message = f"output '{self.outputs[output].name}' {error.reason} at {at}"
            raise EvaluationError(error.row, error.reason, message) from error

    def equations(self) -> tuple[str, ...]:
        """Equations for people, ``name = expression``, with few digits; the file has all."""
        return tuple(
            f"{output.name} = {formula_text(str(expression))}"
            for output, expression in zip(self.outputs, self.expressions, strict=True)
        )

    def document(self) -> dict[str, Any]:
        """Content of the file, for JSON."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "decision": self.decision,
            "inputs": [
                {"name": entry.name, "unit": entry.unit, "range": list(entry.range)}
                | ({"label": entry.label} if entry.label else {})
                for entry in self.inputs
            ],
            "outputs": [
                {"name": output.name, "expression": output.expression}
                | ({"range": list(output.range)} if output.range else {})
                | ({"label": output.label} if output.label else {})
                for output in self.outputs
            ],
            "provenance": self.provenance,
            "fidelity": self.fidelity,
        } | ({"guarantees": self.guarantees} if self.guarantees else {})


def _plain(value: Any) -> Any:
    """Return a value of JSON with Python's own numbers, lists and texts in place of NumPy's."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value


def _pair(values: Sequence[float]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = importlib.resources.files(__package__).joinpath("controller.schema.json")
    return jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))


def _check(document: Any) -> None:
    """Refuse what is no artefact, in one sentence about the first thing that is wrong."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ControllerError(f"this is no controller artefact, its 'format' must be '{FORMAT}'")
    version = document.get("version")
    if isinstance(version, bool) or version != VERSION:
        newer = isinstance(version, int | float) and version > VERSION
        raise ControllerError(
            f"'version' is {shortened(json.dumps(version), 60)}, this program reads version "
            f"{VERSION}" + (": take a newer ns3kan, as the one that wrote it" if newer else "")
        )
    # What follows takes time in proportion to what is wrong.
    for kind in ("inputs", "outputs"):
        if isinstance(document.get(kind), list) and len(document[kind]) > MAX_QUANTITIES:
            raise ControllerError(f"{kind} has more than {MAX_QUANTITIES} entries")
    error = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if error is not None:
        where = error.json_path.removeprefix("$").removeprefix(".") or "the artefact"
        raise ControllerError(shortened(f"{where}: {error.message}"))
    for kind in ("inputs", "outputs"):
        names: set[str] = set()
        for i, entry in enumerate(document[kind]):
            # The schema's pattern lets a line feed pass at the end.
            if not is_identifier(entry["name"]):
                raise ControllerError(f"{kind}[{i}].name must be an identifier")
            if len(entry["name"]) > MAX_NAME:
                raise ControllerError(f"{kind}[{i}].name is longer than {MAX_NAME} characters")
            if len(entry.get("label", "").encode("utf-8", "surrogatepass")) > MAX_NAME:
                raise ControllerError(f"{kind}[{i}].label is longer than {MAX_NAME} bytes")
            if entry["name"] in FUNCTIONS:
                raise ControllerError(
                    f"{kind}[{i}].name must not be the name of a function, '{entry['name']}'"
                )
            if entry["name"] in names:
                raise ControllerError(f"two {kind} are named '{entry['name']}'")
            names.add(entry["name"])
            # As doubles, which whole numbers beyond 2^53 are not.
            low, high = (_double(value) for value in entry.get("range", (0.0, 1.0)))
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ControllerError(
                    f"{kind}[{i}].range must be finite, the first number less than the second"
                )


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _parse_output(output: ControllerOutput, names: Sequence[str]) -> Expression:
    try:
        return parse(output.expression, names)
    except ExpressionError as error:
        raise ControllerError(f"expression of output '{output.name}', {error}") from error
