"""`tailrace consume`: a Python function on a table's changes, from any endpoint."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Any

import typer
from rich.console import Console

from tailrace.cli.connection import EndpointUrl, Profile, Region, connect, latest_stream
from tailrace.cli.running import report_json, run_until_stopped
from tailrace.clock import RandomIds, SystemClock
from tailrace.delivery.progress import Progress
from tailrace.delivery.runner import Runner
from tailrace.delivery.settings import DeliverySettings, StartingPosition
from tailrace.runtimes.inprocess import InProcessFunction
from tailrace.runtimes.load import load_handler
from tailrace.sources.streams_api import StreamsSource
from tailrace.sources.table_checkpoints import TableCheckpoints

__all__ = ["consume"]


def consume(
    handler: Annotated[
        str, typer.Argument(help="The function, as MODULE:HANDLER or path/to/file.py:HANDLER.")
    ],
    table: Annotated[str, typer.Option(help="Table whose changes it gets.")],
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    application: Annotated[
        str | None, typer.Option(help="Name under which positions are kept; the handler's name.")
    ] = None,
    checkpoint_table: Annotated[
        str, typer.Option(help="Table that keeps the positions; made when it is not there.")
    ] = "tailrace-checkpoints",
    start: Annotated[
        StartingPosition, typer.Option(help="Where to begin when no position is kept.")
    ] = StartingPosition.TRIM_HORIZON,
    batch_size: Annotated[int, typer.Option(help="Records a call, 1 to 10000.")] = 100,
    window: Annotated[int, typer.Option(help="Seconds to wait for a full batch, 0 to 300.")] = 0,
    retries: Annotated[int, typer.Option(help="Retries of a failed batch; -1: for ever.")] = -1,
    bisect: Annotated[bool, typer.Option("--bisect", help="Halve batches that fail.")] = False,
    report_item_failures: Annotated[
        bool, typer.Option("--report-item-failures", help="The function returns batchItemFailures.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds one call may take.")] = 60.0,
    concurrency: Annotated[int, typer.Option(help="Calls at a time, of different shards.")] = 1,
    once: Annotated[
        bool, typer.Option("--once", help="End when all there is now is done.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Report as lines of JSON.")] = False,
) -> None:
    """Call HANDLER(event, context) with a table's changes, as AWS Lambda would, until interrupted.

    At least once, in order for each item; positions are kept in a table, so that it goes on where
    it stopped.
    """
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    settings = DeliverySettings(
        starting_position=start,
        batch_size=batch_size,
        maximum_batching_window_in_seconds=window,
        maximum_retry_attempts=retries,
        bisect_batch_on_function_error=bisect,
        function_response_types=("ReportBatchItemFailures",) if report_item_failures else (),
    )
    function = InProcessFunction(
        load_handler(handler),
        timeout_s=timeout,
        report_item_failures=report_item_failures,
        concurrency=concurrency,
    )
    name = application or handler
    final = asyncio.run(
        _consume(
            function,
            settings,
            (table, checkpoint_table, name),
            {"endpoint_url": endpoint_url, "region": region, "profile": profile},
            once=once,
            json=json,
        )
    )
    if json:
        report_json(final)
    else:
        Console(stderr=True, highlight=False).print(
            f"{final.records:,} records in {final.batches:,} batches, {final.errors:,} errors"
        )


async def _consume(
    function: InProcessFunction,
    settings: DeliverySettings,
    names: tuple[str, str, str],
    connection: dict[str, Any],
    *,
    once: bool,
    json: bool,
) -> Progress:
    table, checkpoint_table, application = names
    clock = SystemClock()
    caller = connect(**connection)
    try:
        arn = await latest_stream(caller, table)
        checkpoints = TableCheckpoints(caller, checkpoint_table, f"{application} {arn}")
        source = StreamsSource(caller, arn, clock)
        runner = Runner(source, function, checkpoints, settings, clock, RandomIds())
        return await run_until_stopped(runner, once=once, report=report_json if json else None)
    finally:
        await function.close()
        await caller.close()
