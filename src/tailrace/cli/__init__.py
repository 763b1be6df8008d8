"""The command line."""

from __future__ import annotations

import gc
import sys

import typer
from rich.console import Console

from tailrace.cli.consume import consume
from tailrace.cli.demo import demo
from tailrace.cli.rekey import rekey
from tailrace.cli.serve import serve
from tailrace.cli.tail import tail
from tailrace.errors import TailraceError

__all__ = ["main"]

app = typer.Typer(
    name="tailrace",
    help="DynamoDB Streams that anyone can run: tables, change streams, triggers and pipelines.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(demo)
app.command()(consume)
app.command()(tail)
app.command()(rekey)


@app.callback()
def tailrace() -> None:
    """DynamoDB Streams that anyone can run."""


def main() -> None:
    """Run the command that the arguments name; errors of ours become one line and exit status 1."""
    # Records and items are many small objects without cycles: looking for cycles as often as Python
    # does by default took 40 % of the time of draining a backlog.
    gc.set_threshold(50_000, 20, 20)
    try:
        app()
    except TailraceError as error:
        Console(stderr=True).print(f"[bold red]tailrace:[/] {error}", highlight=False)
        sys.exit(1)
