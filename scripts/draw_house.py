# SPDX-License-Identifier: MIT
"""Draw the house: its rooms and who imports whom, read from the sources.

``draw_house.py`` writes ``docs/images/house.svg`` and the table of rooms in ``CONTRIBUTING.md``,
and fails if rooms import each other in a circle. The line for a room of Python is the first of its
package's docstring.
"""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import networkx

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "house.svg"
PAGE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- rooms: written by scripts/draw_house.py -->\n", "<!-- end of rooms -->"

CPP = "ns3_scenarios"
CPP_ROOMS = {
    "balancing": "Load balancers, rivals, controllers; what reads and evaluates an artefact.",
    "examples": "A simulation of one's own with the interface, and smaller programs.",
    "gym": "The environment interface: spaces, values, messages, channels, `GymInterface`.",
    "helper": "Topologies: what builds networks of these parts, and watches a whole one.",
    "network": "Links, traffic, transports, monitors, records.",
    "scenarios": "One file for each scenario that runs, over shared parts.",
    "test": "Test suites of ns-3.",
}
NATIVE = ("bridge/native", "C++ of the package: queue models, shared memory; nothing of ns-3.")
SHARED = "ns3kan/io"
"""Known by all and drawn without arrows, as are the files of ``ns3kan/`` itself."""
BANDS = [["ns3kan"], ["analysis"], ["agents", "bridge"], [CPP]]
"""Folders of the first level from top to bottom; imports lead down."""

WIDTH, MARGIN, GAP, SPACE, HEAD = 900, 16, 14, 34, 30
BOX, LINE, LETTER = 38, 12, 5.2  # heights of a box and of a line of names in it, width of a letter


@dataclass
class House:
    """Rooms with their lines, and the imports between them."""

    rooms: dict[str, str] = field(default_factory=dict)
    """Folder of each room, and what it holds."""
    imports: networkx.DiGraph = field(default_factory=networkx.DiGraph)
    """Between rooms of the second level; arrows lead to what is imported."""


def room_of(path: str) -> str:
    """Name the room of the second level in which a file lies."""
    return "/".join(path.split("/")[:2]) if path.count("/") > 1 else path.split("/")[0]


