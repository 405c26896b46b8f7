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
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Annotated, NoReturn

import typer

from ns3kan.cli import controllers, data, runs, setup, studies, sweep
from ns3kan.cli.arguments import (
    HELP_OPTIONS,
    MAINTENANCE,
    CommandGroups,
    check_output,
    loads_told_later,
    make_console,
    name_values,
    seed_range,
    tell_loads,
)
from ns3kan.errors import InputError, Ns3kanError
from ns3kan.io.files import explain, write_atomically
from ns3kan.io.numbers import number_text
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
app.add_typer(data.app, name="data")
app.add_typer(studies.app, name="reproduce")
app.command()(setup.envs)
app.command()(runs.demo)
app.command()(runs.train)
app.command()(runs.extract)
app.command()(runs.evaluate)
app.command()(runs.report)
app.command()(sweep.sweep)
app.command()(setup.doctor)
app.command()(controllers.check)
app.command()(controllers.export)


@dataclass
class _Debug:
    """Whether every error is to be shown with its traceback."""

    asked: bool = False


debug = _Debug()


def _set_debug(asked: bool) -> None:
    debug.asked = asked


def _print_versions(asked: bool) -> None:
    if asked:
        version()
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


@app.command()
def simulate(
    scenario: Annotated[str, typer.Argument(help="The scenario, such as sdwan.")],
    controllers: Annotated[
        list[str] | None,
        typer.Argument(help="Names that the scenario knows, or files controller.json."),
    ] = None,
    named: Annotated[
        list[str] | None,
        typer.Option("--controller", help="One more; the first of all is compared to the others."),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="One seed, or the first and the last, as in 1000..1019.")
    ] = "1000..1004",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="An argument of the scenario, as in --set duration=30s."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File for the means of each controller and seed, as CSV."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Simulations at the same time; default: all cores.")
    ] = None,
) -> None:
    """Run controllers inside ns-3 on the same seeds and compare them, pair by pair.

    A file that the scenario is told to write by --set, such as summary or pcap, becomes one for
    each run, named by controller and seed.
    """
    numbers = seed_range(seeds)
    arguments = name_values(settings)
    if "controller" in arguments:
        raise InputError("controller is not set by --set: name it after the scenario")
    controllers = list(dict.fromkeys([*(named or []), *(controllers or [])]))
    if not controllers:
        raise typer.BadParameter(
            "Give one controller at least, a name such as equal or a file controller.json."
        )
    check_output(output)
    from ns3kan.analysis.comparison.simulate import Simulation, measure_all, simulator_seed
    from ns3kan.analysis.comparison.tables import episode_means, simulation_tables

    with loads_told_later():
        measured = measure_all(
            [
                Simulation(controller, simulator_seed(seed), arguments, scenario, seed)
                for controller in controllers
                for seed in numbers
            ],
            workers=workers,
        )
    episodes = {
        controller: measured[index * len(numbers) : (index + 1) * len(numbers)]
        for index, controller in enumerate(controllers)
    }
    means = episode_means(episodes, numbers)
    if output is not None:
        write_atomically(output, means.to_csv(index=False))
    for table in simulation_tables(means):
        make_console().print(table)
    tell_loads(means)


Steps = Annotated[int, typer.Option(min=0, help="Most steps to take.")]
Seed = Annotated[
    int | None, typer.Option(min=0, help="Seed of the simulation and of the random actions.")
]
Timeout = Annotated[float, typer.Option(help="Longest wait for each message [s].")]


@app.command()
def attach(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port that the simulator connects to.")
    ] = 5555,
    steps: Steps = 100,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the random actions.")] = None,
    timeout: Timeout = 60.0,
    bind: Annotated[
        str, typer.Option(help="Address to listen at; for other hosts, --keys is needed too.")
    ] = "127.0.0.1",
    keys: Annotated[Path | None, typer.Option(help="Key file, made by ns3kan keys.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other hosts connect without keys.")
    ] = False,
) -> None:
    """Wait for a simulator that you start yourself and drive it with random actions."""
    _require_positive(timeout)
    from ns3kan.bridge.ns3.env import Ns3Env
    from ns3kan.bridge.ns3.tryout import try_out

    typer.echo(f"Waiting at port {port}; start the simulation with --openGymPort={port}")
    env = Ns3Env(port=port, timeout=timeout, bind=bind, keys=keys, insecure=insecure)
    try_out(env, steps, seed, typer.echo)


@app.command()
def run(
    command: Annotated[
        list[str],
        typer.Argument(help="The simulator and its arguments, after --: -- ./my-sim --arg=1"),
    ],
    steps: Steps = 100,
    seed: Seed = None,
    timeout: Timeout = 60.0,
    seed_argument: Annotated[
        str, typer.Option(help="The simulator's argument for the seed; '' if it has none.")
    ] = "--simSeed",
) -> None:
    """Start a simulator and drive it with random actions."""
    _require_positive(timeout)
    from ns3kan.bridge.ns3.env import Ns3Env
    from ns3kan.bridge.ns3.tryout import try_out

    env = Ns3Env(command[0], command[1:], timeout=timeout, seed_argument=seed_argument or None)
    try_out(env, steps, seed, typer.echo)


@app.command()
def keys(
    file: Annotated[Path, typer.Argument(help="New file for the keys of both sides.")],
) -> None:
    """Make keys for simulators on other hosts and print what is to be set there."""
    from ns3kan.bridge.ns3.security import CurveKeys

    new = CurveKeys.generate()
    new.save(file)
    for name, value in new.simulator_environment().items():
        # In single quotes no shell changes anything, and keys hold none.
        typer.echo(f"export {name}='{value}'")


@app.command(rich_help_panel=MAINTENANCE)
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


@app.command(rich_help_panel=MAINTENANCE)
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


@app.command(rich_help_panel=MAINTENANCE)
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


@app.command()
def version() -> None:
    """Print the versions of ns3kan and of the ns-3 that came with it."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    for distribution in ("ns3kan", "ns3"):
        try:
            typer.echo(f"{distribution} {version_of(distribution)}")
        except PackageNotFoundError:
            typer.echo(f"{distribution} not installed")


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


def _require_positive(timeout: float) -> None:
    if not timeout > 0:
        raise typer.BadParameter("a timeout must be a positive number of seconds")


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
    said = explain(error) if isinstance(error, OSError) else " ".join(str(error).split())
    return "; ".join([said, *getattr(error, "__notes__", ())])


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
