"""Amazon resource names of tables, indexes and streams."""

from __future__ import annotations

import datetime

import msgspec

__all__ = [
    "StreamArn",
    "kinesis_arn",
    "parse_kinesis_arn",
    "parse_stream_arn",
    "parse_table_arn",
    "stream_arn",
    "stream_label",
    "table_arn",
]


class StreamArn(msgspec.Struct, frozen=True):
    """The parts of a stream's ARN."""

    region: str
    account: str
    table: str
    label: str


def table_arn(region: str, account: str, name: str) -> str:
    """The ARN of a table."""
    return f"arn:aws:dynamodb:{region}:{account}:table/{name}"


def stream_arn(region: str, account: str, table: str, label: str) -> str:
    """The ARN of a table's stream, from its label."""
    return f"{table_arn(region, account, table)}/stream/{label}"


def kinesis_arn(region: str, account: str, name: str) -> str:
    """The ARN of a Kinesis stream."""
    return f"arn:aws:kinesis:{region}:{account}:stream/{name}"


def parse_kinesis_arn(arn: str) -> tuple[str, str, str] | None:
    """(region, account, stream name) of a Kinesis stream's ARN, or of something below it; None when
    it is neither."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "kinesis":
        return None
    pieces = parts[5].split("/")
    if pieces[0] != "stream" or len(pieces) < 2 or not pieces[1]:
        return None
    return parts[3], parts[4], pieces[1]


def stream_label(now_us: int) -> str:
    """A stream's label: its creation in UTC, `YYYY-MM-DDTHH:MM:SS.mmm`."""
    moment = datetime.datetime.fromtimestamp(now_us / 1e6, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now_us // 1000 % 1000:03d}"


def parse_table_arn(arn: str) -> tuple[str, str, str] | None:
    """(region, account, table name) of a table's ARN, or None when it is none."""
    parts = arn.split(":", 5)
    if (
        len(parts) != 6
        or parts[0] != "arn"
        or parts[2] != "dynamodb"
        or not parts[5].startswith("table/")
    ):
        return None
    name = parts[5][len("table/") :]
    return None if not name or "/" in name else (parts[3], parts[4], name)


def parse_stream_arn(arn: str) -> StreamArn | None:
    """The parts of a stream's ARN, or None when it is none."""
    parts = arn.split(":", 5)
    if (
        len(parts) != 6
        or parts[0] != "arn"
        or parts[2] != "dynamodb"
        or not parts[5].startswith("table/")
    ):
        return None
    pieces = parts[5].split("/")
    if len(pieces) != 4 or pieces[2] != "stream" or not pieces[1] or not pieces[3]:
        return None
    return StreamArn(region=parts[3], account=parts[4], table=pieces[1], label=pieces[3])
