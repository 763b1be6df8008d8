"""`tailrace consume`: a Python function on a table's changes, from any endpoint, together with all
processes that run the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias

import typer
from rich.console import Console

from tailrace.cli.connection import EndpointUrl, Profile, Region, connect, group_name
from tailrace.cli.running import report_json, run_until_stopped
from tailrace.consumer.consumer import Consumer
from tailrace.consumer.dead_letters import PLACES
from tailrace.consumer.metrics import serve_metrics
from tailrace.delivery.leases.lease import LeaseTimes
from tailrace.delivery.leases.spooler import SPOOL_AFTER_MS
from tailrace.delivery.metrics import exposition
from tailrace.delivery.progress import Progress
from tailrace.delivery.settings import OnTrimmed, StartingPosition
from tailrace.runtimes.inprocess import InProcessFunction
from tailrace.runtimes.load import load_handler
from tailrace.sources.http_caller import HttpCaller
from tailrace.sources.spool import SPOOL_BYTES

__all__ = ["consume"]

NO_SPOOL: Final = "none"
MEGABYTE: Final = 1024**2
_BAR_WIDTH: Final = 20
_LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_Handler: TypeAlias = Annotated[
    str, typer.Argument(help="The function, as MODULE:HANDLER or path/to/file.py:HANDLER.")
]
_Table: TypeAlias = Annotated[
    str, typer.Option(help="Table whose changes it gets; or ARN of a stream, Kinesis too.")
]
_Filters: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--filter", help="Filter pattern, as Lambda's; any of several."),
]
_Group: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Those of one group share the work; named after handler and table."),
]
_LeaseTable: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Table for the leases of several groups; else one of the group's name."),
]
_Start: TypeAlias = Annotated[
    StartingPosition, typer.Option(help="Where to begin when the group is new.")
]
_BatchSize: TypeAlias = Annotated[int, typer.Option(help="Records a call, 1 to 10000.")]
_Window: TypeAlias = Annotated[
    int, typer.Option(help="Seconds to wait for a full batch, 0 to 300.")
]
_Lanes: TypeAlias = Annotated[
    int, typer.Option(help="Batches of one shard at a time, 1 to 10; items stay in order.")
]
_Retries: TypeAlias = Annotated[int, typer.Option(help="Retries of a failed batch; -1: for ever.")]
_Bisect: TypeAlias = Annotated[bool, typer.Option("--bisect", help="Halve batches that fail.")]
_Report: TypeAlias = Annotated[
    bool, typer.Option("--report-item-failures", help="The function returns batchItemFailures.")
]
_Trimmed: TypeAlias = Annotated[
    OnTrimmed, typer.Option(help="When records were trimmed before they were read.")
]
_Snapshot: TypeAlias = Annotated[
    bool, typer.Option("--snapshot", help="Read the whole table first when the group is new.")
]
_SnapshotRate: TypeAlias = Annotated[
    float | None, typer.Option(help="Items a second that the snapshot reads at most.")
]
_Spool: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Directory for the stream's records while a snapshot takes long; or none."),
]
_SpoolMb: TypeAlias = Annotated[int, typer.Option(help="Megabytes that the spool may have.")]
_SpoolAfter: TypeAlias = Annotated[
    float, typer.Option(help="Seconds that a snapshot may take without a spool.")
]
_DeadLetters: TypeAlias = Annotated[
    str | None, typer.Option(help=f"Keep records that are given up: {PLACES}.")
]
_Timeout: TypeAlias = Annotated[float, typer.Option(help="Seconds one call may take.")]
_Concurrency: TypeAlias = Annotated[int, typer.Option(help="Calls at a time, of different shards.")]
_Failover: TypeAlias = Annotated[
    float, typer.Option(help="Seconds after which a dead process is missed; the group's same.")
]
_MetricsPort: TypeAlias = Annotated[
    int | None, typer.Option(help="Port for Prometheus to scrape, at /metrics.")
]
_Once: TypeAlias = Annotated[
    bool, typer.Option("--once", help="End when all there is now is done.")
]
_Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Report as lines of JSON.")]


def consume(
    handler: _Handler,
    table: _Table,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    filters: _Filters = None,
    group: _Group = None,
    lease_table: _LeaseTable = None,
    start: _Start = StartingPosition.TRIM_HORIZON,
    batch_size: _BatchSize = 100,
    window: _Window = 0,
    lanes: _Lanes = 1,
    retries: _Retries = -1,
    bisect: _Bisect = False,
    report_item_failures: _Report = False,
    on_trimmed: _Trimmed = OnTrimmed.SKIP,
    snapshot: _Snapshot = False,
    snapshot_rate: _SnapshotRate = None,
    spool: _Spool = None,
    spool_mb: _SpoolMb = SPOOL_BYTES // MEGABYTE,
    spool_after: _SpoolAfter = SPOOL_AFTER_MS / 1000,
    dead_letters: _DeadLetters = None,
    timeout: _Timeout = 60.0,
    concurrency: _Concurrency = 1,
    failover: _Failover = 10.0,
    metrics_port: _MetricsPort = None,
    once: _Once = False,
    json: _Json = False,
) -> None:
    """Call HANDLER(event, context) with a table's changes, as AWS Lambda would, until interrupted.

    At least once, in order for each item. Every process that runs the same command takes its part
    of the work, and goes on where another one stopped.
    """
    logging.basicConfig(level=logging.WARNING, format=_LOG_FORMAT)
    options: dict[str, Any] = {
        "starting_position": start,
        "batch_size": batch_size,
        "maximum_batching_window_in_seconds": window,
        "parallelization_factor": lanes,
        "maximum_retry_attempts": retries,
        "bisect_batch_on_function_error": bisect,
        "function_response_types": ("ReportBatchItemFailures",) if report_item_failures else (),
        "on_trimmed": on_trimmed,
        "snapshot": snapshot,
        "snapshot_rate": snapshot_rate,
        "dead_letters": dead_letters,
        **_spooling(spool, spool_mb, spool_after),
        "lease_table": lease_table,
        "filter": filters or None,
        "times": LeaseTimes.of(failover),
    }
    function = InProcessFunction(
        load_handler(handler),
        timeout_s=timeout,
        report_item_failures=report_item_failures,
        concurrency=concurrency,
    )

    def make(caller: HttpCaller) -> Consumer:
        name = group or group_name(handler, table)
        where = {"region": region, "profile": profile}
        return Consumer(table, group=name, sink=function, caller=caller, **where, **options)

    caller = connect(endpoint_url, region, profile)
    final = asyncio.run(_consume(make, caller, metrics_port, once=once, json=json))
    _conclude(final, json=json)


def _conclude(final: Progress, *, json: bool) -> None:
    if json:
        report_json(final)
    else:
        Console(stderr=True, highlight=False).print(
            f"{final.records:,} records in {final.batches:,} batches, {final.errors:,} errors"
        )


def _spooling(directory: str | None, megabytes: int, after_s: float) -> dict[str, Any]:
    spool = directory != NO_SPOOL and (directory or True)
    return {"spool": spool, "spool_bytes": megabytes * MEGABYTE, "spool_after_s": after_s}


async def _consume(
    make: Callable[[HttpCaller], Consumer],
    caller: HttpCaller,
    metrics_port: int | None,
    *,
    once: bool,
    json: bool,
) -> Progress:
    consumer = make(caller)
    server: asyncio.Server | None = None
    try:
        runner = await consumer.prepare()
        if metrics_port is not None:
            server = await serve_metrics(metrics_port, lambda: exposition(consumer.measured()))
        total = await consumer.snapshot_size() if consumer.settings.snapshot else 0
        return await run_until_stopped(
            runner,
            once=once,
            report=report_json if json else None,
            beside=lambda: _bar(consumer.snapshot_items(), total),
        )
    finally:
        if server is not None:
            server.close()
        await consumer.close()
        await caller.close()


def _bar(done: int | None, total: int) -> str:
    """A snapshot's progress. Services count a table's items a few times a day, so that there may be
    more of them than they say."""
    if done is None:
        return ""
    part = min(done / total, 1.0) if total else 0.0
    full = round(part * _BAR_WIDTH)
    bar = "█" * full + "░" * (_BAR_WIDTH - full)
    return f"  snapshot {bar} {done:,} of about {max(total, done):,}"
