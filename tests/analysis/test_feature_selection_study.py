# SPDX-License-Identifier: MIT
import dataclasses
import json
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from ns3kan import cli
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.analysis.studies.feature_selection.budget_table import write_budget_table
from ns3kan.analysis.studies.feature_selection.formulas import feature_names, files_of
from ns3kan.analysis.studies.feature_selection.masks import MaskTask, examine_all, read_masks
from ns3kan.analysis.studies.feature_selection.network_figures import on_image
from ns3kan.analysis.studies.feature_selection.published import published
from ns3kan.analysis.studies.feature_selection.reproduce import reproduce
from ns3kan.analysis.studies.feature_selection.settings import (
    PAPER_TABLES,
    SHOWN,
    FeatureSelectionStudy,
    MaskSettings,
    Method,
)
from ns3kan.analysis.studies.feature_selection.training import (
    TrainingTask,
    choose_pixels,
    labelled,
    tasks_of,
    train,
    train_all,
)
from ns3kan.bridge.images.datasets import Dataset, load_images
from ns3kan.bridge.images.errors import ImageDataError

TINY = FeatureSelectionStudy(
    seeds=dict.fromkeys(get_args(Dataset), 1),
    budget_seeds=dict.fromkeys(get_args(Dataset), 1),
    epochs=2,
    budget_epochs={"digits": 2},
    budgets=(8, 64),
    masks=MaskSettings(
        budgets=(8,),
        classifier_steps=150,
        selector_steps=20,
        sequential_steps=20,
        further_steps=20,
        mask_only_steps=100,
        greedy_images=100,
        sample=500,
    ),
    edges=(60, 20),
    refinement_steps=20,
    workers=1,
)


def test_every_published_row_is_run() -> None:
    for table, methods in PAPER_TABLES.items():
        for dataset in ("mnist", "fashion-mnist"):
            rows = [one for one in methods if published(table, one, dataset) is not None]
            assert len(rows) == {"I": 9, "II": 2, "III": 4, "IV": 3}[table]
    best = published("III", Method("kan"), "mnist")
    assert best is not None
    assert (best.test_accuracy, best.f1) == (0.93, 0.92)
    assert best.minutes == pytest.approx(4 * 60 + 35 + 26 / 60)
    perceptron = published("II", Method("mlp", "none"), "mnist")
    assert perceptron is not None
    assert perceptron.minutes == pytest.approx(10 + 41 / 60)
    assert published("III", Method("kan"), "digits") is None


def test_each_method_has_its_own_files() -> None:
    study = FeatureSelectionStudy()
    methods = {
        method
        for table in ("I", "II", "III", "IV", "budgets")
        for method in study.methods(table)  # type: ignore[arg-type]
    }
    methods |= set(study.by_classifier())
    assert len({method.name for method in methods}) == len(methods)
    assert set(study.examined()) <= methods
    assert set(SHOWN.values()) <= methods


@pytest.mark.parametrize("selection", ["random", "most_varying", "feedback"])
def test_pixels_are_within_the_budget(selection: str) -> None:
    method = Method("mlp", selection, budget=8)  # type: ignore[arg-type]
    images = load_images("digits", "train")
    pixels = choose_pixels(method, images, 0)
    assert pixels is not None
    assert (pixels.sum(axis=-1) == 8).all()
    shown = labelled(images, pixels).images
    full = labelled(images).images
    kept = torch.from_numpy(pixels if pixels.ndim == 1 else pixels[images.indices])
    torch.testing.assert_close(shown, torch.where(kept, full, torch.zeros(())))


def test_an_interrupted_study_goes_on(tmp_path: Path) -> None:
    methods = (Method("mlp", "none"), Method("mlp", "most_varying", budget=8))
    tasks = tasks_of(TINY, methods, "digits")
    assert [task.method for task in tasks] == list(methods)
    train(TINY, tasks[0], tmp_path)
    first = tasks[0].curve(tmp_path).read().to_csv()
    assert tasks[0].is_done(TINY, tmp_path)
    assert not tasks[0].is_done(dataclasses.replace(TINY, epochs=3), tmp_path)
    lines: list[str] = []
    train_all(TINY, tasks, tmp_path, None, lines.append)
    assert len(lines) == 1
    assert lines[0].startswith("digits-mlp-32-most-varying-8-pixels-seed-0: ")
    assert tasks[0].curve(tmp_path).read().to_csv() == first
    # Only networks that figures or formulas need are kept.
    assert tasks[0].model(tmp_path).is_file()
    assert not tasks[1].model(tmp_path).exists()
    curve = tasks[1].curve(tmp_path).read()
    assert curve["epoch"].tolist() == [1, 2]
    assert curve["accuracy"].between(0.0, 1.0).all()


