"""Where the commands that read streams connect to."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

import typer

from tailrace.sources.http_caller import HttpCaller

__all__ = ["EndpointUrl", "Profile", "Region", "connect", "group_name"]

EndpointUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        envvar=["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"],
        help="Endpoint of tables and streams, e.g. http://127.0.0.1:8000; AWS when not given.",
    ),
]
Region: TypeAlias = Annotated[str | None, typer.Option(help="Region; as boto3 finds it.")]
Profile: TypeAlias = Annotated[str | None, typer.Option(help="AWS profile; as boto3 finds it.")]


def connect(endpoint_url: str | None, region: str | None, profile: str | None) -> HttpCaller:
    """A caller for the endpoint."""
    return HttpCaller(endpoint_url=endpoint_url, region=region, profile=profile)


def group_name(handler: str, table: str) -> str:
    """The group of a handler that was given none: named after it and the table, and fit to name the
    table of its leases."""
    return "tailrace-" + re.sub(r"[^a-zA-Z0-9_.-]+", "-", f"{handler}-{table}").strip("-")[:240]
