"""`tailrace dlq`: records that were given up, to look at and to try again."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import typer
from rich.console import Console

from tailrace.cli.connection import EndpointUrl, Profile, Region, connect
from tailrace.consumer.dead_letters import PLACES, open_dead_letters
from tailrace.delivery.dead_letters import DeadLetterStore, StoredLetter
from tailrace.delivery.ports import Batch, Record
from tailrace.errors import ConfigurationError
from tailrace.runtimes.inprocess import InProcessFunction
from tailrace.runtimes.load import load_handler
from tailrace.sinks.dead_letters import DirectoryDeadLetters
from tailrace.sources.http_caller import HttpCaller

__all__ = ["dlq"]

dlq = typer.Typer(help="Look at records that were given up, and try them again.")

_Place: TypeAlias = Annotated[str, typer.Argument(help=f"{PLACES}.")]
_Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print whole letters as JSON.")]
_REASON_WIDTH = 60


class _Opened:
    """A place that is let go of afterwards."""

    def __init__(self, place: str, connection: dict[str, Any]) -> None:
        self._place = place
        self._connection = connection
        self._caller: HttpCaller | None = None

    async def __aenter__(self) -> DeadLetterStore:
        where = {name: self._connection[name] for name in ("region", "profile")}
        store = open_dead_letters(self._place, self._connect, **where)
        path = Path(self._place)
        if isinstance(store, DirectoryDeadLetters) and not await asyncio.to_thread(path.is_dir):
            raise ConfigurationError(f"there is no directory {path}")
        return store

    def _connect(self) -> HttpCaller:
        self._caller = connect(**self._connection)
        return self._caller

    async def __aexit__(self, *error: object) -> None:
        if self._caller is not None:
            await self._caller.close()


def _connection(
    endpoint_url: str | None, region: str | None, profile: str | None
) -> dict[str, Any]:
    return {"endpoint_url": endpoint_url, "region": region, "profile": profile}


@dlq.command("list")
def list_(
    place: _Place,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    json: _Json = False,
) -> None:
    """List the letters: when, which record, and why."""

    async def show() -> None:
        console = Console(highlight=False, soft_wrap=True)
        async with _Opened(place, _connection(endpoint_url, region, profile)) as store:
            async for letter in store.letters():
                if json:
                    typer.echo(msgspec.json.encode(letter))
                else:
                    console.print(_line(letter), markup=False)

    asyncio.run(show())


@dlq.command()
def show(
    place: _Place,
    letter_id: Annotated[str, typer.Argument(help="Id of a letter, as `list` tells it.")],
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Print one letter as JSON: its record, where it came from and what went wrong."""

    async def find() -> StoredLetter:
        async with (
            _Opened(place, _connection(endpoint_url, region, profile)) as store,
            contextlib.aclosing(store.letters()) as letters,
        ):
            async for letter in letters:
                if letter.id == letter_id:
                    return letter
        raise ConfigurationError(f"there is no letter {letter_id} in {place}")

    letter = asyncio.run(find())
    typer.echo(msgspec.json.format(msgspec.json.encode(letter), indent=2))


@dlq.command()
def replay(
    place: _Place,
    handler: Annotated[str, typer.Argument(help="MODULE:HANDLER or path/to/file.py:HANDLER.")],
    letter_ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only this letter; may be repeated.")
    ] = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    timeout: Annotated[float, typer.Option(help="Seconds one call may take.")] = 60.0,
) -> None:
    """Call HANDLER(event, context) with the records again, one at a time, by sequence number; those
    it takes are dropped. Exit status 1 when some are left."""
    function = InProcessFunction(load_handler(handler), timeout_s=timeout)

    async def again() -> tuple[int, int]:
        done = left = 0
        async with _Opened(place, _connection(endpoint_url, region, profile)) as store:
            wanted = set(letter_ids or ())
            letters = [each async for each in store.letters() if not wanted or each.id in wanted]
            for letter in sorted(letters, key=lambda each: int(each.sequence_number)):
                try:
                    await function.write(_batch([letter]))
                except Exception as error:
                    left += 1
                    typer.echo(f"{letter.id}: {type(error).__name__}: {error}", err=True)
                    continue
                await store.remove([letter.id])
                done += 1
        await function.close()
        return done, left

    done, left = asyncio.run(again())
    typer.echo(f"{done} replayed, {left} failed")
    if left:
        raise typer.Exit(1)


def _batch(letters: Sequence[StoredLetter]) -> Batch:
    first = letters[0]
    records = [
        Record.of(int(letter.sequence_number), letter.failed_at_ms, letter.record)
        for letter in letters
    ]
    return Batch(str(uuid.uuid4()), first.source_arn, first.shard_id, records, 1)


def _line(letter: StoredLetter) -> str:
    moment = datetime.datetime.fromtimestamp(letter.failed_at_ms / 1000).astimezone()
    keys = letter.record.get("dynamodb", {}).get("Keys", {})
    key = " ".join(f"{name}={next(iter(value.values()))}" for name, value in keys.items())
    kind = letter.record.get("eventName", "")
    reason = (letter.reason or letter.condition).replace("\n", " ")[:_REASON_WIDTH]
    return f"{moment:%Y-%m-%d %H:%M:%S}  {letter.id}  {kind} {key}  {reason}"
