# SPDX-License-Identifier: MIT
"""Temporary folders that disappear however their process ends."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Waits for the end of its input, which nobody but the owner of the folder has open. What the owner
# has started may still be writing for a moment.
_REMOVE = """
read line
for i in $(seq 50); do
    rm -rf -- "$0" && exit
    sleep 0.2
done
"""


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a temporary folder for a block, removed after it.

    If this process is killed in the block, a small process that waits for that removes it.
    """
    path = Path(tempfile.gettempdir(), f"ns3kan-{secrets.token_hex(8)}")
    # In a group of its own: what ends this process's group shall not end its heir.
    heir = subprocess.Popen(
        ["/bin/sh", "-c", _REMOVE, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        path.mkdir(mode=0o700)
        yield path
    finally:
        # It removes the folder whether this process goes on or not.
        heir.communicate()
