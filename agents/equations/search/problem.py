# SPDX-License-Identifier: MIT
"""A policy's answers as something to search formulas for, and formulas as controllers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.artefact.controller import Controller, ControllerInput
from ns3kan.agents.equations.choice.front import undominated
from ns3kan.agents.equations.choice.split import Parts
from ns3kan.agents.equations.expressions.names import identifiers, label_of
from ns3kan.agents.equations.proofs.guarantees import certify
from ns3kan.agents.equations.search.formula_search import FormulaSearch, SearchConfig
from ns3kan.agents.equations.search.imitation import (
    Choices,
    Imitation,
    Index,
    Probabilities,
    Ratios,
)
from ns3kan.agents.equations.search.shorten import Candidate
from ns3kan.errors import InputError

Array = NDArray[np.float64]

# How far beyond the states formulas must be defined, in widths of their range, as in `refine`.
_MARGIN = 0.5
_MOST_STATES = 5_000
_KINDS: dict[str, type[Imitation]] = {
    kind.decision: kind for kind in (Ratios, Choices, Probabilities, Index)
}


class StillError(InputError):
    """All states are the same."""


@dataclass(frozen=True)
class Roles:
    """What is observed and what is decided.

    Attributes
    ----------
    features, units
        Names and units of the features.
    outputs
        Names of the controller's outputs.
    decision
        Of the controller.
    lows, highs
        Least and greatest value that a feature can have at all, (features,); may be infinite.
    """

    features: tuple[str, ...]
    units: tuple[str, ...]
    outputs: tuple[str, ...]
    decision: str
    lows: Array
    highs: Array


class Problem:
    """States and answers, in parts to fit formulas to, to choose by and to report on.

    Parameters
    ----------
    roles
        What they are.
    observations
        States (n, features); of components (n, K, features).
    scores
        The policy's answers, as `Imitation.task` takes them.
    parts
        Which states are for what.
    seed
        Of the search.
    config
        Of the search.

    Attributes
    ----------
    search
        The search for formulas.
    notes
        Sentences on features that were left out, and why.

    Raises
    ------
    StillError
        If all states are the same.
    """

    def __init__(
        self,
        roles: Roles,
        observations: Array,
        scores: Array,
        parts: Parts,
        seed: int,
        config: SearchConfig,
    ) -> None:
        self.roles = roles
        rows = observations.reshape(-1, observations.shape[-1])
        self.lows, self.highs = rows.min(axis=0), rows.max(axis=0)
        size = np.maximum(np.abs(self.lows), np.abs(self.highs))
        varying = self.highs - self.lows > 1e-9 * size
        if not varying.any():
            raise StillError
        self.varying = np.flatnonzero(varying)
        self.notes = tuple(
            f"{name} never changed in the states and is left out"
            for name, varies in zip(roles.features, varying, strict=True)
            if not varies
        )
        self._features = identifiers(roles.features)
        names = tuple(self._features[i] for i in self.varying)
        self.imitation = _KINDS[roles.decision](names, identifiers(roles.outputs))
        task = self.imitation.task(observations[..., self.varying], scores)
        self._reported = task.subset(parts.report[:_MOST_STATES])
        self.search = FormulaSearch(
            config,
            self.imitation,
            task.subset(parts.fit),
            task.subset(parts.choice[:_MOST_STATES]),
            self._box(),
            seed,
        )

    def _box(self) -> dict[str, tuple[float, float]]:
        """Where formulas must be defined: around the states, but not where none can be."""
        margin = _MARGIN * (self.highs - self.lows)
        # Observations beyond the space's bounds count all the same.
        lows = np.minimum(np.maximum(self.lows - margin, self.roles.lows), self.lows)
        highs = np.maximum(np.minimum(self.highs + margin, self.roles.highs), self.highs)
        return {self._features[i]: (float(lows[i]), float(highs[i])) for i in self.varying}

    def controllers(
        self, candidates: Sequence[Candidate], provenance: Mapping[str, Any]
    ) -> tuple[Controller, ...]:
        """Return candidates as artefacts, rounded and with guarantees, from short to long."""
        rounded = self.search.rounded(candidates)
        controllers = [self.controller(candidate, provenance) for candidate in rounded]
        # Once more: a constant logit is no longer than its ratio, and that is a number.
        nodes = [controller.fidelity["nodes"] for controller in controllers]
        places = undominated(nodes, [-candidate.loss for candidate in rounded])
        chosen = tuple(controllers[place] for place in places)
        for controller in chosen:
            certify(controller)
        return chosen

    def controller(self, candidate: Candidate, provenance: Mapping[str, Any]) -> Controller:
        """Return a candidate as an artefact whose inputs are the features that it uses."""
        used = {name for formula in candidate.formulas for name in formula.inputs()}
        places = [i for i in self.varying if self._features[i] in used]
        outputs = [
            dataclasses.replace(output, label=label_of(output.name, given))
            for output, given in zip(
                self.imitation.written(candidate.formulas), self.roles.outputs, strict=True
            )
        ]
        predicted = self._reported.answer(self._reported.evaluate(candidate.formulas))
        inputs = [
            ControllerInput(
                self._features[i],
                self.roles.units[i] or "1",
                (float(self.lows[i]), float(self.highs[i])),
                label_of(self._features[i], self.roles.features[i]),
            )
            for i in places or self.varying[:1]
        ]
        result = Controller(inputs, outputs, self.roles.decision, provenance=provenance)
        result.fidelity = self.imitation.fidelity(predicted, self._reported.target_answers) | {
            "nodes": sum(expression.nodes() for expression in result.expressions),
            "digits": candidate.digits,
        }
        return result
