"""The contract of the `Sink` port, for sinks that keep documents. A sink's tests subclass it and
give it `make`."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from tailrace.delivery.ports import Batch, ReconcilingSink, Record, Sink
from tailrace.sinks.documents import document_id, document_of

__all__ = ["SinkContract", "SinkWorld", "batch_of", "change"]

WAIT_S = 60.0
BASE = 10**20 + (1_789_651_658_000_000 << 11)
CREATED_MS = 1_789_651_658_000

Item = dict[str, dict[str, Any]]


def key(pk: str, **more: dict[str, Any]) -> Item:
    """A key of the attribute `pk` and maybe others."""
    return {"pk": {"S": pk}, **more}


def change(number: int, keys: Item, new: Item | None, *, was: bool = True) -> Record:
    """The `number`th change: an item with these keys becomes `new`, or is removed. `was` says that
    it existed before."""
    inner: dict[str, Any] = {
        "ApproximateCreationDateTime": CREATED_MS / 1000,
        "Keys": keys,
        "SequenceNumber": str(BASE + number),
        "SizeBytes": 1,
        "StreamViewType": "NEW_IMAGE",
    }
    if new is not None:
        inner["NewImage"] = {**keys, **new}
    kind = "REMOVE" if new is None else "MODIFY" if was else "INSERT"
    event = {
        "eventID": f"{number:032x}",
        "eventName": kind,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": inner,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/L",
    }
    return Record.of(BASE + number, CREATED_MS + number, event)


def batch_of(*records: Record, shard_id: str = "shard-0", attempt: int = 1) -> Batch:
    """A batch of these records."""
    first = records[0].sequence if records else 0
    return Batch(f"request-{first}", "arn", shard_id, records, attempt)


class SinkWorld(Protocol):
    """A new sink, and what it holds."""

    sink: Sink

    async def documents(self) -> Mapping[str, Mapping[str, Any]]:
        """The documents in the sink's target by id, as a reader would find them there."""
        ...

    async def reopen(self) -> None:
        """Close the sink and open it anew on the same target."""
        ...


