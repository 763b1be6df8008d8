"""The report of a run: tables for people, JSON for machines, and which goals were met."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.measures import Effort
from bench.results import MEASURES, Measure, Results
from bench.servers import Kind

__all__ = ["GOALS", "Goal", "print_report", "write_report"]

_OURS = "Tailrace"


@dataclass(frozen=True)
class Goal:
    """Something to reach: `figure` of the results is at least (or, for costs, at most) `bound`."""

    title: str
    bound: float
    unit: str
    figure: Callable[[Results], float | None]
    at_most: bool = False

    def met(self, figure: float) -> bool:
        return figure <= self.bound if self.at_most else figure >= self.bound

    def missed_by(self, figure: float) -> float:
        """How far from the bound, in percent of the bound."""
        return abs(figure - self.bound) / self.bound * 100


def _ours(measure: str) -> Callable[[Results], float | None]:
    return lambda results: results.median(measure, _OURS)


def _times(measure: str, peer: str) -> Callable[[Results], float | None]:
    return lambda results: _ratio(results.median(measure, _OURS), results.median(measure, peer))


def _share(measure: str, of: str) -> Callable[[Results], float | None]:
    return lambda results: _ratio(results.median(measure, _OURS), results.median(of, _OURS))


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _added(results: Results) -> float | None:
    before = results.median("trim_before_max", _OURS)
    during = results.median("trim_during_max", _OURS)
    return max(0.0, during - before) if before is not None and during is not None else None


GOALS: Sequence[Goal] = (
    Goal("PutItem against DynamoDB Local", 12, "times", _times("put", "DynamoDB Local")),
    Goal("PutItem against Dynoxide", 5, "times", _times("put", "Dynoxide")),
    # Samples differ by some percent; a rate that falls with the size of the log is far below.
    Goal("PutItem when grown against when small", 0.9, "times", _share("flat_end", "flat_start")),
    Goal("GetItem against DynamoDB Local", 10, "times", _times("get", "DynamoDB Local")),
    Goal("GetItem against Dynoxide", 1, "times", _times("get", "Dynoxide")),
    Goal("PutItem with stream against without", 0.85, "times", _share("put", "put_stream_off")),
    Goal("PutItem with ten readers", 0.85, "times", _share("put_with_readers", "put_alone")),
    Goal("What trimming adds to the longest PutItem", 20, "ms", _added, at_most=True),
    Goal(
        "PutItem acknowledged to handler called, p50", 5, "ms", _ours("delivery_p50"), at_most=True
    ),
    Goal(
        "PutItem acknowledged to handler called, p99", 50, "ms", _ours("delivery_p99"), at_most=True
    ),
    Goal("Backlog through a Python handler", 50_000, "records/s", _ours("drain")),
    Goal("Change log read in the process", 300, "MB/s", _ours("log_mb")),
    Goal("Start to first answer", 0.6, "s", _ours("start"), at_most=True),
    Goal("Idle memory", 90, "MB", _ours("idle_memory"), at_most=True),
)


def print_report(
    console: Console, kinds: Sequence[Kind], missing: Mapping[str, str], results: Results
) -> None:
    """Print the figures, the goals, and what was left out or failed."""
    console.print(_figures_table(kinds, results))
    console.print(_goals_table(results))
    for name, reason in missing.items():
        console.print(f"[yellow]left out:[/] {name}: {reason}")
    for job, problem in results.failures.items():
        console.print(f"[red]failed:[/] {job}:", escape(problem))


def _figures_table(kinds: Sequence[Kind], results: Results) -> Table:
    table = Table(title="Medians", title_justify="left")
    table.add_column("measure")
    for kind in kinds:
        table.add_column(f"{kind.name} {kind.version}\n({kind.storage})", justify="right")
    table.add_column("unit")
    for measure in MEASURES:
        if measure.name in results.samples:
            medians = [results.median(measure.name, kind.name) for kind in kinds]
            cells = [
                "" if median is None else f"{median:,.{measure.digits}f}" for median in medians
            ]
            table.add_row(measure.title, *cells, measure.unit)
    return table


def _goals_table(results: Results) -> Table:
    table = Table(title="Goals", title_justify="left")
    for heading in ("goal", "bound", "measured", "verdict"):
        table.add_column(heading, justify="left" if heading in ("goal", "verdict") else "right")
    for goal in GOALS:
        figure = goal.figure(results)
        sign = "≤" if goal.at_most else "≥"
        measured = "" if figure is None else f"{figure:,.2f} {goal.unit}"
        table.add_row(
            goal.title, f"{sign} {goal.bound:,g} {goal.unit}", measured, _verdict(goal, figure)
        )
    return table


def _verdict(goal: Goal, figure: float | None) -> str:
    if figure is None:
        return "[yellow]not measured[/]"
    return (
        "[green]met[/]" if goal.met(figure) else f"[red]missed by {goal.missed_by(figure):.0f} %[/]"
    )


def write_report(
    path: Path, effort: Effort, kinds: Sequence[Kind], missing: Mapping[str, str], results: Results
) -> None:
    """Write everything that was measured as JSON. Names neither the machine nor any path on it."""
    report: dict[str, Any] = {
        "effort": {
            "name": effort.name,
            "rounds": effort.rounds,
            "sample_s": effort.sample_s,
            "growth_records": effort.growth,
        },
        "machine": {
            "cpus": os.cpu_count(),
            "architecture": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "servers": {k.name: {"version": k.version, "storage": k.storage} for k in kinds},
        "left_out": dict(missing),
        # What went wrong may name files of this machine: it is on the screen only.
        "failed": list(results.failures),
        "goals": [_goal_entry(goal, goal.figure(results)) for goal in GOALS],
        "measures": {
            measure.name: _measure_entry(measure, results)
            for measure in MEASURES
            if measure.name in results.samples
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def _goal_entry(goal: Goal, figure: float | None) -> dict[str, Any]:
    return {
        "goal": goal.title,
        "at_most" if goal.at_most else "at_least": goal.bound,
        "unit": goal.unit,
        "measured": figure if figure is None else round(figure, 4),
        "met": None if figure is None else goal.met(figure),
    }


def _measure_entry(measure: Measure, results: Results) -> dict[str, Any]:
    samples = results.samples[measure.name]
    medians = {server: round(statistics.median(taken), 4) for server, taken in samples.items()}
    return {
        "unit": measure.unit,
        "medians": medians,
        "samples": {s: [round(v, 4) for v in taken] for s, taken in samples.items()},
    }
