# SPDX-License-Identifier: MIT
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.choice.front import Front
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.proofs.guarantees import certify
from ns3kan.analysis.comparison.simulate import Simulation, simulate, simulator_seed
from ns3kan.analysis.studies.harness import TaskRows
from ns3kan.analysis.studies.load_balancing.choice import (
    Seen,
    choose,
    deployed,
    equation_file,
    front_folder,
)
from ns3kan.analysis.studies.load_balancing.direct_search import direct_search
from ns3kan.analysis.studies.load_balancing.episodes import (
    EQUAL,
    Budget,
    BudgetError,
    Episode,
    Episodes,
)
from ns3kan.analysis.studies.load_balancing.figures import FIGURES
from ns3kan.analysis.studies.load_balancing.oracle import (
    best_constants,
    load_controller,
    ratios_by_load,
)
from ns3kan.analysis.studies.load_balancing.reproduce import TABLES, reproduce
from ns3kan.analysis.studies.load_balancing.rivals import (
    RivalTask,
    Searches,
    deployed_rival,
    search_all,
)
from ns3kan.analysis.studies.load_balancing.scores import Scores, choice_scores
from ns3kan.analysis.studies.load_balancing.searches import (
    linear_logistic,
    rule_expressions,
    successive_halving,
    tuned_expression,
)
from ns3kan.analysis.studies.load_balancing.settings import (
    FEATURES,
    RIVALS,
    TRADITIONAL,
    TRANSFERS,
    LoadBalancingStudy,
    Rival,
    quick,
)
from ns3kan.analysis.studies.load_balancing.signs import signs
from ns3kan.analysis.studies.load_balancing.tables import results_table
from ns3kan.analysis.studies.load_balancing.targets import ORACLES, reached
from ns3kan.analysis.studies.load_balancing.training import TrainingTask
from ns3kan.bridge.ns3.errors import SimulatorError

# The study of the fixture takes a minute of one core.
pytestmark = pytest.mark.timeout(400)

TINY = dataclasses.replace(
    quick(),
    rewards=("loss",),
    total_steps=256,
    most_terms=(2,),
    evaluation_episodes=2,
    transfers=("as trained", "slower mpls", "link failure"),
    transferred_for=("loss",),
    arguments={"duration": 5.0, "interval": 0.15, "warmup": 1.0},
    workers=2,
)

