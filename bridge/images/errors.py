# SPDX-License-Identifier: MIT
"""What is raised when images, labels or feedback maps are not what they should be."""

from ns3kan.errors import InputError


class ImageDataError(InputError):
    """A data set, or a file of one, is missing, damaged or unknown."""
