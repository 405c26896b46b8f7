# SPDX-License-Identifier: MIT
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ns3kan.agents.equations.controller import Controller, ControllerInput, ControllerOutput
from ns3kan.agents.equations.front import Front
from ns3kan.agents.equations.guarantees import certify
from ns3kan.analysis.simulate import Simulation, simulate, simulator_seed
from ns3kan.analysis.studies.load_balancing.choice import (
    Seen,
    choose,
    deployed,
    equation_file,
    front_folder,
)
from ns3kan.analysis.studies.load_balancing.oracle import (
    best_constants,
    load_controller,
    ratios_by_load,
)
from ns3kan.analysis.studies.load_balancing.reproduce import reproduce
from ns3kan.analysis.studies.load_balancing.settings import TRADITIONAL, TRANSFERS, quick
from ns3kan.analysis.studies.load_balancing.signs import signs
from ns3kan.analysis.studies.load_balancing.tables import bootstrap, results_table
from ns3kan.analysis.studies.load_balancing.targets import ORACLES, reached
from ns3kan.analysis.studies.load_balancing.training import TrainingTask
from ns3kan.bridge.ns3.errors import SimulatorError

TINY = dataclasses.replace(
    quick(),
    rewards=("loss",),
    total_steps=256,
    most_terms=(2,),
    evaluation_episodes=2,
    transfers=("as trained", "slower mpls", "link failure"),
    arguments={"duration": 5.0, "interval": 0.15, "warmup": 1.0},
    workers=2,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = tmp_path_factory.mktemp("study")
    for path in reproduce(TINY, result, lambda line: None):
        assert path.stat().st_size > 0
    return result


def test_every_controller_is_compared_on_the_same_episodes(folder: Path) -> None:
    table = pd.read_csv(folder / "results.csv").set_index("controller")
    assert set(table.index) > {"KAN", "equation", "MLP", "PPO-DS", *TRADITIONAL}
    assert table.loc["equal", "improvement"] == 0.0
    assert table.loc["KAN", "share of gain"] == pytest.approx(1.0)
    seed = TINY.evaluation_seeds()[0]
    again = simulate(Simulation("equal", simulator_seed(seed), TINY.arguments))
    scores = pd.read_csv(folder / "scores" / "equal.csv", index_col="seed")
    assert scores.loc[seed, "reward loss"] == pytest.approx(-again["loss"].mean(), abs=1e-9)
    targets = pd.read_csv(folder / "targets.csv").set_index("reward")
    assert targets.loc["loss", "improvement"] == pytest.approx(table.loc["deployed", "improvement"])
    # Hindsight is no worse than any constant.
    best = table.loc["oracle: best constant of each episode", "mean"]
    assert best >= table.loc["equal", "mean"]


def test_the_equation_is_proven_and_deployed(folder: Path) -> None:
    path = equation_file(TrainingTask("loss", "kan", 0), folder)
    assert Controller.load(path).guarantees
    transfer = pd.read_csv(folder / "transfer.csv").set_index(["network", "controller"])["mean"]
    assert set(transfer.index.unique("network")) == set(TINY.transfers)
    # Where nothing differs, nor do the results; the link fails after so short an episode.
    results = pd.read_csv(folder / "results.csv").set_index("controller")["mean"]
    assert transfer["as trained", "equal"] == results["equal"]
    assert transfer["link failure", "equal"] == results["equal"]


def test_the_link_fails_while_others_go_on() -> None:
    transfer = TRANSFERS["link failure"]
    arguments = {"warmup": 20.0, "duration": 15.0, **transfer.arguments}
    runs = simulate(Simulation("constant:1", simulator_seed(3), arguments, transfer.scenario))
    # A row is of the interval after its decision; what was under way at the ends counts to either.
    failed = (runs["time"] > 25.5) & (runs["time"] < 34.0)
    assert (runs.loc[failed, "loss"] == 1.0).all()
    assert runs.loc[runs["time"] < 24.0, "loss"].mean() < 0.5


def test_mlps_are_distilled_into_proven_equations(folder: Path) -> None:
    task = TrainingTask("loss", "mlp", 0)
    controller = Controller.load(equation_file(task, folder))
    assert controller.provenance["algorithm"] == "distillation"
    assert controller.provenance["policy"]["kind"] == "ActorCritic"
    assert controller.guarantees["outputs"]["ratio"]["evaluation"]["status"] == "proven"
    front = Front.load(front_folder(task, folder))
    assert controller.outputs in [point.controller.outputs for point in front.points]
    methods = pd.read_csv(folder / "equations.csv")["method"]
    assert methods.tolist() == ["equation", "PPO-DS"]


def test_of_all_trainings_the_best_on_the_choice_seeds_is_deployed(tmp_path: Path) -> None:
    study = dataclasses.replace(TINY, seeds=3)
    (tmp_path / "scores").mkdir()
    for seed, loss in enumerate((0.3, 0.1, 0.2)):
        scores = pd.DataFrame({"seed": study.choice_seeds(), "reward loss": -loss})
        name = TrainingTask("loss", "kan", seed).name
        scores.to_csv(tmp_path / "scores" / f"choice-{name}-equation.csv", index=False)
    assert deployed(study, "loss", tmp_path) == TrainingTask("loss", "kan", 1)


def test_candidates_that_fail_in_the_simulator_are_left_out(tmp_path: Path) -> None:
    task = TrainingTask("loss", "mlp", 1)
    load = [ControllerInput("load", "1", (0.0, 1.0))]
    good, bad = (
        Controller(load, [ControllerOutput("ratio", text, (0.0, 1.0))])
        for text in ("load/2", "1/(load - load)")
    )
    seen = Seen(("load", "loss"), np.array([[0.2, 0.0], [0.8, 0.0]]), np.array([[0.1], [0.4]]))
    tuning = dataclasses.replace(TINY, tuning_steps=128)
    chosen = choose([bad, good], seen, tuning, task, tmp_path)
    assert chosen.guarantees["outputs"]["ratio"]["evaluation"]["status"] == "proven"
    candidates = Front.load(front_folder(task, tmp_path)).candidates
    texts = [each.controller.outputs[0].expression for each in candidates]
    # The good one is there, and what PPO made of it, not the one that fails.
    assert "load/2" in texts
    assert "1/(load - load)" not in texts
    (tuned,) = (each.controller for each in candidates if "tuning" in each.controller.provenance)
    assert "r2" in tuned.fidelity
    # In episodes of few decisions the learned constant can be rounded.
    assert tuned.provenance["digits"] < 8
    with pytest.raises(SimulatorError, match="divides by zero"):
        choose([bad], seen, TINY, task, tmp_path)


def test_nothing_is_done_twice(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.parent.name in ("models", "scores")]
    before = {path: path.stat().st_mtime_ns for path in files}
    said: list[str] = []
    list(reproduce(TINY, folder, said.append))
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert not any(
        word in line for line in said for word in ("is trained", "equation of", "distilled")
    )


def frame(**columns: list[float]) -> pd.DataFrame:
    table = pd.DataFrame(columns)
    table.index = pd.Index(range(len(table)), name="seed")
    return table


def test_hindsight_by_hand() -> None:
    scores = {
        0.0: frame(**{"reward loss": [-0.1, -0.4]}),
        1.0: frame(**{"reward loss": [-0.3, -0.2]}),
    }
    best = best_constants(scores, "loss")
    assert best["ratio"].tolist() == [0.0, 1.0]
    assert best["reward loss"].tolist() == [-0.1, -0.2]

    def run(low: float, high: float) -> list[pd.DataFrame]:
        loss = [low, low, high, high]
        rest = dict.fromkeys(("reward", "goodput", "delay"), [0.0] * 4)
        return [pd.DataFrame({"load": [0.1, 0.2, 0.8, 0.9], "loss": loss, **rest})]

    edges, ratios = ratios_by_load({0.25: run(0.1, 0.9), 0.75: run(0.3, 0.5)}, "loss", bins=2)
    assert edges == [0.5]
    assert ratios == [0.25, 0.75]
    decide = load_controller(edges, ratios).expressions[0].evaluate
    assert decide({"load": np.array([0.1, 0.49, 0.52, 2.0])}) == pytest.approx(
        [0.25, 0.25, 0.75, 0.75]
    )


def test_intervals_cover_trainings_and_episodes() -> None:
    """Against the normal approximation for a sum of effects of trainings and of episodes."""
    rng = np.random.default_rng(0)
    trainings, episodes = 20, 30
    samples = 3.0 + rng.normal(0, 1, (trainings, 1)) + rng.normal(0, 2, (1, episodes))
    found = bootstrap(samples)
    error = np.sqrt(samples.mean(axis=1).var() / trainings + samples.mean(axis=0).var() / episodes)
    assert found.mean == samples.mean()
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    constant = bootstrap(np.full((1, 4), 2.0))
    assert (constant.low, constant.high) == (2.0, 2.0)


def test_signs_by_hand() -> None:
    inputs = [
        ControllerInput(name, "1", (0.0, 1.0)) for name in ("load", "mpls_loss", "internet_loss")
    ]
    text = "(load - 0.25)^2/2 + mpls_loss/4 + internet_loss/4"
    controller = Controller(inputs, [ControllerOutput("ratio", text, (0.0, 1.0))])
    certify(controller)
    grid = np.linspace(0.0, 1.0, 101)
    states = pd.DataFrame({"load": grid, "mpls_loss": grid, "internet_loss": grid, "time": grid})
    found = signs(controller, states).set_index("feature")
    assert found["proven"].to_dict() == {
        "load": "neither",
        "mpls_loss": "rises",
        "internet_loss": "rises",
    }
    # Slopes x - 0.25: what rises is a triangle of 0.75, what falls one of 0.25.
    assert found.loc["load", "share"] == pytest.approx(0.9, abs=0.01)
    assert found.loc["mpls_loss", "share"] == 1.0
    assert found.loc["internet_loss", "share"] == 0.0


def test_targets_by_hand() -> None:
    def scores(*loss: float) -> list[pd.DataFrame]:
        return [frame(loss=list(loss), **{"reward loss": [-each for each in loss]})]

    controller = Controller(
        [ControllerInput("load", "1", (0.0, 2.0))],
        [ControllerOutput("ratio", "load/2", (0.0, 1.0))],
        "ratio",
    )
    found = reached(
        {
            "KAN": [*scores(9.0, 9.0), *scores(0.1, 0.1)],
            "deployed": scores(0.1, 0.2),
            **{name: scores(0.4, 0.4) for name in TRADITIONAL},
            "primary": scores(0.2, 0.2),
            ORACLES["best ratio by load"]: scores(0.0, 0.0),
            ORACLES["best constant of each episode"]: scores(0.15, 0.15),
        },
        "loss",
        TrainingTask("loss", "kan", 1),
        controller,
    )
    assert (found["training"], found["nodes"]) == (1, 3)
    assert found["kept"] == pytest.approx(0.25 / 0.3)
    assert found["improvement"] == pytest.approx(0.25 / 0.4)
    assert found["closest rule"] == "primary"
    assert found["margin"] == pytest.approx(0.05)
    assert (found["margin low"], found["margin high"]) == (0.0, pytest.approx(0.1))
    assert found["gap to best ratio by load"] == pytest.approx(0.375)
    assert found["gap to best constant of each episode"] == pytest.approx(0.0)


def test_results_by_hand() -> None:
    def scores(loss: list[float]) -> pd.DataFrame:
        rest = dict.fromkeys(("goodput", "delay", "utility"), [0.0] * len(loss))
        return frame(loss=loss, **{"reward loss": [-each for each in loss]}, **rest)

    table = results_table(
        {
            "KAN": [scores([0.1, 0.3]), scores([0.2, 0.2])],
            "equation": [scores([0.15, 0.35]), scores([0.2, 0.2])],
            "equal": [scores([0.4, 0.4])],
        },
        "loss",
        learned=("equation",),
    ).set_index("controller")
    assert table.loc["equation", "mean"] == pytest.approx(-0.225)
    assert table.loc["equation", "improvement"] == pytest.approx(0.4375)
    assert table.loc["equation", "share of gain"] == pytest.approx(0.875)
    assert table.loc["KAN", "equation minus this"] == pytest.approx(-0.025)
    assert table.loc["equal", "equation minus this"] == pytest.approx(0.175)
