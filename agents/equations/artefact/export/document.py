# SPDX-License-Identifier: MIT
"""A controller as a LaTeX document: a table of its inputs and its equations.

Large sums within an equation get a symbol and an equation of their own, so that lines fit a page
and TeX's limits on nesting are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.export.comments import headline, plain
from ns3kan.agents.equations.expressions.grammar import (
    Call,
    Chain,
    Expression,
    Input,
    Negative,
    Node,
    Number,
    Power,
)
from ns3kan.agents.equations.expressions.latex import to_latex, to_latex_terms

_MOST_LEVELS = 6
_MOST_PARTS = 12
_LINE = 100
"""About how many characters of LaTeX make a line."""

_FILE = r"""% {headline}
\documentclass{{article}}
\usepackage{{amsmath}}
\begin{{document}}
\noindent
\begin{{tabular}}{{lll}}
Input & Range & Unit \\
\hline
{rows}
\end{{tabular}}

{equations}
\end{{document}}
"""
_DECISIONS = {
    "ratio": r"\noindent Each value is clipped to its limits.",
    "softmax": r"\noindent The probability of each output is in proportion to the exponential of "
    r"its value.",
    "argmax": r"\noindent The output with the greatest value is chosen, the first of equals.",
    "index": r"\noindent The component with the greatest value is chosen, the first of equals.",
}
_ESCAPES = {
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "µ": r"\ensuremath{\mu}",
    "·": r"\ensuremath{\cdot}",
    "²": r"\ensuremath{^2}",
    "³": r"\ensuremath{^3}",
    "⁻": r"\ensuremath{^-}",
    "¹": r"\ensuremath{^1}",
}


def to_latex_document(controller: Controller) -> str:
    """Write a controller as a LaTeX document."""
    rows = "\n".join(
        rf"${to_latex(Expression(Input(entry.name)))}$ & "
        rf"{' to '.join(map(_number, entry.range))} & "
        rf"{''.join(_ESCAPES.get(c, c) for c in plain(entry.unit))} \\"
        for entry in controller.inputs
    )
    splitter = _Splitter(set(controller.input_names))
    equations = []
    for output, expression in zip(controller.outputs, controller.expressions, strict=True):
        symbol = to_latex(Expression(Input(output.name)))
        limits = output.range if controller.decision == "ratio" else None
        equations.append(_equations(symbol, splitter.split(expression), splitter.symbols))
        if limits:
            low, high = map(_number, limits)
            equations.append(rf"\noindent Limits of ${symbol}$: {low} to {high}.")
    equations.append(_DECISIONS[controller.decision])
    return _FILE.format(
        headline=headline(controller),
        rows=rows,
        equations="\n\n".join(equations),
    )


def _number(value: float) -> str:
    number = Number(abs(value))
    return f"${to_latex(Expression(Negative(number) if value < 0 else number))}$"


def _equations(symbol: str, parts: Mapping[str, Expression], symbols: Mapping[str, str]) -> str:
    lines: list[str] = []
    for name, expression in parts.items():
        left = symbols.get(name, symbol)
        lines += _lines(left, to_latex_terms(expression, symbols))
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def _lines(left: str, terms: list[str]) -> Iterator[str]:
    line = f"{left} ={{}} &"
    length = 0
    for term in terms:
        if length and length + len(term) > _LINE:
            yield line
            line, length = "&", 0
        # An empty group before a sign makes it one between two terms.
        line += f" {{}}{term}" if term[0] in "+-" else f" {term}"
        length += len(term)
    yield line


class _Splitter:
    """Gives symbols to parts of expressions."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.symbols: dict[str, str] = {}
        self.found: dict[str, Expression] = {}

    def split(self, expression: Expression) -> dict[str, Expression]:
        """Expression under the name "", then the parts that it refers to, outer ones first."""
        self.found = {}
        root, _ = self.shortened(expression.root, top=True)
        return {"": Expression(root), **dict(reversed(self.found.items()))}

    def named(self, node: Node) -> tuple[Node, int]:
        name = f"z_{len(self.symbols) + 1}"
        while name in self.taken:
            name += "x"
        self.symbols[name] = f"z_{{{len(self.symbols) + 1}}}"
        self.found[name] = Expression(node)
        return Input(name), 0

    def shortened(self, node: Node, *, top: bool = False) -> tuple[Node, int]:
        """Return the node with large parts named, and how many levels it has."""
        match node:
            case Negative(operand):
                inner, levels = self.shortened(operand)
                result: Node = Negative(inner)
            case Power(base, exponent):
                low, below = self.shortened(base)
                high, above = self.shortened(exponent)
                result, levels = Power(low, high), max(below, above)
            case Call(function, arguments):
                parts, levels = self.all(arguments)
                while len(parts) > _MOST_PARTS:
                    first, _ = self.named(Call(function, tuple(parts[:_MOST_PARTS])))
                    parts = [first, *parts[_MOST_PARTS:]]
                result = Call(function, tuple(parts))
            case Chain(first, rest):
                parts, levels = self.all((first, *(part for _, part in rest)))
                pairs = list(zip([operator for operator, _ in rest], parts[1:], strict=True))
                while len(pairs) > _MOST_PARTS and not (node.is_sum and top):
                    parts[0], _ = self.named(Chain(parts[0], tuple(pairs[:_MOST_PARTS])))
                    del pairs[:_MOST_PARTS]
                result = Chain(parts[0], tuple(pairs))
                if node.is_sum and not top and len(str(Expression(result))) > _LINE // 2:
                    return self.named(result)
            case _:
                return node, 0
        if levels >= _MOST_LEVELS and not top:
            return self.named(result)
        return result, levels + 1

    def all(self, nodes: tuple[Node, ...]) -> tuple[list[Node], int]:
        pairs = [self.shortened(node) for node in nodes]
        return [node for node, _ in pairs], max(levels for _, levels in pairs)
