# SPDX-License-Identifier: MIT
"""What the site adds to the Markdown files, which read well without it too.

- A link to a file of the repository outside ``docs/`` leads to a copy in the site, and
  ``README.md``, ``CONTRIBUTING.md`` and ``CHANGELOG.md`` are pages.
- Comments become what they name: ``<!-- table … -->`` a table of a committed CSV,
  ``<!-- bench … -->`` and ``<!-- figures … -->`` of committed benchmarks, ``<!-- evaluation RUN
  -->`` of a run's controllers; ``<!-- equation FILE -->`` the expressions of a controller;
  ``<!-- parameters PROGRAM -->`` a table of what a scenario's ``--PrintHelp`` says;
  ``<!-- commands -->`` the help of all commands.
- ``build/reference`` holds the Python files for the reference; tables in their docstrings are
  Markdown's there.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from simple_tables import markdown_tables

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
REFERENCE = ROOT / "build" / "reference" / "ns3kan"
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}

LINK = re.compile(r"(?<=\]\()([^()\s#:]+)(?=(#[^()\s]*)?\))")
DIRECTIVE = re.compile(
    r"<!-- (commands|table|bench|figures|parameters|evaluation|equation)\b(.*?)-->", re.DOTALL
)
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
PARAMETER = re.compile(r"^ +--(\w+): +(.*?)(?: \[([^\]]*)\])?(?: \[([^\]]*)\])?$")


def on_startup(**_: object) -> None:
    """Copy the package for the reference, before its plugin looks where it is."""
    shutil.rmtree(REFERENCE, ignore_errors=True)
    python_files = shutil.ignore_patterns("results", "bin", "__pycache__", "*.so")
    shutil.copytree(ROOT / "ns3kan", REFERENCE, ignore=python_files)
    for path in REFERENCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        # "::" before an indented block is reStructuredText's, Markdown needs none.
        path.write_text(re.sub(r"^ *::\n", "", markdown_tables(text), flags=re.M), encoding="utf-8")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside ``docs/`` and all files that pages link to, and these to."""
    waiting = [ROOT / name for name in PAGES]
    for path in waiting:
        files.append(File.generated(config, _uri(path), abs_src_path=str(path)))
    waiting += [Path(str(file.abs_src_path)) for file in files if file.is_documentation_page()]
    while waiting:
        path = waiting.pop()
        if path.suffix != ".md":
            continue
        for target in _linked(path):
            if files.get_file_from_path(_uri(target)) is None:
                copy = File.generated(config, _uri(target), abs_src_path=str(target))
                copy.inclusion = InclusionLevel.NOT_IN_NAV
                files.append(copy)
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to the files' places in the site and fill the tables in."""
    source = Path(str(page.file.abs_src_path))

    def relative(match: re.Match[str]) -> str:
        target = _target(source, match[0])
        if target is None:
            return match[0]
        return posixpath.relpath(_uri(target), posixpath.dirname(page.file.src_uri))

    def directive(match: re.Match[str]) -> str:
        try:
            return DIRECTIVES[match[1]](match[2])
        except Exception as error:
            raise PluginError(f"{source}: {match[0]}: {error}") from error

    return _outside_fences(
        lambda text: DIRECTIVE.sub(directive, LINK.sub(relative, text)), markdown
    )


