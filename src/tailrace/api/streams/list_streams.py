"""ListStreams: the streams of an account and region, enabled and not yet aged out."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tailrace import limits
from tailrace.api.operation import Context, Operation
from tailrace.api.streams import access
from tailrace.model.schema import Stream

__all__ = ["LIST_STREAMS", "ListStreamsInput"]

_TableName = Annotated[
    str, msgspec.Meta(min_length=3, max_length=255, pattern=r"^[a-zA-Z0-9_.-]+\Z")
]


class ListStreamsInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: _TableName | None = None
    limit: access.PositiveInteger | None = None
    exclusive_start_stream_arn: access.StreamArn | None = None


def list_streams(context: Context, request: ListStreamsInput) -> bytes:
    limit = access.check_limit(request.limit, limits.STREAM_LIST_PAGE)
    after = request.exclusive_start_stream_arn or ""
    if after:
        access.check_arn(after)
    # In the order of the ARNs, so that a cursor keeps its place when its stream is gone.
    streams = sorted(_listed(context, request.table_name, after), key=lambda stream: stream.arn)
    reply: dict[str, object] = {"Streams": [_entry(stream) for stream in streams[:limit]]}
    if len(streams) > limit:
        reply["LastEvaluatedStreamArn"] = streams[limit - 1].arn
    return msgspec.json.encode(reply)


def _listed(context: Context, table_name: str | None, after: str) -> list[Stream]:
    catalog = context.service.engine.catalog()
    return [
        stream
        for stream in catalog.streams.values()
        if access.is_visible(context.scope, stream)
        and (table_name is None or stream.table_name == table_name)
        and stream.arn > after
        and access.view(context.service, catalog, stream) is not None
    ]


def _entry(stream: Stream) -> dict[str, str]:
    return {
        "StreamArn": stream.arn,
        "TableName": stream.table_name,
        "StreamLabel": stream.label,
    }


LIST_STREAMS = Operation("ListStreams", ListStreamsInput, list_streams)
