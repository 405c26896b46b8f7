# SPDX-License-Identifier: MIT
"""Paper 1's study: rewards times controllers for two paths, each equation back in ns-3."""
