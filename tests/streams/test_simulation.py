"""Laws 2 to 4 under everything at once: a seeded run of writes, rotations, splits, trims, clock
jumps, restarts and holds, with a reader that follows the shard tree through the API, and may stay
away for days while it holds the stream. Whoever fails prints the seed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tailrace.api.controls import run_control
from tailrace.api.operation import Altered, Context
from tailrace.clock import ManualClock
from tailrace.streams.log import Shard
from tailrace.tables import holds
from tailrace.testing.calling import Caller, CallRefused
from tailrace.testing.driving import alter

_STEPS = 400
_KEYS = 12
_MINUTE_US = 60_000_000
_DAY_US = 24 * 60 * _MINUTE_US
_LEASE_MS = 86_400_000

Sequence = int


class World:
    """A table with a stream, and what was acknowledged of it: the changes of each key, in order."""

    def __init__(self, seed: int, data: Path | None) -> None:
        self.random = random.Random(seed)
        self.clock = ManualClock()
        self.data = data
        self.caller = Caller(data, clock=self.clock)
        self.items: dict[str, int] = {}
        # By key: (event name, version after it, when it was made in microseconds).
        self.expected: dict[str, list[tuple[str, int | None, int]]] = {}
        made = self.caller.call(
            "CreateTable",
            TableName="things",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.arn: str = made["TableDescription"]["LatestStreamArn"]
        self.reader = Reader(self)

    def step(self) -> None:
        """Do one thing, drawn by the seed."""
        deeds = (
            (self.put, 40),
            (self.remove, 12),
            (self.rewrite, 8),
            (self.reader.look, 30),
            (self.rotate, 2),
            (self.split, 2),
            (self.pass_time, 8),
            (self.set_clock_back, 2),
            (self.trim, 2),
            (self.stay_away, 1),
            (self.restart, 2),
            (self.reader.forget_iterators, 2),
        )
        (deed,) = self.random.choices([deed for deed, _ in deeds], [weight for _, weight in deeds])
        deed()

    def _key(self) -> str:
        return f"key-{self.random.randrange(_KEYS)}"

    def put(self) -> None:
        key, version = self._key(), self.random.randrange(10**9)
        event = "MODIFY" if key in self.items else "INSERT"
        if self.items.get(key) == version:
            return
        self._write(key, version)
        self._note(key, event, version)
        self.items[key] = version

    def _write(self, key: str, version: int) -> None:
        item = {"pk": {"S": key}, "v": {"N": str(version)}}
        self.caller.call("PutItem", TableName="things", Item=item)

    def remove(self) -> None:
        """Delete an item, there or not: only the first makes a record."""
        key = self._key()
        self.caller.call("DeleteItem", TableName="things", Key={"pk": {"S": key}})
        if self.items.pop(key, None) is not None:
            self._note(key, "REMOVE", None)

    def rewrite(self) -> None:
        """Put an item as it is, which is no change."""
        if self.items:
            key = self.random.choice(sorted(self.items))
            self._write(key, self.items[key])

    def _note(self, key: str, event: str, version: int | None) -> None:
        self.expected.setdefault(key, []).append((event, version, self.clock.now_us()))

    def rotate(self) -> None:
        self._reshard("RotateShards")

    def split(self) -> None:
        if len(self.reader.open_shards()) < 24:
            self._reshard("SplitShards")

    def _reshard(self, control: str) -> None:
        shard = self.random.choice(self.reader.open_shards())
        body = f'{{"StreamArn":"{self.arn}","ShardId":"{shard}"}}'.encode()
        context = Context(self.caller.service, self.caller.scope)
        result = run_control(context, control, body)
        assert isinstance(result, Altered)
        alter(self.caller.engine, result.decide)

    def pass_time(self) -> None:
        self.clock.advance(self.random.randrange(1, 20) * _MINUTE_US)

    def set_clock_back(self) -> None:
        self.clock.advance(-self.random.randrange(1, 5) * _MINUTE_US)

    def trim(self) -> None:
        """Let hours pass, unread for at most as long as records live, and remove what has aged
        out."""
        self.reader.drain()
        self.clock.advance(self.random.randrange(1, 23) * 60 * _MINUTE_US)
        self.reader.drain()
        self.caller.keep()

    def stay_away(self) -> None:
        """Let days pass unread, with the stream held from what is not read yet."""
        self.reader.drain()
        stream = self.caller.engine.catalog().by_arn[self.arn]
        tips = [self.caller.engine.log.tip(shard.id) for shard in self._stream_shards()]
        now_us = self.clock.now_us()
        unread = 1 + max(tips, default=0)
        alter(self.caller.engine, holds.hold(stream.id, "me", unread, now_us, lease_ms=_LEASE_MS))
        for _ in range(self.random.randrange(1, 4)):
            self.put()
            self.remove()
            self.clock.advance(self.random.randrange(1, 23) * 60 * _MINUTE_US)
            now_us = self.clock.now_us()
            alter(self.caller.engine, holds.hold(stream.id, "me", 0, now_us, lease_ms=_LEASE_MS))
            self.caller.keep()
            self.restart()
        self.reader.drain()
        alter(self.caller.engine, holds.release(stream.id, "me"))
        self.caller.keep()

    def _stream_shards(self) -> tuple[Shard, ...]:
        catalog = self.caller.engine.catalog()
        return catalog.shards_of[catalog.by_arn[self.arn].id]

    def restart(self) -> None:
        if self.data is None:
            return
        self.caller.engine.close()
        self.caller = Caller(self.data, clock=self.clock)


class Reader:
    """A consumer by the book: parents before children, iterators renewed from the last record."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: dict[str, list[tuple[str, int | None]]] = {}
        self.last: dict[str, Sequence] = {}
        self.finished: set[str] = set()
        self.iterators: dict[str, str] = {}

    def shards(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            page = self.world.caller.call(
                "DescribeStream", StreamArn=self.world.arn, Limit=3, **more
            )["StreamDescription"]
            found += page["Shards"]
            if "LastEvaluatedShardId" not in page:
                return found
            more = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}

    def open_shards(self) -> list[str]:
        return [
            shard["ShardId"]
            for shard in self.shards()
            if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
        ]

    def look(self) -> None:
        """Read a page of one shard that may be read."""
        ready = self._ready(self.shards())
        if ready:
            self._read(self.world.random.choice(ready), self.world.random.randrange(1, 9))

    def drain(self) -> None:
        """Read all there is."""
        while True:
            news = [self._read(shard_id, 1000) for shard_id in self._ready(self.shards())]
            if not any(news):
                return

    def _ready(self, shards: list[dict[str, Any]]) -> list[str]:
        listed = {shard["ShardId"] for shard in shards}
        return [
            shard["ShardId"]
            for shard in shards
            if shard["ShardId"] not in self.finished
            and (
                shard.get("ParentShardId") not in listed or shard["ParentShardId"] in self.finished
            )
        ]

    def _read(self, shard_id: str, limit: int) -> bool:
        """Read a page; whether it brought anything new."""
        iterator = self.iterators.get(shard_id) or self.seek(shard_id)
        try:
            page = self.page(iterator, limit)
        except CallRefused as refusal:
            if refusal.code != "ExpiredIteratorException":
                raise
            page = self.page(self.seek(shard_id), limit)
        for record in page["Records"]:
            self._take(shard_id, record)
        following = page.get("NextShardIterator")
        if following is None:
            self.finished.add(shard_id)
            self.iterators.pop(shard_id, None)
        else:
            self.iterators[shard_id] = following
        return bool(page["Records"]) or following is None

    def page(self, iterator: str, limit: int) -> dict[str, Any]:
        return self.world.caller.call("GetRecords", ShardIterator=iterator, Limit=limit)

    def seek(self, shard_id: str) -> str:
        place: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard_id in self.last:
            place = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": str(self.last[shard_id]),
            }
        return self.world.caller.call(
            "GetShardIterator", StreamArn=self.world.arn, ShardId=shard_id, **place
        )["ShardIterator"]

    def _take(self, shard_id: str, record: dict[str, Any]) -> None:
        change = record["dynamodb"]
        number = int(change["SequenceNumber"])
        assert number > self.last.get(shard_id, 0)
        self.last[shard_id] = number
        image = change.get("NewImage")
        version = None if image is None else int(image["v"]["N"])
        self.seen.setdefault(change["Keys"]["pk"]["S"], []).append((record["eventName"], version))

    def forget_iterators(self) -> None:
        """As a consumer does that was restarted."""
        self.iterators.clear()


def _check(world: World) -> None:
    world.reader.drain()
    for key, changes in world.expected.items():
        assert world.reader.seen.get(key, []) == [(event, version) for event, version, _ in changes]
    assert world.reader.seen.keys() <= world.expected.keys()
    stored = world.caller.call("Scan", TableName="things")["Items"]
    assert {item["pk"]["S"]: int(item["v"]["N"]) for item in stored} == world.items


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("durable", [False, True])
def test_every_change_is_read_once_and_in_order(seed: int, durable: bool, tmp_path: Path) -> None:
    world = World(seed, tmp_path / "data" if durable else None)
    try:
        for _ in range(_STEPS):
            world.step()
        _check(world)
        # A day and more later nothing is left: records, shards with an end, their trace in the
        # store.
        world.clock.advance(2 * _DAY_US)
        world.caller.keep()
        for shard_id in world.reader.open_shards():
            assert world.reader.page(world.reader.seek(shard_id), 10)["Records"] == []
    finally:
        world.caller.engine.close()
