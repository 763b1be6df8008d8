"""The port behind which items, index rows, change records and the catalog are kept, and what passes
through it.

The shipped contract suite (`tailrace.testing.contracts.engine`) says what each method means; every
engine runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from tailrace.errors import AwsError
from tailrace.model.changes import Change
from tailrace.model.schema import Index, Table
from tailrace.streams.log import ChangeLog
from tailrace.tables.catalog import Alter, Catalog

__all__ = [
    "Decide",
    "Engine",
    "IndexChange",
    "Outcome",
    "Plan",
    "Row",
    "Settled",
    "Span",
    "Usage",
    "Write",
]


class IndexChange(msgspec.Struct, frozen=True, gc=False):
    """An item's row in one index goes from key `old` to key `new`, which differ; None: no row."""

    index_id: int
    old: bytes | None
    new: bytes | None


class Plan(msgspec.Struct, frozen=True, gc=False):
    """What one write does to one item. `changed` False: nothing at all is written, whatever the
    other members say.

    `new` is the item's canonical JSON, None to delete it; `new_size` and `old_size` are item sizes
    in bytes (0 for none). `change` is None for tables without a stream; a change without an item
    before or after it writes its record and nothing else.
    """

    changed: bool
    new: bytes | None
    new_size: int
    old_size: int
    indexes: tuple[IndexChange, ...] = ()
    change: Change | None = None


# Decides what a write does, from the stored item (canonical JSON) and the table as it is now. Pure;
# raises an AwsError to refuse.
Decide: TypeAlias = Callable[[bytes | None, Table], Plan]


class Write(msgspec.Struct, frozen=True, gc=False):
    """The intention to write (or only to check) one item of a table."""

    table_id: int
    key: bytes
    decide: Decide


class Settled(msgspec.Struct, frozen=True, gc=False):
    """A write that was carried out: the item before it (canonical JSON), the plan, and the clock of
    its record in the table's stream, 0 when there is none."""

    previous: bytes | None
    plan: Plan
    clock: int = 0


# One entry for each write of the unit: all Settled and durable, or at least one error and nothing
# written. Refusals come with their own error; an engine that failed gives every write the same one.
Outcome: TypeAlias = Sequence[Settled | AwsError]


class Row(msgspec.Struct, frozen=True, gc=False):
    """A stored item met in a range read: its key in the table or in the index that was read, its
    size and its JSON.
    """

    key: bytes
    size: int
    data: bytes


class Span(msgspec.Struct, frozen=True, gc=False):
    """Keys `low <= key < high` of a table, or of one of its indexes; `high` None is no bound.
    `backwards` reads from the high end.
    """

    table_id: int
    low: bytes
    high: bytes | None
    index_id: int | None = None
    backwards: bool = False


class Usage(msgspec.Struct, frozen=True):
    """How many items a table or an index holds and the sum of their sizes, in bytes."""

    items: int
    size: int


class Engine(Protocol):
    """A store. All methods may be called from any thread.

    Laws: an outcome is reported only once it would survive power loss; units on one item take
    effect in the order of `submit`; reads see every unit whose outcome was reported before they
    began; clocks of a partition grow in the order in which records become visible.
    """

    def submit(self, unit: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        """Carry out all writes of a unit or none, then call `done` once, from any thread. The keys
        of a unit are distinct.

        A write to a table that is gone is refused with ResourceNotFoundException. Decisions may be
        taken more than once.
        """
        ...

    def alter(self, decide: Alter, done: Callable[[Catalog | AwsError], None]) -> None:
        """Change the catalog in one transaction, alone among all writes; `done` gets the new
        catalog, or why it was refused.
        """
        ...

    def catalog(self) -> Catalog:
        """The committed catalog."""
        ...

    def get(self, table_id: int, key: bytes) -> bytes | None:
        """One item's canonical JSON."""
        ...

    def get_together(self, keys: Sequence[tuple[int, bytes]]) -> Sequence[bytes | None]:
        """Items by (table id, key), all as of one moment."""
        ...

    def rows(self, span: Span, max_rows: int, max_bytes: int) -> Sequence[Row]:
        """The first rows of a span in its direction: until `max_rows`, or until their sizes pass
        `max_bytes` (that row is the last one), or until its end. Fewer rows than asked and fewer
        bytes means that the span ended.
        """
        ...

    def usage(self, table: Table, index: Index | None = None) -> Usage:
        """Items and bytes of a table or an index."""
        ...

    def fill_index(self, table_id: int, index: Index, after: bytes, max_rows: int) -> bytes | None:
        """Write the index rows of the next items whose keys are above `after`, and wait for it;
        returns the last key done, or None when there were none left. Doing it again is harmless.
        """
        ...

    def purge(self, max_rows: int) -> int:
        """Remove rows that belong to dropped tables, indexes and shards, at most `max_rows`, and
        wait for it; 0 when none is left.
        """
        ...

    @property
    def log(self) -> ChangeLog:
        """The change records of this store."""
        ...

    def close(self) -> None:
        """Finish what was submitted, make it durable and let go of everything. Later calls fail."""
        ...
