# SPDX-License-Identifier: MIT
"""What is proven of an expression over a box of its inputs."""