class SinkContract(ABC):
    """What every sink does that keeps documents."""

    @abstractmethod
    async def make(self) -> SinkWorld:
        """A sink whose target is empty."""

    def run(self, test: Callable[[SinkWorld], Coroutine[Any, Any, None]]) -> None:
        """Run a test with a sink of its own."""

        async def main() -> None:
            world = await self.make()
            try:
                await test(world)
            finally:
                await world.sink.close()

        asyncio.run(asyncio.wait_for(main(), WAIT_S))

    def test_items_are_put_changed_and_removed(self) -> None:
        async def test(world: SinkWorld) -> None:
            one, two = key("one"), key("two")
            records = [
                change(1, one, {"v": {"N": "1"}}, was=False),
                change(2, two, {"v": {"N": "2"}}, was=False),
            ]
            assert not await world.sink.write(batch_of(*records))
            assert await world.documents() == {
                "one": {"pk": "one", "v": 1},
                "two": {"pk": "two", "v": 2},
            }
            later = [change(3, one, {"v": {"N": "3"}}), change(4, two, None)]
            assert not await world.sink.write(batch_of(*later))
            assert await world.documents() == {"one": {"pk": "one", "v": 3}}

        self.run(test)

    def test_within_a_batch_the_last_change_of_an_item_counts(self) -> None:
        async def test(world: SinkWorld) -> None:
            it, gone = key("it"), key("gone")
            records = [
                change(1, it, {"v": {"N": "1"}}, was=False),
                change(2, gone, {"v": {"N": "1"}}, was=False),
                change(3, it, None),
                change(4, it, {"v": {"N": "4"}}, was=False),
                change(5, gone, None),
            ]
            assert not await world.sink.write(batch_of(*records))
            assert await world.documents() == {"it": {"pk": "it", "v": 4}}

        self.run(test)

    def test_a_batch_that_comes_again_changes_nothing(self) -> None:
        async def test(world: SinkWorld) -> None:
            records = [
                change(n, key(f"k{n % 3}"), {"v": {"N": str(n)}} if n % 4 else None)
                for n in range(1, 20)
            ]
            assert not await world.sink.write(batch_of(*records))
            before = await world.documents()
            assert not await world.sink.write(batch_of(*records, attempt=2))
            assert await world.documents() == before

        self.run(test)

    def test_older_records_that_come_late_change_nothing(self) -> None:
        async def test(world: SinkWorld) -> None:
            it, gone = key("it"), key("gone")
            old = [
                change(1, it, {"v": {"S": "old"}}, was=False),
                change(2, gone, {"v": {"S": "old"}}, was=False),
            ]
            new = [change(3, it, {"v": {"S": "new"}}), change(4, gone, None)]
            await world.sink.write(batch_of(*old, *new))
            assert not await world.sink.write(batch_of(*old, attempt=2))
            assert await world.documents() == {"it": {"pk": "it", "v": "new"}}
            await world.reopen()
            assert not await world.sink.write(batch_of(*old, attempt=3))
            assert await world.documents() == {"it": {"pk": "it", "v": "new"}}

        self.run(test)

    def test_what_was_removed_can_come_back(self) -> None:
        async def test(world: SinkWorld) -> None:
            it = key("it")
            await world.sink.write(batch_of(change(1, it, {"v": {"S": "a"}}, was=False)))
            await world.sink.write(batch_of(change(2, it, None)))
            await world.sink.write(batch_of(change(3, it, {"v": {"S": "b"}}, was=False)))
            assert await world.documents() == {"it": {"pk": "it", "v": "b"}}

        self.run(test)

    def test_removing_what_never_came_is_no_failure(self) -> None:
        async def test(world: SinkWorld) -> None:
            assert not await world.sink.write(batch_of(change(1, key("it"), None)))
            assert await world.documents() == {}

        self.run(test)

    def test_what_was_written_outlives_the_sink(self) -> None:
        async def test(world: SinkWorld) -> None:
            await world.sink.write(batch_of(change(1, key("it"), {"v": {"S": "x"}}, was=False)))
            await world.reopen()
            assert await world.documents() == {"it": {"pk": "it", "v": "x"}}

        self.run(test)

    def test_all_types_of_attributes(self) -> None:
        item: Item = {
            "s": {"S": 'ünïcode 🚂 \u0000"\n'},
            "n": {"N": "-12.5"},
            "big": {"N": "12345678901234567890123456789012345678"},
            "b": {"B": "3q2+7w=="},
            "bool": {"BOOL": False},
            "null": {"NULL": True},
            "m": {"M": {"deep": {"L": [{"M": {}}, {"M": {"n": {"N": "1"}}}]}}},
            "l": {"L": [{"N": "1"}, {"N": "2.5"}, {"L": [{"N": "3"}]}]},
            "ss": {"SS": ["a", "b"]},
            "ns": {"NS": ["1", "2.5"]},
            "bs": {"BS": ["AA=="]},
        }

        async def test(world: SinkWorld) -> None:
            assert not await world.sink.write(batch_of(change(1, key("it"), item, was=False)))
            assert await world.documents() == {"it": {"pk": "it", **document_of(item)}}

        self.run(test)

    def test_different_keys_are_different_documents(self) -> None:
        keys = [
            key("a", sk={"S": "b|c"}),
            key("a|b", sk={"S": "c"}),
            key("a%7Cb", sk={"S": "c"}),
            key("a", sk={"S": "b%7Cc"}),
            key("x" * 1500, sk={"S": "y" * 1000}),
            key("x" * 1501, sk={"S": "y" * 999}),
        ]

        async def test(world: SinkWorld) -> None:
            records = [change(n, each, {}, was=False) for n, each in enumerate(keys, 1)]
            assert not await world.sink.write(batch_of(*records))
            expected = {document_id(each): document_of(each) for each in keys}
            assert await world.documents() == expected
            assert len(expected) == len(keys)

        self.run(test)

    def test_shards_write_at_the_same_time(self) -> None:
        async def test(world: SinkWorld) -> None:
            def batch(shard: int) -> Batch:
                records = [
                    change(shard + 10 * n, key(f"{shard}-{n % 7}"), {"v": {"N": str(n)}})
                    for n in range(1, 30)
                ]
                return batch_of(*records, shard_id=f"shard-{shard}")

            await asyncio.gather(*(world.sink.write(batch(shard)) for shard in range(4)))
            found = await world.documents()
            assert len(found) == 28
            assert all(document["v"] > 22 for document in found.values())

        self.run(test)

    def test_a_thousand_records(self) -> None:
        async def test(world: SinkWorld) -> None:
            chance = random.Random(5)
            expected: dict[str, dict[str, Any]] = {}
            records: list[Record] = []
            for number in range(1, 1001):
                pk = f"k{chance.randrange(300)}"
                new = {"v": {"N": str(number)}} if chance.random() < 0.8 else None
                records.append(change(number, key(pk), new, was=pk in expected))
                expected.pop(pk, None)
                if new is not None:
                    expected[pk] = {"pk": pk, "v": number}
            assert not await world.sink.write(batch_of(*records))
            assert await world.documents() == expected

        self.run(test)

    def test_what_a_table_has_no_more_goes_when_it_was_read_again(self) -> None:
        async def test(world: SinkWorld) -> None:
            sink = world.sink
            if not isinstance(sink, ReconcilingSink):
                return
            assert await sink.reconcile(BASE + 5) == 0
            old = [change(n, key(f"k{n}"), {"v": {"N": str(n)}}, was=False) for n in range(1, 6)]
            await sink.write(batch_of(*old, change(6, key("k1"), {"v": {"S": "later"}})))
            await sink.write(batch_of(change(7, key("k2"), {"v": {"S": "read again"}})))
            assert await sink.reconcile(BASE + 5) == 3
            kept = {"k1": {"pk": "k1", "v": "later"}, "k2": {"pk": "k2", "v": "read again"}}
            assert await world.documents() == kept
            assert await sink.reconcile(BASE + 5) == 0
            await sink.write(batch_of(*old, attempt=2))
            assert await world.documents() == kept, "what was removed came back by a replay"

        self.run(test)
