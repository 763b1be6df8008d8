"""What a table is: keys, indexes, settings, its stream. All of it is data; a change makes a new
value.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from functools import cached_property

import msgspec

from tailrace.model import arns
from tailrace.model.keys import KeySchema
from tailrace.model.values import Item
from tailrace.model.vectors import VectorSchema

__all__ = [
    "BillingMode",
    "Destination",
    "Index",
    "IndexKind",
    "IndexStatus",
    "Projection",
    "Stream",
    "StreamKind",
    "StreamViewType",
    "Table",
    "TableStatus",
    "Throughput",
]


class TableStatus(enum.Enum):
    CREATING = "CREATING"
    UPDATING = "UPDATING"
    DELETING = "DELETING"
    ACTIVE = "ACTIVE"


class IndexStatus(enum.Enum):
    CREATING = "CREATING"
    UPDATING = "UPDATING"
    DELETING = "DELETING"
    ACTIVE = "ACTIVE"


class IndexKind(enum.Enum):
    """INTERNAL indexes serve the store itself: callers neither see them nor pay for them."""

    LOCAL = "LOCAL"
    GLOBAL = "GLOBAL"
    VECTOR = "VECTOR"
    INTERNAL = "INTERNAL"


class BillingMode(enum.Enum):
    PROVISIONED = "PROVISIONED"
    PAY_PER_REQUEST = "PAY_PER_REQUEST"


class Projection(enum.Enum):
    ALL = "ALL"
    KEYS_ONLY = "KEYS_ONLY"
    INCLUDE = "INCLUDE"


class StreamKind(enum.Enum):
    """TABLE streams are what the Streams API shows. A CAPTURE is one of Tailrace's own beside it,
    with both images, which no caller sees; a KINESIS stream takes the records that callers put.
    """

    TABLE = "TABLE"
    CAPTURE = "CAPTURE"
    KINESIS = "KINESIS"


class StreamViewType(enum.Enum):
    KEYS_ONLY = "KEYS_ONLY"
    NEW_IMAGE = "NEW_IMAGE"
    OLD_IMAGE = "OLD_IMAGE"
    NEW_AND_OLD_IMAGES = "NEW_AND_OLD_IMAGES"


class Throughput(msgspec.Struct, frozen=True):
    """Provisioned capacity, in units a second; zero for on-demand tables."""

    read_units: int = 0
    write_units: int = 0


class Index(msgspec.Struct, frozen=True, dict=True):
    """A secondary index. `id` is unique in the whole store and never used again.

    A VECTOR index has a `vector`; its key is the attribute that divides it, or else the table's
    partition key. `settles_us` is when what its status says is over, by the clock; None where
    that is not a matter of time. Until `allocated_us` a new one counts as not being filled yet.
    """

    id: int
    name: str
    kind: IndexKind
    keys: KeySchema
    projection: Projection
    included: tuple[str, ...] = ()
    status: IndexStatus = IndexStatus.ACTIVE
    backfilling: bool = False
    throughput: Throughput = Throughput()
    vector: VectorSchema | None = None
    allocated_us: int | None = None
    settles_us: int | None = None

    @property
    def next_settlement_us(self) -> int | None:
        """When its next change of status is due, None while none is. An index becomes ACTIVE by
        the clock only once it is filled."""
        if self.allocated_us is not None:
            return self.allocated_us
        return None if self.backfilling else self.settles_us

    @property
    def readable(self) -> bool:
        return self.status in (IndexStatus.ACTIVE, IndexStatus.UPDATING)

    @cached_property
    def row_of(self) -> Callable[[Item, bytes], bytes | None]:
        """Gives the bytes of the row that an item with a key has in this index, None for none."""
        return self.keys.index_row if self.vector is None else self._vector_row

    def _vector_row(self, item: Item, item_key: bytes) -> bytes | None:
        held = self.vector is not None and self.vector.holds(item)
        return self.keys.index_row(item, item_key) if held else None

    @cached_property
    def rules(self) -> KeySchema | VectorSchema:
        """What checks, by `check_index(item, index's name)`, that this index can hold what an item
        carries of its attributes."""
        return self.keys if self.vector is None else self.vector

    @property
    def defined_names(self) -> tuple[str, ...]:
        """The attributes of this index that the table's definition gives a type to."""
        return self.keys.names if self.vector is None else self.vector.names


