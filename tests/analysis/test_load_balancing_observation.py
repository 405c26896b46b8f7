# SPDX-License-Identifier: MIT
"""The load-balancing study's equations with what a router can know."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from ns3kan.analysis.studies.load_balancing.observation import write_observations
from ns3kan.analysis.studies.load_balancing.settings import LoadBalancingStudy

RESULTS = Path(__file__).parents[2] / "analysis" / "results" / "load-balancing"


def test_equations_and_rules_are_compared_under_both_observations(tmp_path: Path) -> None:
    (tmp_path / "deployed").mkdir()
    for reward in ("utility", "delay"):
        shutil.copy(RESULTS / "deployed" / f"{reward}.json", tmp_path / "deployed")
    study = LoadBalancingStudy(
        rewards=("utility", "delay"), choice_episodes=2, arguments={"duration": 5.0}
    )
    path = write_observations(study, tmp_path)
    table = pd.read_csv(path).set_index(["reward", "controller"])
    assert len(table) == 2 * 4
    assert (table.episodes == 2).all()
    change = table["in-band minus oracle"]
    np.testing.assert_allclose(change, table["in-band"] - table["oracle"], atol=1e-5)
    np.testing.assert_allclose(
        table.loc["delay", "deployed minus this"].drop("deployed"),
        table.loc[("delay", "deployed"), "in-band"]
        - table.loc["delay", "in-band"].drop("deployed"),
        atol=1e-5,
    )
    # One rule looks at the load only, which a router knows; the other at what others tell.
    assert (change.xs("primary", level="controller") == 0).all()
    assert (change.xs("least-delay", level="controller") != 0).all()
    # What is there is not done again.
    path.write_text("done")
    assert write_observations(study, tmp_path).read_text() == "done"
