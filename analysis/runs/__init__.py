# SPDX-License-Identifier: MIT
"""One run: its settings and its folder, training, extraction, evaluation, demo, sweep."""
