# SPDX-License-Identifier: MIT
"""What is raised when images, labels or feedback maps are not what they should be."""


class ImageDataError(ValueError):
    """A data set, or a file of one, is missing, damaged or unknown."""
