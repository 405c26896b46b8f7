# SPDX-License-Identifier: MIT
"""One whole training iteration of the agent that selects features, by its Q-network.

Each iteration acts on 128 images in the environment, with features selected by FSNet (one
convolution, Beta masks), remembers what came of it, and makes one gradient step on 128 replayed
transitions whose features are selected again. The digits that come with scikit-learn are shown; the
time does not depend on which images are. One thread, single precision.

``pykan``
    The same with ``kan.KAN(width=[64, 8, 10], grid=3, k=3)`` as it comes, as Q-network and target
    network.
``mlp``
    The same with the perceptron 64-32-10.
"""

from __future__ import annotations

import contextlib
import io
import statistics
from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from ns3kan.agents.feature_selection.config import FeatureSelectionConfig
from ns3kan.agents.feature_selection.feature_selector import FSNet
from ns3kan.agents.feature_selection.learner import Learner
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.training.settings import NetworkKind
from ns3kan.analysis.bench import Result, alternate
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.bridge.images.vector_env import ImageFeatureSelectionVectorEnv

LANES = 128


def run(rounds: int = 20) -> Result:
    """Compare the Q-networks in the same training.

    Parameters
    ----------
    rounds
        How often each gets its turn.

    Raises
    ------
    RuntimeError
        If pykan is not installed.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            torch.random.fork_rng(devices=[]),
            scratch_folder() as folder,
            ExitStack() as stack,
        ):
            torch.manual_seed(0)
            candidates = {
                "kan": _iteration(stack, "kan"),
                "pykan": _iteration(stack, "kan", _Pykan(str(folder))),
                "mlp": _iteration(stack, "mlp"),
            }
            seconds = alternate(candidates, rounds, {"kan": 20, "pykan": 1, "mlp": 20})
    finally:
        torch.set_num_threads(threads)
    return Result(
        bench="ddqn",
        ratios={
            rival: [
                theirs / mine for theirs, mine in zip(seconds[rival], seconds["kan"], strict=True)
            ]
            for rival in ("pykan", "mlp")
        },
        figures={
            f"{name}_ms_per_iteration": 1e3 * statistics.median(times)
            for name, times in seconds.items()
        },
    )


def _iteration(
    stack: ExitStack, network: NetworkKind, replacement: nn.Module | None = None
) -> Callable[[], object]:
    env = ImageFeatureSelectionVectorEnv(LANES)
    stack.callback(env.close)
    config = FeatureSelectionConfig(network=network, batch_size=LANES)
    learner = Learner(config, env, FSNet(), 64, 10, network=_q_network(config, replacement))
    # Until the buffer is ready for gradient steps.
    learner.epoch(0, 3)
    return learner.iterate


def _q_network(config: FeatureSelectionConfig, replacement: nn.Module | None) -> QNetwork:
    network = QNetwork(config.architecture(64, 10))
    if replacement is not None:
        network.body = replacement  # type: ignore[assignment]
    return network


class _Pykan(nn.Module):
    """pykan's network as it comes, in a shell that can be copied for the target network."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        try:
            from kan import KAN
        except ImportError as error:
            raise RuntimeError(
                "The benchmark 'ddqn' compares with pykan, which is not installed; "
                "install it with pip install 'ns3kan[pykan]'."
            ) from error
        # pykan tells on standard output that it made a checkpoint folder.
        with contextlib.redirect_stdout(io.StringIO()):
            self.kan = KAN(width=[64, 8, 10], grid=3, k=3, ckpt_path=f"{folder}/model")

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.kan(x)
        return result
