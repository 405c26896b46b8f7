# SPDX-License-Identifier: MIT
"""Controllers as sources of other languages, which give the same decisions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.export.c import to_c
from ns3kan.agents.equations.artefact.export.c_family import can_name_code
from ns3kan.agents.equations.artefact.export.cpp import to_cpp
from ns3kan.agents.equations.artefact.export.document import to_latex_document
from ns3kan.agents.equations.artefact.export.python import to_python
from ns3kan.agents.equations.expressions.parser import is_identifier
from ns3kan.errors import InputError


def to_json(controller: Controller) -> str:
    """Write a controller as an artefact whose expressions are in their shortest form."""
    document = controller.document()
    for output, expression in zip(document["outputs"], controller.expressions, strict=True):
        output["expression"] = str(expression)
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


_WRITERS: Mapping[str, Callable[[Controller, str], str]] = {
    "cpp": to_cpp,
    "c": to_c,
    "latex": lambda controller, _: to_latex_document(controller),
    "python": lambda controller, _: to_python(controller),
    "json": lambda controller, _: to_json(controller),
}
LANGUAGES = tuple(_WRITERS)


def export(controller: Controller, language: str, name: str = "controller") -> str:
    """Write a controller in another language.

    Parameters
    ----------
    controller
        Any decision.
    language
        "cpp" (a C++17 header), "c" (a C99 header), "latex" (a document), "python" (a module) or
        "json" (the artefact with its expressions in their shortest form).
    name
        What the code is called: the namespace in C++, what all names start with in C.

    Raises
    ------
    ValueError
        If there is no such language, or the name cannot be that of code.
    """
    if language not in _WRITERS:
        raise InputError(
            f"There is no export to {language!r}; choose one of {', '.join(LANGUAGES)}."
        )
    if not (is_identifier(name) and can_name_code(name)):
        raise InputError(
            f"{name!r} cannot name code; choose letters, digits and single underscores, a letter "
            "first and not in capitals, and no word that C, C++ or their headers use."
        )
    return _WRITERS[language](controller, name)
