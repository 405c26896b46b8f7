# SPDX-License-Identifier: MIT
"""Random expressions of the whole grammar, for comparisons of what evaluates them."""

from collections.abc import Sequence

import numpy as np

from ns3kan.agents.equations.grammar import FUNCTIONS, VARIADIC_FUNCTIONS


def random_expression(generator: np.random.Generator, names: Sequence[str], depth: int) -> str:
    """Write an expression that may be anything of the grammar, of moderate values."""

    def part() -> str:
        return random_expression(generator, names, depth - 1)

    if depth == 0 or generator.random() < 0.1:
        if generator.random() < 0.4:
            return f"{generator.uniform(0.1, 3):.{generator.integers(1, 17)}g}"
        return str(generator.choice(names))
    match generator.integers(8):
        case 0 | 1:
            return f"{part()} {generator.choice(['+', '-'])} {part()}"
        case 2:
            return f"({part()}){generator.choice(['*', '/'])}{part()}"
        case 3:
            return f"{part()}*(-{part()})/({part()})"
        case 4:
            return f"-({part()})^{generator.choice(['2', '-1', '3', '2^2', '-2'])}"
        case 5:
            return f"abs({part()})^tanh({part()})"
        case 6:
            function = str(generator.choice(list(VARIADIC_FUNCTIONS)))
            return f"{function}({part()}, {part()}, {part()})"
        case _:
            function = str(generator.choice([f for f in FUNCTIONS if f not in VARIADIC_FUNCTIONS]))
            # Bounded or positive, so that most points have a value.
            inner = f"abs({part()})" if function in ("log", "sqrt") else f"tanh({part()})"
            return f"{function}({inner})"
