# SPDX-License-Identifier: MIT
"""Expressions of the grammar as SymPy expressions and back again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

import sympy

from ns3kan.agents.equations.expressions.grammar import (
    FUNCTIONS,
    Call,
    Chain,
    EvaluationError,
    Expression,
    Input,
    Negative,
    Node,
    Number,
    Power,
)
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.errors import InputError
from ns3kan.io.numbers import formula_text

MOST_NODES = 3_000
"""Longest expression that SymPy gets to see."""
GREATEST_POWER = 1_000
"""Greatest whole exponent that SymPy takes as one."""

_GREATEST = sympy.Float(sys.float_info.max, 17)
_LEAST = sympy.Float(5e-324, 17)

_TO_SYMPY: Mapping[str, Callable[..., sympy.Expr]] = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "tanh": sympy.tanh,
    "abs": sympy.Abs,
    "min": sympy.Min,
    "max": sympy.Max,
}
_FROM_SYMPY: Mapping[type, str] = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.tanh: "tanh",
    sympy.Abs: "abs",
    sympy.Min: "min",
    sympy.Max: "max",
}


def symbol(name: str) -> sympy.Symbol:
    """Return the real symbol that stands for an input."""
    return sympy.Symbol(name, real=True)


def to_sympy(expression: Expression) -> sympy.Expr:
    """Translate to SymPy; whole numbers become Integers, others Floats with all their digits.

    SymPy may reorder and simplify, so that values agree in exact arithmetic, not bit for bit. Its
    numbers have no bounds: what would be one that no double holds, such as the inner part of
    ``exp(exp(1e6 + x))``, is refused before anything is computed with it, and so is what is too
    long.

    Raises
    ------
    ValueError
        If the expression has more than `MOST_NODES` nodes, or a number on the way is not real or
        none that a double holds.
    """
    nodes = expression.nodes()
    if nodes > MOST_NODES:
        raise InputError(
            f"an expression of {nodes} nodes is too long to be rewritten, {MOST_NODES} are allowed"
        )
    return _Translator().translate(expression.root)


class _Translator:
    """Translates a tree, and refuses numbers that no double holds as soon as there is one."""

    def __init__(self) -> None:
        # Whether parts have symbols; of all parts that were looked at.
        self.known: dict[sympy.Basic, bool] = {}

    def translate(self, node: Node) -> sympy.Expr:
        match node:
            case Number(value):
                return self.bounded(_number_to_sympy(value))
            case Input(name):
                return symbol(name)
            case Negative(operand):
                return -self.translate(operand)
            case Power(base, exponent):
                return self.bounded(_power(self.translate(base), self.translate(exponent)))
            case Call(function, arguments):
                parts = [self.translate(argument) for argument in arguments]
                if all(part.is_Number for part in parts):
                    numbers = tuple(number(float(part)) for part in parts)
                    return self.bounded(_computed(Call(function, numbers)))
                return self.bounded(_TO_SYMPY[function](*parts))
            case Chain(first, rest):
                total = self.translate(first)
                for operator, part in rest:
                    right = self.translate(part)
                    match operator:
                        case "+":
                            total = total + right
                        case "-":
                            total = total - right
                        case "*":
                            total = total * right
                        case _:
                            total = total / right
                    total = self.bounded(total)
                return total

    def bounded(self, formula: sympy.Expr) -> sympy.Expr:
        self.has_symbols(formula)
        return formula

    def has_symbols(self, part: sympy.Basic) -> bool:
        """Look at a part and all below it that are new; numbers must be those of doubles."""
        if part not in self.known:
            below = [self.has_symbols(each) for each in part.args]
            self.known[part] = part.is_Symbol or any(below)
            # Products and powers come apart: sqrt(2*x) becomes sqrt(2)*sqrt(x).
            if not self.known[part] and isinstance(part, sympy.Expr):
                _check_number(part)
        return self.known[part]


def _power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    if base.is_Number and exponent.is_Number:
        return _computed(Power(number(float(base)), number(float(exponent))))
    if exponent.is_Integer and abs(exponent) > GREATEST_POWER:
        # Of a whole number, all digits of such a power would be computed.
        exponent = sympy.Float(exponent, 17)
    return base**exponent


def _computed(node: Node) -> sympy.Expr:
    """Value of a tree of numbers."""
    expression = Expression(node)
    try:
        return _number_to_sympy(float(expression.evaluate({})))
    except EvaluationError as error:
        shown = formula_text(str(expression))
        raise InputError(f"{shown} {error.reason}, it is not a finite real number") from error


def _check_number(value: sympy.Expr) -> None:
    size = abs(value if value.is_Number else value.evalf(17))
    # Not a number is a Number to SymPy, which refuses to compare it.
    if not (size.is_Number and size.is_finite and (size == 0 or _LEAST <= size <= _GREATEST)):
        # Without the number, which may have more digits than a message.
        raise InputError("it contains what is not a finite real number that a double holds")


def _number_to_sympy(value: float) -> sympy.Expr:
    if value.is_integer() and abs(value) < 1e15:
        return sympy.Integer(int(value))
    return sympy.Float(value, 17)


def from_sympy(formula: sympy.Expr, names: Sequence[str]) -> Expression:
    """Write a SymPy expression in the grammar.

    Parameters
    ----------
    formula
        What to write.
    names
        Inputs that it may use.

    Raises
    ------
    ValueError
        If it contains what the grammar cannot say: other functions, other symbols, complex or
        infinite numbers.
    """
    # Parsed once more, so that the tree is the one that its own text gives.
    return parse(str(Expression(_from_sympy(formula, names))), names)


def simplified(expression: Expression, names: Sequence[str]) -> Expression:
    """Merge constants and like terms of an expression over ``names``.

    Sums such as ``2*x + 6`` become ``x + 3`` within products, where the whole is shorter then.
    Values stay as they are in exact arithmetic.

    Raises
    ------
    ValueError
        If it is not a real number anywhere, as ``log(-1)``, or as `to_sympy`.
    """
    formula = to_sympy(expression)
    # SymPy does not take 1.0*x for x.
    powers = {each.exp for each in formula.atoms(sympy.Pow)}
    whole = {
        each: _exact(each)
        for each in formula.atoms(sympy.Float)
        if each not in powers or abs(each) <= GREATEST_POWER
    }
    formula = formula.xreplace(whole)
    forms = (from_sympy(form, names) for form in (formula, _normalised(formula)))
    return min(forms, key=Expression.nodes)


def _exact(value: sympy.Expr) -> sympy.Expr:
    """Return a number as an Integer, if it is one, else as a Float."""
    _check_number(value)
    return _number_to_sympy(float(value))


def _normalised(formula: sympy.Expr) -> sympy.Expr:
    """Move coefficients of first terms of sums to the front of products, and common ones of max."""
    if not formula.args:
        return formula
    formula = formula.func(*map(_normalised, formula.args))
    if isinstance(formula, sympy.Max | sympy.Min):
        return _without_common_factor(formula)
    if not formula.is_Mul:
        return formula
    front, rest = formula.as_coeff_Mul()
    factors = []
    for factor in sympy.Mul.make_args(rest):
        inner, power = factor.as_base_exp()
        is_absolute = isinstance(inner, sympy.Abs)
        terms = inner.args[0] if is_absolute else inner
        if terms.is_Add and power.is_Integer and abs(power) <= GREATEST_POWER:
            coefficient = _leading(terms)
            pairs = (term.as_coeff_Mul() for term in terms.args)
            terms = sympy.Add(*(_exact(own / coefficient) * part for own, part in pairs))
            front *= (abs(coefficient) if is_absolute else coefficient) ** power
            factor = (sympy.Abs(terms) if is_absolute else terms) ** power
        factors.append(factor)
    return _exact(front) * sympy.Mul(*factors)


def _without_common_factor(formula: sympy.Max | sympy.Min) -> sympy.Expr:
    """Write ``max(2*a, 2*b)`` as ``2*max(a, b)``, and ``max(-a, -b)`` as ``-min(a, b)``."""
    factor, *others = (each.as_coeff_Mul()[0] for each in formula.args)
    if any(each != factor for each in others):
        factor = sympy.Integer(1)
    factor = abs(factor)
    parts = [_exact(c / factor) * rest for c, rest in (p.as_coeff_Mul() for p in formula.args)]
    kind = formula.func
    if all(each.could_extract_minus_sign() for each in parts):
        parts, factor = [-each for each in parts], -factor
        kind = sympy.Min if kind is sympy.Max else sympy.Max
    return _exact(factor) * kind(*parts)


def _leading(terms: sympy.Add) -> sympy.Expr:
    """Coefficient of the first term that is not a constant."""
    _, rest = terms.as_coeff_Add()
    return _terms(rest)[0].as_coeff_Mul()[0]


def _from_sympy(formula: sympy.Expr, names: Sequence[str]) -> Node:
    if formula.is_Symbol:
        if formula.name not in names:
            raise InputError(f"'{formula.name}' is not one of the inputs {', '.join(names)}")
        return Input(formula.name)
    if formula.is_number and not formula.free_symbols:
        return _number_from_sympy(formula)
    if formula.is_Add:
        return _sum([_from_sympy(term, names) for term in _terms(formula)])
    if formula.is_Mul:
        return _product(formula, names)
    if isinstance(formula, sympy.exp):
        return Call("exp", (_from_sympy(formula.args[0], names),))
    if formula.is_Pow:
        return _written_power(formula.base, formula.exp, names)
    if formula.func in _FROM_SYMPY:
        arguments = tuple(_from_sympy(argument, names) for argument in formula.args)
        return Call(_FROM_SYMPY[formula.func], arguments)
    known = ", ".join(FUNCTIONS)
    raise InputError(f"{formula.func.__name__} is outside the grammar, its functions are {known}")


def _number_from_sympy(formula: sympy.Expr) -> Node:
    if formula.is_Rational and not formula.is_Integer:
        quotient = Chain(
            Number(float(abs(formula.p))),
            (("/", Number(float(formula.q))),),
        )
        return _negated(quotient) if formula.p < 0 else quotient
    value = complex(formula)
    if value.imag != 0 or not abs(value.real) < float("inf"):
        raise InputError(f"{formula} is not a finite real number")
    return number(value.real)


def number(value: float) -> Number | Negative:
    """Return the node of a constant of either sign."""
    return Negative(Number(-value)) if value < 0 else Number(value)


def _terms(formula: sympy.Add) -> list[sympy.Expr]:
    """Terms of a sum by the inputs' names; a positive constant leads, a negative one comes last."""
    constant, rest = formula.as_coeff_Add()
    terms = sorted(
        sympy.Add.make_args(rest),
        key=lambda term: (sorted(map(str, term.free_symbols)), sympy.count_ops(term), str(term)),
    )
    if constant == 0:
        return terms
    return [constant, *terms] if constant.is_positive else [*terms, constant]


