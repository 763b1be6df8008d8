"""Measures Tailrace beside its peers, and says which goals it met: `python -m bench.run`."""

from __future__ import annotations

import datetime
import http.client
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import change_log, delivery, endurance, measures
from bench.client import RequestFailed
from bench.load import LoadFailed, wrk_path
from bench.measures import Effort
from bench.report import print_report, write_report
from bench.results import Results
from bench.servers import Kind, find_kinds
from tailrace.errors import TailraceError

__all__ = ["main"]

_RESULTS = Path(__file__).parent / "results"
_QUICK = Effort("quick", rounds=1, warm_s=2, sample_s=2, loaded_items=2_000, growth=20_000)
_STANDARD = Effort("standard", rounds=3, warm_s=5, sample_s=5, loaded_items=10_000, growth=200_000)
_DEEP = Effort("deep", rounds=3, warm_s=5, sample_s=10, loaded_items=10_000, growth=10_000_000)
# What makes one measure fail without saying anything about the others.
_FAILURES = (
    TailraceError,
    LoadFailed,
    RequestFailed,
    RuntimeError,
    OSError,
    http.client.HTTPException,
)


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="One short round: to see that everything runs.")
    ] = False,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Grow the stream to ten million records. Needs about 30 GB."),
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Measure only this server. May be given again.")
    ] = None,
    results_dir: Annotated[Path, typer.Option(help="Where the JSON goes.")] = _RESULTS,
) -> None:
    """Measure all servers on loopback in interleaved rounds; compare the medians with the goals."""
    console = Console()
    if wrk_path() is None:
        console.print(
            "[red]wrk is not installed[/]: the distribution's package of that name brings it"
        )
        raise typer.Exit(2)
    effort = _QUICK if quick else _DEEP if deep else _STANDARD
    kinds, missing = find_kinds()
    if only:
        kinds = [kind for kind in kinds if kind.name in only]
    if not kinds:
        console.print(f"[red]nothing to measure[/]: {missing}")
        raise typer.Exit(2)
    results = Results()
    _measure(console, kinds, effort, results)
    print_report(console, kinds, missing, results)
    path = results_dir / f"{datetime.datetime.now(datetime.UTC).date()}-{effort.name}.json"
    write_report(path, effort, kinds, missing, results)
    console.print(f"written to {path.name}")
    if results.failures:
        raise typer.Exit(1)


def _measure(console: Console, kinds: Sequence[Kind], effort: Effort, results: Results) -> None:
    jobs = list(_jobs(kinds, effort, results))
    columns = (
        SpinnerColumn(),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, TextColumn("{task.description}"), console=console) as progress:
        task = progress.add_task("", total=len(jobs))
        for title, steps in jobs:
            try:
                for step in steps:
                    progress.update(task, description=f"{title}: {step}")
            except _FAILURES as error:
                results.failures[title] = str(error)
            progress.advance(task)


def _jobs(
    kinds: Sequence[Kind], effort: Effort, results: Results
) -> Iterator[tuple[str, Iterator[str]]]:
    for number in range(1, effort.rounds + 1):
        for kind in kinds:
            yield f"round {number}, {kind.name}", measures.compare(kind, effort, results)
    for kind in kinds:
        if kind.name == "Tailrace":
            yield "change log", change_log.change_log(kind, effort, results)
            yield "delivery delay", delivery.latency(kind, effort, results)
            yield "backlog", delivery.backlog(kind, effort, results)
            yield "flatness", endurance.flatness(kind, effort, results)
            yield "ten readers", endurance.readers(kind, effort, results)


if __name__ == "__main__":
    typer.run(main)
