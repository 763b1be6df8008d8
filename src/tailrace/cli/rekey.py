"""`tailrace rekey`: change, add or take away the key that encrypts a data directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tailrace.cli.options import DEFAULT_DATA, read_key
from tailrace.engines.sqlite import rekey as change_key
from tailrace.errors import ConfigurationError

__all__ = ["rekey"]


def rekey(
    data: Annotated[Path, typer.Option(help="The data directory; no server may have it open.")] = (
        DEFAULT_DATA
    ),
    key_file: Annotated[
        Path | None, typer.Option(help="File with the key it has now; leave out for none.")
    ] = None,
    new_key_file: Annotated[
        Path | None, typer.Option(help="File with the key it is to have.")
    ] = None,
    decrypt: Annotated[
        bool, typer.Option("--decrypt", help="Leave the data unencrypted, with no new key.")
    ] = False,
) -> None:
    """Encrypt the data at rest with another key.

    The data is copied beside itself and the copy takes its place at the end: interrupted at any
    moment, the directory opens with the old key or with the new one.
    """
    if (new_key_file is None) != decrypt:
        raise ConfigurationError("give either --new-key-file or --decrypt")
    key = None if key_file is None else read_key(key_file)
    new_key = None if new_key_file is None else read_key(new_key_file)
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Copy under the new key", total=1.0)
        change_key(data, key, new_key, lambda part: progress.update(task, completed=part))
    console.print(
        f"{data} is {'no longer encrypted' if decrypt else 'encrypted with the new key'}."
    )