def read_house(root: Path = ROOT) -> House:
    """Read rooms and imports from the files under version control."""
    listing = subprocess.run(
        ["git", "ls-files", "*.py", f"{CPP}/*.cc", f"{CPP}/*.h"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    files = [path for path in listing.stdout.splitlines() if (root / path).is_file()]
    python = {"ns3kan", "analysis", "agents", "bridge"}
    modules = {_module(path): path for path in files if path.split("/")[0] in python}
    house = House()
    for path in modules.values():
        tree = ast.parse((root / path).read_text(encoding="utf-8"))
        if path.endswith("__init__.py"):
            line = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
            house.rooms[path.removesuffix("/__init__.py")] = line
        for name in _imported(tree):
            while name and name not in modules:
                name = name.rpartition(".")[0]
            if name:
                _connect(house, path, modules[name])
    house.rooms[NATIVE[0]] = NATIVE[1]
    cpp = [path for path in files if path.startswith(CPP)]
    headers = {Path(path).name: path for path in cpp if path.endswith(".h")}
    for path in cpp:
        _include(house, root, path, headers)
    return house


def _module(path: str) -> str:
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return name if name.startswith("ns3kan") else f"ns3kan.{name}"


def _imported(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.startswith("ns3kan")]


def _include(house: House, root: Path, path: str, headers: Mapping[str, str]) -> None:
    room = path.split("/")[1]
    house.rooms[f"{CPP}/{room}"] = CPP_ROOMS[room]
    text = (root / path).read_text(encoding="utf-8")
    for name in re.findall(r'#include [<"]([^>"]+)[>"]', text):
        if target := headers.get(name.rpartition("/")[2]):
            _connect(house, path, target)


def _connect(house: House, user: str, used: str) -> None:
    a, b = room_of(user), room_of(used)
    house.imports.add_nodes_from((a, b))
    if a != b and b not in (SHARED, "ns3kan") and a not in (SHARED, "ns3kan"):
        house.imports.add_edge(a, b)


def circles(house: House) -> list[list[str]]:
    """List rooms that import each other in a circle, files outside of rooms left out."""
    rooms = house.imports.subgraph(name for name in house.imports if "/" in name)
    return [sorted(part) for part in networkx.strongly_connected_components(rooms) if len(part) > 1]


def table(house: House) -> str:
    """Write the rooms as a Markdown table."""
    rows = [f"| `{name}/` | {line} |" for name, line in sorted(house.rooms.items())]
    return "\n".join(["| room | holds |", "|---|---|", *rows, ""])


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    width: float
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return BOX + LINE * len(self.lines)


def picture(house: House) -> str:
    """Draw the rooms as an SVG; arrows lead to what is imported."""
    boxes: dict[str, _Box] = {}
    bands: dict[str, tuple[float, float, float, float]] = {}
    top: float = MARGIN
    for band in BANDS:
        rows = {folder: _rows(house, folder) for folder in band}
        widest = {folder: max(map(len, rows[folder])) for folder in band}
        share = (WIDTH - 2 * MARGIN - (len(band) - 1) * GAP * 2) / sum(widest.values())
        left, bottom = float(MARGIN), top
        for folder in band:
            width = share * widest[folder]
            end = _place(house, rows[folder], left, top + HEAD, width, boxes)
            bands[folder] = (left, top, width, end - top)
            bottom = max(bottom, end)
            left += width + GAP * 2
        for folder in band:
            bands[folder] = (*bands[folder][:3], bottom - top)
        top = bottom + 44
    parts = [
        f'<rect class="band" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}"'
        ' rx="8"/>'
        f'<text class="folder" x="{left + 12:g}" y="{top + 20:g}">{folder}/</text>'
        for folder, (left, top, width, height) in bands.items()
    ]
    for folder in bands:
        parts += _arrows(house, folder, boxes)
    parts += _between(house, bands)
    parts += [_drawn(house, room, box) for room, box in boxes.items()]
    frame = (ROOT / "scripts" / "house-frame.svg").read_text(encoding="utf-8")
    return frame.format(width=WIDTH, height=f"{top - 44 + MARGIN:g}", body="\n  ".join(parts))


def _place(
    house: House,
    rows: list[list[str]],
    left: float,
    top: float,
    width: float,
    boxes: dict[str, _Box],
) -> float:
    """Place rows of boxes in a band; returns where the band ends."""
    for row in rows:
        each = min((width - GAP) / len(row) - GAP, 190)
        start = left + (width - len(row) * (each + GAP) + GAP) / 2
        for i, room in enumerate(row):
            inner = [name.rpartition("/")[2] for name in house.rooms if name.startswith(f"{room}/")]
            lines = textwrap.wrap(" · ".join(sorted(inner)), int(each / LETTER))
            boxes[room] = _Box(start + i * (each + GAP), top, each, tuple(lines))
        top += max(boxes[room].height for room in row) + SPACE
    return top - SPACE + GAP


def _inside(house: House, folder: str) -> networkx.DiGraph:
    rooms = [name for name in house.imports if name.startswith(f"{folder}/") and name != SHARED]
    return networkx.DiGraph(house.imports.subgraph(rooms))


def _rows(house: House, folder: str) -> list[list[str]]:
    """Rooms of a folder in rows, so that imports lead from a row to one below."""
    graph = networkx.transitive_reduction(_inside(house, folder))
    rows = [sorted(row) for row in networkx.topological_generations(graph)]
    for above, row in itertools.pairwise(rows):
        places = {room: place for place, room in enumerate(above)}
        # A room stands below the middle of those that import it.
        row.sort(key=lambda room: _middle(graph.predecessors(room), places))
    return rows


def _middle(rooms: Iterable[str], places: Mapping[str, int]) -> float:
    columns = [places[room] for room in rooms if room in places]
    return sum(columns) / max(len(columns), 1)


def _arrows(house: House, folder: str, boxes: dict[str, _Box]) -> list[str]:
    arrows = []
    for user, used in sorted(networkx.transitive_reduction(_inside(house, folder)).edges):
        above, below = boxes[user], boxes[used]
        a, b = above.left + above.width / 2, below.left + below.width / 2
        start, end = above.top + above.height, below.top
        arrows.append(
            f'<path class="line" marker-end="url(#a)" d="M{a:g} {start:g} C{a:g} {start + 20:g} '
            f'{b:g} {end - 22:g} {b:g} {end - 2:g}"/>'
        )
    return arrows


def _between(house: House, bands: dict[str, tuple[float, float, float, float]]) -> list[str]:
    graph = networkx.DiGraph()
    for user, used in house.imports.edges:
        a, b = user.split("/")[0], used.split("/")[0]
        if a != b:
            graph.add_edge(a, b)
    arrows = []
    labels = {("bridge", CPP): "the wire"}
    for user, used in [*sorted(networkx.transitive_reduction(graph).edges), ("bridge", CPP)]:
        (x1, y1, w1, h1), (x2, y2, w2, _) = bands[user], bands[used]
        x = max(x1, x2) + min(w1, w2) / 2
        style = "wire" if (user, used) in labels else "wide"
        arrows.append(
            f'<path class="{style}" marker-end="url(#a)" d="M{x:g} {y1 + h1:g} V{y2 - 2:g}"/>'
            f'<text class="small" x="{x + 8:g}" y="{(y1 + h1 + y2) / 2 + 4:g}">'
            f"{labels.get((user, used), 'imports')}</text>"
        )
    return arrows


def _drawn(house: House, room: str, box: _Box) -> str:
    middle = box.left + box.width / 2
    parts = [
        f'<rect class="box" x="{box.left:g}" y="{box.top:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="6"><title>{escape(house.rooms.get(room, ""))}</title></rect>'
        f'<text class="room" x="{middle:g}" y="{box.top + 24:g}">{room.split("/")[1]}</text>'
    ]
    for i, line in enumerate(box.lines):
        y = box.top + BOX + i * LINE
        parts.append(f'<text class="inner" x="{middle:g}" y="{y:g}">{line}</text>')
    return "".join(parts)


def with_table(page: str, house: House) -> str:
    """Put the table of rooms between its two comments of a page."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + table(house) + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    house = read_house()
    if found := circles(house):
        sys.exit("Rooms import each other: " + "; ".join(", ".join(rooms) for rooms in found))
    PICTURE.write_text(picture(house), encoding="utf-8")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), house), encoding="utf-8")