ALL = (*TABLES, *FIGURES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = tmp_path_factory.mktemp("study")
    for path in reproduce(TINY, result, ALL, lambda line: None):
        assert path.stat().st_size > 0
    return result


def test_every_controller_is_compared_on_the_same_episodes(folder: Path) -> None:
    table = pd.read_csv(folder / "results.csv").set_index("controller")
    assert set(table.index) > {"KAN", "equation", "MLP", "PPO-DS", *TRADITIONAL, *RIVALS}
    assert table.loc["equal", "improvement"] == 0.0
    assert table.loc["KAN", "share of gain"] == pytest.approx(1.0)
    seed = TINY.evaluation_seeds()[0]
    again = simulate(Simulation("equal", simulator_seed(seed), TINY.arguments))
    held_out = TaskRows(folder / "scores.csv", "held-out").read().set_index(["controller", "seed"])
    assert held_out.loc[("equal", seed), "reward loss"] == pytest.approx(
        -again["loss"].mean(), abs=1e-9
    )
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
    scores, seeds = choice_scores(tmp_path), study.choice_seeds()
    for number, loss in enumerate((0.3, 0.1, 0.2)):
        rewards = [{"reward loss": -loss}] * len(seeds)
        scores.add(f"{TrainingTask('loss', 'kan', number).name}-equation", seeds, rewards)
        scores.add(RivalTask("loss", "direct search", 2 - number).name, seeds, rewards)
    assert deployed(study, "loss", tmp_path) == TrainingTask("loss", "kan", 1)
    assert deployed_rival(study, "loss", "direct search", tmp_path).repetition == 1


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
    files = [
        path
        for path in folder.rglob("*")
        if path.parent.name == "models" or path.name == "scores.csv"
    ]
    before = {path: path.stat().st_mtime_ns for path in files}
    said: list[str] = []
    list(reproduce(TINY, folder, ALL, said.append))
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert not any(
        word in line
        for line in said
        for word in ("is trained", "equation of", "distilled", "is searched")
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


def test_intervals_of_a_table_cover_the_trainings_of_both_sides() -> None:
    """Of 500 simulated studies without any difference, the intervals of some 475 hold zero."""
    rng = np.random.default_rng(0)
    trainings, episodes, repetitions = 5, 20, 500

    def study(shared: np.ndarray) -> list[pd.DataFrame]:
        effects = rng.normal(0, 1, trainings)
        return [
            frame(**{name: shared + effect + rng.normal(0, 0.5, episodes) for name in columns})
            for effect in effects
        ]

    columns = ("utility", "goodput", "delay", "loss")
    held = dict.fromkeys(("mean", "difference", "to one"), 0)
    for _ in range(repetitions):
        shared = rng.normal(0, 2, episodes)
        scores = {title: study(shared) for title in ("equation", "PPO-DS")}
        # Nothing is drawn of a rule but the episodes; its mean is the others'.
        rule = shared + rng.normal(0, 0.5, episodes)
        scores["equal"] = [frame(**dict.fromkeys(columns, rule))]
        table = results_table(scores, "utility", learned=("equation",)).set_index("controller")
        own = table.loc["equation"]
        held["mean"] += own["low"] <= 0 <= own["high"]
        for name, title in (("difference", "PPO-DS"), ("to one", "equal")):
            row = table.loc[title]
            held[name] += row["equation low"] <= 0 <= row["equation high"]
    for name, count in held.items():
        # Three standard errors of a share of 500; nor are they much too wide.
        assert 0.95 - 0.03 <= count / repetitions <= 0.995, name


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
            "tuned primary": scores(0.2, 0.3),
            "linear logistic, deployed": scores(0.1, 0.1),
            ORACLES["best ratio by load"]: scores(0.0, 0.0),
            ORACLES["best constant of each episode"]: scores(0.15, 0.15),
        },
        "loss",
        TrainingTask("loss", "kan", 1),
        controller,
        ("tuned primary", "linear logistic, deployed"),
    )
    assert (found["training"], found["nodes"]) == (1, 3)
    # Its network is the better one of two, so "kept" is a share of much.
    assert (found["rank"], found["trainings"]) == (1, 2)
    assert found["closest rival"] == "linear logistic, deployed"
    assert found["rival margin"] == pytest.approx(-0.05)
    assert found["kept"] == pytest.approx(0.25 / 0.3)
    assert found["improvement"] == pytest.approx(0.25 / 0.4)
    assert found["closest rule"] == "primary"
    assert found["margin"] == pytest.approx(0.05)
    # Student's t of two episodes: 0.05 +- 12.706 * 0.05.
    assert found["margin high"] - found["margin"] == pytest.approx(0.6353, abs=1e-4)
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


class Landscape(Episodes):
    """Episodes without packets: a ratio earns the less the farther it is from what is best."""

    best = "1/(1 + exp(1.8 - 3.7*load - 2.4*mpls_utilisation + 3.5*internet_utilisation))"

    def run(self, expression: str, seed: int) -> Episode:
        rng = np.random.default_rng(seed)
        decisions = self.study.episode_decisions()
        states = pd.DataFrame(rng.random((decisions, len(FEATURES))), columns=list(FEATURES))
        columns = {name: states[name].to_numpy() for name in FEATURES}
        ratio, best = (
            np.clip(parse(text, list(FEATURES)).evaluate(columns), 0.0, 1.0)
            for text in (expression, self.best)
        )
        # Episodes differ by more than controllers do.
        utility = float(-np.mean((ratio - best) ** 2) + rng.normal(0, 1))
        return Episode({"utility": utility}, states)

    def missing(self, expressions: Sequence[str]) -> float:
        """What the first of some expressions lacks, as a share of what the equal split does."""

        def mean(text: str) -> float:
            return float(np.mean([self.run(text, seed).rewards["utility"] for seed in range(40)]))

        return (mean(self.best) - mean(expressions[0])) / (mean(self.best) - mean(EQUAL))


