# SPDX-License-Identifier: MIT
"""Evaluation, statistics, tables, figures and reports about trained controllers."""
