"""`tailrace triggers`: functions on the changes of tables and streams, over the Lambda API."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from tailrace.cli.connection import Profile, Region
from tailrace.cli.function_code import ensure_function, find_code, read_environment
from tailrace.cli.lambda_api import FunctionsEndpoint, LambdaApi, short_function
from tailrace.cli.mapping_options import (
    BatchSize,
    Bisect,
    Filters,
    Lanes,
    MaxAge,
    OnFailure,
    ReportItemFailures,
    Retries,
    Start,
    TumblingWindow,
    Window,
    mapping_members,
    starting_members,
)
from tailrace.cli.trigger_invoke import invoke
from tailrace.cli.trigger_run import (
    LOG_FORMAT,
    code_directory,
    find_app,
    progress_table,
    run_and_reload,
    run_app,
    set_environment,
)
from tailrace.cli.trigger_view import (
    TriggerRow,
    json_of,
    page_of,
    rows_of,
    source_name,
    table_of,
)
from tailrace.consumer.streams import StreamOf
from tailrace.errors import ConfigurationError
from tailrace.sources.http_caller import HttpCaller

__all__ = ["triggers"]

triggers = typer.Typer(
    help="Functions on the changes of tables and streams: Lambda's, here or on AWS.",
    no_args_is_help=True,
)

_Trigger: TypeAlias = Annotated[
    str, typer.Argument(help="A trigger: UUID, the beginning of it, or its function's name.")
]
_Triggers: TypeAlias = Annotated[
    list[str], typer.Argument(help="Triggers: UUIDs, beginnings of them, or functions' names.")
]
_Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Wait: TypeAlias = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Return when the change has taken effect.")
]
_Table: TypeAlias = Annotated[
    str | None, typer.Option(help="Table whose changes it gets; its newest stream.")
]
_Stream: TypeAlias = Annotated[
    str | None, typer.Option(help="ARN of a table's stream or a Kinesis stream instead.")
]


triggers.command()(invoke)


@triggers.command("list")
def list_(
    function: Annotated[str | None, typer.Option(help="Only this function's.")] = None,
    table: Annotated[str | None, typer.Option(help="Only those of this table or stream.")] = None,
    endpoint_url: FunctionsEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show how they go, live.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.")] = 1.0,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list, a line for each look.")
    ] = False,
) -> None:
    """List triggers: where their records come from, how they stand, how the last batch went.

    Counts and the age of the oldest record that is not handled are told by a running Tailrace.
    """
    api = LambdaApi(endpoint_url, region, profile)

    def look() -> Sequence[TriggerRow]:
        rows = rows_of(api.mappings(function), api.measured())
        if function is not None:
            rows = [row for row in rows if row.id or row.function == function]
        return rows if table is None else [row for row in rows if row.source == table]

    if not watch:
        _print_rows(look(), json=json)
        return
    try:
        if json:
            while True:
                _print_rows(look(), json=True)
                time.sleep(interval)
        with Live(console=Console(highlight=False), auto_refresh=False) as live:
            while True:
                live.update(table_of(look()), refresh=True)
                time.sleep(interval)
    except KeyboardInterrupt:
        return


def _print_rows(rows: Sequence[TriggerRow], *, json: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(rows))
        sys.stdout.flush()
    else:
        Console(highlight=False).print(table_of(rows))


@triggers.command()
def show(
    trigger: _Trigger,
    endpoint_url: FunctionsEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    json: _Json = False,
) -> None:
    """Show a trigger with all its settings."""
    api = LambdaApi(endpoint_url, region, profile)
    _print_mapping(api, api.find(trigger), json=json, whole=True)


def _print_mapping(
    api: LambdaApi, mapping: dict[str, Any], *, json: bool, whole: bool = False
) -> None:
    """A mapping as JSON, as a page, or in a line."""
    if json:
        typer.echo(json_of(mapping))
        return
    console = Console(highlight=False, soft_wrap=not whole)
    if whole:
        (row,) = rows_of([mapping], [each for each in api.measured() if "uuid" in each[0]])
        console.print(page_of(mapping, row))
        return
    console.print(
        f"{mapping['UUID']}  {source_name(mapping['EventSourceArn'])} →"
        f" {short_function(mapping['FunctionArn'])}  {mapping['State']}"
    )


@triggers.command()
def add(
    function: Annotated[
        str,
        typer.Argument(
            help="A function's name or ARN; or code as FILE.py:HANDLER or MODULE:HANDLER, of which"
            " a function is made that is loaded anew when it is saved."
        ),
    ],
    table: _Table = None,
    stream: _Stream = None,
    start: Start = "TRIM_HORIZON",
    batch_size: BatchSize = None,
    window: Window = None,
    lanes: Lanes = None,
    retries: Retries = None,
    max_age: MaxAge = None,
    bisect: Bisect = None,
    tumbling_window: TumblingWindow = None,
    report_item_failures: ReportItemFailures = None,
    filters: Filters = None,
    on_failure: OnFailure = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Don't begin yet.")] = False,
    name: Annotated[str | None, typer.Option(help="Name of the function made of code.")] = None,
    timeout: Annotated[int | None, typer.Option(help="Its seconds for one call.")] = None,
    memory: Annotated[int | None, typer.Option(help="Its memory in MB.")] = None,
    environment: Annotated[
        list[str] | None, typer.Option("--env", help="NAME=VALUE for its environment.")
    ] = None,
    endpoint_url: FunctionsEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    wait: _Wait = True,
    json: _Json = False,
) -> None:
    """Have a function called with the changes of a table, or the records of a Kinesis stream."""
    members = {
        **starting_members(start),
        **mapping_members(
            batch_size=batch_size,
            window=window,
            lanes=lanes,
            retries=retries,
            max_age=max_age,
            bisect=bisect,
            tumbling_window=tumbling_window,
            report_item_failures=report_item_failures,
            filters=filters,
            on_failure=on_failure,
        ),
    }
    variables = {"Variables": read_environment(environment)} if environment else None
    given = {"Timeout": timeout, "MemorySize": memory, "Environment": variables}
    settings = {key: value for key, value in given.items() if value is not None}
    code = find_code(function, Path())
    if code is None and (settings or name is not None):
        raise ConfigurationError("--name, --timeout, --memory and --env are for functions of code")
    api = LambdaApi(endpoint_url, region, profile)
    arn = api.on_stream(_one_of(table, stream), _found).arn
    called = function if code is None else ensure_function(api, code, name, settings)
    mapping = api.call(
        "create_event_source_mapping",
        FunctionName=called,
        EventSourceArn=arn,
        Enabled=not disabled,
        **members,
    )
    _print_changed(api, mapping, wait=wait, json=json)


def _one_of(table: str | None, stream: str | None) -> str:
    if (table is None) == (stream is None):
        raise ConfigurationError("give either --table or --stream")
    return table or stream or ""


async def _found(caller: HttpCaller, stream: StreamOf) -> StreamOf:
    del caller
    return stream


def _print_changed(api: LambdaApi, mapping: dict[str, Any], *, wait: bool, json: bool) -> None:
    settled = api.settled(mapping["UUID"]) if wait else mapping
    if settled is None:
        raise ConfigurationError(f"trigger {mapping['UUID']} was removed meanwhile")
    _print_mapping(api, settled, json=json)


@triggers.command()
def update(
    trigger: _Trigger,
    function: Annotated[str | None, typer.Option(help="Another function.")] = None,
    batch_size: BatchSize = None,
    window: Window = None,
    lanes: Lanes = None,
    retries: Retries = None,
    max_age: MaxAge = None,
    bisect: Bisect = None,
    tumbling_window: TumblingWindow = None,
    report_item_failures: ReportItemFailures = None,
    filters: Filters = None,
    on_failure: OnFailure = None,
    endpoint_url: FunctionsEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    wait: _Wait = True,
    json: _Json = False,
) -> None:
    """Change how a trigger delivers, from where it stands; what is not given stays."""
    members = mapping_members(
        batch_size=batch_size,
        window=window,
        lanes=lanes,
        retries=retries,
        max_age=max_age,
        bisect=bisect,
        tumbling_window=tumbling_window,
        report_item_failures=report_item_failures,
        filters=filters,
        on_failure=on_failure,
    )
    if function is not None:
        members["FunctionName"] = function
    if not members:
        raise ConfigurationError("nothing to change was given")
    api = LambdaApi(endpoint_url, region, profile)
    uuid = api.find(trigger)["UUID"]
    mapping = api.call("update_event_source_mapping", UUID=uuid, **members)
    _print_changed(api, mapping, wait=wait, json=json)


@triggers.command()
def enable(
    names: _Triggers,
    endpoint_url: FunctionsEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    wait: _Wait = True,
    json: _Json = False,
) -> None:
    """Have triggers go on from where they stood."""
    _set_enabled(LambdaApi(endpoint_url, region, profile), names, True, wait=wait, json=json)


@triggers.command()
def disable(
    names: _Triggers,
    endpoint_url: FunctionsEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    wait: _Wait = True,
    json: _Json = False,
) -> None:
    """Stop triggers; they keep their place."""
    _set_enabled(LambdaApi(endpoint_url, region, profile), names, False, wait=wait, json=json)


def _set_enabled(
    api: LambdaApi, names: list[str], enabled: bool, *, wait: bool, json: bool
) -> None:
    found = [api.find(name) for name in names]
    for mapping in found:
        changed = api.call("update_event_source_mapping", UUID=mapping["UUID"], Enabled=enabled)
        _print_changed(api, changed, wait=wait, json=json)


@triggers.command()
def remove(
    names: _Triggers,
    endpoint_url: FunctionsEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    wait: _Wait = True,
    json: _Json = False,
) -> None:
    """Remove triggers, and forget where they stood. Their functions stay."""
    api = LambdaApi(endpoint_url, region, profile)
    found = [api.find(name) for name in names]
    for mapping in found:
        removed = api.call("delete_event_source_mapping", UUID=mapping["UUID"])
        if wait:
            api.settled(mapping["UUID"])
            removed["State"] = "Removed"
        _print_mapping(api, removed, json=json)


@triggers.command()
def run(
    program: Annotated[
        str, typer.Argument(help="FILE.py or MODULE with a ConsumerApp; FILE.py:APP if several.")
    ],
    endpoint_url: FunctionsEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start anew whenever its code is saved.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End when all there is now is done.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Report as lines of JSON.")] = False,
) -> None:
    """Run the `@app.on_change` functions of a program in this process, until interrupted.

    They share the work with all processes that run the same program, and need no functions
    elsewhere: any endpoint will do. Endpoint, region and profile are set for the program, too.
    """
    if reload and once:
        raise ConfigurationError("--reload and --once exclude each other")
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT)
    set_environment(endpoint_url, region, profile)
    if reload:
        report = ["--json"] if json else []
        command = [sys.executable, "-m", "tailrace", "triggers", "run", program, *report]
        raise typer.Exit(run_and_reload(command, code_directory(program)))
    final = asyncio.run(run_app(find_app(program), once=once, json=json))
    if json:
        typer.echo(msgspec.json.encode(final))
    else:
        Console(stderr=True, highlight=False).print(progress_table(final))
