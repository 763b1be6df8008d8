"""The command line."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from typing import Final

import typer

from tailrace.delivery.collector import relax_collector
from tailrace.errors import TailraceError

__all__ = ["main", "make_app"]

# Each command is a function, or a group of them, in a module of its own name, imported only when it
# is run or helped with: the whole of Tailrace takes longer to import than `serve` to start.
COMMANDS: Final = ("serve", "demo", "consume", "tail", "triggers", "lag", "dlq", "rekey")


def make_app(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with some of its commands."""
    app = typer.Typer(
        name="tailrace",
        help="DynamoDB Streams that anyone can run: tables, change streams, triggers, pipelines.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    for name in commands:
        command = getattr(importlib.import_module(f"tailrace.cli.{name}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command()(command)

    @app.callback()
    def tailrace() -> None:  # pyright: ignore[reportUnusedFunction]
        """DynamoDB Streams that anyone can run: tables, change streams, triggers, pipelines."""

    return app


def main() -> None:
    """Run the command that the arguments name; errors of ours become one line and exit status 1."""
    relax_collector()
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    app = make_app((wanted,) if wanted in COMMANDS else COMMANDS)
    try:
        app()
    except (TailraceError, ConnectionError) as error:
        # Imported here: `serve` would take a tenth longer to start.
        from rich.console import Console
        from rich.markup import escape

        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print("[bold red]tailrace:[/]", escape(str(error)))
        sys.exit(1)
