"""The contract of engines that keep what they are given, over closing and opening again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from tailrace.clock import ManualClock
from tailrace.tables import holds
from tailrace.tables.engine import Engine
from tailrace.testing.builders import (
    alter_table,
    delete_write,
    drop_table,
    index,
    item,
    put_write,
    rotate,
    split,
)
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.contracts.store import StoreContract
from tailrace.testing.driving import alter, make_table, settled, submit_all
from tailrace.testing.reading import history, items_of, rows_of, shards_of

__all__ = ["DurabilityContract"]

_HOUR_US = 3_600_000_000


class DurabilityContract(StoreContract):
    """Stores that are opened again. For engines that outlive their process, beside the others."""

    def test_a_store_opened_again_is_as_it_was(
        self, engine: Engine, tmp_path: Path, clock: ManualClock
    ) -> None:
        table = make_table(engine, sort=True, index_on=["g"])
        plain = make_table(engine, "plain", streamed=False)
        for made in (table, plain):
            things = [item(f"k{n % 7}", sk=f"s{n}", g=f"g{n % 3}", v="é" * n) for n in range(60)]
            submit_all(engine, [[put_write(made, thing)] for thing in things])
            submit_all(engine, [[delete_write(made, thing)] for thing in things[::4]])
        alter(engine, split(table.id))
        submit_all(engine, [[put_write(table, item("k", sk=f"s{n}"))] for n in range(20)])
        catalog, records = engine.catalog(), history(engine, table)
        rows = [rows_of(engine, made) for made in (table, plain)]
        engine.close()

        with closing(self.make(tmp_path, clock)) as again:
            assert again.catalog() == catalog
            assert history(again, table) == records
            assert [rows_of(again, made) for made in (table, plain)] == rows
            check_agreement(again, table)
            check_agreement(again, plain)

    def test_a_store_opened_again_knows_what_was_trimmed_and_is_held(
        self, engine: Engine, tmp_path: Path, clock: ManualClock
    ) -> None:
        table = make_table(engine)
        settled(engine, *(put_write(table, item(f"k{n}")) for n in range(20)))
        shards = shards_of(engine, table)
        alter(engine, holds.hold(shards[0].stream_id, "me", 7, clock.now_us(), lease_ms=None))
        engine.log.trim(1 << 62, 9)
        trimmed = [engine.log.trimmed(shard.id) for shard in shards]
        assert any(trimmed)
        engine.close()
        with closing(self.make(tmp_path, clock)) as again:
            assert [again.log.trimmed(shard.id) for shard in shards] == trimmed
            (hold,) = again.catalog().holds.values()
            assert (hold.owner, hold.clock) == ("me", 7)
            alter(again, holds.release(hold.stream_id, "me"))
            again.close()
        with closing(self.make(tmp_path, clock)) as again:
            assert again.catalog().holds == {}

    def test_what_was_submitted_before_closing_is_there(
        self, engine: Engine, tmp_path: Path, clock: ManualClock
    ) -> None:
        table = make_table(engine)
        outcomes: list[object] = []
        for n in range(300):
            engine.submit([put_write(table, item(f"k{n}"))], outcomes.append)
        engine.alter(rotate(table.id), outcomes.append)
        engine.close()
        with closing(self.make(tmp_path, clock)) as again:
            assert len(outcomes) == 301
            assert len(items_of(again, table)) == 300
            assert len(shards_of(again, table)) == 2 * table.partitions
            check_agreement(again, table)

    def test_a_store_opened_again_goes_on(
        self, engine: Engine, tmp_path: Path, clock: ManualClock
    ) -> None:
        table = make_table(engine, index_on=["g"])
        for round_ in range(4):
            settled(engine, *(put_write(table, item(f"k{n}", g=f"{round_}")) for n in range(20)))
            made = make_table(engine, f"table-{round_}")
            settled(engine, put_write(made, item("a")))
            engine.close()
            engine = self.make(tmp_path, clock)
        catalog = engine.catalog()
        assert len(catalog.tables) == 5
        assert len(catalog.shards) == 5 * table.partitions
        check_agreement(engine, table)
        engine.close()

    def test_clocks_grow_on_over_a_clock_set_back(
        self, engine: Engine, tmp_path: Path, clock: ManualClock
    ) -> None:
        table = make_table(engine)
        settled(engine, *(put_write(table, item(f"k{n}")) for n in range(30)))
        highest = history(engine, table)[-1].clock
        engine.close()
        clock.advance(-_HOUR_US)
        with closing(self.make(tmp_path, clock)) as again:
            settled(again, *(delete_write(table, item(f"k{n}")) for n in range(30)))
            assert all(record.clock > highest for record in history(again, table)[30:])
            check_agreement(again, table)

    def test_clocks_grow_on_when_no_record_is_left_to_tell(
        self, engine: Engine, tmp_path: Path, clock: ManualClock
    ) -> None:
        table = make_table(engine)
        settled(engine, put_write(table, item("a", n=1)))
        highest = history(engine, table)[-1].clock
        assert engine.log.trim(highest + 1, 10) == 1
        engine.close()
        clock.advance(-_HOUR_US)
        with closing(self.make(tmp_path, clock)) as again:
            settled(again, put_write(table, item("a", n=2)))
            (record,) = history(again, table)
            assert record.clock > highest

    def test_no_record_is_older_than_a_shard_made_before_a_restart(
        self, engine: Engine, tmp_path: Path, clock: ManualClock
    ) -> None:
        table = make_table(engine)
        settled(engine, *(put_write(table, item(f"k{n}")) for n in range(30)))
        alter(engine, rotate(table.id))
        engine.close()
        clock.advance(-_HOUR_US)
        with closing(self.make(tmp_path, clock)) as again:
            settled(again, *(delete_write(table, item(f"k{n}")) for n in range(30)))
            # Which holds each record against the start and the end of its shard.
            check_agreement(again, table)

    def test_filling_and_purging_go_on_where_they_were(
        self, engine: Engine, tmp_path: Path, clock: ManualClock
    ) -> None:
        table, dropped = make_table(engine), make_table(engine, "dropped", index_on=["g"])
        for made in (table, dropped):
            submit_all(engine, [[put_write(made, item(f"k{n}", g="x"))] for n in range(30)])
        added = index(engine.catalog().next_id, "g")
        changed = msgspec.structs.replace(table, indexes=(added,))
        alter(engine, alter_table(changed))
        alter(engine, drop_table(dropped.id))
        after = engine.fill_index(table.id, added, b"", 11)
        assert engine.purge(13) > 0
        engine.close()
        with closing(self.make(tmp_path, clock)) as again:
            while after is not None:
                after = again.fill_index(table.id, added, after, 11)
            while again.purge(13):
                pass
            assert rows_of(again, dropped) == []
            check_agreement(again, changed)

    def test_trimmed_records_stay_away(
        self, engine: Engine, tmp_path: Path, clock: ManualClock
    ) -> None:
        table = make_table(engine)
        submit_all(engine, [[put_write(table, item("a", n=n))] for n in range(30)])
        records = history(engine, table)
        assert engine.log.trim(records[12].clock, 100) == 12
        engine.close()
        with closing(self.make(tmp_path, clock)) as again:
            assert history(again, table) == records[12:]
