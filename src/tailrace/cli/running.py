"""Running a consumer in the foreground: until interrupted, with a line that tells how it goes."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from typing import Protocol

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from tailrace.delivery.progress import Progress

__all__ = ["Running", "report_json", "run_until_stopped"]

_REFRESH_S = 0.25
_JSON_EVERY_S = 1.0


class Running(Protocol):
    """A consumer that can be run, watched and stopped."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...

    def snapshot(self) -> Progress: ...

    async def caught_up(self) -> None: ...


async def run_until_stopped(
    runner: Running,
    *,
    once: bool,
    report: Callable[[Progress], None] | None = None,
    beside: Callable[[], str] = str,
) -> Progress:
    """Run a consumer until it is interrupted, or with `once` until it has handled what is there
    now.

    `report` gets the state every so often; without it a live line on standard error shows it, when
    that is a terminal, and what `beside` gives.
    """
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":  # asyncio handles no signals there
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, runner.stop)
    task = asyncio.create_task(runner.run())
    finishing = asyncio.create_task(_finish(runner)) if once else None
    showing = asyncio.create_task(_show(runner, report, beside))
    try:
        await task
    finally:
        showing.cancel()
        if finishing is not None:
            finishing.cancel()
    return runner.snapshot()


async def _finish(runner: Running) -> None:
    await runner.caught_up()
    runner.stop()


async def _show(
    runner: Running, report: Callable[[Progress], None] | None, beside: Callable[[], str]
) -> None:
    if report is not None:
        while True:
            await asyncio.sleep(_JSON_EVERY_S)
            report(runner.snapshot())
    console = Console(stderr=True)
    if not console.is_terminal:
        return
    began = time.monotonic()
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            line = _line(runner.snapshot(), time.monotonic() - began)
            live.update(line.append(beside(), "cyan"))
            await asyncio.sleep(_REFRESH_S)


def _line(progress: Progress, elapsed_s: float) -> Text:
    rate = progress.records / elapsed_s if elapsed_s > 0 else 0.0
    text = Text.assemble(
        (f"{progress.records:,} records", "bold"),
        f"  {rate:,.0f}/s  {progress.shards_running} shards",
        f"  {progress.behind_ms / 1000:.1f} s behind",
    )
    if progress.errors or progress.retries:
        text.append(f"  {progress.errors:,} errors, {progress.retries:,} retries", "yellow")
    if progress.discarded or progress.gaps:
        text.append(f"  {progress.discarded:,} discarded, {progress.gaps:,} gaps", "red")
    if progress.error:
        text.append(f"  {progress.error[:80]}", "red")
    return text


def report_json(progress: Progress) -> None:
    """Print the state as a line of JSON."""
    typer.echo(msgspec.json.encode(progress))
    sys.stdout.flush()
