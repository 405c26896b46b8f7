# SPDX-License-Identifier: MIT
"""The commands ``ns3kan data …``: image data sets for the feature selection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ns3kan.cli.arguments import HELP_OPTIONS

app = typer.Typer(
    help="Bring the images of MNIST or Fashion-MNIST to the data folder.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
)

DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder for data sets, instead of NS3KAN_DATA or the user's cache."),
]


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="mnist or fashion-mnist.")],
    data_dir: DataDir = None,
    url: Annotated[
        str | None, typer.Option(help="Folder on a server to download from, a mirror.")
    ] = None,
) -> None:
    """Download a data set and check that it is the published one."""
    from ns3kan.bridge.images.download import fetch

    typer.echo(fetch(name, data_dir, url=url, tell=typer.echo))


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="Folder with the four IDX files, plain or gzipped.")],
    name: Annotated[
        str | None, typer.Option(help="mnist or fashion-mnist; by default the folder's name.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Take a data set from disk, after a check of its files."""
    from ns3kan.bridge.images.download import import_files

    typer.echo(import_files(path, name, data_dir, tell=typer.echo))
