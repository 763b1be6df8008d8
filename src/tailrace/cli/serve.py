"""`tailrace serve`: the DynamoDB and DynamoDB Streams APIs on one port."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tailrace import __version__, limits
from tailrace.app import Tailrace
from tailrace.cli.options import DEFAULT_DATA, read_credentials, read_key
from tailrace.errors import ConfigurationError
from tailrace.settings import Settings

__all__ = ["serve"]

_DAY_MS = 24 * 60 * 60 * 1000

_S3Directory = Annotated[
    Path | None,
    typer.Option(
        help="Directory whose subdirectories are buckets, for exports, imports and bulk puts."
    ),
]
_S3EndpointUrl = Annotated[
    str | None, typer.Option(help="Where buckets are instead, by the S3 API: a URL, or aws.")
]
_HoldDays = Annotated[
    float,
    typer.Option(
        min=0, help="How long changes are held that Kinesis streams have not taken; 0: for ever."
    ),
]
_TestControls = Annotated[
    bool,
    typer.Option(
        "--test-controls", help="Answer /_tailrace/: move the clock, rotate, split, fail."
    ),
]
_EnforceThroughput = Annotated[
    bool,
    typer.Option(
        "--enforce-throughput",
        help="Throttle beyond the tables' provisioned throughput and the streams' rates.",
    ),
]
_TransitionSeconds = Annotated[
    float,
    typer.Option(help="How long tables and streams are CREATING, UPDATING, DELETING.", min=0),
]


def serve(
    data: Annotated[
        Path | None,
        typer.Option(help="Directory that holds the data.", show_default=str(DEFAULT_DATA)),
    ] = None,
    memory: Annotated[bool, typer.Option("--memory", help="Keep everything in memory.")] = False,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    region: Annotated[str, typer.Option(help="Region of unsigned requests.")] = "us-east-1",
    account: Annotated[str, typer.Option(help="Account id that ARNs carry.")] = "000000000000",
    key_file: Annotated[
        Path | None, typer.Option(help="File whose content encrypts the data at rest.")
    ] = None,
    credentials: Annotated[
        Path | None,
        typer.Option(help="AWS credentials file; requests must then be signed with a key from it."),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen off loopback without credentials.")
    ] = False,
    s3_directory: _S3Directory = None,
    s3_endpoint_url: _S3EndpointUrl = None,
    kinesis_endpoint_url: Annotated[
        str | None,
        typer.Option(help="Where tables' changes go as Kinesis records: a URL, or aws."),
    ] = None,
    kinesis_hold_days: _HoldDays = limits.HOLD_MS / _DAY_MS,
    test_controls: _TestControls = False,
    enforce_throughput: _EnforceThroughput = False,
    transition_seconds: _TransitionSeconds = 0,
    json: Annotated[bool, typer.Option("--json", help="Print where it listens as JSON.")] = False,
) -> None:
    """Serve tables and their streams until interrupted."""
    if memory and data is not None:
        raise ConfigurationError("--memory and --data exclude each other")
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # What functions print, as CloudWatch would show it.
    logging.getLogger("tailrace.functions").setLevel(logging.INFO)
    settings = Settings(
        data=None if memory else data or DEFAULT_DATA,
        key=None if key_file is None else read_key(key_file),
        host=host,
        port=port,
        region=region,
        account=account,
        credentials={} if credentials is None else read_credentials(credentials),
        insecure=insecure,
        test_controls=test_controls,
        s3_directory=s3_directory,
        s3_endpoint_url=s3_endpoint_url,
        kinesis_endpoint_url=kinesis_endpoint_url,
        kinesis_hold_ms=int(kinesis_hold_days * _DAY_MS) if kinesis_hold_days else None,
        enforce_throughput=enforce_throughput,
        transition_ms=round(transition_seconds * 1000),
    )
    tailrace = Tailrace(settings)
    _announce(tailrace, json)
    tailrace.serve()


def _announce(tailrace: Tailrace, as_json: bool) -> None:
    settings = tailrace.settings
    if as_json:
        place = None if settings.data is None else str(settings.data)
        typer.echo(msgspec.json.encode({"endpoint_url": tailrace.endpoint_url, "data": place}))
        return
    place = "in memory" if settings.data is None else f"in {settings.data}"
    sealed = ", encrypted" if settings.key is not None else ""
    name = typer.style(f"Tailrace {__version__}", bold=True)
    url = typer.style(tailrace.endpoint_url, fg="cyan")
    typer.echo(f"{name} serves {url}, data {place}{sealed}", err=True)
    if not settings.credentials:
        notice = "Requests need no valid signature. Stop with Ctrl-C."
        typer.secho(notice, dim=True, err=True)
