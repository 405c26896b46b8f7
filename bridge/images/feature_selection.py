# SPDX-License-Identifier: MIT
"""The environment ``ns3kan/ImageFeatureSelection-v0``: name the class of image after image."""

from __future__ import annotations

from typing import Any

from ns3kan.bridge.images.vector_env import ImageFeatureSelectionVectorEnv
from ns3kan.bridge.one_lane import OneLaneEnv


class ImageFeatureSelection(OneLaneEnv):
    """Images of 8 × 8 pixels, one at a time: name the class; the next image follows.

    Description
    -----------
    Each step shows an image with a map that says which of its pixels a person would look at, the
    feedback. Nothing that the agent does changes which image comes next: as a decision problem it
    is a contextual bandit. It serves to learn which features of an image decide.

    Images of other sizes are resized to 8 × 8 with Pillow's antialiased bilinear filter, the one
    of torchvision's Resize, and normalised with (mean, standard deviation) (0.1307, 0.3081) for
    ``mnist``, (0.5, 0.5) for ``fashion-mnist``, both from the paper, and (0.3053, 0.3760) for
    ``digits``.

    Simulated feedback is a Gaussian around the brightest pixel (x_c, y_c), the first of equals,
    exp(−((x − x_c)² + (y − y_c)²) / (2 η²)), with its maximum of 1 there.

    Action space
    ------------
    ``Discrete(10)``: the class.

    Observation space
    -----------------
    ``Box(−mean / std, (1 − mean) / std, (64,), float32)``: the normalised image, row by row. The
    names are in ``feature_names``, the units, all 1, in ``feature_units``.

    =====  =============  ====  ===========  ================
    index  name           unit  low          high
    =====  =============  ====  ===========  ================
    0      ``pixel_0_0``  1     −mean / std  (1 − mean) / std
    1      ``pixel_0_1``  1     −mean / std  (1 − mean) / std
    …
    63     ``pixel_7_7``  1     −mean / std  (1 − mean) / std
    =====  =============  ====  ===========  ================

    Rewards
    -------
    By name, for the class of the image that was shown: "+1/0" gives 1 if it was named and 0 if
    not, "+1/-1" gives 1 and −1.

    Info
    ----
    Of the image in the observation: ``label``, its class; ``feedback``, its map in [0, 1], shape
    (64,); ``index``, its place in ``image_set.images``.

    Starting state
    --------------
    The first image of a new pass.

    End of episode
    --------------
    Never terminated; truncated after ``max_steps`` steps. A pass over all images of the split is
    no episode: another follows without a break.

    Parameters
    ----------
    dataset
        "digits" (with scikit-learn), "mnist" or "fashion-mnist" (IDX files).
    split
        "train", "validation", "train+validation" or "test"; see
        `ns3kan.bridge.images.datasets.load_images`.
    reward
        "+1/0" or "+1/-1".
    feedback
        "simulated", or a file ``.npy`` of people's maps in [0, 1], shape (images, 8, 8): one for
        each image of the file that the split comes from, in its order (``digits``: all 1,797).
    feedback_width
        η of simulated feedback [pixel].
    pixels
        Pixels that are shown, the others are 0: booleans of shape (64,), or (images, 64) for each
        image its own. By default all.
    shuffle
        Whether each pass has an order of its own.
    max_steps
        Steps until truncation; None for never.
    data_dir
        Folder of the folders ``mnist`` and ``fashion-mnist``; by default ``NS3KAN_DATA``, or the
        user's cache.

    Raises
    ------
    ImageDataError
        If an argument is wrong, or files are missing or damaged.

    References
    ----------
    M. A. Jahin, M. F. Mridha, N. Dey, "Human-in-the-loop feature selection using interpretable
    Kolmogorov-Arnold network-based double deep Q-network", Section IV.

    Version history
    ---------------
    v0: first version.

    Examples
    --------
    >>> env = ImageFeatureSelection(reward="+1/-1")
    >>> observation, info = env.reset(seed=1)
    >>> observation, reward, terminated, truncated, _ = env.step(info["label"])
    >>> reward
    1.0
    """

    lanes = ImageFeatureSelectionVectorEnv

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.image_set = self._lanes.image_set
        self.feedback_maps = self._lanes.feedback_maps
