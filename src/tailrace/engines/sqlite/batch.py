"""What the units of one commit come to: decided one after another, each seeing those before it, and
then written together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tailrace.engines.sqlite.connection import Cursor
from tailrace.engines.sqlite.faults import translated
from tailrace.engines.sqlite.statements import SQL, row_runs
from tailrace.errors import AwsError, InternalServerError, ResourceNotFoundException
from tailrace.model.changes import Change
from tailrace.model.keys import partition_of
from tailrace.model.schema import Stream, Table
from tailrace.model.values import decode_item
from tailrace.streams.records import encode_record
from tailrace.streams.sequence import next_clock
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Outcome, Plan, Settled, Usage, Write

__all__ = ["Batch", "Heads", "put_usage", "run_for_all"]

_NO_USAGE = Usage(0, 0)
_STORED = SQL["stored"]


class Heads:
    """The ends of what only grows, and the sums that every commit moves; all of it is stored too,
    and the writer's alone.
    """

    __slots__ = ("clock", "item", "usage")

    def __init__(self, clock: int, item: int, usage: dict[int, Usage]) -> None:
        self.clock = clock  # the newest clock ever given
        self.item = item  # the largest item id ever given
        self.usage = usage  # by the id of a table or an index; readers may look


class _Item:
    """An item as the units so far leave it, and what the store holds of it."""

    __slots__ = ("data", "id", "key", "size", "stored", "table_id", "touched")

    def __init__(
        self, id_: int, table_id: int, key: bytes, size: int, data: bytes | None, stored: bool
    ) -> None:
        self.id = id_
        self.table_id = table_id
        self.key = key
        self.size = size
        self.data = data
        self.stored = stored
        self.touched = False


class _IndexStep:
    """A change of one index that follows from an item's: `old` goes, `new` comes; equal ones stay,
    only their size changes.
    """

    __slots__ = ("index_id", "item_id", "new", "new_size", "old", "old_size")

    def __init__(
        self, index_id: int, old: bytes | None, new: bytes | None, item: _Item, new_size: int
    ) -> None:
        self.index_id = index_id
        self.old = old
        self.new = new
        self.item_id = item.id
        self.old_size = item.size
        self.new_size = new_size


class Batch:
    """One commit in the making. Nothing is written before `write`."""

    def __init__(self, cursor: Cursor, catalog: Catalog, heads: Heads, now_us: int) -> None:
        self._cursor = cursor
        self._catalog = catalog
        self._heads = heads
        self._now_us = now_us
        self._items: dict[tuple[int, bytes], _Item] = {}
        self._index_steps: list[_IndexStep] = []
        self._records: list[tuple[int, int, bytes]] = []
        self._usage: dict[int, Usage] = {}
        # Bytes of items and records to be written.
        self.size = 0

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.size > 0

    @property
    def records(self) -> Sequence[tuple[int, int, bytes]]:
        """Clock, shard id and encoded record of each change."""
        return self._records

    @property
    def usage(self) -> dict[int, Usage]:
        """The sums of the tables and indexes that were changed, as they will be. Whole after
        `write`.
        """
        return self._usage

    def add(self, unit: Sequence[Write]) -> Outcome:
        """Decide a unit and take it in, unless it is refused. Raises apsw.Error when the store
        cannot be read.
        """
        outcome: list[Settled | AwsError] = []
        found: list[tuple[int, _Item, Table, Plan]] = []
        refused = False
        for write in unit:
            table = self._catalog.tables.get(write.table_id)
            if table is None:
                outcome.append(ResourceNotFoundException("Requested resource not found"))
                refused = True
                continue
            item = self._items.get((write.table_id, write.key)) or self._look_up(write)
            try:
                plan = write.decide(item.data, table)
            except Exception as failure:
                outcome.append(translated(failure))
                refused = True
                continue
            outcome.append(Settled(item.data, plan))
            if plan.changed:
                found.append((len(outcome) - 1, item, table, plan))
        if found and not refused:
            try:
                self._take(found, outcome)
            except Exception as failure:
                return [translated(failure)] * len(unit)
        return outcome

    def _look_up(self, write: Write) -> _Item:
        rows = self._cursor.execute(_STORED, (write.table_id, write.key)).fetchall()
        if rows:
            ((id_, size, data),) = rows
            return _Item(id_, write.table_id, write.key, size, data, True)
        self._heads.item += 1
        return _Item(self._heads.item, write.table_id, write.key, 0, None, False)

    def _take(
        self, found: list[tuple[int, _Item, Table, Plan]], outcome: list[Settled | AwsError]
    ) -> None:
        # Whatever can fail comes first: a unit is taken whole or not at all.
        records, steps = len(self._records), len(self._index_steps)
        try:
            for place, item, table, plan in found:
                change = plan.change
                if change is not None:
                    stream = table.stream
                    if stream is not None and stream.disabled_us is None:
                        clock = self._record(change, item.key, table, stream)
                        outcome[place] = Settled(item.data, plan, clock)
                    for own in table.captures:
                        self._record(change, item.key, table, own)
                if table.indexes:
                    self._index_steps.extend(_index_steps(item, table, plan))
        except Exception:
            del self._records[records:], self._index_steps[steps:]
            raise
        for _, item, table, plan in found:
            self._apply(item, table.id, plan)

    def _record(self, change: Change, key: bytes, table: Table, stream: Stream) -> int:
        """Make the record of a change; its clock."""
        partition = partition_of(key, table.partitions)
        for shard in self._catalog.open_shards.get((stream.id, partition), ()):
            if shard.low <= key and (shard.high is None or key < shard.high):
                heads = self._heads
                clock = heads.clock = next_clock(heads.clock, self._now_us, partition)
                data = encode_record(change, clock, stream)
                self.size += len(data)
                self._records.append((clock, shard.id, data))
                return clock
        raise InternalServerError(f"Stream {stream.arn} has no open shard for key {key.hex()}")

    def _apply(self, item: _Item, table_id: int, plan: Plan) -> None:
        size = 0 if plan.new is None else plan.new_size
        items = (plan.new is not None) - (item.data is not None)
        self._count(table_id, items, size - item.size)
        item.data = plan.new
        item.size = size
        if not item.touched:
            item.touched = True
            self._items[table_id, item.key] = item
        self.size += size + 1

    def _count(self, id_: int, items: int, size: int) -> None:
        before = self._usage.get(id_) or self._heads.usage.get(id_, _NO_USAGE)
        self._usage[id_] = Usage(before.items + items, before.size + size)

    def write(self) -> None:
        """Write everything, inside the transaction that the caller has begun."""
        made: list[tuple[int, int, bytes, int, bytes]] = []
        changed: list[tuple[int, bytes, int]] = []
        removed: list[tuple[int]] = []
        for item in self._items.values():
            if item.data is None:
                if item.stored:
                    removed.append((item.id,))
            elif item.stored:
                changed.append((item.size, item.data, item.id))
            else:
                made.append((item.id, item.table_id, item.key, item.size, item.data))
        run_for_all(self._cursor, "insert_item", made)
        if changed:
            self._cursor.executemany(SQL["update_item"], changed)
        if removed:
            self._cursor.executemany(SQL["delete_item"], removed)
        for step in self._index_steps:
            self._write_index_step(step)
        run_for_all(self._cursor, "insert_record", self._records)
        stored = self._heads.usage
        put_usage(
            self._cursor,
            {id_: sums for id_, sums in self._usage.items() if stored.get(id_) != sums},
        )

    def _write_index_step(self, step: _IndexStep) -> None:
        # Only rows that were there are counted as gone: an index that is being filled has not all
        # of them yet.
        execute = self._cursor.execute
        if step.old == step.new:
            if execute(SQL["has_index_row"], (step.index_id, step.new)).get is not None:
                self._count(step.index_id, 0, step.new_size - step.old_size)
            return
        if step.old is not None:
            execute(SQL["delete_index_row"], (step.index_id, step.old))
            if self._cursor.connection.changes():
                self._count(step.index_id, -1, -step.old_size)
        if step.new is not None:
            execute(SQL["insert_index_row"], (step.index_id, step.new, step.item_id))
            self._count(step.index_id, 1, step.new_size)


def _index_steps(item: _Item, table: Table, plan: Plan) -> Iterable[_IndexStep]:
    new_size = 0 if plan.new is None else plan.new_size
    for change in plan.indexes:
        yield _IndexStep(change.index_id, change.old, change.new, item, new_size)
    if plan.new is None or item.data is None or item.size == new_size:
        return
    # A plan doesn't list the rows that stay, but their item's size counts for their index.
    listed = {change.index_id for change in plan.indexes}
    staying = [index for index in table.indexes if index.id not in listed]
    if staying:
        after = decode_item(plan.new)
        for index in staying:
            row = index.row_of(after, item.key)
            if row is not None:
                yield _IndexStep(index.id, row, row, item, new_size)


def put_usage(cursor: Cursor, usage: dict[int, Usage]) -> None:
    """Store sums by the id of their table or index."""
    run_for_all(cursor, "put_usage", [(id_, sums.items, sums.size) for id_, sums in usage.items()])


def run_for_all(cursor: Cursor, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run the statement `name`, which ends in VALUES (…), for all rows, many at once: each call of
    SQLite lets go of the interpreter's lock, and getting it back from a busy thread takes longer
    than the call.
    """
    at = 0
    left = len(rows)
    for count, sql in row_runs(name):
        while left >= count:
            if count == 1:
                cursor.execute(sql, rows[at])
            else:
                cursor.execute(sql, [value for row in rows[at : at + count] for value in row])
            at += count
            left -= count
