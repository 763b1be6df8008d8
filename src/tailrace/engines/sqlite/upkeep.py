"""Work on many rows that nobody waits for in a request: filling an index, removing what was
dropped.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

from tailrace import limits
from tailrace.engines.sqlite.batch import put_usage
from tailrace.engines.sqlite.catalogs import store_clock
from tailrace.engines.sqlite.connection import integers
from tailrace.engines.sqlite.pace import Pace
from tailrace.engines.sqlite.postings import Clocks, clocks_after
from tailrace.engines.sqlite.statements import SQL
from tailrace.engines.sqlite.writer import Upkeep, Writer
from tailrace.model.schema import Index
from tailrace.model.values import decode_item
from tailrace.tables.engine import Usage

__all__ = ["fill_index", "purge", "trim", "trim_shard"]

_PURGES: Final = {
    "item": SQL["purge_item"],
    "index_row": SQL["purge_index_row"],
}


def trim(writer: Writer, before: int, max_records: int) -> int:
    """Remove the oldest records, as `ChangeLog.trim` does."""
    return Pace(limits.TRIM_RECORDS_PER_COMMIT).spend(
        max_records, lambda rows: writer.maintain(lambda upkeep: _trim(upkeep, before, rows))
    )


def _trim(upkeep: Upkeep, before: int, max_records: int) -> int:
    found = upkeep.cursor.execute(SQL["next_to_trim"], (before, max_records)).fetchall()
    if found:
        newest = {shard_id: clock for shard_id, clock, _ in found}
        last = max(newest.values())
        upkeep.trims.note(upkeep.cursor, newest)
        upkeep.cursor.execute(SQL["trim"], (last,))
        upkeep.tail.trim(last)
        _forget_records(upkeep, newest)
    return sum(count for _, _, count in found)


def trim_shard(writer: Writer, shard_id: int, before: int, max_records: int) -> int:
    """Remove the oldest records of one shard, as `ChangeLog.trim_shard` does."""
    return Pace(limits.TRIM_RECORDS_PER_COMMIT).spend(
        max_records,
        lambda rows: writer.maintain(lambda upkeep: _trim_shard(upkeep, shard_id, before, rows)),
    )


def _trim_shard(upkeep: Upkeep, shard_id: int, before: int, max_records: int) -> int:
    clocks = _oldest(upkeep, shard_id, max_records)
    clocks = clocks[: bisect_left(clocks, before)]
    if clocks:
        upkeep.trims.note(upkeep.cursor, {shard_id: clocks[-1]})
        upkeep.tail.trim(clocks[-1], shard_id)
        _remove_records(upkeep, shard_id, clocks)
    return len(clocks)


def _oldest(upkeep: Upkeep, shard_id: int, max_records: int) -> Clocks:
    """The clocks of a shard's oldest records."""
    oldest: Clocks = array("q")
    unstored = upkeep.postings.unstored(shard_id)
    for clocks in clocks_after(upkeep.cursor, shard_id, 0, max_records, unstored):
        oldest += clocks
    return oldest


def _remove_records(upkeep: Upkeep, shard_id: int, clocks: Clocks) -> None:
    """Remove the records of these clocks, a shard's oldest."""
    upkeep.cursor.execute(SQL["delete_records"], (integers(clocks),))
    _forget_records(upkeep, {shard_id: clocks[-1]})


def _forget_records(upkeep: Upkeep, lasts: Mapping[int, int]) -> None:
    """What else is known of the records up to these clocks, by shard id, which go."""
    upkeep.postings.cut(upkeep.cursor, lasts)
    upkeep.removed.update(lasts)
    store_clock(upkeep.cursor, upkeep.heads.clock)


def purge(writer: Writer, max_rows: int) -> int:
    """Remove rows of what was dropped, as `Engine.purge` does."""
    pace = Pace(limits.PURGE_ROWS_PER_COMMIT)
    done = 0
    while done < max_rows:
        place = writer.maintain(_next_dropped)
        if place is None:
            break
        count = _purge_place(writer, pace, place, max_rows - done)
        if done + count < max_rows:
            writer.maintain(lambda upkeep, place=place: _forget(upkeep, place))
        done += count
    return done


def _next_dropped(upkeep: Upkeep) -> tuple[str, int] | None:
    found = upkeep.cursor.execute(SQL["next_dropped"]).fetchall()
    return found[0] if found else None


def _purge_place(writer: Writer, pace: Pace, place: tuple[str, int], max_rows: int) -> int:
    kind, id_ = place

    def remove(rows: int) -> int:
        return writer.maintain(lambda upkeep: _remove(upkeep, kind, id_, rows))

    return pace.spend(max_rows, remove)


def _remove(upkeep: Upkeep, kind: str, id_: int, rows: int) -> int:
    if kind == "record":
        upkeep.tail.forget(id_)
        clocks = _oldest(upkeep, id_, rows)
        if clocks:
            _remove_records(upkeep, id_, clocks)
        return len(clocks)
    upkeep.cursor.execute(_PURGES[kind], (id_, rows))
    return upkeep.cursor.connection.changes()


def _forget(upkeep: Upkeep, place: tuple[str, int]) -> None:
    kind, id_ = place
    upkeep.cursor.execute(SQL["delete_dropped"], place)
    if kind == "record":
        upkeep.cursor.execute(SQL["delete_trimmed"], (id_,))
        upkeep.postings.drop([id_])
    else:
        upkeep.cursor.execute(SQL["delete_usage"], (id_,))
        upkeep.heads.usage.pop(id_, None)


def fill_index(
    writer: Writer, table_id: int, index: Index, after: bytes, max_rows: int
) -> bytes | None:
    """Write index rows of the next items, as `Engine.fill_index` does."""
    reached: bytes | None = None

    def fill(rows: int) -> int:
        nonlocal reached
        start = after if reached is None else reached
        count, last = writer.maintain(lambda upkeep: _fill(upkeep, table_id, index, start, rows))
        reached = last or reached
        return count

    Pace(limits.PURGE_ROWS_PER_COMMIT).spend(max_rows, fill)
    return reached


def _fill(
    upkeep: Upkeep, table_id: int, index: Index, after: bytes, max_rows: int
) -> tuple[int, bytes | None]:
    """How many items were looked at, and the key of the last of them."""
    table = upkeep.catalog.tables.get(table_id)
    if table is None or all(known.id != index.id for known in table.indexes):
        return 0, None  # dropped meanwhile; what is written now would never be purged
    execute = upkeep.cursor.execute
    found = execute(SQL["items_after"], (table_id, after, max_rows)).fetchall()
    items = bytes_sum = 0
    for item_id, key, size, data in found:
        row = index.row_of(decode_item(data), key)
        if row is not None:
            execute(SQL["insert_missing_index_row"], (index.id, row, item_id))
            if upkeep.cursor.connection.changes():
                items += 1
                bytes_sum += size
    if items:
        before = upkeep.heads.usage.get(index.id, Usage(0, 0))
        upkeep.usage[index.id] = Usage(before.items + items, before.size + bytes_sum)
        put_usage(upkeep.cursor, upkeep.usage)
    return len(found), found[-1][1] if found else None