def test_the_same_training_gives_the_same_curve(tmp_path: Path) -> None:
    task = TrainingTask(Method("mlp"), "digits", 3)
    curves = []
    for name in "ab":
        train(TINY, task, tmp_path / name)
        curves.append(task.curve(tmp_path / name).read().drop(columns="seconds"))
    pd.testing.assert_frame_equal(*curves)
    assert "sampled_accuracy" in curves[0]


def write_curves(study: FeatureSelectionStudy, folder: Path) -> None:
    """Write curves of 12 epochs, whose accuracy ends at 0.8 for seed 0 and 0.9 for seed 1."""
    for method in study.methods("budgets"):
        for seed in range(study.budget_seeds["digits"]):
            end = 0.8 + 0.1 * seed + (0.05 if method.selection == "top_k" else 0.0)
            accuracy = np.full(12, end)
            accuracy[:5] = 0.5
            table = pd.DataFrame(
                {
                    "epoch": range(1, 13),
                    "seconds": 6.0 * np.arange(1, 13),
                    "train_accuracy": 0.95,
                    "accuracy": accuracy,
                    "precision": 0.7,
                    "recall": 0.6,
                    "f1": 0.65,
                }
            )
            TrainingTask(method, "digits", seed).curve(folder).write(table.to_csv(index=False))


def test_table_by_hand(tmp_path: Path) -> None:
    study = dataclasses.replace(
        TINY, budget_seeds=dict.fromkeys(get_args(Dataset), 2), budget_epochs={"digits": 12}
    )
    write_curves(study, tmp_path)
    # What was trained is shown before any mask was examined.
    trained = write_budget_table(study, tmp_path)
    assert trained["pixels"].tolist() == [8] * 5 + [64]
    assert "fixed classifier" not in trained
    write_masks(study, tmp_path)
    write_budget_table(study, tmp_path)
    table = pd.read_csv(tmp_path / "table-budgets.csv")
    assert table["pixels"].tolist() == [8] * 9 + [64]
    row = table.iloc[1]
    assert row["mean"] == pytest.approx(0.85)
    assert row["std"] == pytest.approx(0.1 / np.sqrt(2), abs=1e-4)
    # Student's t with one degree of freedom.
    assert row["high"] - row["mean"] == pytest.approx(12.706 * 0.05, abs=1e-3)
    assert row["n"] == 2
    # Three of the last ten epochs are at 0.5.
    assert row["mean of last epochs"] == pytest.approx(0.3 * 0.5 + 0.7 * 0.85)
    assert row["minutes"] == pytest.approx(1.2)
    gain = table.iloc[0]
    assert gain["gain over best global"] == pytest.approx(0.05)
    assert gain["gain high"] - gain["gain low"] == pytest.approx(0.0, abs=1e-3)
    # Of what is chosen for each image: learned, by feedback, one after another, two against the
    # fixed classifier.
    assert table["gain over best global"].notna().sum() == 5
    assert gain["mask alone, logistic"] == pytest.approx(0.7)
    assert gain["mask alone, perceptron"] == pytest.approx(0.8)
    assert gain["mask alone, logistic, high"] > 0.7
    # By the fixed classifier 3 of 4 images and 2 of 4, and 2 of 4 under each global selection.
    assert gain["fixed classifier"] == pytest.approx(0.625)
    assert gain["fixed gain"] == pytest.approx(0.125)
    assert gain["fixed gain low"] < 0.0 < gain["fixed gain high"]
    rows = table.set_index("method")["fixed gain"]
    assert rows["pixels one after another, each by those seen before"] == pytest.approx(0.25)
    by_greedy = table["method"] == "pixels by greedy search, the same for all"
    assert table.loc[by_greedy, "mean"].tolist() == [0.75]


def write_masks(study: FeatureSelectionStudy, folder: Path) -> None:
    """Write what two seeds' masks say: images named rightly by the fixed classifier, by hand."""
    for seed in range(study.budget_seeds["digits"]):
        task = MaskTask("digits", seed)
        task.named(folder).parent.mkdir(exist_ok=True)
        named = {method.name: np.array([1, 1, 0, 0], bool) for method in study.examined()}
        for method in study.examined():
            if method.selection == "sequential":
                named[method.name] = np.array([1, 1, 1, 0], bool)
            if method.selection == "top_k":
                named[method.name] = np.array([1, 1, 1 - seed, 0], bool)
        table = pd.DataFrame(
            {
                "selection": list(named),
                "fixed": [right.mean() for right in named.values()],
                "own": 0.7 + 0.1 * seed,
                "mask_logistic": 0.65 + 0.1 * seed,
                "mask_perceptron": 0.75 + 0.1 * seed,
                "seconds": 1.0,
                "classifier_steps": study.masks.classifier_steps,
            }
        )
        task.table(folder).write(table.to_csv(index=False))
        packed = {name: np.packbits(right) for name, right in named.items()}
        np.savez(task.named(folder), count=4, **packed)


