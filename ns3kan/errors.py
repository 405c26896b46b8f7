# SPDX-License-Identifier: MIT
"""The root of all errors that this package raises on purpose."""

from __future__ import annotations


class Ns3kanError(Exception):
    """Something that a caller can put right; the message is a sentence that says how.

    The command line shows the sentence alone. Any other exception is a fault of the package, and
    is shown with its traceback.
    """


class InputError(Ns3kanError, ValueError):
    """A value is not among those that are allowed."""


class MissingExtraError(Ns3kanError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


class FileTakenError(Ns3kanError, FileExistsError):
    """There is a file already, which must not be written over."""
