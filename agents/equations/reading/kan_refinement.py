# SPDX-License-Identifier: MIT
"""All constants of a KAN's formulas moved together to where they decide as the network does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ns3kan.agents.equations.fitting.module import tensor_value
from ns3kan.agents.equations.reading.kan_formulas import KanFormulas
from ns3kan.agents.equations.reading.library import Argument
from ns3kan.agents.equations.reading.terms import Formula, Term
from ns3kan.errors import InputError

Array = NDArray[np.float64]

_BATCH = 256
# Differences between values that decide, relative to the spread of the values of a state.
_TEMPERATURE = 0.3


def refine_formulas(
    formulas: KanFormulas,
    states: Array,
    values: Array,
    *,
    steps: int = 600,
    learning_rate: float = 1e-2,
    seed: int = 0,
) -> KanFormulas:
    """Fit all constants to a network's values; functions stay as they are.

    The loss is the mean squared difference of values, in their variance, plus the divergence of the
    soft choices that the values make; a number added to all values of a state plays no part, since
    the largest one decides. By Adam on random batches; constants inside functions that need a
    positive argument stay, so that they stay defined.

    Parameters
    ----------
    formulas
        Where to start.
    states, values
        Inputs (n, inputs), and what the network says of them (n, outputs).
    steps, learning_rate, seed
        Of Adam, whose rate falls to zero, and of its batches.

    Raises
    ------
    ValueError
        If there is no step to be made.
    """
    if steps < 1:
        raise InputError(f"Formulas are to be refined in {steps} steps; make one step at least.")
    x = torch.from_numpy(np.ascontiguousarray(states, dtype=np.float32))
    network, reached = nn.Sequential(), x
    for layer in formulas.layers:
        network.append(_Layer(layer, reached))
        with torch.no_grad():
            reached = network[-1](reached)
    targets = _centred(torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)))
    spread = targets.std().clamp_min(1e-12)
    optimiser = torch.optim.Adam(network.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        batch = torch.randint(len(x), (min(_BATCH, len(x)),), generator=generator)
        predicted, target = _centred(network(x[batch])) / spread, targets[batch] / spread
        choices = (target / _TEMPERATURE).softmax(1)
        divergence = -(choices * (predicted / _TEMPERATURE).log_softmax(1)).sum(1).mean()
        loss = nn.functional.mse_loss(predicted, target) + divergence
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return KanFormulas(
        tuple(
            layer.formulas(own)
            for layer, own in zip(network, formulas.layers, strict=True)
            if isinstance(layer, _Layer)
        )
    )


def _centred(values: Tensor) -> Tensor:
    return values - values.mean(1, keepdim=True)


class _Layer(nn.Module):
    """The formulas of one layer; all terms of one function are evaluated together."""

    def __init__(self, formulas: Sequence[Formula], x: Tensor) -> None:
        super().__init__()
        self.constants = nn.Parameter(torch.tensor([formula.constant for formula in formulas]))
        places: dict[str, list[tuple[int, int]]] = {}
        for row, formula in enumerate(formulas):
            for number, term in enumerate(formula.terms):
                places.setdefault(term.function.name, []).append((row, number))
        self.places = places
        self.terms = nn.ModuleDict(
            {
                # A module's name must hold no power sign.
                _key(name): _Terms([(row, formulas[row].terms[number]) for row, number in own], x)
                for name, own in places.items()
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        total = self.constants.expand(len(x), -1)
        for name in self.places:
            terms = self.terms[_key(name)]
            assert isinstance(terms, _Terms)
            total = total.index_add(1, terms.rows, terms(x))
        return total

    def formulas(self, before: Sequence[Formula]) -> tuple[Formula, ...]:
        """Write the constants back into formulas."""
        terms = [list(formula.terms) for formula in before]
        for name, own in self.places.items():
            module = self.terms[_key(name)]
            assert isinstance(module, _Terms)
            for (row, number), (amplitude, scale, shift) in zip(
                own, module.constants(), strict=True
            ):
                term = terms[row][number]
                moved: dict[Argument, tuple[float, ...]] = {
                    Argument.PLAIN: (),
                    Argument.SHIFTED: (-term.sign * shift,),
                    Argument.SCALED: (scale,),
                    Argument.AFFINE: (scale, shift),
                }
                inner = moved[term.function.argument]
                if term.function.is_positive_only:
                    inner = term.inner
                terms[row][number] = dataclasses.replace(term, amplitude=amplitude, inner=inner)
        return tuple(
            Formula(constant, tuple(own))
            for constant, own in zip(self.constants.tolist(), terms, strict=True)
        )


class _Terms(nn.Module):
    """Terms of one function: amplitude * f(scale * x + shift) / size.

    The size is the largest |f| of a term over ``x`` (samples, inputs) at first. Without it one step
    would move a tiny amplitude of a large exponential as far as any other, and the sum past all
    numbers.
    """

    def __init__(self, terms: Sequence[tuple[int, Term]], x: Tensor) -> None:
        super().__init__()
        function = terms[0][1].function
        self.function = function.root
        self.rows = torch.tensor([row for row, _ in terms])
        self.columns = torch.tensor([term.feature for _, term in terms])
        inner = torch.tensor([_scale_and_shift(term) for _, term in terms])
        moves = not function.is_positive_only
        argument = function.argument
        self.scale = nn.Parameter(
            inner[:, 0].clone(),
            requires_grad=moves and argument in (Argument.SCALED, Argument.AFFINE),
        )
        self.shift = nn.Parameter(
            inner[:, 1].clone(),
            requires_grad=moves and argument in (Argument.SHIFTED, Argument.AFFINE),
        )
        with torch.no_grad():
            size = self._values(x).abs().amax(0)
        self.size = torch.where(size > 0, size, 1.0)
        amplitude = torch.tensor([term.amplitude for _, term in terms])
        self.amplitude = nn.Parameter(amplitude * self.size)

    def _values(self, x: Tensor) -> Tensor:
        return tensor_value(self.function, {"u": x[:, self.columns] * self.scale + self.shift})

    def forward(self, x: Tensor) -> Tensor:
        return self._values(x) * (self.amplitude / self.size)

    def constants(self) -> list[tuple[float, float, float]]:
        """Amplitude, scale and shift of each."""
        amplitudes = (self.amplitude / self.size).tolist()
        return list(zip(amplitudes, self.scale.tolist(), self.shift.tolist(), strict=True))


def _scale_and_shift(term: Term) -> tuple[float, float]:
    match term.function.argument:
        case Argument.PLAIN:
            return 1.0, 0.0
        case Argument.SHIFTED:
            return float(term.sign), -term.sign * term.inner[0]
        case Argument.SCALED:
            return term.inner[0], 0.0
        case Argument.AFFINE:
            return term.inner[0], term.inner[1]


def _key(name: str) -> str:
    return f"function_{name.replace('^', '_')}"
