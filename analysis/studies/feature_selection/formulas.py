# SPDX-License-Identifier: MIT
"""Formulas of the study's KANs: how well they decide, and how large they are."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.expressions.grammar import EvaluationError, Expression
from ns3kan.agents.equations.expressions.parser import MAX_LENGTH
from ns3kan.agents.equations.proofs.guarantees import certify
from ns3kan.agents.equations.reading.kan_formulas import KanFormulas, read_formulas
from ns3kan.agents.equations.reading.kan_refinement import refine_formulas
from ns3kan.agents.feature_selection import FeatureSelectionAgent, LabelledImages
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.analysis.comparison.statistics import mean_interval
from ns3kan.analysis.studies.feature_selection.settings import FeatureSelectionStudy, Method
from ns3kan.analysis.studies.feature_selection.tables import FILES
from ns3kan.analysis.studies.feature_selection.training import LEARN, TrainingTask, labelled
from ns3kan.analysis.studies.harness import TaskRows
from ns3kan.bridge.images.datasets import Dataset, load_images
from ns3kan.bridge.images.vector_env import FEATURE_NAMES
from ns3kan.errors import InputError
from ns3kan.io.files import write_atomically

FloatArray = npt.NDArray[np.float64]

DIGITS = 4
"""Significant digits of all constants."""
ALLOWED_LOSS = 0.03
"""Accuracy that the formula of a controller may have lost, on training images."""
UNDECIDED = -1
"""The class that formulas choose where one of them is undefined."""
_OUTPUTS = 10


def feature_names(method: Method) -> tuple[str, ...]:
    """Names of what a KAN sees: pixels, or entries of FSNet's map by channel, row and column."""
    if method.selection != "fsnet":
        return FEATURE_NAMES
    side = 8 >> method.conv_layers
    return tuple(
        f"map_{channel}_{row}_{column}"
        for channel in range(64 // side**2)
        for row in range(side)
        for column in range(side)
    )


def features_of(agent: FeatureSelectionAgent, data: LabelledImages) -> torch.Tensor:
    """Compute what an agent's Q-network sees of images, with the mean mask, (images, 64)."""
    if agent.selector is None:
        return data.images
    with torch.no_grad():
        return agent.selector.mean_features(data.images)


def body_of(agent: FeatureSelectionAgent) -> Kan:
    """Return the KAN of an agent.

    Raises
    ------
    ValueError
        If it has a perceptron.
    """
    body = agent.network.body
    if not isinstance(body, Kan):
        raise InputError("Formulas are read from KANs; the agent's Q-network is a perceptron.")
    return body


def decide(
    expressions: Mapping[str, Expression], names: tuple[str, ...], features: FloatArray
) -> npt.NDArray[np.intp]:
    """Classes (n,) that formulas as they are written choose at inputs (n, inputs).

    Constants are fitted where a function is defined on training images; on another image a
    logarithm may leave its domain or an exponential the numbers. There nothing is chosen, which
    is `UNDECIDED` and counts as wrong.

    Parameters
    ----------
    expressions
        As from `KanFormulas.expressions`.
    names
        Of the inputs.
    features
        The inputs.
    """
    values = dict(zip(names, features.T, strict=True))
    defined = np.ones(len(features), dtype=np.bool_)
    for name, expression in expressions.items():
        used = {own: values[own] for own in expression.inputs()}
        values[name] = np.zeros(len(features))
        while defined.any():
            try:
                values[name][defined] = expression.evaluate(
                    {own: value[defined] for own, value in used.items()}
                )
                break
            except EvaluationError as error:
                defined[np.flatnonzero(defined)[error.row]] = False
    chosen = np.stack([values[f"q{place}"] for place in range(_OUTPUTS)], axis=1).argmax(1)
    return np.where(defined, chosen, UNDECIDED)


@dataclass(frozen=True)
class FormulaFiles:
    """Where the formulas of a training stay.

    Attributes
    ----------
    sizes
        A row for each number of edges.
    importance
        A row for each input.
    expressions, controller
        The formulas of all sizes as JSON, and the smallest that are good enough as a controller.
    """

    sizes: TaskRows
    importance: TaskRows
    expressions: Path
    controller: Path


def files_of(task: TrainingTask, folder: Path) -> FormulaFiles:
    """Name where the formulas of a training stay."""
    return FormulaFiles(
        TaskRows(folder / "formulas.csv", task.name),
        TaskRows(folder / "importance.csv", task.name),
        folder / "formulas" / f"{task.name}.json",
        folder / "formulas" / f"{task.name}-controller.json",
    )


def write_formulas(
    study: FeatureSelectionStudy, task: TrainingTask, folder: Path, data_dir: Path | None = None
) -> str:
    """Read formulas of all sizes from a trained KAN, write them, and say how they do.

    Formulas that are there already, made from the same network, are left as they are.
    """
    files = files_of(task, folder)
    model = f"sha256:{hashlib.sha256(task.model(folder).read_bytes()).hexdigest()[:16]}"
    if files.sizes.exist() and files.expressions.is_file():
        sizes = files.sizes.read()
        if set(sizes["model"]) == {model} and sizes["most edges"].tolist() == list(study.edges):
            return _summary(task, sizes)
    agent = task.load_agent(folder)
    body = body_of(agent)
    learned = load_images(task.dataset, LEARN, data_dir)
    # As many as constants are fitted to; the test plays no part until the end.
    sample = np.random.default_rng(0).permutation(len(learned))[: study.train_sample]
    training = labelled(learned, None, sample)
    test = labelled(load_images(task.dataset, "test", data_dir))
    inputs, test_inputs = features_of(agent, training), features_of(agent, test)
    with torch.no_grad():
        target = body(inputs).double().numpy()
        decided = body(inputs).argmax(1).numpy(), body(test_inputs).argmax(1).numpy()
    names = feature_names(task.method)
    rows: list[dict[str, float]] = []
    written: dict[str, dict[str, str]] = {}
    smallest: dict[str, Expression] | None = None
    features = inputs.double().numpy()
    for most in study.edges:
        fitted = read_formulas(body, inputs, most)
        formulas = refine_formulas(
            fitted, features, target, steps=study.refinement_steps, seed=task.seed
        ).rounded(DIGITS)
        expressions = formulas.expressions(names)
        chosen = [
            decide(expressions, names, part.double().numpy()) for part in (inputs, test_inputs)
        ]
        row = _measure(formulas, expressions, most, chosen, decided, (training, test))
        rows.append(row)
        written[str(most)] = {name: str(one) for name, one in expressions.items()}
        if row["train network"] - row["train formula"] <= ALLOWED_LOSS:
            smallest = expressions
        if most == max(study.edges):
            often, strongly = formulas.importance(features)
            importance = pd.DataFrame({"input": names, "occurrences": often, "strength": strongly})
    files.expressions.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(files.expressions, json.dumps(written, indent=1) + "\n")
    files.importance.write(importance.to_csv(index=False, float_format="%.4g"))
    # One is enough to show: they are long.
    if smallest is not None and task.seed == 0:
        write_controller(smallest, names, features, task, files.controller)
    table = pd.DataFrame(rows).assign(model=model)
    files.sizes.write(table.to_csv(index=False, float_format="%.4f"))
    return _summary(task, table)


def write_controller(
    expressions: Mapping[str, Expression],
    names: tuple[str, ...],
    inputs: FloatArray,
    task: TrainingTask,
    path: Path,
) -> bool:
    """Write formulas as a controller that names the class, if they are short enough for one.

    The hidden neurons' formulas are put into those of the outputs.
    """
    texts: dict[str, str] = {}
    for name, expression in expressions.items():
        texts[name] = re.sub(r"\bh[0-9_]+\b", lambda match: f"({texts[match[0]]})", str(expression))
    outputs = [ControllerOutput(name, text) for name, text in texts.items() if name.startswith("q")]
    if max(len(output.expression) for output in outputs) > MAX_LENGTH:
        return False
    ranges = zip(inputs.min(axis=0).tolist(), inputs.max(axis=0).tolist(), strict=True)
    # A pixel that never varied still needs a range.
    widened = [(low, high if high > low else low + 1.0) for low, high in ranges]
    controller = Controller(
        [ControllerInput(name, "1", own) for name, own in zip(names, widened, strict=True)],
        outputs,
        "argmax",
        provenance={"study": "feature-selection", "training": task.name},
    )
    certify(controller)
    controller.save(path)
    return True


def write_formula_table(study: FeatureSelectionStudy, folder: Path) -> pd.DataFrame:
    """Write the table of accuracy against size, of all data sets whose formulas are there."""
    rows: list[dict[str, object]] = []
    for dataset in get_args(Dataset):
        for method in study.methods("formulas"):
            sizes = [
                files_of(TrainingTask(method, dataset, seed), folder).sizes
                for seed in study.seeds_of(method, dataset)
            ]
            if all(rows_of_one.exist() for rows_of_one in sizes):
                all_sizes = pd.concat([rows_of_one.read() for rows_of_one in sizes])
                rows += _sizes(method, dataset, all_sizes)
    table = pd.DataFrame(rows)
    write_atomically(folder / FILES["formulas"], table.to_csv(index=False, float_format="%.4f"))
    return table


def _sizes(method: Method, dataset: str, samples: pd.DataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for most, own in samples.groupby("most edges", sort=False):
        estimate = mean_interval(own["formula"].to_numpy(float))
        rows.append(
            {
                "method": method.title,
                "data set": dataset,
                "most edges": most,
                "terms": own["terms"].mean(),
                "hidden neurons": own["hidden neurons"].mean(),
                "nodes": own["nodes"].mean(),
                "mean": estimate.mean,
                "std": own["formula"].std(),
                "low": estimate.low,
                "high": estimate.high,
                "n": estimate.n,
                "accuracy of the KAN": own["network"].mean(),
                "lost": (own["network"] - own["formula"]).mean(),
                "same decision": own["same decision"].mean(),
            }
        )
    return rows


def _measure(
    formulas: KanFormulas,
    expressions: Mapping[str, Expression],
    most: int,
    chosen: list[npt.NDArray[np.intp]],
    decided: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
    data: tuple[LabelledImages, LabelledImages],
) -> dict[str, float]:
    labels = [part.labels.numpy() for part in data]
    return {
        "most edges": most,
        "terms": formulas.edges,
        "hidden neurons": formulas.neurons,
        "nodes": sum(expression.nodes() for expression in expressions.values()),
        "formula": float((chosen[1] == labels[1]).mean()),
        "network": float((decided[1] == labels[1]).mean()),
        "same decision": float((chosen[1] == decided[1]).mean()),
        "train formula": float((chosen[0] == labels[0]).mean()),
        "train network": float((decided[0] == labels[0]).mean()),
    }


def _summary(task: TrainingTask, table: pd.DataFrame) -> str:
    first = table.iloc[0]
    return (
        f"{task.name}: formula of {first['terms']:.0f} terms {first['formula']:.3f}, "
        f"its KAN {first['network']:.3f}"
    )
