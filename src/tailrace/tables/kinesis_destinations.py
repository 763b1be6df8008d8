"""A table's Kinesis destination: a capture of its changes that is bound for a Kinesis stream.

Enabling opens the capture, in the same moment for all items; disabling closes it, and what it holds
by then is still delivered. Pure decisions over the catalog, refused in the service's words.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.model.schema import Destination, Stream, StreamKind, Table
from tailrace.tables.captures import close_captures, open_capture
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick

__all__ = ["destinations_of", "disable", "enable", "update"]

Scope = tuple[str, str, str]
_STATE = "Table is not in a valid state to enable Kinesis Streaming Destination: "


def enable(scope: Scope, destination: Destination, now_us: int) -> Alter:
    """Give the table (account, region, name) a destination. A table has one at a time."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        table = _table(catalog, scope)
        if any(stream.destination is not None for stream in table.captures):
            raise ValidationException(
                f"{_STATE}EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to"
                " perform ENABLE operation."
            )
        return open_capture(catalog, tick, table, now_us, destination)

    return decide


def disable(scope: Scope, stream_arn: str, now_us: int) -> Alter:
    """Take a destination from the table (account, region, name)."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        table = _table(catalog, scope)
        capture = _active(table, stream_arn)
        return close_captures(catalog, tick, table, frozenset({capture.id}), now_us)

    return decide


def update(scope: Scope, stream_arn: str, precision: str) -> Alter:
    """Change the precision of the times of what a destination gets from now on."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = _table(catalog, scope)
        old = _active(table, stream_arn)
        if old.destination is not None and old.destination.precision == precision:
            raise ValidationException(
                "Invalid Request: Precision is already set to the desired value of"
                f" {precision} for tableId: {table.uuid}, kdsArn: {stream_arn}"
            )
        new = msgspec.structs.replace(old, destination=Destination(stream_arn, precision))
        captures = tuple(new if stream is old else stream for stream in table.captures)
        table = msgspec.structs.replace(table, captures=captures)
        return Alteration(tables=(table,), streams=(new,))

    return decide


def destinations_of(catalog: Catalog, table: Table) -> Sequence[Stream]:
    """The captures behind a table's destinations, the newest of each Kinesis stream: those that are
    active, and those that were disabled as long as their records are kept."""
    newest: dict[str, Stream] = {}
    for stream in sorted(catalog.streams.values(), key=lambda stream: stream.id):
        own = stream.table_id == table.id and stream.kind is StreamKind.CAPTURE
        if own and stream.destination is not None:
            newest[stream.destination.stream_arn] = stream
    return list(newest.values())


def _active(table: Table, stream_arn: str) -> Stream:
    for stream in table.captures:
        if stream.destination is not None and stream.destination.stream_arn == stream_arn:
            return stream
    raise ValidationException(
        f"{_STATE}No streaming destination with streamArn: {stream_arn} found for table with"
        f" tableName: {table.name}"
    )


def _table(catalog: Catalog, scope: Scope) -> Table:
    table = catalog.by_name.get(scope)
    if table is None:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )
    return table
