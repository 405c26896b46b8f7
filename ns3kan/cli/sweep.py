# SPDX-License-Identifier: MIT
"""The command ``ns3kan sweep``: many trainings, on this machine's cores or on a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ns3kan.cli.arguments import Changes, name_values, resumable, seed_range


def sweep(
    config: Annotated[str, typer.Argument(help="As for ns3kan train.")],
    grid: Annotated[
        list[str] | None,
        typer.Option(help="A setting and its values, as agent=kan,mlp; may be repeated."),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="Seeds of training: one, or the first and the last, as in 0..19.")
    ] = "0..4",
    changes: Changes = None,
    address: Annotated[
        str | None,
        typer.Option(help="A Ray cluster: auto, HOST:PORT or ray://HOST:PORT; default: no Ray."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trainings at the same time; default: all cores.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", "--out", help="Folder of the sweep; by default runs/NAME-sweep."),
    ] = None,
) -> None:
    """Train and evaluate a grid of settings with several seeds, into one Parquet table.

    The same command goes on with what an interrupted one left.
    """
    numbers = seed_range(seeds)
    values = name_values(changes)
    wanted = {name: text.split(",") for name, text in name_values(grid).items()}
    from ns3kan.analysis.runs.choice import choose_run
    from ns3kan.analysis.runs.sweep import TABLE, plan, sweep
    from ns3kan.analysis.runs.writing import writing

    tasks = plan(lambda own: choose_run(config, {**values, **own}).config, wanted, numbers)
    usual = choose_run(config, values).folder
    folder = folder or usual.with_name(f"{usual.name}-sweep")
    with writing(folder), resumable(lambda: "the same command continues"):
        table = sweep(tasks, folder, address=address, workers=workers, on_done=typer.echo)
    by = [*wanted, "controller"]
    means = table.groupby(by, sort=False)["reward"].agg(["mean", "std", "count"])
    typer.echo(means.to_string())
    typer.echo(f"Table: {folder / TABLE}")
