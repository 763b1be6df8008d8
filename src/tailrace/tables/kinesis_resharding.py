"""Cutting a Kinesis stream into shards anew: splits and merges, in one alteration of the catalog.

Splitting a shard closes it and opens two children at a given hash key; merging closes two whose
ranges meet and opens one child of both. A child's sequence numbers begin behind those of its
parents.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from tailrace.errors import (
    InvalidArgumentException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from tailrace.streams import lineage
from tailrace.streams.log import Shard
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.kinesis_streams import (
    HASH_KEY_BYTES,
    HASH_KEYS,
    KinesisStream,
    being_updated,
    check_active,
    check_shard_limit,
    find,
    found,
    shard_name,
)
from tailrace.tables.transitions import Transition

__all__ = ["halve", "hash_key_range", "merge_shards", "split_shard", "uniform", "warm"]

Owner = tuple[str, str, str]


def hash_key_range(shard: Shard) -> tuple[int, int]:
    """The first and the last hash key of a shard."""
    high = HASH_KEYS if shard.high is None else _number(shard.high)
    return _number(shard.low), high - 1


def _number(bound: bytes) -> int:
    return int.from_bytes(bound.ljust(HASH_KEY_BYTES, b"\0"), "big")


class _Resharding:
    """The shards of a stream while they are changed; what came of it is in `changed`."""

    def __init__(
        self, catalog: Catalog, tick: Tick, owner: Owner, transition: Transition | None
    ) -> None:
        self.stream: KinesisStream = found(catalog, *owner)
        self._transition = transition
        self.account, self.region, self.name = owner
        self.changed: dict[int, Shard] = {}
        self._shards = {shard.name: shard for shard in catalog.shards_of[self.stream.stream.id]}
        self._tick: lineage.Tick = partial(tick, self.stream.table.id)
        self._next_id = catalog.next_id
        self._next_number = 1 + max(int(name.rpartition("-")[2]) for name in self._shards)

    @property
    def alteration(self) -> Alteration:
        table = being_updated(self.stream.table, self._transition)
        return Alteration(
            tables=() if table is self.stream.table else (table,),
            shards=tuple(self.changed.values()),
            next_id=self._next_id,
        )

    def open_shards(self) -> list[Shard]:
        """The open shards in the order of their hash keys."""
        return sorted(
            (shard for shard in self._shards.values() if shard.open), key=lambda shard: shard.low
        )

    def find(self, name: str) -> Shard:
        """An open shard. Raises ResourceNotFoundException, ResourceInUseException when closed."""
        shard = self._shards.get(name)
        place = f"{name} in stream {self.name} under account {self.account}"
        if shard is None:
            raise ResourceNotFoundException(f"Could not find shard {place}.")
        if not shard.open:
            raise ResourceInUseException(
                f"Shard {place} has already been merged or split, and thus is not eligible for"
                " merging or splitting."
            )
        return shard

    def split(self, shard: Shard, at: bytes) -> tuple[Shard, Shard]:
        closed = self._close(shard)
        start = (closed.end or 0) + 1
        low = self._open(shard.low, at, start, shard.name)
        return low, self._open(at, shard.high, start, shard.name)

    def merge(self, low: Shard, high: Shard) -> Shard:
        """One child of two shards whose ranges meet."""
        ends = [self._close(shard).end or 0 for shard in (low, high)]
        return self._open(low.low, high.high, max(ends) + 1, low.name, high.name)

    def _close(self, shard: Shard) -> Shard:
        return self._put(lineage.close(shard, self._tick))

    def _open(
        self, low: bytes, high: bytes | None, start: int, parent: str, other: str | None = None
    ) -> Shard:
        shard = Shard(
            id=self._next_id,
            name=shard_name(self._next_number),
            stream_id=self.stream.stream.id,
            partition=0,
            low=low,
            high=high,
            start=start,
            parent=parent,
            adjacent_parent=other,
        )
        self._next_id += 1
        self._next_number += 1
        return self._put(shard)

    def _put(self, shard: Shard) -> Shard:
        self.changed[shard.id] = self._shards[shard.name] = shard
        return shard


def split_shard(
    owner: Owner, name: str, hash_key: int, transition: Transition | None = None
) -> Alter:
    """Split an open shard so that the second child begins at `hash_key`.

    Refuses with InvalidArgumentException for a key that doesn't lie well inside its range,
    ResourceInUseException while the stream is changing.
    """

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        step = _Resharding(catalog, tick, owner, transition)
        shard = step.find(name)
        first, last = hash_key_range(shard)
        if not first + 1 < hash_key < last:
            raise InvalidArgumentException(
                f"NewStartingHashKey {hash_key} used in SplitShard() on shard {name} in stream"
                f" {step.name} under account {step.account} is not both greater than one plus the"
                f" shard's StartingHashKey {first} and less than the shard's EndingHashKey"
                f" {last - 1}."
            )
        check_active(step.stream)
        check_shard_limit(catalog, step.account, step.region, 1)
        step.split(shard, hash_key.to_bytes(HASH_KEY_BYTES, "big"))
        return step.alteration

    return decide


def merge_shards(
    owner: Owner, name: str, other_name: str, transition: Transition | None = None
) -> Alter:
    """Merge two open shards. Refuses with InvalidArgumentException when their ranges don't meet,
    ResourceInUseException while the stream is changing."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        step = _Resharding(catalog, tick, owner, transition)
        shard, other = step.find(name), step.find(other_name)
        if shard.high is not None and shard.high == other.low:
            step.merge(shard, other)
        elif other.high is not None and other.high == shard.low:
            # Whoever is named first is the parent, whichever side it lies on.
            child = step.merge(other, shard)
            step.changed[child.id] = msgspec.structs.replace(
                child, parent=name, adjacent_parent=other_name
            )
        else:
            raise InvalidArgumentException(
                f"Shards {name} and {other_name} in stream {step.name} under account"
                f" {step.account} are not an adjacent pair of shards eligible for merging"
            )
        check_active(step.stream)
        return step.alteration

    return decide


