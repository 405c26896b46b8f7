# SPDX-License-Identifier: MIT
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from run_example import EXPRESSION, FEATURES, GAINS, make_evaluation, make_run

from ns3kan.analysis.comparison.findings import findings
from ns3kan.analysis.comparison.tables import title_of
from ns3kan.analysis.report import write_report
from ns3kan.analysis.report.facts import to_json
from ns3kan.analysis.report.side_by_side import name_of, side_by_side
from ns3kan.analysis.runs.folder import RunFolder, RunFolderError, RunParts

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


def test_the_page_holds_everything_and_needs_nothing_else(full_report: Path) -> None:
    assert full_report == full_report.parent / "report.html"
    text = full_report.read_text()
    page = Page(text)
    assert page.tags.count("math") == 1
    assert page.tags.count("figure") == 5
    assert page.tags.count("svg") == 10
    assert all(address.startswith("#") for address in page.addresses)
    assert not re.search(r"url\((?!#)|@import|<link|xlink:href=\"(?!#)", text)
    assert f"ratio = {EXPRESSION}" in page.text
    for name in (*FEATURES, "ns3kan/SdWan-v0", "3.44", "0.9987"):
        assert name in page.text
    for name in GAINS:
        assert title_of(name) in page.text
    for sentence in findings(make_evaluation()):
        assert sentence in page.text
    assert "This part is missing" not in page.text


def test_what_files_say_cannot_become_markup(full_report: Path) -> None:
    # The page's own: the data of the explorer, and the script that reads them.
    assert Page(full_report.read_text()).tags.count("script") == 2


def test_no_name_in_a_controller_ends_the_data_of_the_explorer() -> None:
    text = str(to_json({"text": "</script><script>alert(1)</script>&amp;"}))
    assert "<" not in text
    assert "&" not in text
    assert json.loads(text)["text"] == "</script><script>alert(1)</script>&amp;"


def test_the_same_run_gives_the_same_page(full_report: Path) -> None:
    first = full_report.read_bytes()
    assert write_report(full_report.parent).read_bytes() == first
    names = sorted(path.name for path in full_report.parent.iterdir())
    assert names == sorted((*FILES, "report.html"))


def test_each_part_that_is_missing_is_named_in_the_page(run: Path) -> None:
    kept = "config.yaml"
    for name in set(FILES) - {kept}:
        (run / name).unlink()
    page = Page(write_report(run).read_text())
    for name in set(FILES) - {kept}:
        assert f"This part is missing: {run / name} is missing: " in page.text
    assert "evaluation: seeds: 20" in page.text
    (run / kept).unlink()
    (run / "report.html").unlink()
    with pytest.raises(RunFolderError, match="not a run folder"):
        write_report(run)
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [None, b"", b"\xff\xfe\x00", b'a,b\n"1'])
def test_names_the_file_that_cannot_be_used(run: Path, name: str, damage: bytes | None) -> None:
    if damage is None:
        (run / name).unlink()
    else:
        (run / name).write_bytes(damage)
    parts = RunParts.read(run)
    assert list(parts.faults) == [name]
    assert name in parts.faults[name]
    assert sorted(parts.files) == sorted(set(FILES) - {name})
    with pytest.raises(RunFolderError, match=re.escape(parts.faults[name])):
        RunFolder.read(run)


def test_a_damaged_part_is_named_and_the_others_are_shown(run: Path) -> None:
    (run / "controller.json").write_text("{")
    for name in ("metrics.csv", "splines.csv"):
        (run / name).unlink()
    intervals = run / "intervals.csv"
    pd.read_csv(intervals).drop(columns=["load", "ratio"]).to_csv(intervals, index=False)
    page = Page(write_report(run).read_text())
    assert f"This part is missing: {run / 'controller.json'}" in page.text
    assert findings(make_evaluation())[0] in page.text
    assert not [address for address in page.addresses if "explorer" in address]
    # Comparison, flows and paths: what an episode did not measure is left out.
    assert page.tags.count("figure") == 3


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
        RunFolder.read(run)


