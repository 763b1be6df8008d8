"""Streams are enabled, disabled, resharded and retired as decisions over the catalog alone."""

from __future__ import annotations

import pytest

from tailrace.errors import AwsError, ResourceNotFoundException, ValidationException
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import StreamViewType, Table
from tailrace.streams.sequence import next_clock
from tailrace.tables.catalog import Alter, Alteration, Catalog
from tailrace.tables.stream_life import (
    disable_stream,
    enable_stream,
    requested_stream,
    retire,
    retirement_due,
    rotate,
    split,
)

NOW_US = 1_789_651_658_000_000
DAY_MS = 86_400_000
VIEW = StreamViewType.NEW_IMAGE


class Store:
    """A catalog and the clocks of its partitions."""

    def __init__(self, partitions: int = 4) -> None:
        self.now_us = NOW_US
        self.last = 0
        self.catalog = Catalog(tables={1: table(1, partitions)}, next_id=2)

    def alter(self, decide: Alter) -> Alteration:
        alteration = decide(self.catalog, self.tick)
        self.catalog = self.catalog.after(alteration)
        return alteration

    def tick(self, table_id: int, partition: int) -> int:
        del table_id
        self.last = next_clock(self.last, self.now_us, partition)
        return self.last


def table(table_id: int, partitions: int = 4) -> Table:
    keys = KeySchema((KeyAttribute("pk", "S"),))
    return Table(table_id, "u", "eu-west-1", "0" * 12, "t", keys, {"pk": "S"}, NOW_US, partitions)


def enabled(partitions: int = 4) -> Store:
    store = Store(partitions)
    store.alter(enable_stream(1, VIEW, NOW_US))
    return store


def test_enabling_gives_the_table_a_stream_with_one_open_shard_a_partition() -> None:
    store = enabled()
    stream = store.catalog.tables[1].stream
    assert stream is not None
    assert store.catalog.streams == {stream.id: stream}
    assert stream.arn == f"arn:aws:dynamodb:eu-west-1:{'0' * 12}:table/t/stream/{stream.label}"
    assert stream.view_type is VIEW
    shards = store.catalog.shards_of[stream.id]
    assert [shard.partition for shard in shards] == [0, 1, 2, 3]
    assert all(shard.open for shard in shards)
    assert store.catalog.next_id == max(shard.id for shard in shards) + 1


def test_enabling_twice_is_refused() -> None:
    with pytest.raises(ValidationException) as refusal:
        enabled().alter(enable_stream(1, VIEW, NOW_US))
    assert refusal.value.message == "Table already has an enabled stream: TableName: t"


def test_disabling_closes_every_shard_and_keeps_the_stream() -> None:
    store = enabled()
    store.alter(disable_stream(1, NOW_US + 5))
    assert store.catalog.tables[1].stream is None
    (stream,) = store.catalog.streams.values()
    assert stream.disabled_us == NOW_US + 5
    assert not any(shard.open for shard in store.catalog.shards.values())


def test_disabling_without_a_stream_is_refused() -> None:
    with pytest.raises(ValidationException) as refusal:
        Store().alter(disable_stream(1, NOW_US))
    assert refusal.value.message == "Table has no stream to disable: TableName: t"


@pytest.mark.parametrize("decide", [enable_stream(9, VIEW, NOW_US), disable_stream(9, NOW_US)])
def test_a_table_that_is_gone(decide: Alter) -> None:
    with pytest.raises(ResourceNotFoundException):
        Store().alter(decide)


def test_streams_of_one_millisecond_have_distinct_labels() -> None:
    store = enabled()
    for _ in range(3):
        store.alter(disable_stream(1, NOW_US))
        store.alter(enable_stream(1, VIEW, NOW_US))
    assert len({stream.arn for stream in store.catalog.streams.values()}) == 4


def test_a_table_of_the_same_name_gets_a_label_of_its_own() -> None:
    store = enabled()
    store.alter(disable_stream(1, NOW_US))
    replaced = Alteration(tables=(table(100),), dropped_tables=(1,), next_id=101)
    store.catalog = store.catalog.after(replaced)
    store.alter(enable_stream(100, VIEW, NOW_US))
    assert len({stream.arn for stream in store.catalog.streams.values()}) == 2


@pytest.mark.parametrize(
    ("wanted", "view", "message"),
    [
        (True, None, "If stream is being enabled then UpdateViewType is required"),
        (False, VIEW, "If stream is being disabled, then UpdateViewType must not be specified"),
    ],
)
def test_specifications_that_contradict_themselves(
    wanted: bool, view: StreamViewType | None, message: str
) -> None:
    with pytest.raises(ValidationException) as refusal:
        requested_stream(wanted, view)
    assert refusal.value.message == f"One or more parameter values were invalid: {message}"


def test_specifications() -> None:
    assert requested_stream(True, VIEW) is VIEW
    assert requested_stream(False, None) is False


def test_rotating_all_shards_at_once() -> None:
    store = enabled()
    before = dict(store.catalog.shards)
    store.alter(rotate(before))
    shards = store.catalog.shards
    assert not any(shards[old].open for old in before)
    born = [shard for shard in shards.values() if shard.id not in before]
    assert [shard.parent for shard in born] == [shard.name for shard in before.values()]
    assert len({shard.name for shard in shards.values()}) == 8
    assert store.catalog.next_id == max(shards) + 1


def test_what_is_closed_or_gone_is_not_rotated() -> None:
    store = enabled(1)
    (shard_id,) = store.catalog.shards
    store.alter(rotate([shard_id]))
    assert store.alter(rotate([shard_id, 999])).shards == ()


def test_splitting_opens_two_children() -> None:
    store = enabled(1)
    (shard_id,) = store.catalog.shards
    store.alter(split([shard_id]))
    low, high = (shard for shard in store.catalog.shards.values() if shard.open)
    assert low.high == high.low
    assert store.catalog.open_shards == {(low.stream_id, 0): (low, high)}


def test_splitting_one_hash_changes_nothing() -> None:
    store = enabled(1)
    for _ in range(32):
        store.alter(split([max(store.catalog.shards)]))
    before = store.catalog
    with pytest.raises(AwsError):
        store.alter(split([max(before.shards)]))
    assert len(before.shards) == 2 * 32 + 1
    assert store.catalog is before


def test_retiring_drops_shards_as_they_age_and_then_the_stream() -> None:
    store = enabled(1)
    (first,) = store.catalog.shards
    store.now_us += 3_600_000_000
    store.alter(rotate([first]))
    store.now_us += 3_600_000_000
    store.alter(disable_stream(1, store.now_us))
    assert not retirement_due(store.catalog, store.now_us, DAY_MS)
    assert store.alter(retire(store.now_us, DAY_MS)) == Alteration()

    store.now_us += 23 * 3_600_000_000 + 1000
    assert retirement_due(store.catalog, store.now_us, DAY_MS)
    assert store.alter(retire(store.now_us, DAY_MS)).dropped_shards == (first,)
    assert len(store.catalog.streams) == 1

    store.now_us += 3_600_000_000
    store.alter(retire(store.now_us, DAY_MS))
    assert (store.catalog.shards, store.catalog.streams) == ({}, {})


def test_nothing_ages_out_of_unlimited_retention() -> None:
    store = enabled()
    store.alter(disable_stream(1, NOW_US))
    assert store.alter(retire(NOW_US * 2, None)) == Alteration()
