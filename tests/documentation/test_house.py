# SPDX-License-Identifier: MIT
"""The picture of the house and the table of its rooms are those of the sources."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import draw_house  # noqa: E402


@pytest.fixture(scope="module")
def house() -> draw_house.House:
    return draw_house.read_house()


def test_the_picture_is_current(house: draw_house.House) -> None:
    assert draw_house.PICTURE.read_text(encoding="utf-8") == draw_house.picture(house), (
        "run python scripts/draw_house.py"
    )


def test_the_table_of_rooms_is_current(house: draw_house.House) -> None:
    page = draw_house.PAGE.read_text(encoding="utf-8")
    assert page == draw_house.with_table(page, house), "run python scripts/draw_house.py"


def test_rooms_do_not_import_each_other_in_a_circle(house: draw_house.House) -> None:
    assert draw_house.circles(house) == []


def test_folders_import_only_downwards(house: draw_house.House) -> None:
    order = {folder: level for level, band in enumerate(draw_house.BANDS) for folder in band}
    upwards = [
        f"{user} -> {used}"
        for user, used in house.imports.edges
        if order[user.split("/")[0]] > order[used.split("/")[0]]
        or {user.split("/")[0], used.split("/")[0]} == {"agents", "bridge"}
    ]
    assert upwards == []


def test_every_room_says_what_it_holds(house: draw_house.House) -> None:
    assert [name for name, line in house.rooms.items() if not line] == []


def test_a_circle_is_found() -> None:
    house = draw_house.House()
    house.imports.add_edges_from([("agents/a", "agents/b"), ("agents/b", "agents/a")])
    assert draw_house.circles(house) == [["agents/a", "agents/b"]]
