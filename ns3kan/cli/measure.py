# SPDX-License-Identifier: MIT
"""The commands that measure this project itself: ``bench``, ``scaling`` and ``soak``."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from ns3kan.errors import InputError
from ns3kan.io.numbers import number_text


def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark, such as kan.")],
    json: Annotated[
        bool, typer.Option("--json", help="Print nothing but the line of JSON.")
    ] = False,
) -> None:
    """Measure this project against others, alternating; the last line is one JSON object."""
    from ns3kan.analysis.bench import run

    result = run(name)
    if not json:
        for rival, ratios in result.ratios.items():
            typer.echo(f"{rival}: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
        for figure, value in result.figures.items():
            typer.echo(f"{figure}: {number_text(value)}")
    typer.echo(result.to_json())


def scaling(
    folder: Annotated[
        Path, typer.Option("--folder", "--results", help="Folder for scaling.csv and scaling.png.")
    ] = Path(),
    rounds: Annotated[int, typer.Option(min=1, help="How often each run is timed.")] = 7,
) -> None:
    """Measure how the cost of a simulation grows with its packets and paths."""
    from ns3kan.analysis.bench.scaling import findings, scaling

    for sentence in findings(scaling(folder, rounds)):
        typer.echo(sentence)


def soak(
    resets: Annotated[int, typer.Option(min=200, help="How many episodes to play.")] = 10_000,
    steps: Annotated[int, typer.Option(min=200, help="How many steps, together.")] = 1_000_000,
    folder: Annotated[
        Path, typer.Option("--folder", "--results", help="Folder for soak.csv.")
    ] = Path(),
) -> None:
    """Play many episodes and watch memory, descriptors and processes of both sides."""
    from ns3kan.analysis.bench.soak import Sample, soak

    def tell(sample: Sample) -> None:
        typer.echo(
            f"{sample.resets} resets, {sample.steps} steps, {sample.seconds:.0f} s: "
            f"{sample.memory >> 20} MiB, simulators {sample.simulator_memory >> 20} MiB, "
            f"{sample.descriptors} descriptors, {sample.processes} processes"
        )

    grown = soak(resets, steps, folder, tell)
    if grown:
        raise InputError(" ".join(grown))
    typer.echo("Flat: nothing has grown.")
