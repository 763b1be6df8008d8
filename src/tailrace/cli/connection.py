"""Where the commands that read streams connect to."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
import typer

from tailrace.errors import ConfigurationError
from tailrace.sources.http_caller import HttpCaller

__all__ = ["EndpointUrl", "Profile", "Region", "connect", "latest_stream"]

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


async def latest_stream(caller: HttpCaller, table: str) -> str:
    """The ARN of a table's newest stream. Raises ConfigurationError when it never had one."""
    body = await caller.call("DynamoDB_20120810.DescribeTable", {"TableName": table})
    described: dict[str, Any] = msgspec.json.decode(body)
    arn = described["Table"].get("LatestStreamArn")
    if arn is None:
        raise ConfigurationError(
            f"table {table} has no stream: enable one with a StreamSpecification, e.g. aws dynamodb"
            f" update-table --table-name {table} --stream-specification"
            " StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES"
        )
    return str(arn)