def _split_sign(node: Node) -> tuple[bool, Node]:
    """Whether a node is negative, and the node without its sign."""
    match node:
        case Negative(operand):
            return True, operand
        case Chain(Negative(operand), rest) if not node.is_sum:
            return True, Chain(operand, rest)
        case _:
            return False, node


def _sum(terms: Sequence[Node]) -> Node:
    # A leading minus reads badly where a positive term could lead.
    positive = [term for term in terms if not _split_sign(term)[0]]
    first = positive[0] if positive else terms[0]
    rest = list(terms)
    rest.remove(first)
    parts = [_split_sign(term) for term in rest]
    return Chain(first, tuple(("-" if minus else "+", part) for minus, part in parts))


def _product(formula: sympy.Mul, names: Sequence[str]) -> Node:
    coefficient, rest = formula.as_coeff_Mul()
    above: list[Node] = []
    below: list[Node] = []
    for factor in sympy.Mul.make_args(rest):
        base, exponent = factor.as_base_exp()
        inverse = exponent.is_number and exponent.is_negative and not isinstance(factor, sympy.exp)
        if inverse:
            below.append(_from_sympy(base**-exponent, names))
        else:
            above.append(_from_sympy(factor, names))
    above.sort(key=_reading_order)
    below.sort(key=_reading_order)
    negative = coefficient.is_negative
    magnitude = abs(coefficient)
    if magnitude.is_Rational and not magnitude.is_Integer:
        below.insert(0, Number(float(magnitude.q)))
        magnitude = sympy.Integer(magnitude.p)
    if magnitude != 1 or not above:
        above.insert(0, _number_from_sympy(magnitude))
    rest_of_chain = (*(("*", part) for part in above[1:]), *(("/", part) for part in below))
    node = Chain(above[0], rest_of_chain) if rest_of_chain else above[0]
    return _negated(node) if negative else node


def _negated(node: Node) -> Node:
    """Minus a product: the sign goes to its first factor."""
    if isinstance(node, Chain) and not node.is_sum:
        return Chain(Negative(node.first), node.rest)
    return Negative(node)


def _reading_order(node: Node) -> tuple[int, str]:
    """Numbers first, then inputs, then functions."""
    rank = 0 if isinstance(node, Number) else 1 if isinstance(node, Input | Power) else 2
    return rank, str(Expression(node))


def _written_power(base: sympy.Expr, exponent: sympy.Expr, names: Sequence[str]) -> Node:
    if exponent == sympy.Rational(1, 2):
        return Call("sqrt", (_from_sympy(base, names),))
    if exponent.is_number and exponent.is_negative:
        return Chain(Number(1.0), (("/", _from_sympy(base**-exponent, names)),))
    if base is sympy.E:
        return Call("exp", (_from_sympy(exponent, names),))
    return Power(_from_sympy(base, names), _from_sympy(exponent, names))
