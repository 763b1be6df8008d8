"""Shards run when their parents are handled, and begin where the consumer's history says."""

from __future__ import annotations

from tailrace.delivery.coordinator import ShardTree
from tailrace.delivery.ports import Position, ShardInfo
from tailrace.delivery.settings import StartingPosition

HORIZON, LATEST = StartingPosition.TRIM_HORIZON, StartingPosition.LATEST
START, TIP, DONE = Position(), Position(latest=True), Position(finished=True)


def shard(name: str, parent: str | None = None, *, closed: bool = False) -> ShardInfo:
    return ShardInfo(name, parent, closed)


def test_children_wait_until_their_parent_is_handled() -> None:
    tree = ShardTree(HORIZON, {})
    tree.begin([shard("b", "a"), shard("c", "b"), shard("a", closed=True)])
    assert tree.runnable() == [("a", START)]
    tree.started("a")
    assert tree.runnable() == []
    assert tree.waiting == 2
    tree.ended("a", DONE)
    assert tree.runnable() == [("b", START)]


def test_both_children_of_a_split_run_at_once() -> None:
    tree = ShardTree(HORIZON, {"a": DONE})
    tree.begin([shard("a", closed=True), shard("b", "a"), shard("c", "a")])
    assert tree.runnable() == [("b", START), ("c", START)]


def test_a_merged_shard_waits_for_both_its_parents() -> None:
    merged = ShardInfo("c", "a", closed=False, adjacent_parent_id="b")
    tree = ShardTree(HORIZON, {"a": DONE})
    tree.begin([shard("a", closed=True), shard("b", closed=True), merged])
    assert tree.runnable() == [("b", START)]
    assert tree.has_child("b")
    tree.started("b")
    assert tree.runnable() == []
    tree.ended("b", DONE)
    assert tree.runnable() == [("c", START)]


def test_from_the_tip_a_merged_shard_whose_parent_is_open_begins_at_its_start() -> None:
    merged = ShardInfo("c", "a", closed=False, adjacent_parent_id="b")
    tree = ShardTree(LATEST, {})
    saved = tree.begin([shard("a", closed=True), shard("b"), merged])
    assert saved == {"a": DONE, "b": TIP, "c": START}


def test_a_parent_that_is_not_listed_holds_nothing_back() -> None:
    tree = ShardTree(HORIZON, {})
    tree.begin([shard("b", "gone"), shard("c", "c")])
    assert tree.runnable() == [("b", START), ("c", START)]


def test_a_running_parent_that_left_the_listing_still_holds_its_child_back() -> None:
    tree = ShardTree(HORIZON, {})
    tree.begin([shard("a"), shard("b", "a")])
    tree.started("a")
    tree.replace([shard("b", "a")])
    assert tree.runnable() == []


def test_a_consumer_goes_on_where_it_was() -> None:
    saved = {"a": Position(sequence=7), "b": TIP}
    tree = ShardTree(LATEST, saved)
    assert tree.begin([shard("a"), shard("b"), shard("new")]) == {}
    assert tree.runnable() == [("a", Position(sequence=7)), ("b", TIP), ("new", START)]


def test_latest_begins_at_the_tip_of_the_open_shards_and_says_so_for_a_restart() -> None:
    tree = ShardTree(LATEST, {})
    listed = [shard("a", closed=True), shard("b", "a"), shard("c", "b")]
    # c's parent is open: what c holds by the time it may run came after the start.
    assert tree.begin(listed) == {"a": DONE, "b": TIP, "c": START}
    assert tree.runnable() == [("b", TIP)]


def test_shards_found_after_the_start_begin_at_their_start() -> None:
    tree = ShardTree(LATEST, {})
    tree.begin([shard("a")])
    tree.started("a")
    tree.ended("a", DONE)
    tree.add([shard("b", "a")])
    assert tree.has_child("a")
    assert tree.runnable() == [("b", START)]


def test_a_shard_that_stopped_may_run_again() -> None:
    tree = ShardTree(HORIZON, {})
    tree.begin([shard("a")])
    tree.started("a")
    tree.ended("a", Position(sequence=3))
    assert tree.runnable() == [("a", Position(sequence=3))]


def test_what_is_no_longer_listed_was_lost_or_is_forgotten() -> None:
    tree = ShardTree(HORIZON, {"old": DONE, "lost": Position(sequence=3), "live": START})
    tree.begin([shard("live")])
    assert tree.vanished() == ["lost"]
    assert tree.expired() == ["old"]
    tree.forget(["old"])
    assert tree.expired() == []
