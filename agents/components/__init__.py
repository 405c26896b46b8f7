# SPDX-License-Identifier: MIT
"""Policies over components (queues, routes): one function for each, any number of them."""
