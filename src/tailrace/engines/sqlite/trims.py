"""Up to where each shard was trimmed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tailrace.engines.sqlite.connection import Cursor
from tailrace.engines.sqlite.statements import SQL

__all__ = ["Trims"]


class Trims:
    """The clock of the newest record that was trimmed from each shard, kept in the store and, for
    readers, in memory: they ask with every page. Only the writer's thread changes it.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._clocks: dict[int, int] = dict(cursor.execute(SQL["all_trimmed"]).fetchall())

    def of(self, shard_id: int) -> int:
        """The clock of the newest record that was trimmed from a shard, or 0. From any thread."""
        return self._clocks.get(shard_id, 0)

    def note(self, cursor: Cursor, clocks: Mapping[int, int]) -> None:
        """Records up to these clocks, by shard id, are being removed in a transaction. Readers are
        told before it is committed: none may miss records and not hear why. Should it fail, the
        records are still older than what is kept."""
        self._clocks.update(clocks)
        for place in clocks.items():
            cursor.execute(SQL["put_trimmed"], place)

    def drop(self, shard_ids: Iterable[int]) -> None:
        """Forget shards that are no more."""
        for shard_id in shard_ids:
            self._clocks.pop(shard_id, None)
