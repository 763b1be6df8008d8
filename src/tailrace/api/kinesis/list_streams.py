"""ListStreams: the names and summaries of an account's streams in a region."""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.inputs import StreamName
from tailrace.api.operation import Context, Operation
from tailrace.tables import kinesis_streams
from tailrace.tables.kinesis_streams import KinesisStream

__all__ = ["LIST_STREAMS", "ListStreamsInput"]


class ListStreamsInput(msgspec.Struct, rename="pascal", frozen=True):
    limit: int | None = None
    exclusive_start_stream_name: StreamName | None = None
    next_token: str | None = None


def list_streams(context: Context, request: ListStreamsInput) -> bytes:
    limit = min(request.limit or limits.KINESIS_LIST_PAGE, limits.KINESIS_LIST_PAGE)
    # A token is the last name of its page: names are no secret to their owner.
    after = request.next_token or request.exclusive_start_stream_name or ""
    scope = context.scope
    catalog = context.catalog()
    streams = [
        found
        for found in kinesis_streams.of_owner(catalog, scope.account, scope.region)
        if found.stream.table_name > after
    ]
    page = streams[:limit]
    reply: dict[str, Any] = {
        "StreamNames": [found.stream.table_name for found in page],
        "StreamSummaries": [_summary(found) for found in page],
        "HasMoreStreams": len(streams) > limit,
    }
    if len(streams) > limit:
        reply["NextToken"] = page[-1].stream.table_name
    return access.reply_of(reply)


def _summary(found: KinesisStream) -> dict[str, Any]:
    return {
        "StreamName": found.stream.table_name,
        "StreamARN": found.stream.arn,
        "StreamStatus": found.status.value,
        "StreamModeDetails": {"StreamMode": access.mode_of(found)},
        "StreamCreationTimestamp": access.seconds(found.stream.created_us),
    }


LIST_STREAMS = Operation("ListStreams", ListStreamsInput, list_streams)
