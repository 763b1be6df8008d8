"""What tags and policies are attached to: tables, and for policies streams too, by their ARNs."""

from __future__ import annotations

import msgspec

from tailrace.api.operation import Context
from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.model.schema import Table

__all__ = ["Resource", "find_resource", "parse_resource"]

_INVALID = "One or more parameter values were invalid: "


class Resource(msgspec.Struct, frozen=True):
    """The parts of a table's or a stream's ARN; `stream` is the label, None for the table."""

    arn: str
    region: str
    account: str
    table: str
    stream: str | None = None


def parse_resource(arn: str) -> Resource:
    """The parts of an ARN. Raises ValidationException for what is not that of a table or stream."""
    if not arn.startswith("arn:"):
        raise ValidationException(f"{_INVALID}ARNs must start with 'arn:': {arn}")
    parts = arn.split(":", 5)
    pieces = parts[5].split("/") if len(parts) == 6 else []
    if len(parts) != 6 or parts[2] != "dynamodb" or pieces[:1] != ["table"] or len(pieces) < 2:
        raise ValidationException(f"{_INVALID}Provided Arn is not a DynamoDB resource arn: {arn}")
    name, rest = pieces[1], pieces[2:]
    if len(rest) == 2 and rest[0] == "stream":
        return Resource(arn, parts[3], parts[4], name, rest[1])
    if rest or not name:
        raise ValidationException(
            f"{_INVALID}Invalid resource arn provided, only table or stream is accepted. Provided"
            f" resource arn: {arn}"
        )
    return Resource(arn, parts[3], parts[4], name)


def find_resource(context: Context, resource: Resource, absent: str) -> Table:
    """The table of a resource. Raises ResourceNotFoundException with `absent` as its message."""
    place = (resource.account, resource.region, resource.table)
    table = context.catalog().by_name.get(place)
    # One that is being restored or imported is only described until it is whole.
    if table is None or not (table.available or table.settles_us is not None):
        raise ResourceNotFoundException(absent)
    return table
