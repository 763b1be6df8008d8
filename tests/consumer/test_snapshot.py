"""A new group reads the whole table before its stream, without gap or stale overwrite, goes on
where it was interrupted, and reads the table again when the stream lost records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tailrace.consumer import Change, Consumer
from tailrace.sources.spool import DirectorySpool


class Copy:
    """A copy of a table as a receiver that compares versions keeps it; `taken` is all it got."""

    def __init__(self) -> None:
        self.taken: list[Change] = []
        self.items: dict[str, tuple[int, Any]] = {}

    async def handle(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.taken.append(change)
            name = change.keys["pk"]
            version = self.items.get(name, (-1, None))[0]
            if change.sequence > version:
                self.items[name] = change.sequence, change.new

    @property
    def values(self) -> dict[str, Any]:
        return {name: new["v"] for name, (_, new) in self.items.items() if new is not None}

    def reconcile(self, upto: int) -> int:
        old = [name for name, (version, _) in self.items.items() if version <= upto]
        for name in old:
            del self.items[name]
        return len(old)


async def until(condition: Callable[[], bool]) -> None:
    pause = asyncio.sleep
    while not condition():
        await pause(0.01)


def options_of(tables: Any, **more: Any) -> dict[str, Any]:
    return {**tables.quick, "endpoint_url": tables.endpoint_url, **more}


def test_the_table_comes_first_and_what_changes_meanwhile_comes_after(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.make("whole")
        await tables.put("whole", *(f"k{n}" for n in range(50)), v={"S": "old"})
        copy = Copy()
        options = options_of(tables, snapshot=True, snapshot_rate=100, group="whole-group")
        async with Consumer("whole", handler=copy.handle, **options) as consumer:
            await until(lambda: bool(copy.taken))
            await tables.put("whole", "k3", "k49", "k50", v={"S": "new"})
            await tables.call("DeleteItem", TableName="whole", Key={"pk": {"S": "k7"}})
            await consumer.caught_up()
            assert await consumer.snapshot_size() == 50
        kinds = [change.snapshot for change in copy.taken]
        assert kinds == sorted(kinds, reverse=True), "stream records before the snapshot's end"
        assert 48 <= kinds.count(True) <= 51
        numbers = {kind: [c.sequence for c in copy.taken if c.snapshot is kind] for kind in kinds}
        assert 10**20 < max(numbers[True]) < min(numbers[False]), "a version tells them apart"
        expected = {f"k{n}": "old" for n in range(50)} | dict.fromkeys(["k3", "k49", "k50"], "new")
        del expected["k7"]
        assert copy.values == expected
        again = Copy()
        async with Consumer("whole", handler=again.handle, **options) as consumer:
            await consumer.caught_up()
        assert again.taken == [], "a snapshot is read once"

    play(test)


def test_an_interrupted_snapshot_goes_on_where_it_stopped(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.make("broken-off")
        await tables.put("broken-off", *(f"k{n:03d}" for n in range(60)), v={"S": "x"})
        copy = Copy()
        options = options_of(tables, snapshot=2, group="broken-off-group", batch_size=5)

        async def slowly(changes: Sequence[Change]) -> None:
            await copy.handle(changes)
            await asyncio.sleep(0.05)

        first = Consumer("broken-off", handler=slowly, **options)
        await first.start()
        await until(lambda: len(copy.taken) >= 20)
        await first.stop()
        before = len(copy.taken)
        assert before < 60
        async with Consumer("broken-off", handler=copy.handle, **options) as second:
            await second.caught_up()
        assert len(copy.items) == 60
        scanned = [change for change in copy.taken if change.snapshot]
        assert len(scanned) == 60, "items were read again"

    play(test)


def test_lost_records_are_made_up_for_by_reading_the_table_again(play: Any, server: Any) -> None:
    async def test(tables: Any) -> None:
        arn = await tables.make("lossy")
        copy = Copy()
        options = options_of(tables, group="lossy-group", on_trimmed="resnapshot", snapshot=2)
        options["reconcile"] = copy.reconcile
        await tables.put("lossy", *(f"k{n}" for n in range(12)), v={"S": "first"})
        async with Consumer("lossy", handler=copy.handle, **options) as consumer:
            await consumer.caught_up()
        await tables.put("lossy", *(f"k{n}" for n in range(12)), v={"S": "lost"})
        await tables.call("DeleteItem", TableName="lossy", Key={"pk": {"S": "k5"}})
        await tables.control(server, "TrimStream", StreamArn=arn)
        await tables.put("lossy", "k1", v={"S": "last"})
        async with Consumer("lossy", handler=copy.handle, **options) as consumer:
            await until(lambda: "first" not in copy.values.values())
            assert consumer.progress().gaps > 0
            await consumer.caught_up()
            assert consumer.snapshot_items() is None
        expected = {f"k{n}": "lost" for n in range(12)} | {"k1": "last"}
        del expected["k5"]
        assert copy.values == expected

    play(test)


def test_without_that_policy_the_loss_is_counted_or_fatal(play: Any, server: Any) -> None:
    async def test(tables: Any) -> None:
        arn = await tables.make("trimmed")
        copy = Copy()
        options = options_of(tables, handler=copy.handle)
        await tables.put("trimmed", "a", v={"S": "x"})
        for group in ("skips", "fails"):
            async with Consumer("trimmed", group=group, **options) as consumer:
                await consumer.caught_up()
        await tables.put("trimmed", "a", v={"S": "y"})
        await tables.control(server, "TrimStream", StreamArn=arn)
        async with Consumer("trimmed", group="skips", on_trimmed="skip", **options) as consumer:
            await consumer.caught_up()
            assert consumer.progress().gaps == 1
        failing = Consumer("trimmed", group="fails", on_trimmed="fail", **options)
        failed = ""
        try:
            await failing.start()
            await failing.wait()
        except Exception as error:
            failed = type(error).__name__
        assert failed == "TrimmedDataAccessException"

    play(test)


def test_a_scan_that_outlasts_the_stream_loses_nothing(
    play: Any, server: Any, tmp_path: Path
) -> None:
    async def test(tables: Any) -> None:
        arn = await tables.make("long")
        await tables.put("long", *(f"k{n:02d}" for n in range(60)), v={"S": "old"})
        copy = Copy()
        options = options_of(tables, snapshot=1, group="long-group", batch_size=4)
        options |= {"snapshot_rate": 25, "spool": tmp_path, "spool_after_s": 0}

        async def spooled(shards: int, records: int) -> None:
            """Return when so many shards' records are in the spool."""
            while not (paths := list(tmp_path.glob("*.spool"))):  # noqa: ASYNC110, ASYNC240
                await asyncio.sleep(0.02)
            spool = DirectorySpool(paths[0])
            await spool.open(create=False)
            found = -1
            while found < records or len(await spool.states()) < shards:
                found = sum([len(await spool.read(n, -1, 100)) for n in await spool.states()])
                await asyncio.sleep(0.02)
            await spool.close()

        first = Consumer("long", handler=copy.handle, **options)
        await first.start()
        await spooled(4, 0)
        await tables.put("long", "k03", "k59", "k60", v={"S": "new"})
        await tables.call("DeleteItem", TableName="long", Key={"pk": {"S": "k07"}})
        await tables.control(server, "RotateShards", StreamArn=arn)
        await spooled(8, 64)
        await tables.put("long", "k03", v={"S": "newer"})
        await until(lambda: first.progress().records > 8)
        await first.stop()
        assert not any(change.snapshot is False for change in copy.taken)
        async with Consumer("long", handler=copy.handle, **options) as second:
            await spooled(8, 65)
            await tables.control(server, "TrimStream", StreamArn=arn)
            await second.caught_up()
            assert second.progress().gaps == 0
            await until(lambda: copy.values.get("k03") == "newer")
        expected = {f"k{n:02d}": "old" for n in range(60)}
        expected |= {"k59": "new", "k60": "new", "k03": "newer"}
        del expected["k07"]
        assert copy.values == expected
        mine = [change for change in copy.taken if change.keys["pk"] == "k03"]
        assert [change.new["v"] for change in mine][-2:] == ["new", "newer"]

    play(test)
