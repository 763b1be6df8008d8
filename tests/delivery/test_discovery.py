"""A group gets the leases its shards need: at its beginning, and where some are missing."""

from __future__ import annotations

from tailrace.delivery.leases.discovery import bootstrap, children_of, missing, outdated
from tailrace.delivery.leases.lease import Lease
from tailrace.delivery.ports import Position, ShardInfo
from tailrace.delivery.settings import StartingPosition

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


def test_what_is_made_during_a_first_snapshot_waits_for_it() -> None:
    going = Lease(shard_id="snapshot-0-0-of-1")
    assert missing(SHARDS[-1:], table(going))[0].parents == ("gone", "snapshot-0-0-of-1")


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
