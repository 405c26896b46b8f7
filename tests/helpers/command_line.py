# SPDX-License-Identifier: MIT
"""The command line in this process, without starting Python and importing everything again."""

import contextlib
import io
import signal
import subprocess
import sys
from unittest import mock

from ns3kan.cli import main


def ns3kan(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What ``ns3kan …`` would have printed, and its exit status."""
    output, errors = io.StringIO(), io.StringIO()
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    status = 0
    try:
        with (
            mock.patch.object(sys, "argv", ["ns3kan", *arguments]),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
    return subprocess.CompletedProcess(arguments, status, output.getvalue(), errors.getvalue())