def _outside_fences(change: Callable[[str], str], markdown: str) -> str:
    """Change a page except for its blocks of code."""
    done, at = [], 0
    for fence in FENCE.finditer(markdown):
        done += [change(markdown[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*done, change(markdown[at:])])


def _linked(page: Path) -> list[Path]:
    links = LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8")))
    targets = (_target(page, link[0]) for link in links)
    return [target for target in targets if target is not None]


def _target(page: Path, link: str) -> Path | None:
    """Return the file of the repository that a link leads to; None if MkDocs is to judge it."""
    target = (page.parent / link).resolve()
    return target if target.is_file() and target.is_relative_to(ROOT) else None


def _uri(path: Path) -> str:
    """Say where a file of the repository lies in the site."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    inside = path.relative_to(ROOT).as_posix()
    return PAGES.get(inside, f"repository/{inside}")


def _table(text: str) -> str:
    """Table of a CSV: ``csv``, ``where`` (column: value) and ``columns`` (title: template)."""
    asked: dict[str, Any] = yaml.safe_load(text)
    rows = pd.read_csv(ROOT / asked["csv"])
    for column, value in asked.get("where", {}).items():
        rows = rows[rows[column] == value]
    if rows.empty:
        raise ValueError("no row is left")
    columns: dict[str, str] = asked["columns"]
    return _markdown(
        list(columns),
        [
            [
                "" if _is_empty(template, row) else template.format(**row)
                for template in columns.values()
            ]
            for row in rows.to_dict("records")
        ],
    )


def _is_empty(template: str, row: dict[str, Any]) -> bool:
    return any(pd.isna(row[name]) for name in re.findall(r"{([^}:]+)", template))


def _bench(text: str) -> str:
    """Table of ratios of committed benchmarks: ``BENCH: {RATIO: what is compared}``."""
    rows = []
    for bench, ratios in yaml.safe_load(text).items():
        for key, title in ratios.items():
            ratio = _measured(bench)["ratios"][key]
            numbers = [f"{ratio[name]:.3g}" for name in ("median", "min", "max")]
            rows.append([title, *numbers, f"`bench {bench}`"])
    return _markdown(["compared", "median", "least", "greatest", "by"], rows)


def _figures(text: str) -> str:
    """Table of figures of committed benchmarks: ``BENCH: {FIGURE: [what it is, its unit]}``."""
    return _markdown(
        ["measured", "", "unit", "by"],
        [
            [title, f"{_measured(bench)['figures'][key]:.3g}", unit, f"`bench {bench}`"]
            for bench, figures in yaml.safe_load(text).items()
            for key, (title, unit) in figures.items()
        ],
    )


def _measured(bench: str) -> dict[str, dict[str, Any]]:
    path = ROOT / "analysis" / "results" / "bench" / f"{bench}.json"
    measured: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return measured


def _evaluation(text: str) -> str:
    """Table of all controllers of a run, and what it shows."""
    from ns3kan.analysis.comparison.findings import findings
    from ns3kan.analysis.comparison.tables import (
        QUANTITIES,
        compare,
        difference_text,
        estimate_text,
    )
    from ns3kan.analysis.runs.folder import EVALUATION, read_evaluation

    evaluation = read_evaluation(ROOT / text.strip() / EVALUATION)
    titles = [f"{shown.title.lower()} ({shown.unit})" for shown in QUANTITIES.values()]
    table = _markdown(
        ["controller", *titles, "reward: equation minus this"],
        [
            [row.title, *(estimate_text(row, name) for name in QUANTITIES), difference_text(row)]
            for row in compare(evaluation)
        ],
    )
    return "\n\n".join([table, *findings(evaluation)])


def _equation(text: str) -> str:
    """Write the expressions of a controller as a block of code."""
    from ns3kan.agents.equations.artefact.controller import Controller

    equations = Controller.load(ROOT / text.strip()).equations()
    return "\n".join(["```", *equations, "```"])


def _commands(_: str) -> str:
    """Help of every command, under a heading each."""
    import typer
    from typer.testing import CliRunner

    from ns3kan.cli import app

    lines: list[str] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop(0)
        found = [
            ((*words, name), inner) for name, inner in getattr(command, "commands", {}).items()
        ]
        waiting = [*found, *waiting]
        if not found:
            name = " ".join(("ns3kan", *words))
            shown = CliRunner().invoke(app, [*words, "--help"], prog_name="ns3kan")
            lines += [f"## {name}", "```text", shown.output.strip(), "```", ""]
    return "\n".join(lines)


def _parameters(text: str) -> str:
    """Table of a scenario's arguments, as the program itself lists them."""
    from ns3kan.bridge.ns3.installed import scenario_path

    help_text = subprocess.run(
        [scenario_path(text.strip()), "--PrintHelp"], check=True, capture_output=True, text=True
    ).stdout
    program, _, _ = help_text.partition("General Arguments:\n")
    rows = []
    for line in program.splitlines():
        if found := PARAMETER.match(line):
            name, meaning, first, second = found.groups()
            unit, default = (first, second) if second is not None else ("", first)
            rows.append([f"`--{name}`", meaning, unit, default and f"`{default}`"])
    if not rows:
        raise ValueError("the program lists no arguments")
    return _markdown(["argument", "meaning", "unit", "default"], rows)


def _markdown(titles: list[str], rows: list[list[str]]) -> str:
    cells = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(str(cell or '') for cell in row)} |" for row in cells)


DIRECTIVES: dict[str, Callable[[str], str]] = {
    "table": _table,
    "bench": _bench,
    "figures": _figures,
    "parameters": _parameters,
    "commands": _commands,
    "evaluation": _evaluation,
    "equation": _equation,
}
