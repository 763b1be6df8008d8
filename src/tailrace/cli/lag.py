"""`tailrace lag`: how far a group is behind, shard by shard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tailrace.cli.connection import EndpointUrl, Profile, Region, connect
from tailrace.clock import SystemClock
from tailrace.consumer.consumer import Consumer
from tailrace.consumer.lag import ShardLag, measure
from tailrace.consumer.streams import find_stream, open_stream
from tailrace.sources.http_caller import HttpCaller

__all__ = ["lag"]

_STYLES = {"idle": "yellow", "moving": "cyan", "waiting": "dim", "lost": "bold red"}
_SLOW_MS = 60_000


def lag(
    table: Annotated[
        str, typer.Option(help="Table whose changes the group gets, or ARN of its stream.")
    ],
    group: Annotated[str, typer.Option(help="The group; with Java, the application's name.")],
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    lease_table: Annotated[
        str | None, typer.Option(help="Table of the leases, when it is shared by groups.")
    ] = None,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object, a line for each look.")
    ] = False,
) -> None:
    """Show a group's shards: who has them, where they stand, and how old the first record is that
    was not handled. Told from the leases and the stream, also when no worker runs; leases of the
    Kinesis Client Library are understood."""
    caller = connect(endpoint_url, region, profile)
    consumer = Consumer(table, group=group, sink=None, caller=caller, lease_table=lease_table)
    asyncio.run(_lag(consumer, caller, table, 0.0 if once else interval, json=json))


async def _lag(
    consumer: Consumer, caller: HttpCaller, table: str, interval_s: float, *, json: bool
) -> None:
    clock = SystemClock()
    try:
        stream = await find_stream(caller, table)
        leases = consumer.leases(caller, stream)

        async def look() -> Sequence[ShardLag]:
            # A new source each time: one that was kept would go on where its last read ended.
            return await measure(leases, open_stream(caller, stream, clock), clock)

        if json or not interval_s:
            while True:
                shards = await look()
                if json:
                    typer.echo(msgspec.json.encode(_summary(consumer.group, shards)))
                else:
                    Console(highlight=False).print(_view(consumer.group, shards))
                if not interval_s:
                    return
                await asyncio.sleep(interval_s)
        with Live(console=Console(highlight=False), auto_refresh=False) as live:
            while True:
                live.update(_view(consumer.group, await look()), refresh=True)
                await asyncio.sleep(interval_s)
    finally:
        await caller.close()


def _summary(group: str, shards: Sequence[ShardLag]) -> dict[str, object]:
    known = [shard.lag_ms for shard in shards if shard.lag_ms is not None]
    return {
        "group": group,
        "lag_ms": max(known, default=0),
        "lost": sum(shard.state == "lost" for shard in shards),
        "workers": sorted({shard.owner for shard in shards if shard.owner is not None}),
        "shards": shards,
    }


def _view(group: str, shards: Sequence[ShardLag]) -> Group:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("shard", "owner", "state", "checkpoint"):
        table.add_column(name, overflow="fold")
    table.add_column("lag", justify="right")
    for shard in shards:
        late = shard.lag_ms is not None and shard.lag_ms >= _SLOW_MS
        table.add_row(
            shard.shard_id,
            shard.owner or "—",
            Text(shard.state, _STYLES.get(shard.state, "")),
            shard.checkpoint,
            Text("?" if shard.lag_ms is None else duration(shard.lag_ms), "red" if late else ""),
        )
    known = [shard.lag_ms for shard in shards if shard.lag_ms is not None]
    workers = len({shard.owner for shard in shards if shard.owner is not None})
    worst = duration(max(known, default=0))
    head = Text.assemble(
        (group, "bold"), f"  {len(shards)} shards, {workers} workers, at most {worst} behind"
    )
    return Group(head, table)


def duration(ms: int) -> str:
    """A length of time as people say it."""
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
