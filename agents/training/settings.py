# SPDX-License-Identifier: MIT
"""Types of settings, checked when they are made, so that nothing fails hours later."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from ns3kan.errors import InputError

__all__ = [
    "FROM_TEXT", "MOST_SEED", "NUMBER", "WHOLE", "Count", "CountOrZero", "Finite", "Flag",
    "InnerShare", "NetworkKind", "NotNegative", "Number", "Positive", "PositiveOrInfinite", "Seed",
    "Share", "Whole", "Widths", "requirement", "settings",
]  # fmt: skip

if TYPE_CHECKING:
    # What type checkers are to know of it.
    from dataclasses import dataclass as settings
else:
    import pydantic.dataclasses

    def settings(**options: bool) -> Callable[[type], type]:
        """Make a dataclass whose fields are checked against their types when it is made.

        A wrong value is an `InputError` of one sentence. Options are those of `dataclass`.
        """

        def decorate(cls: type) -> type:
            config = {
                "extra": "forbid",
                "arbitrary_types_allowed": True,
                "use_attribute_docstrings": True,
            }
            made = pydantic.dataclasses.dataclass(config=config, **options)(cls)
            check = made.__init__

            @wraps(check)
            def init(self: Any, *values: Any, **named: Any) -> None:
                try:
                    check(self, *values, **named)
                except ValidationError as error:
                    raise InputError(_sentence(made, error.errors()[0])) from None

            made.__init__ = init
            return made

        return decorate


MOST_SEED = 2**63 - 1
"""Largest seed that every random generator takes."""

FROM_TEXT = {"from_text": True}
"""Context of a validation in which numbers may be words: YAML 1.1 reads 3e-4 as one."""

# No setting counts further than 64 bits do.
_MOST_COUNT = 2**64


def _of_text(value: object, info: ValidationInfo) -> object:
    if info.context and isinstance(value, str):
        with suppress(ValueError):
            return float(value)
    return value


def _number(value: object, info: ValidationInfo) -> object:
    number = _of_text(value, info)
    if isinstance(number, bool | str):
        raise PydanticCustomError("number", "be a number")
    return number


def _whole(value: object, info: ValidationInfo) -> int:
    number = _of_text(value, info)
    if not isinstance(number, bool):
        with suppress(TypeError):
            number = operator.index(number)  # type: ignore[arg-type]  # TypeError if it is none
        # People write a million steps as 1e6.
        if info.context and isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, int) and abs(number) <= _MOST_COUNT:
            return number
    raise PydanticCustomError("whole", "be a whole number")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise PydanticCustomError("finite", "be finite")
    return value


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise PydanticCustomError("share", "lie between 0 and 1")
    return value


_LIMITS = {
    "greater_than": ("gt", "be positive", "be above"),
    "greater_than_equal": ("ge", "not be negative", "be at least"),
    "less_than": ("lt", "be negative", "be below"),
    "less_than_equal": ("le", "not be positive", "be at most"),
}
_KINDS = {
    "missing": "be given",
    "too_short": "hold one entry at least",
    "unexpected_keyword_argument": "be left out: there is no such setting",
    "string": "be a word",
    "bool": "be true or false",
    "float": "be a number",
    "tuple": "be a list",
    "dict": "be a mapping",
    "mapping": "be a mapping",
    "dataclass": "be a group of settings",
}


def requirement(error: ErrorDetails) -> str:
    """Say what a setting must, such as ``"be at least 1"``.

    Parameters
    ----------
    error
        Of pydantic, and not raised by a ``__post_init__``.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind in _LIMITS:
        name, at_zero, beyond = _LIMITS[kind]
        return f"{beyond} {context[name]:g}" if context[name] else at_zero
    if kind == "literal_error":
        return f"be {context['expected']}"
    return _KINDS.get(kind) or _KINDS.get(kind.partition("_")[0]) or error["msg"]


def _sentence(cls: Any, error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    owner, (first, *rest) = cls.__name__, error["loc"]
    # Of an argument without a name its place is known.
    name = fields(cls)[first].name if isinstance(first, int) else first
    name += "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
    if error["type"] == "missing":
        return f"{owner}'s {name} must be given."
    return f"{owner}'s {name} is {error['input']!r}; it must {requirement(error)}."


NetworkKind = Literal["kan", "mlp"]
Flag = StrictBool
# Last of all, so that it comes first and the limits are the number's, in the JSON Schema too.
WHOLE = BeforeValidator(_whole)
NUMBER = BeforeValidator(_number)
Whole = Annotated[int, WHOLE]
Count = Annotated[int, Field(ge=1), WHOLE]
CountOrZero = Annotated[int, Field(ge=0), WHOLE]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED), WHOLE]
Widths = tuple[Count, ...]
Number = Annotated[float, NUMBER]
Finite = Annotated[float, AfterValidator(_finite), NUMBER]
Positive = Annotated[float, Field(gt=0), AfterValidator(_finite), NUMBER]
PositiveOrInfinite = Annotated[float, Field(gt=0), NUMBER]
NotNegative = Annotated[float, Field(ge=0), AfterValidator(_finite), NUMBER]
Share = Annotated[
    float,
    AfterValidator(_share),
    NUMBER,
    Field(json_schema_extra={"minimum": 0, "maximum": 1}),
]
InnerShare = Annotated[float, Field(gt=0, lt=1), NUMBER]