def test_several_runs_stand_side_by_side(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / "first"), make_run(tmp_path / "other")]
    for run in runs:
        # Figures of single runs are tested above.
        for name in ("splines.csv", "intervals.csv"):
            (run / name).unlink()
    changed = make_evaluation()
    changed.loc[changed["kind"] == "equation", "reward"] += 0.125
    changed.to_csv(runs[1] / "evaluation.csv", index=False)
    output = tmp_path / "both.html"
    assert write_report([*runs, runs[0]], output) == output
    page = Page(output.read_text())
    assert page.tags.count("math") == 2
    # Curves of both, and for each run its own and the comparison of its controllers.
    assert page.tags.count("figure") == 1 + 2 * 2
    # The same seeds and noise: the difference is what was added.
    assert "+0.1250 ± 0.0000" in page.text
    assert page.text.count("splines.csv is missing") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.html", "first", "other"]


def test_runs_on_different_seeds_or_environments_are_not_subtracted(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name) for name in ("first", "seeds", "environment")]
    evaluation = make_evaluation()
    evaluation["seed"] += 1
    evaluation.to_csv(runs[1] / "evaluation.csv", index=False)
    document = json.loads((runs[2] / "controller.json").read_text())
    document["provenance"]["environment"]["arguments"]["reward"] = "delay"
    (runs[2] / "controller.json").write_text(json.dumps(document))
    parts = [RunParts.read(run) for run in runs]
    differences = [row["cells"][3]["mean"] for row in side_by_side(parts)["rows"]]
    assert differences == ["—", "—", "—"]


def test_runs_of_the_same_folder_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "demo").mkdir(parents=True)
        (tmp_path / name / "demo" / "config.yaml").write_text("seed: 0\n")
    parts = [RunParts.read(tmp_path / name / "demo") for name in ("a", "b")]
    assert [name_of(part, parts) for part in parts] == [str(part.path) for part in parts]


def test_a_page_needs_a_place(run: Path) -> None:
    with pytest.raises(RunFolderError, match="does not exist: make it first"):
        write_report(run, run / "nowhere" / "page.html")
    with pytest.raises(RunFolderError, match="needs a run"):
        write_report([])


def test_refuses_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        write_report(tmp_path / "nowhere")


def test_a_constant_and_a_formula_of_another_shape_are_reported(run: Path) -> None:
    document = json.loads((run / "controller.json").read_text())
    document["outputs"][0]["expression"] = "0.5"
    (run / "controller.json").write_text(json.dumps(document))
    for name in set(FILES) - {"controller.json"}:
        (run / name).unlink()
    assert "ratio = 0.5" in Page(write_report(run).read_text()).text


def test_dollars_in_names_are_no_mathematics(tmp_path: Path) -> None:
    run = make_run(tmp_path / "$x^$ & $")
    for name in ("evaluation.csv", "intervals.csv"):
        table = pd.read_csv(run / name)
        table["controller"] = table["controller"].replace("equal", "$equal_{$")
        table.to_csv(run / name, index=False)
    text = write_report(run).read_text()
    assert "$equal_{$" in Page(text).text


def test_a_run_without_paths_and_without_an_equation_is_reported(run: Path) -> None:
    """As `ns3kan evaluate` leaves a run of average-cost PPO on queues, before `extract`."""
    for name in ("controller.json", "splines.csv", "intervals.csv"):
        (run / name).unlink()
    evaluation = pd.read_csv(run / "evaluation.csv")
    evaluation = evaluation.loc[evaluation["kind"] != "equation"]
    evaluation.drop(columns=["goodput", "delay", "loss"]).to_csv(
        run / "evaluation.csv", index=False
    )
    metrics = pd.read_csv(run / "metrics.csv")
    metrics.assign(mean_cost=-metrics.pop("mean_reward")).to_csv(run / "metrics.csv", index=False)
    parts = RunParts.read(run)
    assert set(parts.faults) == {"controller.json", "splines.csv", "intervals.csv"}
    page = Page(write_report(run).read_text())
    # Comparison and training.
    assert page.tags.count("figure") == 2
    assert "Reward of every controller, as in the table." in page.text
    assert "The network beats" in page.text
    assert "goodput" not in page.text
    assert f"ns3kan extract {run}" in page.text
    assert "make the run again" not in page.text
