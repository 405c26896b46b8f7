# SPDX-License-Identifier: MIT
"""What commands have in common: kinds of arguments, checked before anything slow is imported."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a setting, as in --set training.seed=1; may be repeated."),
]
Shown = Annotated[
    bool, typer.Option("--print-config", help="Print all settings as YAML and do nothing.")
]
HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""Settings of an application that takes -h as well."""
MAINTENANCE = "Measuring ns3kan itself"
"""Group of the commands that those who change ns3kan use."""
_MOST_DIGITS = 19
_MOST_SEEDS = 1_000_000
Run = Annotated[Path, typer.Argument(help="A run folder.")]


class CommandGroups(typer.core.TyperGroup):
    """Lists commands under their groups, `rich_help_panel`, without markup."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the lists of commands, those without a group first."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is None or command.hidden:
                continue
            panel = getattr(command, "rich_help_panel", None)
            title = panel if isinstance(panel, str) else "Commands"
            groups.setdefault(title, []).append((name, command.get_short_help_str(limit=200)))
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def seed_range(text: str) -> list[int]:
    """Read one seed, or the first and the last as ``1000..1019``.

    Raises
    ------
    BadParameter
        If it is neither.
    """
    first, dots, last = text.partition("..")
    shown = repr(text if len(text) <= 60 else f"{text[:60]}...")
    if not first.isdecimal() or (dots and not last.isdecimal()):
        raise typer.BadParameter(f"{shown} is neither a seed nor a range such as 1000..1019")
    # Of more digits not even the number is read.
    if max(len(first), len(last)) > _MOST_DIGITS:
        raise typer.BadParameter(f"{shown} is beyond 64 bits: give a seed that is less")
    low, high = int(first), int(last if dots else first)
    if low > high:
        raise typer.BadParameter(f"{shown} is empty: write the smaller seed first")
    if high - low >= _MOST_SEEDS:
        raise typer.BadParameter(f"{shown} has more than {_MOST_SEEDS} seeds: give fewer")
    return list(range(low, high + 1))


def name_values(texts: list[str] | None) -> dict[str, str]:
    """Read ``NAME=VALUE``, the names dotted or not.

    Raises
    ------
    BadParameter
        If one is of another form.
    """
    values = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (equals and value and all(part.isidentifier() for part in name.split("."))):
            raise typer.BadParameter(
                f"{text!r} is not of the form NAME=VALUE, such as training.seed=1"
            )
        values[name] = value
    return values


def check_output(output: Path | None) -> None:
    """Refuse a file in a folder that does not exist, before anything is computed for it.

    Raises
    ------
    BadParameter
        If there is no such folder.
    """
    if output is not None and not output.parent.is_dir():
        raise typer.BadParameter(f"The folder of {output} does not exist; make it first.")


@contextmanager
def resumable(how: Callable[[], str | None]) -> Iterator[None]:
    """Say how work is continued that an interrupt or an error of the file system ends.

    Parameters
    ----------
    how
        Returns the sentence, or None if nothing is left that can be continued.
    """
    try:
        yield
    except SystemExit:
        if (sentence := how()) is not None:
            print(f"ns3kan: interrupted; {sentence}", file=sys.stderr)
        raise
    except OSError as error:
        if (sentence := how()) is not None:
            error.add_note(sentence)
        raise


def make_console() -> Console:
    """Make what tables and progress are shown on."""
    from rich.console import Console

    console = Console()
    # A file or a pipe has no width to keep to.
    return console if console.is_terminal else Console(width=120)


@contextmanager
def loads_told_later() -> Iterator[None]:
    """Let runs not warn one by one of loads that were not delivered: `tell_loads` does."""
    from ns3kan.analysis.comparison.simulate import LoadWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LoadWarning)
        yield


def tell_loads(means: pd.DataFrame) -> None:
    """Warn once for each controller under which a fabric delivered another load than was offered.

    Parameters
    ----------
    means
        One row per controller and seed.
    """
    from ns3kan.analysis.comparison.simulate import load_warning

    for controller, own in means.groupby("controller", sort=False):
        if (warning := load_warning(own)) is not None:
            typer.echo(f"Warning: under {controller} {warning}.", err=True)
