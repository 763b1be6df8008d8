"""A table's Kinesis destination: a capture of its changes that is bound for a Kinesis stream.

Enabling opens the capture, in the same moment for all items; disabling closes it, and what it holds
by then is still delivered. A hold keeps the capture's records until they are delivered, so that an
outage of the Kinesis stream loses none. Pure decisions over the catalog, refused in the service's
words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.model.schema import Destination, Stream, StreamKind, Table, TableStatus
from tailrace.streams.retention import Hold
from tailrace.tables.busy import check_settled
from tailrace.tables.captures import close_captures, open_capture
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick

__all__ = ["HOLDER", "destinations_of", "disable", "enable", "update"]

# Who holds a capture's records: its delivery.
HOLDER: Final = "destination"

Scope = tuple[str, str, str]
_STATE = "Table is not in a valid state to enable Kinesis Streaming Destination: "


def enable(
    scope: Scope, destination: Destination, now_us: int, settles_us: int | None = None
) -> Alter:
    """Give the table (account, region, name) a destination, which is being enabled until
    `settles_us`. A table has one at a time."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        table = _table(catalog, scope)
        changing = any(each.is_changing(now_us) for each in destinations_of(catalog, table))
        going = table.status is TableStatus.DELETING
        if changing or going or any(stream.destination is not None for stream in table.captures):
            raise ValidationException(
                f"{_STATE}EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to"
                " perform ENABLE operation."
            )
        opened = open_capture(catalog, tick, table, now_us, destination, settles_us)
        (capture,), next_id = opened.streams, opened.next_id
        assert next_id is not None
        held = Hold(next_id, capture.id, HOLDER, clock=0, longest_ms=limits.HOLD_MS)
        return msgspec.structs.replace(opened, holds=(held,), next_id=next_id + 1)

    return decide


def disable(scope: Scope, stream_arn: str, now_us: int, settles_us: int | None = None) -> Alter:
    """Take a destination from the table (account, region, name); it is being disabled until
    `settles_us`."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        table = _table(catalog, scope)
        if _is_changing(catalog, table, stream_arn, now_us):
            raise ValidationException(
                f"{_STATE}KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."
            )
        capture = _active(table, stream_arn)
        gone = frozenset({capture.id})
        return close_captures(catalog, tick, table, gone, now_us, settles_us)

    return decide


def update(
    scope: Scope, stream_arn: str, precision: str, now_us: int, settles_us: int | None = None
) -> Alter:
    """Change the precision of the times of what a destination gets from now on; it is being updated
    until `settles_us`."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = _table(catalog, scope)
        if _is_changing(catalog, table, stream_arn, now_us):
            raise ValidationException(
                f"{_STATE}Kinesis streaming is not in ACTIVE state. Updates are only allowed in"
                f" ACTIVE state. TableName: {table.name}, kdsArn: {stream_arn}"
            )
        old = _active(table, stream_arn)
        if old.destination is not None and old.destination.precision == precision:
            raise ValidationException(
                "Invalid Request: Precision is already set to the desired value of"
                f" {precision} for tableId: {table.uuid}, kdsArn: {stream_arn}"
            )
        destination = Destination(stream_arn, precision, updating=True)
        new = msgspec.structs.replace(old, destination=destination, settles_us=settles_us)
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


def _is_changing(catalog: Catalog, table: Table, stream_arn: str, now_us: int) -> bool:
    """Whether a table's destination is being enabled, disabled or updated."""
    return any(
        stream.destination is not None
        and stream.destination.stream_arn == stream_arn
        and stream.is_changing(now_us)
        for stream in destinations_of(catalog, table)
    )


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
    if table.status is TableStatus.CREATING:
        check_settled(table)
    return table
