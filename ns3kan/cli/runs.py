# SPDX-License-Identifier: MIT
"""The commands on run folders: ``train``, ``extract``, ``evaluate``, ``report`` and ``demo``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ns3kan.cli.arguments import (
    Changes,
    Run,
    Shown,
    check_output,
    loads_told_later,
    make_console,
    name_values,
    resumable,
    seed_range,
    tell_loads,
)
from ns3kan.io.files import write_atomically


def train(
    config: Annotated[
        str,
        typer.Argument(
            help="A file of settings or its name, such as demo; the id of an environment; or, "
            "with --resume, a run folder."
        ),
    ],
    changes: Changes = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", "--run", help="Run folder to write; by default runs/NAME."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was interrupted.")
    ] = False,
    print_config: Shown = False,
) -> None:
    """Train a network on an environment and write a run folder."""
    values = name_values(changes)
    from ns3kan.analysis.runs.choice import check_resumed, choose_run
    from ns3kan.analysis.runs.configuration import resolved
    from ns3kan.analysis.runs.writing import check_new, writing

    choice = choose_run(config, values, folder)
    if print_config:
        typer.echo(resolved(choice.config), nl=False)
        return
    if not resume:
        check_new(choice.folder)
    else:
        check_resumed(choice)
    from ns3kan.analysis.runs.progress import show_progress
    from ns3kan.analysis.runs.training import train

    again = shlex.join(["ns3kan", "train", str(choice.folder), "--resume"])
    with (
        writing(choice.folder),
        resumable(lambda: f"`{again}` continues"),
        show_progress(make_console()) as on_progress,
    ):
        train(choice.config, choice.folder, on_progress, resume=resume)
    typer.echo(f"Run: {choice.folder}")


def extract(
    run: Run,
    changes: Changes = None,
    most_nodes: Annotated[
        int | None, typer.Option(min=1, help="Longest equation allowed, in nodes.")
    ] = None,
) -> None:
    """Read the equation out of a run's network: controller.json in the run folder."""
    values = name_values(changes)
    from ns3kan.analysis.runs.choice import changed
    from ns3kan.analysis.runs.extraction import extract_run
    from ns3kan.analysis.runs.folder import CONTROLLER
    from ns3kan.analysis.runs.progress import show_progress
    from ns3kan.analysis.runs.writing import writing

    config = changed(run, values)
    with writing(run), show_progress(make_console()) as on_progress:
        controller = extract_run(config, run, on_progress, most_nodes=most_nodes)
    for equation in controller.equations():
        typer.echo(equation)
    typer.echo(f"Controller: {run / CONTROLLER}")


def evaluate(
    who: Annotated[
        list[str],
        typer.Argument(help="Run folders, files controller.json, and names of rules."),
    ],
    env: Annotated[
        str | None,
        typer.Option(help="Id of the environment; by default that of the first run or file."),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="One seed, or the first and the last, as in 1000..1019.")
    ] = None,
    changes: Changes = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File for the means of each episode, as CSV."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Episodes at the same time; default: all cores.")
    ] = None,
) -> None:
    """Compare networks, equations and rules on the same seeds, pair by pair.

    A single run folder is compared with its own equation and the traditional rules, and keeps
    the results.
    """
    numbers = None if seeds is None else seed_range(seeds)
    values = name_values(changes)
    check_output(output)
    from ns3kan.analysis.comparison.tables import simulation_tables
    from ns3kan.analysis.runs.choice import changed, settings_of
    from ns3kan.analysis.runs.evaluation import compare, evaluate_run
    from ns3kan.analysis.runs.progress import show_progress
    from ns3kan.analysis.runs.writing import writing

    if numbers is not None:
        values |= {"evaluation.first_seed": str(numbers[0]), "evaluation.seeds": str(len(numbers))}
    console = make_console()
    only = Path(who[0])
    with loads_told_later(), show_progress(console) as on_progress:
        if len(who) == 1 and only.is_dir() and env is None:
            config = changed(only, values)
            with writing(only):
                found = evaluate_run(config, only, on_progress, workers)
        else:
            found = compare(settings_of(who, env, values), who, on_progress, workers)
    if output is not None:
        write_atomically(output, found.results.to_csv(index=False))
    for table in simulation_tables(found.results):
        console.print(table)
    tell_loads(found.results)


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders; several are compared.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The page; by default report.html in the run, or beside several."
        ),
    ] = None,
) -> None:
    """Write a page about a run, or about several side by side, from their files."""
    from ns3kan.analysis.report import write_report

    typer.echo(write_report(runs, output))


def demo(
    quick: Annotated[
        bool, typer.Option("--quick", help="Everything on a small scale, in about a minute.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(help="Run folder to write; by default runs/demo, or runs/demo-quick."),
    ] = None,
    runs: Annotated[
        Path, typer.Option(help="Folder in which demo or demo-quick is written, without --folder.")
    ] = Path("runs"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a finished run when the new one is done.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the training, instead of the configured one.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a demonstration that was interrupted.")
    ] = False,
    changes: Changes = None,
    print_config: Shown = False,
) -> None:
    """Train a KAN on ns-3, extract its equation, run it in ns-3, and write a report."""
    values = name_values(changes)
    from ns3kan.analysis.demo import DemoConfig, run_demo, unfinished
    from ns3kan.analysis.runs.configuration import load, parse_values, resolved

    files = ("demo", "demo-quick") if quick else ("demo",)
    run = folder or runs / files[-1]
    if seed is not None:
        values["training.seed"] = str(seed)
    config = load(DemoConfig, *files, changes=parse_values(values))
    if print_config:
        typer.echo(resolved(config), nl=False)
        return
    from ns3kan.analysis.comparison.findings import findings
    from ns3kan.analysis.comparison.tables import rich_table
    from ns3kan.analysis.runs.folder import EVALUATION, read_evaluation
    from ns3kan.analysis.runs.progress import show_progress
    from ns3kan.analysis.runs.writing import check_new

    if not overwrite:
        check_new(run, "replace it by --overwrite")
    console = make_console()
    with (
        resumable(lambda: "the same with --resume continues" if unfinished(run) else None),
        show_progress(console) as on_progress,
    ):
        written = run_demo(config, run, on_progress, resume=resume)
    evaluation = read_evaluation(written.parent / EVALUATION)
    console.print(rich_table(evaluation))
    for sentence in findings(evaluation):
        console.print(sentence, highlight=False)
    typer.echo(f"Report: {written}")
