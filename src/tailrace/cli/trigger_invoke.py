"""`tailrace triggers invoke`: a function called by hand, with an event as triggers make them."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import typer
from rich.console import Console

from tailrace.cli.connection import Profile, Region
from tailrace.cli.lambda_api import FunctionsEndpoint, LambdaApi, is_meant, short_function
from tailrace.cli.trigger_events import Sample, last_records, sample_event
from tailrace.cli.trigger_view import patterns_of, source_name
from tailrace.clock import SystemClock
from tailrace.consumer.streams import StreamOf, open_stream
from tailrace.delivery.filters import compile_filters
from tailrace.errors import ConfigurationError
from tailrace.sources.http_caller import HttpCaller

__all__ = ["invoke"]

_FAILED = 1

_Event: TypeAlias = Annotated[
    str | None, typer.Option(help="File with the event as JSON; - for standard input.")
]
_Sample: TypeAlias = Annotated[
    Sample | None, typer.Option(help="A record made up, of an item of the table if it has one.")
]
_Last: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="So many last records of the stream that pass the filter.")
]
_Kind: TypeAlias = Annotated[
    bool, typer.Option("--later", help="Have it called as an event, retried when it fails.")
]


def invoke(
    name: Annotated[str, typer.Argument(help="A trigger, or a function by its name or ARN.")],
    event: _Event = None,
    sample: _Sample = None,
    last: _Last = None,
    table: Annotated[
        str | None, typer.Option(help="Table or stream of the records, when there are several.")
    ] = None,
    later: _Kind = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only see whether it could be called.")
    ] = False,
    show_event: Annotated[
        bool, typer.Option("--show-event", help="Only print the event it would get.")
    ] = False,
    endpoint_url: FunctionsEndpoint = None,
    region: Region = None,
    profile: Profile = None,
    json: Annotated[bool, typer.Option("--json", help="Print all of the outcome as JSON.")] = False,
) -> None:
    """Call a function and show what it returns and logs; the exit status is 1 when it failed.

    Nothing of a trigger changes: records that are tried here are delivered all the same. Without
    --event, --sample or --last the event is a sample of an insert, or {} without a stream.
    """
    if sum(each is not None for each in (event, sample, last)) > 1:
        raise ConfigurationError("give one of --event, --sample and --last")
    if later and dry_run:
        raise ConfigurationError("--later and --dry-run exclude each other")
    api = LambdaApi(endpoint_url, region, profile)
    function, mapping = _target(api, name, table)
    payload = _payload(api, event, sample, last, table, mapping)
    if show_event:
        typer.echo(msgspec.json.format(payload, indent=2))
        return
    kind = "Event" if later else "DryRun" if dry_run else "RequestResponse"
    members: dict[str, Any] = {"FunctionName": function, "InvocationType": kind}
    if kind == "RequestResponse":
        members["LogType"] = "Tail"
    reply = api.call("invoke", Payload=payload, **members)
    outcome = _outcome(function, reply)
    if json:
        typer.echo(msgspec.json.encode(outcome))
    else:
        _print(outcome)
    if outcome["error"] is not None:
        raise typer.Exit(_FAILED)


def _target(api: LambdaApi, name: str, table: str | None) -> tuple[str, Mapping[str, Any] | None]:
    """The function that is meant, and the mapping its records are of: None when there is none, or
    more than one."""
    found = [mapping for mapping in api.mappings() if is_meant(mapping, name)]
    functions = {str(mapping["FunctionArn"]) for mapping in found}
    if not functions:
        return name, None
    if len(functions) > 1:
        raise ConfigurationError(f"{name!r} could be any of {', '.join(sorted(functions))}")
    if table is not None:
        found = [
            mapping
            for mapping in found
            if table in (mapping["EventSourceArn"], source_name(mapping["EventSourceArn"]))
        ]
    return functions.pop(), found[0] if len(found) == 1 else None


def _payload(
    api: LambdaApi,
    event: str | None,
    sample: Sample | None,
    last: int | None,
    table: str | None,
    mapping: Mapping[str, Any] | None,
) -> bytes:
    if event is not None:
        return _read(event)
    source = table if mapping is None else str(mapping["EventSourceArn"])
    if source is None:
        if sample is None and last is None:
            return b"{}"
        raise ConfigurationError("which records? name their table or stream with --table")
    accept = None if mapping is None else compile_filters(patterns_of(mapping))

    async def made(caller: HttpCaller, stream: StreamOf) -> dict[str, Any]:
        if last is None:
            return await sample_event(caller, stream, sample or Sample.INSERT)
        records = await last_records(open_stream(caller, stream, SystemClock()), last, accept)
        if not records:
            raise ConfigurationError(f"{stream.name} has no record that passes")
        return {"Records": records}

    return msgspec.json.encode(api.on_stream(source, made))


def _read(name: str) -> bytes:
    try:
        payload = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {name}: {error.strerror}") from error
    try:
        msgspec.json.decode(payload)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{name} is no JSON: {error}") from error
    return payload


def _outcome(function: str, reply: Mapping[str, Any]) -> dict[str, Any]:
    answer: bytes = reply["Payload"].read() if "Payload" in reply else b""
    return {
        "function": short_function(function),
        "status": reply["StatusCode"],
        "version": reply.get("ExecutedVersion"),
        "error": reply.get("FunctionError"),
        "payload": msgspec.Raw(answer) if answer else None,
        "log": base64.b64decode(reply.get("LogResult", "")).decode(errors="replace"),
    }


def _print(outcome: Mapping[str, Any]) -> None:
    """The log to standard error, what the function returned to standard output."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(outcome["log"].rstrip("\n"), style="dim", markup=False)
    payload = outcome["payload"]
    if payload is not None:
        typer.echo(msgspec.json.format(bytes(payload), indent=2))
    elif outcome["status"] == 202:
        console.print("Accepted: it will be called.")
    elif outcome["status"] == 204:
        console.print("It could be called.")
    if outcome["error"] is not None:
        console.print(f"{outcome['function']} failed: {outcome['error']}", style="bold red")
