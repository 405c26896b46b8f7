# SPDX-License-Identifier: MIT
"""Small images as a Gymnasium environment: classes to name, features to select."""
