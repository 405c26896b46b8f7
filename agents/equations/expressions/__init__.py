# SPDX-License-Identifier: MIT
"""Expressions: their grammar, algebra, typesetting and constants."""