def test_masks_are_examined_once(tmp_path: Path) -> None:
    tasks = tasks_of(TINY, TINY.methods("budgets"), "digits")
    train_all(TINY, tasks, tmp_path, None, lambda line: None)
    learned = next(task for task in tasks if task.method.selection == "top_k")
    assert learned.model(tmp_path).is_file()
    lines: list[str] = []
    examine_all(TINY, "digits", tmp_path, None, lines.append)
    assert len(lines) == 1
    assert lines[0].startswith("masks of digits-seed-0: ")
    table, named = read_masks(MaskTask("digits", 0), tmp_path)
    assert set(table.index) == set(named) == {method.name for method in TINY.examined()}
    for name, right in named.items():
        assert len(right) == len(load_images("digits", "test"))
        assert table.loc[name, "fixed"] == pytest.approx(right.mean(), abs=1e-4)
    # A mask that is the same for all says nothing; the most frequent class has a tenth.
    same = table.loc["mlp-32-greedy-8-pixels"]
    assert same["mask_logistic"] == same["mask_perceptron"] < 0.15
    examine_all(TINY, "digits", tmp_path, None, lines.append)
    assert len(lines) == 1
    # The selector is not needed any more; other settings are another examination.
    learned.model(tmp_path).unlink()
    assert learned.is_done(TINY, tmp_path)
    longer = dataclasses.replace(TINY, masks=dataclasses.replace(TINY.masks, classifier_steps=151))
    assert not MaskTask("digits", 0).is_done(longer, tmp_path)
    columns = set(write_budget_table(TINY, tmp_path).columns)
    assert {"fixed classifier", "mask alone, logistic", "fixed gain"} <= columns


def test_names_of_inputs_and_their_places() -> None:
    assert feature_names(Method(selection="none"))[9] == "pixel_1_1"
    names = feature_names(Method())
    assert len(set(names)) == 64
    assert names[16 + 4 + 2] == "map_1_1_2"
    values = np.zeros(64)
    # Channels 0 and 1, row 1, column 2 of the map of 4 × 4.
    values[[4 + 2, 16 + 4 + 2]] = 1.0, 0.5
    image = on_image(values, Method())
    assert np.argwhere(image == 1.5).tolist() == [[2, 4], [2, 5], [3, 4], [3, 5]]
    assert image.sum() == 6.0
    assert on_image(np.arange(64.0), Method(selection="none"))[1, 1] == 9.0


def test_formulas_and_figures(tmp_path: Path) -> None:
    for method in SHOWN.values():
        train(TINY, TrainingTask(method, "digits", 0), tmp_path)
    names = ("formulas", "1", "2", "3", "4")
    paths = list(reproduce(TINY, tmp_path, names, lambda line: None))
    assert [path.name for path in paths] == [
        "table-formulas.csv",
        *(f"figure-{number}-digits.png" for number in (1, 2, 3, 4)),
    ]
    for path in paths[1:]:
        assert path.read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(paths[0])
    assert len(table) == 2 * len(TINY.edges)
    assert (table["terms"] <= table["most edges"]).all()
    assert (table["nodes"] > table["terms"]).all()
    task = TrainingTask(SHOWN["KAN, all pixels"], "digits", 0)
    files = files_of(task, tmp_path)
    written = json.loads(files.expressions.read_text())
    assert list(written) == ["60", "20"]
    assert "q9" in written["20"]
    assert len(files.importance.read()) == 64
    # The file of the controller decides as the formulas that it was made of.
    lost = files.sizes.read()
    allowed = lost["train network"] - lost["train formula"] <= 0.03
    assert files.controller.is_file() == bool(allowed.any())
    if files.controller.is_file():
        test = labelled(load_images("digits", "test"))
        chosen = Controller.load(files.controller)(test.images.double().numpy())
        accuracy = float((chosen == test.labels.numpy()).mean())
        assert accuracy == pytest.approx(float(lost["formula"][allowed].iloc[-1]), abs=1e-4)


def test_command(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli.app,
        ["reproduce", "feature-selection", "--figure", "1", "--results", str(tmp_path / "new")],
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / "new" / "figure-1-digits.png").is_file()
    assert result.output.split() == [str(tmp_path / "new" / "figure-1-digits.png")]
    wrong = CliRunner().invoke(cli.app, ["reproduce", "feature-selection", "--table", "V"])
    assert wrong.exit_code == 2


def test_missing_images_are_told_before_anything_is_trained(tmp_path: Path) -> None:
    missing = dataclasses.replace(TINY, dataset="mnist", data_dir=tmp_path)
    with pytest.raises(ImageDataError, match="ns3kan data fetch"):
        list(reproduce(missing, tmp_path / "results", ["I"], print))
    assert not (tmp_path / "results").exists()
