# SPDX-License-Identifier: MIT
"""Double Q-learning on features that a second network selects for each image."""

from ns3kan.agents.feature_selection.agent import FeatureSelectionAgent, LabelledImages
from ns3kan.agents.feature_selection.config import FeatureSelectionConfig
from ns3kan.agents.feature_selection.training import FeatureSelectionTraining

__all__ = [
    "FeatureSelectionAgent",
    "FeatureSelectionConfig",
    "FeatureSelectionTraining",
    "LabelledImages",
]