def test_searches_find_what_is_best_within_the_decisions_of_a_training() -> None:
    study = LoadBalancingStudy()
    lacks = {}
    for name in ("linear logistic", "direct search", "soft least-utilised"):
        landscape = Landscape(study)
        budget = Budget(landscape, "utility", repetition=3)
        assert budget.left == 204
        if name == "linear logistic":
            found = linear_logistic(budget, seed=3)
        elif name == "direct search":
            found = direct_search(budget, seed=3, most_nodes=25)
            assert all(parse(text, list(FEATURES)).nodes() <= 25 for text in found)
        else:
            found = successive_halving(rule_expressions(name), budget, budget.left)
        assert 0.9 * study.total_steps < budget.spent <= study.total_steps
        assert budget.spent == len(budget.states())
        lacks[name] = landscape.missing(found)
    assert lacks["linear logistic"] < 0.25
    assert lacks["direct search"] < 0.7
    assert lacks["soft least-utilised"] < 0.7


def test_constants_of_an_equation_are_searched_in_its_own_shape() -> None:
    landscape = Landscape(LoadBalancingStudy())
    start = "1/(1 + exp(1 - 2*load - mpls_utilisation + 2*internet_utilisation))"
    found = tuned_expression(start, Budget(landscape, "utility", 0), seed=0, first_place=0)
    assert landscape.missing(found) < 0.5 * landscape.missing([start])
    assert found[0].startswith("1/(1 + exp(")
    assert parse(found[0], list(FEATURES)).inputs() == parse(start, list(FEATURES)).inputs()


def test_a_budget_is_never_exceeded() -> None:
    """Each episode counts once for each search, whoever ran it; then there are no more."""
    study = dataclasses.replace(TINY, total_steps=3 * TINY.episode_decisions())
    episodes = Episodes(study)
    for _ in range(2):
        budget = Budget(episodes, "loss", repetition=0)
        first = budget.returns([EQUAL], [0, 1])
        assert budget.spent == len(budget.states()) == 2 * study.episode_decisions()
        assert (budget.returns([EQUAL], [0, 1]) == first).all()
        assert budget.left == 1
        # No value in any state: an episode as well.
        assert budget.returns(["1/(load - load)"], [0])[0, 0] == -np.inf
        with pytest.raises(BudgetError, match="decisions are taken"):
            budget.returns([EQUAL], [2])
    seed = simulator_seed(study.search_seeds(0)[1])
    again = simulate(Simulation("constant:0.5", seed, study.arguments))
    assert first[0, 1] == pytest.approx(-again["loss"].mean())


def test_rivals_take_no_more_decisions_than_a_training(folder: Path) -> None:
    table = pd.read_csv(folder / "rivals.csv")
    assert set(table["controller"]) == set(RIVALS)
    assert (table["decisions"] > 0).all()
    assert (table["decisions"] <= TINY.total_steps).all()
    assert table.groupby(["reward", "controller"])["deployed"].sum().eq(1).all()
    assert (table["low"] <= table["equation minus this"]).all()
    transfer = pd.read_csv(folder / "transfer.csv").set_index(["network", "controller"])
    assert ("slower mpls", "tuned primary") in transfer.index


@pytest.mark.parametrize("rival", ["direct search", "linear logistic", "tuned primary"])
def test_searches_come_out_the_same_again(rival: Rival, folder: Path, tmp_path: Path) -> None:
    search_all(TINY, Searches((rival,), 0), tmp_path)
    task = RivalTask("loss", rival, 0)
    assert task.controller(tmp_path).read_bytes() == task.controller(folder).read_bytes()


def test_scores_are_run_once_and_kept_in_one_file(tmp_path: Path) -> None:
    run = [simulate(Simulation("equal", simulator_seed(1), TINY.arguments))]
    asked: list[list[int]] = []

    def runs(seeds: Sequence[int]) -> list[pd.DataFrame]:
        asked.append(list(seeds))
        return run * len(seeds)

    first = Scores(tmp_path, "some").of("equal", [1, 2], runs)
    again = Scores(tmp_path, "some").of("equal", [2, 3], runs)
    Scores(tmp_path, "some").of("capacity", [1], runs)
    assert asked == [[1, 2], [3], [1]]
    assert again.loc[2, "loss"] == pytest.approx(first.loc[2, "loss"])
    assert set(TaskRows(tmp_path / "scores.csv", "some").read()["controller"]) == {
        "equal",
        "capacity",
    }
