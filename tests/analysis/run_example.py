# SPDX-License-Identifier: MIT
"""A run folder made of plausible numbers, to test what reads run folders."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

FEATURES = {
    "load": ("1", 0.1, 1.3),
    "load_delta": ("1", -0.2, 0.2),
    "mpls_delay": ("s", 0.01, 0.09),
    "mpls_loss": ("1", 0.0, 0.12),
    "mpls_utilisation": ("1", 0.0, 1.0),
    "internet_delay": ("s", 0.025, 0.12),
    "internet_loss": ("1", 0.0, 0.15),
    "internet_utilisation": ("1", 0.0, 1.0),
}
EXPRESSION = (
    "1/(1 + exp(-(0.81*load^2 - 3.2*tanh(12.5*internet_delay - 1.1)"
    " + 1.7*mpls_utilisation - sqrt(abs(load_delta) + 0.01) - 0.42)))"
)
GAINS = {
    "network": 0.25,
    "equation": 0.248,
    "equal": 0.0,
    "capacity": 0.08,
    "primary": 0.1,
    "least-delay": 0.12,
    "least-utilised": 0.14,
}


def make_evaluation(seeds: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    common = rng.normal(-0.9, 0.1, seeds)
    parts = []
    for name, gain in GAINS.items():
        reward = common + gain + rng.normal(0.0, 0.01, seeds)
        parts.append(
            pd.DataFrame(
                {
                    "controller": name,
                    "kind": name if name in ("network", "equation") else "traditional",
                    "seed": np.arange(1000, 1000 + seeds),
                    "reward": reward,
                    "goodput": 8e6 * (1.2 + 0.3 * reward),
                    "delay": 0.06 - 0.02 * reward,
                    "loss": 0.03 - 0.01 * reward,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def make_splines() -> pd.DataFrame:
    parts = []
    for index, (name, (_, low, high)) in enumerate(FEATURES.items()):
        x = np.linspace(low, high, 60)
        spline = (index - 3) * np.tanh(2.0 * (x - low) / (high - low)) / 2.0
        parts.append(
            pd.DataFrame(
                {
                    "feature": name,
                    "x": x,
                    "spline": spline,
                    "fit": spline + 0.05 * np.sin(9.0 * x),
                    "kept": index != 3,
                    "formula": f"{(index - 3) / 2}*tanh(2*{name})",
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def make_intervals() -> pd.DataFrame:
    time = np.arange(0.5, 60.0, 0.5)
    load = 0.7 + 0.5 * np.sin(time / 8.0)
    parts = []
    for seed in (1000, 1001):
        for shift, name in enumerate(("network", "equation", "equal")):
            parts.append(
                pd.DataFrame(
                    {
                        "controller": name,
                        "seed": seed,
                        "time": time,
                        "load": load,
                        "mpls_delay": 0.01 + 0.02 * load,
                        "internet_delay": 0.025 + 0.01 * load,
                        "ratio": np.clip(0.3 + 0.4 * load + 0.02 * shift, 0.0, 1.0),
                        "active_flows": np.round(40 * load) + shift,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def make_run(folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_text("seed: 0\nevaluation:\n  seeds: 20\n")
    steps = np.arange(1, 41) * 600
    pd.DataFrame(
        {
            "steps": steps,
            "seconds": steps / 90.0,
            "mean_reward": -0.6 - 0.3 * np.exp(-steps / 6000.0),
        }
    ).to_csv(folder / "metrics.csv", index=False)
    controller = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": "ratio",
        "inputs": [
            {"name": name, "unit": unit, "range": [low, high]}
            for name, (unit, low, high) in FEATURES.items()
        ],
        "outputs": [{"name": "ratio", "expression": EXPRESSION, "range": [0, 1]}],
        "provenance": {
            "environment": {"id": "ns3kan/SdWan-v0", "arguments": {"reward": "utility"}},
            "seeds": {"training": 0},
            "steps": 24000,
            "versions": {"ns3kan": "0.1.0", "ns3": "3.44"},
        },
        "fidelity": {"r2": 0.9987, "note": "<script>alert('no')</script>"},
    }
    (folder / "controller.json").write_text(json.dumps(controller))
    make_splines().to_csv(folder / "splines.csv", index=False)
    make_evaluation().to_csv(folder / "evaluation.csv", index=False)
    make_intervals().to_csv(folder / "intervals.csv", index=False)
    return folder
