# SPDX-License-Identifier: MIT
"""Many images at a time, one for each lane, by array operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ns3kan.bridge.images.datasets import Dataset, Split, load_images
from ns3kan.bridge.images.errors import ImageDataError
from ns3kan.bridge.images.feedback import WIDTH, load_feedback, simulated_feedback
from ns3kan.bridge.images.idx import NUM_CLASSES
from ns3kan.bridge.images.preprocessing import NUM_PIXELS, SIDE, FloatArray
from ns3kan.bridge.images.stream import ImageStream, IndexArray

BoolArray = npt.NDArray[np.bool_]
RewardArray = npt.NDArray[np.float64]

REWARDS = {"+1/0": (1.0, 0.0), "+1/-1": (1.0, -1.0)}
"""By name: for the right class and for a wrong one."""

SIMULATED = "simulated"
FEATURE_NAMES = tuple(f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE))


class ImageFeatureSelectionVectorEnv(VectorEnv[FloatArray, npt.NDArray[np.int64], Any]):
    """Several lanes of `ImageFeatureSelection` that share one stream of images.

    A batch of ``num_envs`` images is one step: lane ``i`` shows the ``i``-th of each batch, so that
    one pass over the n images of the split takes n / ``num_envs`` steps. A batch goes on across
    the end of a pass, and each pass is shuffled anew. All lanes are truncated together, after
    ``max_steps`` steps. Autoreset is `AutoresetMode.NEXT_STEP`: the step after that ignores its
    actions and returns the next images with rewards of 0.

    Parameters
    ----------
    num_envs
        Images at a time, 128 in the paper.
    dataset, split, reward, feedback, feedback_width, pixels, shuffle, max_steps, data_dir
        As for `ImageFeatureSelection`.

    Raises
    ------
    ImageDataError
        As for `ImageFeatureSelection`.

    Attributes
    ----------
    image_set
        Images, labels and which of them are in the split.
    feedback_maps
        Maps of the same images.
    feature_names, feature_units
        ``pixel_0_0``, ``pixel_0_1``, … by row and column from the top left; "1" for all.
    """

    def __init__(
        self,
        num_envs: int = 128,
        *,
        dataset: Dataset = "digits",
        split: Split = "train",
        reward: str = "+1/0",
        feedback: str | Path = SIMULATED,
        feedback_width: float = WIDTH,
        pixels: npt.ArrayLike | None = None,
        shuffle: bool = True,
        max_steps: int | None = None,
        data_dir: str | Path | None = None,
    ) -> None:
        super().__init__()
        if num_envs < 1:
            raise ImageDataError(f"num_envs={num_envs} must be at least 1.")
        if max_steps is not None and max_steps < 1:
            raise ImageDataError(f"max_steps={max_steps} must be at least 1, or None for no end.")
        # A typeset minus sign is taken too.
        reward = reward.replace("\N{MINUS SIGN}", "-")
        if reward not in REWARDS:
            raise ImageDataError(f"There is no reward {reward!r}; choose {' or '.join(REWARDS)}.")
        self.num_envs = num_envs
        self.max_steps = max_steps
        self.image_set = load_images(dataset, split, data_dir)
        self.feedback_maps = (
            simulated_feedback(self.image_set.images, feedback_width)
            if feedback == SIMULATED
            else load_feedback(feedback, len(self.image_set.images))
        )
        self.feature_names = FEATURE_NAMES
        self.feature_units = ("1",) * NUM_PIXELS
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}
        low, high = (
            np.float32((level - self.image_set.mean) / self.image_set.std) for level in (0.0, 1.0)
        )
        self.single_observation_space = spaces.Box(low, high, (NUM_PIXELS,), np.float32)
        self.single_action_space = spaces.Discrete(NUM_CLASSES)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._right, self._wrong = REWARDS[reward]
        self._pixels = None if pixels is None else _checked(pixels, len(self.image_set.images))
        self._stream = ImageStream(self.image_set.indices, shuffle)
        self._now: IndexArray = self.image_set.indices[:0]
        self._everywhere = np.ones(num_envs, dtype=np.bool_)
        self._elapsed: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether the episode was truncated, so that the next step starts another."""
        return self._elapsed is not None and self._elapsed == self.max_steps

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start a new pass over the images.

        Parameters
        ----------
        seed
            Of the orders of this pass and the following ones; None goes on with the stream.
        options
            None are known.

        Returns
        -------
        observations, infos
            Shape (lanes, 64); of the images shown: ``label`` (lanes,), ``feedback`` (lanes, 64),
            and ``index`` (lanes,), their places in ``image_set.images``.
        """
        self._require_open("reset")
        if options:
            raise ImageDataError(f"reset takes no options, but was given {', '.join(options)}.")
        super().reset(seed=seed)
        self._stream.restart()
        self._elapsed = 0
        return self._show()

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[FloatArray, RewardArray, BoolArray, BoolArray, dict[str, Any]]:
        """Name the class of the image shown in each lane and see the next one.

        Parameters
        ----------
        actions
            Classes from 0 to 9, shape (lanes,).

        Returns
        -------
        observations, rewards, terminations, truncations, infos
            The infos are those of the new images, as in `reset`.
        """
        self._require_open("step")
        if self._elapsed is None:
            raise ResetNeeded("step was called before reset; call reset first.")
        chosen = np.asarray(actions)
        if chosen.shape != (self.num_envs,) or chosen.dtype.kind not in "iu":
            raise InvalidAction(
                f"Actions of shape {chosen.shape} and type {chosen.dtype} were given to "
                f"{self.num_envs} environments; give one whole number for each."
            )
        if chosen.min() < 0 or chosen.max() >= NUM_CLASSES:
            wrong = chosen[(chosen < 0) | (chosen >= NUM_CLASSES)][0]
            raise InvalidAction(f"Action {wrong} is none of the classes 0 to {NUM_CLASSES - 1}.")
        if self.is_over:
            self._elapsed = 0
            rewards = np.zeros(self.num_envs)
        else:
            self._elapsed += 1
            rewards = np.where(chosen == self.image_set.labels[self._now], self._right, self._wrong)
        observations, infos = self._show()
        truncations = np.full(self.num_envs, self.is_over)
        return observations, rewards, ~self._everywhere, truncations, infos

    def _show(self) -> tuple[FloatArray, dict[str, Any]]:
        self._now = self._stream.take(self.num_envs, self.np_random)
        observations = self.image_set.images[self._now]
        if self._pixels is not None:
            observations *= self._pixels[self._now]
        infos = {
            "label": self.image_set.labels[self._now],
            "feedback": self.feedback_maps.of(self._now),
            "index": self._now.copy(),
        }
        return observations, infos | {f"_{name}": self._everywhere.copy() for name in infos}

    def _require_open(self, call: str) -> None:
        if self.closed:
            raise ClosedEnvironmentError(f"{call} was called after close; make a new environment.")


def _checked(pixels: npt.ArrayLike, num_images: int) -> BoolArray:
    shown = np.asarray(pixels)
    if shown.dtype != np.bool_ or shown.shape not in ((NUM_PIXELS,), (num_images, NUM_PIXELS)):
        raise ImageDataError(
            f"pixels has shape {shown.shape} and type {shown.dtype}; give booleans of shape "
            f"({NUM_PIXELS},), or ({num_images}, {NUM_PIXELS}) for each image its own."
        )
    return np.broadcast_to(shown, (num_images, NUM_PIXELS))
