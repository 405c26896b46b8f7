# SPDX-License-Identifier: MIT
"""Files that are either written as a whole or not touched."""

from ns3kan.files import write_atomically as write_atomically