def uniform(
    owner: Owner,
    count: int,
    check: Callable[[int], None],
    transition: Transition | None = None,
) -> Alter:
    """Cut a stream into `count` open shards of equal ranges, by splitting and merging those it has;
    nothing happens to those that fit. `check` gets the number of open shards and raises to refuse.
    """

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        step = _Resharding(catalog, tick, owner, transition)
        check_active(step.stream)
        before = len(step.open_shards())
        check(before)
        check_shard_limit(catalog, step.account, step.region, max(count - before, 0))
        cuts = [lineage.cut(piece, count, HASH_KEY_BYTES) or b"" for piece in range(1, count)]
        _split_at(step, cuts)
        _merge_between(step, cuts)
        return step.alteration

    return decide


def warm(
    owner: Owner, count: int, settings: Mapping[str, Any], transition: Transition | None = None
) -> Alter:
    """Cut a stream into `count` open shards of equal ranges and add to its settings."""
    cut = uniform(owner, count, _any, transition)

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        alteration = cut(catalog, tick)
        (table,) = alteration.tables or (found(catalog, *owner).table,)
        table = msgspec.structs.replace(table, settings={**table.settings, **settings})
        return msgspec.structs.replace(alteration, tables=(table,))

    return decide


def _any(count: int) -> None:
    """Refuse no number of shards."""


def halve(owner: Owner, shard_ids: Collection[int]) -> Alter:
    """Split the shards of an on-demand stream that have too much to write in the middle; those that
    are closed or gone by then are left, as is a stream that is gone."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        if find(catalog, *owner) is None:
            return Alteration()
        step = _Resharding(catalog, tick, owner, None)
        for shard in step.open_shards():
            middle = lineage.middle(shard, HASH_KEY_BYTES)
            if shard.id in shard_ids and middle is not None:
                step.split(shard, middle)
        return step.alteration

    return decide


def _split_at(step: _Resharding, cuts: Sequence[bytes]) -> None:
    for shard in step.open_shards():
        for cut in cuts:
            if shard.low < cut and (shard.high is None or cut < shard.high):
                _, shard = step.split(shard, cut)


def _merge_between(step: _Resharding, cuts: Sequence[bytes]) -> None:
    kept: Shard | None = None
    for shard in step.open_shards():
        kept = shard if kept is None or shard.low in cuts else step.merge(kept, shard)
