# SPDX-License-Identifier: MIT
"""One self-contained HTML page about one or several runs, made from their files alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ns3kan.analysis.report.facts import LISTED, facts_of, title_of
from ns3kan.analysis.report.side_by_side import name_of, side_by_side
from ns3kan.analysis.runs import folder as run_folder
from ns3kan.analysis.runs.folder import RunFolderError, RunParts
from ns3kan.io.files import write_atomically

_HERE = Path(__file__).parent
_SCRIPTS = ("evaluate.js", "region.js", "bars.js", "explorer.js")
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_report(runs: Path | str | Sequence[Path | str], output: Path | str | None = None) -> Path:
    """Write a page about a run, or about several side by side.

    The page holds for each run the equation typeset and as text, an explorer of it, the comparison
    of all controllers with 95 % intervals, one episode over time, the learned splines beside their
    fits, the training curve, provenance and fidelity; for several runs also a table and the curves
    of all. Everything is inside the one file. Where a file of a run is missing or damaged the page
    says so and goes on.

    Parameters
    ----------
    runs : Path or str, or a sequence of them
        Run folders.
    output : Path or str, optional
        The page; by default ``report.html`` in the run's folder, or, of several runs, beside the
        folder of the first.

    Returns
    -------
    Path
        The page, written whole or not at all.

    Raises
    ------
    RunFolderError
        If a folder is missing or none of its files can be used, or there is no place for the page.
    """
    given = [runs] if isinstance(runs, Path | str) else list(runs)
    # The same run twice would be compared to itself.
    folders = list({Path(one).resolve(): Path(one) for one in given}.values())
    if not folders:
        raise RunFolderError("a report needs a run: name a run folder")
    parts = [RunParts.read(folder) for folder in folders]
    first = parts[0].path
    several = len(parts) > 1
    path = Path(output) if output else (first.parent if several else first) / run_folder.REPORT
    if not path.parent.is_dir():
        raise RunFolderError(f"the folder of {path} does not exist: make it first")
    script = Markup("\n".join((_HERE / "explorer" / name).read_text() for name in _SCRIPTS))
    page = _TEMPLATES.get_template("report.html.j2").render(
        title="Runs side by side" if several else title_of(parts[0]),
        runs=[facts_of(part, f"run-{place}") for place, part in enumerate(parts, 1)],
        names=[name_of(part, parts) for part in parts],
        comparison=side_by_side(parts) if several else None,
        style=Markup((_HERE / "style.css").read_text()),
        script=script,
        # The page may run this script and nothing else, and load nothing at all.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        listed=LISTED,
    )
    write_atomically(path, page)
    return path
