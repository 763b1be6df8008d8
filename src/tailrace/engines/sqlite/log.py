"""The change records of a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tailrace.engines.sqlite.connection import integers
from tailrace.engines.sqlite.postings import clocks_after, newest
from tailrace.engines.sqlite.readers import Readers
from tailrace.engines.sqlite.statements import SQL
from tailrace.engines.sqlite.upkeep import trim, trim_shard
from tailrace.engines.sqlite.writer import Writer
from tailrace.streams.log import LogPage

__all__ = ["SqliteLog"]


class SqliteLog:
    """The `ChangeLog` of a `SqliteEngine`."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    def read(self, shard_id: int, after: int, max_records: int, max_bytes: int) -> LogPage:
        page = self._writer.tail.read(shard_id, after, max_records, max_bytes)
        if page is not None:
            return page
        return self._read_stored(shard_id, after, max_records, max_bytes)

    def _read_stored(self, shard_id: int, after: int, max_records: int, max_bytes: int) -> LogPage:
        records: list[bytes] = []
        last = after
        left = max_bytes
        unstored = self._writer.postings.unstored(shard_id)
        with self._readers.lent() as cursor:
            # One more than asked for, to know whether there is more.
            for clocks in clocks_after(cursor, shard_id, after, max_records + 1, unstored):
                for clock, data in cursor.execute(SQL["records"], (integers(clocks),)):
                    left -= len(data)
                    if records and (left < 0 or len(records) == max_records):
                        return LogPage(records, last, True)
                    records.append(data)
                    last = clock
        self._writer.tail.want(shard_id)
        return LogPage(records, last, False)

    def tip(self, shard_id: int) -> int:
        kept = self._writer.tail.tip(shard_id)
        if kept is not None:
            return kept
        unstored = self._writer.postings.unstored(shard_id)
        with self._readers.lent() as cursor:
            return newest(cursor, shard_id, unstored) or 0

    def oldest(self, shard_id: int) -> int | None:
        unstored = self._writer.postings.unstored(shard_id)
        with self._readers.lent() as cursor:
            return next(
                (clocks[0] for clocks in clocks_after(cursor, shard_id, 0, 1, unstored)), None
            )

    def trimmed(self, shard_id: int) -> int:
        return self._writer.trims.of(shard_id)

    def trim(self, before: int, max_records: int) -> int:
        return trim(self._writer, before, max_records)

    def trim_shard(self, shard_id: int, before: int, max_records: int) -> int:
        return trim_shard(self._writer, shard_id, before, max_records)

    def written(self) -> Mapping[int, int]:
        return self._writer.postings.written()

    def subscribe(self, listener: Callable[[frozenset[int]], None]) -> Callable[[], None]:
        return self._writer.subscribe(listener)
