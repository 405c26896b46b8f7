# SPDX-License-Identifier: MIT
"""What generated C and C++ have in common."""

from __future__ import annotations

import importlib.resources
import re
import textwrap
from collections.abc import Iterable, Sequence

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.export.comments import described
from ns3kan.agents.equations.artefact.export.statements import Dialect, local_names, write_body
from ns3kan.agents.equations.expressions.grammar import Expression

_KEYWORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
    char32_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
    constinit continue decltype default delete do double dynamic_cast else enum explicit export
    extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
    nullptr operator or or_eq private protected public register reinterpret_cast requires restrict
    return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename typeof union unsigned using virtual void
    volatile wchar_t while xor xor_eq
"""
# What the generated functions, <math.h> and GNU compilers call something already.
_USED = """
    inputs value values decision components component count chosen best least greatest checked
    results total status Status std pow fabs isnan isinf isfinite INFINITY NAN HUGE_VAL size_t
    linux unix i386 errno main stdin stdout stderr complex bool far near huge pascal small
    interface vax sun sparc mips hpux signgam environ assert
"""
RESERVED = frozenset((_KEYWORDS + _USED).split())
# What the headers of C, C++17 and POSIX declare globally (GCC 12, glibc 2.36), without the endings
# of their variants for other types.
_GLOBAL = frozenset(
    importlib.resources.files(__package__).joinpath("global_names.txt").read_text("ascii").split()
)
_VARIANT = re.compile(r"(ll|l|f|f32x?|f64x?|f128|64)?(_r|_l|_unlocked)?$")
# NULL, M_PI, PRId64.
_MACRO = re.compile(r"[A-Z]([A-Z0-9_]|$)")

NOTICE = (
    "It gives the values of ns3kan's other evaluations, in the same order of operations, and "
    "refuses what they refuse: a division by zero, and values that are not finite. It allocates "
    "nothing and throws nothing."
)
FAST_MATH = """\
#ifdef __FAST_MATH__
#error "compile without -ffast-math, under which infinities and NaN are not seen"
#endif
"""


def can_name_code(name: str) -> bool:
    """Whether a namespace, or what all names start with, can be called so beside any headers."""
    return not (
        name in RESERVED
        or name in _GLOBAL
        or _VARIANT.sub("", name, count=1) in _GLOBAL
        or name.endswith("_t")
        or name.startswith("_")
        or "__" in name
        or _MACRO.match(name)
    )


class CFamily(Dialect):
    """C, and C++ where it is the same.

    Parameters
    ----------
    library
        What stands before names of the mathematical library.
    helpers
        What stands before names of the generated helpers.
    failure
        Value that says that 0 divides.
    braces
        What stands before and after the values that a helper chooses from, and after them their
        number if it is given.
    """

    def __init__(
        self, library: str, helpers: str, failure: str, braces: tuple[str, str], counted: bool
    ) -> None:
        self.reserved = RESERVED | {helpers + name for name in ("least", "greatest", "checked")}
        self.library = library
        self.helpers = helpers
        self.failure = failure
        self.braces = braces
        self.counted = counted

    def call(self, function: str, arguments: Sequence[str]) -> str:
        """Write a call of <math.h>, or of a helper."""
        if function in ("min", "max"):
            name = self.helpers + {"min": "least", "max": "greatest"}[function]
            count = f", {len(arguments)}" if self.counted else ""
            opening, closing = self.braces
            return f"{name}({opening}{', '.join(arguments)}{closing}{count})"
        name = "fabs" if function == "abs" else function
        return f"{self.library}{name}({arguments[0]})"

    def power(self, base: str, exponent: str) -> str:
        """Write a call of pow."""
        return f"{self.library}pow({base}, {exponent})"

    def assign(self, name: str, value: str) -> str:
        """Write a constant."""
        return f"const double {name} = {value};"

    def refuse(self, conditions: Sequence[str]) -> str:
        """Write a way out."""
        return f"if ({' && '.join(conditions)})\n{{\n    return {self.failure};\n}}"


def function_body(
    controller: Controller, expression: Expression, dialect: CFamily
) -> tuple[list[str], str]:
    """Write statements that compute an expression from an array ``inputs``, and its value."""
    # Macros are in capitals.
    capitals = {name for name in controller.input_names if name == name.upper()}
    names = local_names(controller.input_names, dialect.reserved | capitals)
    used = expression.inputs()
    statements = [
        f"const double {names[entry.name]} = inputs[{i}]; /* {described(entry)} */"
        for i, entry in enumerate(controller.inputs)
        if entry.name in used
    ]
    body = write_body(expression, names, dialect)
    return [*statements, *body.statements], body.result


def limits(controller: Controller) -> str:
    """Write rows of least and greatest values of the outputs."""
    ranges = [output.range or (0.0, 0.0) for output in controller.outputs]
    return ", ".join(f"{{{low!r}, {high!r}}}" for low, high in ranges)


def indented(statements: Iterable[str], width: int = 4) -> str:
    """Indent statements and wrap those that are long."""
    lines: list[str] = []
    for statement in statements:
        for line in statement.split("\n"):
            blanks = " " * (width + len(line) - len(line.lstrip()))
            lines += textwrap.wrap(
                line.lstrip(),
                100,
                initial_indent=blanks,
                subsequent_indent=blanks + "    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)
