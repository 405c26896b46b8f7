# SPDX-License-Identifier: MIT
"""The controller artefact: written, read, checked, asked for decisions, exported."""
