"""A group gets the leases its shards need: at its beginning, and where some are missing."""

from __future__ import annotations

import pytest

from tailrace import limits
from tailrace.delivery.leases.discovery import bootstrap, children_of, missing, outdated
from tailrace.delivery.leases.lease import Lease, read_after
from tailrace.delivery.ports import Position, ShardInfo
from tailrace.delivery.settings import StartingPosition
from tailrace.streams import sequence

HORIZON, TIP = StartingPosition.TRIM_HORIZON, StartingPosition.LATEST
DONE = Position(finished=True)
# a closed shard, its two children (one closed with a child of its own), and another open one
SHARDS = [
    ShardInfo("a", None, closed=True),
    ShardInfo("b", "a", closed=True),
    ShardInfo("c", "a", closed=False),
    ShardInfo("d", "b", closed=False),
    ShardInfo("e", "gone", closed=False),
]


def table(*leases: Lease) -> dict[str, Lease]:
    return {lease.shard_id: lease for lease in leases}


def names(leases: list[Lease]) -> list[str]:
    return [lease.shard_id for lease in leases]


def test_from_the_horizon_a_group_begins_with_the_oldest_shards() -> None:
    leases = bootstrap(SHARDS, HORIZON, 7)
    assert names(leases) == ["a", "e"]
    assert all(lease.position == Position() for lease in leases)
    assert leases[1].parents == ("gone",)


def test_from_the_tip_it_begins_with_the_open_ones() -> None:
    leases = bootstrap(SHARDS, TIP, 7)
    assert names(leases) == ["c", "d", "e"]
    assert all(lease.position.latest and lease.started_ms == 7 for lease in leases)


def test_a_closed_shard_without_children_yet_is_begun_for_their_sake() -> None:
    assert names(bootstrap([ShardInfo("a", None, closed=True)], TIP, 7)) == ["a"]


def test_the_child_of_a_shard_that_is_still_listed_as_open_waits() -> None:
    listed = [ShardInfo("a", None, closed=False), ShardInfo("b", "a", closed=False)]
    assert names(bootstrap(listed, TIP, 7)) == ["a"]


def test_a_snapshot_comes_before_the_stream_from_the_tip() -> None:
    leases = bootstrap(SHARDS, HORIZON, 7, snapshot_segments=2)
    assert names(leases) == ["snapshot-0-0-of-2", "snapshot-0-1-of-2", "c", "d", "e"]
    assert leases[2].parents == ("a", "snapshot-0-0-of-2", "snapshot-0-1-of-2")
    assert leases[2].position.latest


@pytest.mark.parametrize("name", ["snapshot-0-0-of-1", "snapshot-0100000000000000000007-0-of-1"])
def test_what_is_made_during_a_first_snapshot_waits_for_it(name: str) -> None:
    going = Lease(shard_id=name)
    assert missing(SHARDS[-1:], table(going))[0].parents == ("gone", name)
    again = Lease(shard_id="snapshot-100000000000000000007-0-of-1")
    assert missing(SHARDS[-1:], table(again))[0].parents == ("gone",)


def test_a_first_snapshot_is_numbered_below_what_is_read_of_the_stream_after_it() -> None:
    now_ms = 1_800_000_000_000
    before_ms = now_ms - limits.CLOCK_TOLERANCE_MS
    old, young = sequence.number_at(now_ms - 3_600_000), sequence.number_at(now_ms - 10)
    for begins, after in ((old, sequence.number_at(before_ms)), (young, young)):
        shards = [ShardInfo("a", None, closed=False, begins=begins)]
        segment, shard = bootstrap(shards, TIP, now_ms, snapshot_segments=1)
        assert segment.position == Position(sequence=after)
        assert read_after(segment.shard_id) == after
        assert shard.parents == (segment.shard_id,)


@pytest.mark.parametrize("begins", [None, 1, 100_000_000_003_498_069_978, 10**24])
def test_where_numbers_do_not_tell_the_time_a_first_snapshot_begins_at_nought(
    begins: int | None,
) -> None:
    shards = [ShardInfo("a", None, closed=False, begins=begins)]
    segment, _ = bootstrap(shards, TIP, 1_800_000_000_000, snapshot_segments=1)
    assert segment == Lease(shard_id="snapshot-0-0-of-1")
    assert read_after(segment.shard_id) == 0


def test_nothing_is_missing_while_parents_are_under_way_or_descendants_have_leases() -> None:
    assert missing(SHARDS, table(Lease(shard_id="a"), Lease(shard_id="e"))) == []
    assert missing(SHARDS, table(*(Lease(shard_id=name) for name in "cde"))) == []


def test_children_of_a_finished_shard_and_unknown_shards_are_missing() -> None:
    found = missing(SHARDS, table(Lease(shard_id="a", position=DONE), Lease(shard_id="c")))
    assert names(found) == ["b", "e"]


def test_the_sibling_of_a_shard_with_a_lease_is_missing_too() -> None:
    assert names(missing(SHARDS, table(Lease(shard_id="d"), Lease(shard_id="e")))) == ["c"]


def test_children_belong_to_whoever_handled_the_parent() -> None:
    (lease, _) = children_of(Lease(shard_id="a"), SHARDS, "me")
    assert (lease.shard_id, lease.owner, lease.parents) == ("b", "me", ("a",))


def test_a_shard_that_two_were_merged_into_waits_for_both() -> None:
    merged = [
        ShardInfo("a", None, closed=True),
        ShardInfo("b", None, closed=True),
        ShardInfo("c", "a", closed=False, adjacent_parent_id="b"),
    ]
    assert names(missing(merged, {})) == ["a", "b"]
    half = table(Lease(shard_id="a", position=DONE), Lease(shard_id="b"))
    assert missing(merged, half) == []
    whole = table(Lease(shard_id="a", position=DONE), Lease(shard_id="b", position=DONE))
    assert missing(merged, whole) == [Lease(shard_id="c", parents=("a", "b"))]
    assert missing(merged, table(Lease(shard_id="c"))) == []
    assert names(children_of(Lease(shard_id="b"), merged, None)) == ["c"]
    assert names(bootstrap(merged, TIP, 7)) == ["c"]


def test_leases_of_shards_that_aged_out_go_when_their_children_are_under_way() -> None:
    old = Lease(shard_id="gone", position=DONE)
    waiting = Lease(shard_id="e", parents=("gone",))
    going = Lease(shard_id="e", parents=("gone",), position=Position(sequence=1))
    listed = Lease(shard_id="a", position=DONE)
    assert outdated(SHARDS, table(old, waiting)) == []
    assert outdated(SHARDS, table(old, going, listed)) == [old]
