# SPDX-License-Identifier: MIT
"""The commands that run simulators: ``simulate``, ``run``, ``attach``, and ``keys`` for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ns3kan.cli.arguments import (
    check_output,
    loads_told_later,
    make_console,
    name_values,
    seed_range,
    tell_loads,
)
from ns3kan.errors import InputError
from ns3kan.io.files import write_atomically


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


def _require_positive(timeout: float) -> None:
    if not timeout > 0:
        raise typer.BadParameter("a timeout must be a positive number of seconds")
