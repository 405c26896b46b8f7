# SPDX-License-Identifier: MIT
"""One training iteration of the KAN layer against pykan's and a perceptron's.

Widths [64, 8, 10], 3 grid intervals, cubic splines, batch 128, single precision: cross entropy on
random data, forward, backward and a step of Adam with PyTorch's default settings for everyone, on
one thread. The perceptron is 64-32-10. ``pykan`` is ``kan.KAN(width=[64, 8, 10], grid=3, k=3)`` as
it comes; ``pykan_tuned`` has its symbolic branch and its book-keeping switched off.
"""

import contextlib
import io
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ns3kan.analysis.bench import Result, alternate
from ns3kan.analysis.scratch import scratch_folder

WIDTHS = (64, 8, 10)
BATCH = 128
TOLERANCE = 1e-5


def run(rounds: int = 40) -> Result:
    """Compare the layers after showing that pykan's outputs equal this project's.

    Parameters
    ----------
    rounds
        How often each network gets its turn.

    Raises
    ------
    RuntimeError
        If pykan is not installed, or its outputs differ by more than 1e-5 for equal coefficients.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), scratch_folder() as folder:
            return _run(rounds, str(folder))
    finally:
        torch.set_num_threads(threads)


def _run(rounds: int, folder: str) -> Result:
    try:
        from kan import KAN

        from ns3kan.agents.networks.kan.pykan import from_pykan
    except ImportError as error:
        raise RuntimeError(
            "The benchmark 'kan' compares with pykan, which is not installed; "
            "install it with pip install 'ns3kan[pykan]'."
        ) from error

    def pykan(**options: Any) -> Any:
        # pykan tells on standard output that it made a checkpoint folder.
        with contextlib.redirect_stdout(io.StringIO()):
            return KAN(width=list(WIDTHS), grid=3, k=3, ckpt_path=f"{folder}/model", **options)

    tuned = pykan(symbolic_enabled=False, save_act=False, auto_save=False).speed()
    torch.manual_seed(0)
    x = torch.rand(BATCH, WIDTHS[0]) * 4 - 2
    labels = torch.randint(WIDTHS[-1], (BATCH,))
    ours = from_pykan(tuned)
    with torch.no_grad():
        difference = (ours(x) - tuned(x)).abs().max().item()
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"The outputs of this project's KAN and of pykan's differ by {difference:.1e} for the "
            f"same coefficients; at most {TOLERANCE:.0e} is accepted."
        )
    networks = {
        "kan": ours,
        "pykan": pykan(),
        "pykan_tuned": tuned,
        "mlp": nn.Sequential(nn.Linear(WIDTHS[0], 32), nn.SiLU(), nn.Linear(32, WIDTHS[-1])),
    }
    seconds = alternate(
        {name: _iteration(network, x, labels) for name, network in networks.items()},
        rounds,
        {"kan": 25, "pykan": 1, "pykan_tuned": 5, "mlp": 25},
    )
    return Result(
        bench="kan",
        ratios={
            rival: [
                theirs / mine for theirs, mine in zip(seconds[rival], seconds["kan"], strict=True)
            ]
            for rival in ("pykan", "pykan_tuned", "mlp")
        },
        figures={f"{name}_ms": 1e3 * statistics.median(seconds[name]) for name in networks}
        | {"largest_output_difference": difference},
    )


def _iteration(network: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)

    def iterate() -> None:
        optimiser.zero_grad()
        loss: torch.Tensor = nn.functional.cross_entropy(network(x), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return iterate
