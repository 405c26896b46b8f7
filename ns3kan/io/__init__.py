# SPDX-License-Identifier: MIT
"""Files, documents, streams and numbers as text: what all parts of the package share."""
