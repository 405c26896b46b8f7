# SPDX-License-Identifier: MIT
"""``python -m ns3kan.cli``."""

from ns3kan.cli import main

main()