class Destination(msgspec.Struct, frozen=True):
    """The Kinesis stream that a capture's records go on to. `precision` is that of their times,
    MILLISECOND or MICROSECOND; None when nobody chose. `updating` says that it was what changed
    last."""

    stream_arn: str
    precision: str | None = None
    updating: bool = False


class Stream(msgspec.Struct, frozen=True, dict=True):
    """A table's stream, from its enabling until its last record is trimmed. `id` is unique in the
    whole store.

    `disabled_us` is when it was disabled (or its table deleted); None while it takes records.
    `retention_ms` is how long it keeps records, None for as long as the store's streams do.
    `destination` is where the records of a capture go. Until `settles_us` it counts as being
    enabled or disabled; what it records and what can be read of it has changed already.
    """

    id: int
    table_id: int
    table_name: str
    region: str
    account: str
    label: str
    view_type: StreamViewType
    keys: KeySchema
    created_us: int
    disabled_us: int | None = None
    kind: StreamKind = StreamKind.TABLE
    retention_ms: int | None = None
    destination: Destination | None = None
    settles_us: int | None = None

    @cached_property
    def arn(self) -> str:
        if self.kind is StreamKind.KINESIS:
            return arns.kinesis_arn(self.region, self.account, self.table_name)
        return arns.stream_arn(self.region, self.account, self.table_name, self.label)

    @property
    def enabled(self) -> bool:
        return self.disabled_us is None

    def is_changing(self, now_us: int) -> bool:
        """Whether it counts as being enabled or disabled still."""
        return self.settles_us is not None and now_us < self.settles_us


class Table(msgspec.Struct, frozen=True, dict=True):
    """A table. `id` is unique in the whole store and never used again; `uuid` is what AWS calls
    TableId.

    `captures` are streams of Tailrace's own that get a record of each change too. `settings` keeps
    what is stored and described but decides nothing here (table class, tags, protection and the
    like), in the API's own form.

    `settles_us` is when what its status says is over, by the clock; None where that is not a
    matter of time. `former_throughput` is what is shown while another is being provisioned.
    """

    id: int
    uuid: str
    region: str
    account: str
    name: str
    keys: KeySchema
    attribute_types: dict[str, str]
    created_us: int
    partitions: int
    status: TableStatus = TableStatus.ACTIVE
    billing_mode: BillingMode = BillingMode.PROVISIONED
    throughput: Throughput = Throughput()
    indexes: tuple[Index, ...] = ()
    stream: Stream | None = None
    captures: tuple[Stream, ...] = ()
    ttl_attribute: str | None = None
    settings: dict[str, object] = {}
    settles_us: int | None = None
    former_throughput: Throughput | None = None

    @cached_property
    def arn(self) -> str:
        return arns.table_arn(self.region, self.account, self.name)

    @cached_property
    def next_settlement_us(self) -> int | None:
        """When its own next change of status is due, or that of one of its indexes."""
        moments = [self.settles_us, *(index.next_settlement_us for index in self.indexes)]
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def available(self) -> bool:
        """Whether its items can be read and written."""
        return self.status in (TableStatus.ACTIVE, TableStatus.UPDATING)

    @cached_property
    def recorded(self) -> bool:
        """Whether changes of items make records."""
        return self.stream is not None or bool(self.captures)

    @cached_property
    def index_by_name(self) -> dict[str, Index]:
        """The indexes that callers know, by name."""
        return {index.name: index for index in self.secondary_indexes}

    @cached_property
    def readable_indexes(self) -> dict[str, Index]:
        """Those of them that can be read, by name."""
        return {index.name: index for index in self.secondary_indexes if index.readable}

    @cached_property
    def secondary_indexes(self) -> tuple[Index, ...]:
        """The indexes that callers know."""
        return tuple(index for index in self.indexes if index.kind is not IndexKind.INTERNAL)

    @cached_property
    def index_key_names(self) -> frozenset[str]:
        """The attributes of the keys of indexes that callers know."""
        return frozenset(name for index in self.secondary_indexes for name in index.keys.names)

    @cached_property
    def vector_indexes(self) -> tuple[Index, ...]:
        return tuple(index for index in self.indexes if index.kind is IndexKind.VECTOR)
