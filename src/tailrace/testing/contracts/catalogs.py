"""The contract of `Engine.alter`, `catalog`, `purge` and `close`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from tailrace.errors import InternalServerError, ResourceInUseException, TailraceError
from tailrace.model.schema import Table
from tailrace.tables.catalog import Alteration, Catalog, Tick
from tailrace.tables.engine import Engine, Outcome, Settled, Span, Usage
from tailrace.testing.builders import (
    alter_table,
    delete_write,
    drop_table,
    item,
    put_write,
    rotate,
    stream_for,
    table,
)
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.contracts.store import StoreContract
from tailrace.testing.driving import alter, make_table, settled, submit_all
from tailrace.testing.reading import encoded_records, history, rows_of, shards_of

__all__ = ["CatalogContract"]

_EVERYTHING = 1 << 20


class CatalogContract(StoreContract):
    """Changes of the catalog, and the end of things."""

    def test_a_new_store_is_empty(self, engine: Engine) -> None:
        assert engine.catalog() == Catalog()
        assert engine.purge(_EVERYTHING) == 0

    def test_an_alteration_leads_to_the_catalog_it_says(self, engine: Engine) -> None:
        before = engine.catalog()
        made = table(before.next_id)
        stream = stream_for(made, before.next_id + 1)
        alteration = Alteration(tables=(made,), streams=(stream,), next_id=before.next_id + 2)
        result = alter(engine, lambda catalog, tick: alteration)
        assert result == before.after(alteration)
        assert engine.catalog() == result
        assert before == Catalog(), "a catalog never changes"

    def test_a_refusal_changes_nothing(self, engine: Engine) -> None:
        made = make_table(engine)
        before = engine.catalog()

        def refuse(catalog: Catalog, tick: Tick) -> Alteration:
            tick(made.id, 0)
            raise ResourceInUseException("Table already exists: things")

        with pytest.raises(ResourceInUseException, match="already exists"):
            alter(engine, refuse)
        assert engine.catalog() == before
        settled(engine, put_write(made, item("a")))
        check_agreement(engine, made)

    def test_a_fault_changes_nothing(self, engine: Engine) -> None:
        make_table(engine)
        before = engine.catalog()

        def break_down(catalog: Catalog, tick: Tick) -> Alteration:
            raise KeyError("a fault in a decision")

        with pytest.raises(InternalServerError):
            alter(engine, break_down)
        assert engine.catalog() == before
        make_table(engine, "another-table")

    def test_alterations_follow_each_other(self, engine: Engine) -> None:
        tables = [make_table(engine, f"table-{n}", index_on=["g"]) for n in range(12)]
        catalog = engine.catalog()
        assert [catalog.by_name[made.account, made.region, made.name] for made in tables] == tables
        identities = [
            *catalog.tables,
            *catalog.streams,
            *catalog.shards,
            *(index.id for made in tables for index in made.indexes),
        ]
        assert len(set(identities)) == len(identities)
        assert max(identities) < catalog.next_id

    def test_writes_use_the_catalog_submitted_before_them(self, engine: Engine) -> None:
        made = make_table(engine)
        results: list[object] = []
        for n in range(5):
            engine.submit([put_write(made, item("a", n=n))], results.append)
            engine.alter(rotate(made.id), results.append)
        settled(engine, put_write(made, item("a", n=5)))
        assert len(results) == 10
        records = history(engine, made)
        assert len({record.shard.id for record in records}) == 6
        assert [record.new and record.new["n"]["N"] for record in records] == list("012345")
        check_agreement(engine, made)

    def test_ticks_are_above_the_records_before_and_not_above_those_after(
        self, engine: Engine
    ) -> None:
        made = make_table(engine, partitions=2)
        things = [item(f"k{n}") for n in range(20)]
        settled(engine, *(put_write(made, thing) for thing in things))
        before = max(record.clock for record in history(engine, made))
        ticks: list[int] = []

        def tick_twice(catalog: Catalog, tick: Tick) -> Alteration:
            ticks.extend([tick(made.id, 0), tick(made.id, 1), tick(made.id, 0), tick(made.id, 1)])
            return Alteration()

        alter(engine, tick_twice)
        settled(engine, *(delete_write(made, thing) for thing in things))
        assert before < min(ticks)
        assert ticks[0] < ticks[2]
        assert ticks[1] < ticks[3]
        assert [tick & 0xFF for tick in ticks] == [0, 1, 0, 1]
        for record in history(engine, made):
            if record.kind == "REMOVE":
                assert record.clock >= ticks[2 + record.shard.partition]

    def test_a_dropped_tables_rows_can_be_purged(self, engine: Engine) -> None:
        kept, dropped = (make_table(engine, name, index_on=["g"]) for name in ("kept", "gone"))
        things = [item(f"k{n}", g=f"g{n % 3}") for n in range(30)]
        for made in (kept, dropped):
            submit_all(engine, [[put_write(made, thing)] for thing in things])
        shards = shards_of(engine, dropped)
        assert engine.purge(_EVERYTHING) == 0, "nothing is purged of what is there"
        alter(engine, drop_table(dropped.id))
        removed = _purge_all(engine, 7)
        assert removed >= 60, "items and records; index rows may go with their items"
        _check_gone(engine, dropped)
        for shard in shards:
            assert encoded_records(engine, shard.id) == []
            assert engine.log.tip(shard.id) == 0
            assert engine.log.oldest(shard.id) is None
        check_agreement(engine, kept)

    def test_a_dropped_index_can_be_purged(self, engine: Engine) -> None:
        made = make_table(engine, index_on=["g", "h"])
        units = [[put_write(made, item(f"k{n}", g="x", h="y"))] for n in range(20)]
        submit_all(engine, units)
        gone, left = made.indexes
        changed = msgspec.structs.replace(made, indexes=(left,))
        alter(engine, alter_table(changed))
        _purge_all(engine, 6)
        assert engine.rows(Span(made.id, b"", None, gone.id), 100, _EVERYTHING) == []
        settled(engine, put_write(changed, item("k1", g="z", h="z")))
        check_agreement(engine, changed)

    def test_a_table_that_becomes_another_keeps_its_items_alone(self, engine: Engine) -> None:
        """So a deleted table is made a backup without being copied."""
        made = make_table(engine, index_on=["g"])
        submit_all(engine, [[put_write(made, item(f"k{n}", g="x"))] for n in range(9)])
        before = (rows_of(engine, made), engine.usage(made))
        changed = msgspec.structs.replace(made, name="other", account="!", indexes=(), stream=None)
        catalog = alter(engine, alter_table(changed))
        assert [table.name for table in catalog.tables.values()] == ["other"]
        _purge_all(engine, 4)
        assert (rows_of(engine, changed), engine.usage(changed)) == before
        assert engine.rows(Span(made.id, b"", None, made.indexes[0].id), 9, _EVERYTHING) == []
        again = make_table(engine)
        assert rows_of(engine, again) == []

    def test_a_table_made_anew_is_empty(self, engine: Engine) -> None:
        first = make_table(engine)
        settled(engine, put_write(first, item("a", n=1)))
        alter(engine, drop_table(first.id))
        second = make_table(engine)
        assert second.id != first.id
        assert rows_of(engine, second) == []
        settled(engine, put_write(second, item("b")))
        _purge_all(engine, 100)
        check_agreement(engine, second)

    def test_closing_finishes_what_was_submitted(self, engine: Engine) -> None:
        made = make_table(engine)
        outcomes: list[Outcome] = []
        for n in range(300):
            engine.submit([put_write(made, item(f"k{n}"))], outcomes.append)
        engine.close()
        assert len(outcomes) == 300
        assert all(isinstance(result, Settled) for outcome in outcomes for result in outcome)

    def test_a_closed_store_answers_nothing(self, engine: Engine) -> None:
        made = make_table(engine)
        settled(engine, put_write(made, item("a")))
        (shard, *_) = shards_of(engine, made)
        engine.close()
        key = made.keys.item_key(item("a"))
        calls: list[Callable[[], object]] = [
            partial(settled, engine, put_write(made, item("b"))),
            partial(alter, engine, rotate(made.id)),
            partial(engine.get, made.id, key),
            partial(engine.get_together, [(made.id, key)]),
            partial(engine.rows, Span(made.id, b"", None), 1, 1),
            partial(engine.usage, made),
            partial(engine.purge, 1),
            partial(engine.log.read, shard.id, 0, 1, 1),
            partial(engine.log.trim, 1, 1),
        ]
        for call in calls:
            with pytest.raises(TailraceError):
                call()
        engine.close()


def _purge_all(engine: Engine, step: int) -> int:
    """Purge in steps until nothing is left; how much went."""
    removed = 0
    while count := engine.purge(step):
        assert count <= step
        removed += count
    return removed


def _check_gone(engine: Engine, dropped: Table) -> None:
    assert engine.rows(Span(dropped.id, b"", None), 100, _EVERYTHING) == []
    assert engine.usage(dropped) == Usage(0, 0)
    for index in dropped.indexes:
        assert engine.rows(Span(dropped.id, b"", None, index.id), 100, _EVERYTHING) == []
        assert engine.usage(dropped, index) == Usage(0, 0)
