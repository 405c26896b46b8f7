# SPDX-License-Identifier: MIT
"""Reports: one HTML page about a run that needs nothing but itself."""

from ns3kan.analysis.report.report import write_report

__all__ = ["write_report"]
