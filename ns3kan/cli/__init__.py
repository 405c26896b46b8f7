# SPDX-License-Identifier: MIT
"""The command ``ns3kan``.

Exit status: 0 if all went well, 1 if it did not (one sentence on stderr says why; a fault of the
package itself is shown with its traceback), 2 if the command line is wrong, 130 if it was
interrupted.

Whatever is slow to import is imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, NoReturn

import typer

from ns3kan.cli import controllers, data, measure, runs, setup, simulators, studies, sweep
from ns3kan.cli.arguments import HELP_OPTIONS, MAINTENANCE, CommandGroups
from ns3kan.errors import Ns3kanError
from ns3kan.io.files import explain
from ns3kan.io.streams import prepare_standard_streams

app = typer.Typer(
    name="ns3kan",
    help="Train controllers on packet-level ns-3 simulations, read them out as equations, and "
    "run the equations inside ns-3.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
    cls=CommandGroups,
)
app.command()(setup.envs)
app.command()(runs.demo)
app.command()(runs.train)
app.command()(runs.extract)
app.command()(runs.evaluate)
app.command()(runs.report)
app.command()(sweep.sweep)
app.command()(simulators.simulate)
app.command()(controllers.check)
app.command()(controllers.export)
app.command()(simulators.attach)
app.command()(simulators.run)
app.command()(simulators.keys)
app.command()(setup.doctor)
app.command()(setup.schema)
app.command()(setup.version)
app.add_typer(data.app, name="data")
app.add_typer(studies.app, name="reproduce")
app.command(rich_help_panel=MAINTENANCE)(measure.bench)
app.command(rich_help_panel=MAINTENANCE)(measure.scaling)
app.command(rich_help_panel=MAINTENANCE)(measure.soak)


@dataclass
class _Debug:
    """Whether every error is to be shown with its traceback."""

    asked: bool = False


debug = _Debug()


def _set_debug(asked: bool) -> None:
    debug.asked = asked


def _print_versions(asked: bool) -> None:
    if asked:
        setup.version()
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_versions, is_eager=True, help="Print versions and exit."
        ),
    ] = False,
    show_traceback: Annotated[
        bool,
        typer.Option(
            "--debug",
            callback=_set_debug,
            help="Show the traceback of any error; before the command.",
        ),
    ] = False,
) -> None:
    """Options before the command; the application's own help text stands above."""


def main() -> NoReturn:
    """Run the command line; the entry point of the package."""
    # An interrupt and a request to end both let everything be put in order: no process stays, no
    # half-written file.
    prepare_standard_streams()
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    try:
        app()
    except BrokenPipeError:
        # Whoever read the output, such as head, has gone. Nothing more can be flushed to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except Exception as error:
        if debug.asked or not _is_expected(error):
            raise
        print(f"ns3kan: {_sentence(error)}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def _is_expected(error: Exception) -> bool:
    """Whether somebody else than the package can put an error right, so that a sentence suffices.

    These are its own errors, unknown environments, and what the file system says of a file.
    """
    if isinstance(error, Ns3kanError):
        return True
    if isinstance(error, OSError):
        return error.filename is not None
    import gymnasium.error

    return isinstance(error, gymnasium.error.Error)


def _sentence(error: Exception) -> str:
    """Say an error in one line, with what was noted on its way; the system's own with the file."""
    sentence = explain(error) if isinstance(error, OSError) else " ".join(str(error).split())
    return "; ".join([sentence, *getattr(error, "__notes__", ())])


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
