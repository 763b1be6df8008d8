"""`tailrace tail`: a table's changes as they come, for people."""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from tailrace.cli.connection import EndpointUrl, Profile, Region, connect
from tailrace.cli.running import run_until_stopped
from tailrace.clock import RandomIds, SystemClock
from tailrace.consumer.streams import latest_stream
from tailrace.delivery.ports import Batch, Failure, Record
from tailrace.delivery.progress import Progress
from tailrace.delivery.runner import Runner
from tailrace.delivery.settings import DeliverySettings, StartingPosition
from tailrace.model.values import AttributeValue
from tailrace.sources.memory_checkpoints import MemoryCheckpoints
from tailrace.sources.streams_api import StreamsSource

__all__ = ["change_line", "tail"]

_STYLES = {"INSERT": "green", "MODIFY": "yellow", "REMOVE": "red"}
_VALUE_WIDTH = 60


def tail(
    table: Annotated[str, typer.Argument(help="Table whose changes are shown.")],
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin with the oldest record there is.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End when all there is now is shown.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print whole records as lines of JSON.")
    ] = False,
) -> None:
    """Show a table's changes as they come: what was inserted, what changed in an item, what was
    removed."""
    logging.basicConfig(level=logging.WARNING)
    start = StartingPosition.TRIM_HORIZON if from_start or once else StartingPosition.LATEST
    settings = DeliverySettings(starting_position=start, batch_size=1000)
    asyncio.run(
        _tail(
            table,
            _Printer(json),
            settings,
            {"endpoint_url": endpoint_url, "region": region, "profile": profile},
            once=once,
        )
    )


async def _tail(
    table: str,
    printer: _Printer,
    settings: DeliverySettings,
    connection: dict[str, Any],
    *,
    once: bool,
) -> None:
    clock = SystemClock()
    caller = connect(**connection)
    try:
        arn = await latest_stream(caller, table)
        source = StreamsSource(caller, arn, clock)
        runner = Runner(source, printer, MemoryCheckpoints(), settings, clock, RandomIds())
        await run_until_stopped(runner, once=once, report=_silent)
    finally:
        await caller.close()


def _silent(progress: Progress) -> None:
    del progress


class _Printer:
    """A sink that prints."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)

    async def write(self, batch: Batch) -> Sequence[Failure]:
        for record in batch.records:
            if self._as_json:
                typer.echo(msgspec.json.encode(record.event))
            else:
                self._console.print(change_line(record))
        return ()

    async def close(self) -> None: ...


def change_line(record: Record) -> Text:
    """One change as a line: time, kind, key, and the attributes that are new, other or gone."""
    event = record.event
    change = event["dynamodb"]
    kind = str(event["eventName"])
    moment = datetime.datetime.fromtimestamp(record.created_ms / 1000).astimezone()
    keys: Mapping[str, AttributeValue] = change["Keys"]
    line = Text.assemble(
        (f"{moment:%H:%M:%S} ", "dim"),
        (f"{kind} ", _STYLES.get(kind, "")),
        (" ".join(f"{name}={plain(value)}" for name, value in keys.items()), "bold"),
    )
    old: Mapping[str, AttributeValue] = change.get("OldImage", {})
    new: Mapping[str, AttributeValue] = change.get("NewImage", {})
    if kind == "MODIFY" and old and new:
        _append_differences(line, old, new)
    else:
        for name, value in (new or old).items():
            if name not in keys:
                line.append(f"  {name}={plain(value)}", None if new else "dim")
    return line


def _append_differences(
    line: Text, old: Mapping[str, AttributeValue], new: Mapping[str, AttributeValue]
) -> None:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if before is None and after is not None:
            line.append(f"  +{name}={plain(after)}", "green")
        elif before is not None and after is None:
            line.append(f"  -{name}={plain(before)}", "red")
        elif before is not None and after is not None:
            line.append(f"  {name}={plain(before)}→{plain(after)}", "yellow")


def plain(value: AttributeValue) -> str:
    """A value as people write it, cut to a readable length."""
    text = _plain(value)
    return text if len(text) <= _VALUE_WIDTH else text[: _VALUE_WIDTH - 1] + "…"


def _plain(value: AttributeValue) -> str:
    ((kind, content),) = value.items()
    if kind in ("S", "N", "B"):
        return str(content)
    if kind == "NULL":
        return "null"
    if kind == "BOOL":
        return "true" if content else "false"
    if kind == "M":
        return (
            "{" + ", ".join(f"{name}: {_plain(member)}" for name, member in content.items()) + "}"
        )
    if kind == "L":
        return "[" + ", ".join(_plain(member) for member in content) + "]"
    return "{" + ", ".join(map(str, content)) + "}"
