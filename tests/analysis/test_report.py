# SPDX-License-Identifier: MIT
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from run_example import EXPRESSION, FEATURES, GAINS, make_run

from ns3kan.analysis.findings import findings
from ns3kan.analysis.report import write_report
from ns3kan.analysis.run_folder import RunFolderError, write_text
from ns3kan.analysis.tables import title_of

FILES = (
    "config.yaml",
    "metrics.csv",
    "controller.json",
    "splines.csv",
    "evaluation.csv",
    "intervals.csv",
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


class Page(HTMLParser):
    """Collects a page's text, its tags and the addresses that it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.tags, self.addresses = "", [], []
        self.feed(text)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def test_the_page_holds_everything_and_needs_nothing_else(run: Path) -> None:
    path = write_report(run)
    assert path == run / "report.html"
    page = Page(path.read_text())
    assert page.tags.count("math") == 1
    assert page.tags.count("img") == 4
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert "url(" not in path.read_text()
    assert f"ratio = {EXPRESSION}" in page.text
    for name in (*FEATURES, "ns3kan/SdWan-v0", "3.44", "0.9987"):
        assert name in page.text
    for name in GAINS:
        assert title_of(name) in page.text
    for sentence in findings(pd.read_csv(run / "evaluation.csv")):
        assert sentence in page.text


def test_what_files_say_cannot_become_markup(run: Path) -> None:
    assert "script" not in Page(write_report(run).read_text()).tags


def test_the_same_run_gives_the_same_page(run: Path) -> None:
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert sorted(path.name for path in run.iterdir()) == sorted((*FILES, "report.html"))


@pytest.mark.parametrize("name", FILES)
def test_names_the_file_that_is_missing(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(RunFolderError, match=rf"{re.escape(name)} is missing: make the run again"):
        write_report(run)
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", b'a,b\n"1'])
def test_names_the_file_that_is_damaged(run: Path, name: str, damage: bytes) -> None:
    (run / name).write_bytes(damage)
    with pytest.raises(RunFolderError, match=re.escape(name)):
        write_report(run)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("metrics.csv", "mean_reward", "reward", "has no column 'mean_reward'"),
        ("metrics.csv", "600,", "many,", r"'many' where a number is needed .*'steps', row 1"),
        ("splines.csv", "True", "yes", "other than True and False in column 'kept'"),
        ("evaluation.csv", "traditional", "modern", "the kind 'modern'"),
        ("evaluation.csv", "equation,equation", "other,network", "2 controllers of kind 'network'"),
        (
            "evaluation.csv",
            "equal,traditional,1000",
            "equal,traditional,999",
            "every seed .*'equal'",
        ),
        ("intervals.csv", "0.5", "nan", "where a number is needed"),
    ],
)
def test_says_what_is_wrong_inside_a_file(
    run: Path, name: str, old: str, new: str, message: str
) -> None:
    path = run / name
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(RunFolderError, match=message):
        write_report(run)


def test_refuses_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        write_report(tmp_path / "nowhere")


def test_a_constant_and_a_formula_of_another_shape_are_reported(run: Path) -> None:
    document = json.loads((run / "controller.json").read_text())
    document["outputs"][0]["expression"] = "0.5"
    (run / "controller.json").write_text(json.dumps(document))
    assert "ratio = 0.5" in Page(write_report(run).read_text()).text


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
