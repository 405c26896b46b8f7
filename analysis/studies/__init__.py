# SPDX-License-Identifier: MIT
"""The papers' studies, run anew; one package each."""
