"""The contract of an engine's reads: single items, items together, ranges, indexes and figures."""

from __future__ import annotations

import msgspec
import pytest

from tailrace import limits
from tailrace.model.keys import successor
from tailrace.model.schema import Table
from tailrace.model.values import decode_item, encode_item
from tailrace.tables.engine import Engine, Span, Usage
from tailrace.testing.builders import (
    alter_table,
    delete_write,
    index,
    item,
    put_write,
    vector_index,
)
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.contracts.store import StoreContract
from tailrace.testing.driving import alter, make_table, settled, submit_all
from tailrace.testing.reading import rows_of

__all__ = ["ReadContract"]

_ALL = limits.ROWS_PER_READ
_NO_BOUND = 1 << 40


class ReadContract(StoreContract):
    """Reads of items and rows."""

    @pytest.fixture
    def filled(self, engine: Engine) -> Table:
        """A table with ten collections of ten items, half of them in an index."""
        table = make_table(engine, sort=True, index_on=["g"])
        units = [
            [
                put_write(
                    table, item(f"p{p}", sk=f"s{s}", v=p * s, **({"g": f"g{p}"} if s % 2 else {}))
                )
            ]
            for p in range(10)
            for s in range(10)
        ]
        submit_all(engine, units)
        return table

    def test_what_is_not_there_is_none(self, engine: Engine) -> None:
        table = make_table(engine)
        assert engine.get(table.id, b"0000nothing\0\0") is None
        assert engine.get(10_000, b"0000nothing\0\0") is None
        assert engine.rows(Span(10_000, b"", None), _ALL, _NO_BOUND) == []
        assert engine.rows(Span(table.id, b"", None, 10_000), _ALL, _NO_BOUND) == []
        assert engine.usage(table) == Usage(0, 0)

    def test_items_together_come_in_the_order_asked(self, engine: Engine) -> None:
        one, two = make_table(engine, "one-table"), make_table(engine, "two-table")
        settled(engine, put_write(one, item("a", n=1)), put_write(two, item("a", n=2)))
        key, missing = one.keys.item_key(item("a")), one.keys.item_key(item("b"))
        asked = [(two.id, key), (one.id, missing), (one.id, key), (10_000, key)]
        first, second = encode_item(item("a", n=1)), encode_item(item("a", n=2))
        assert list(engine.get_together(asked)) == [second, None, first, None]
        assert list(engine.get_together([])) == []

    def test_many_items_together(self, engine: Engine, filled: Table) -> None:
        rows = rows_of(engine, filled)
        asked = [(filled.id, row.key) for row in rows]
        assert list(engine.get_together(asked)) == [row.data for row in rows]

    def test_rows_are_in_the_order_of_their_keys(self, engine: Engine, filled: Table) -> None:
        forward = list(engine.rows(Span(filled.id, b"", None), _ALL, _NO_BOUND))
        assert len(forward) == 100
        assert [row.key for row in forward] == sorted(row.key for row in forward)
        backward = engine.rows(Span(filled.id, b"", None, backwards=True), _ALL, _NO_BOUND)
        assert list(backward) == forward[::-1]

    def test_a_span_has_its_low_end_but_not_its_high_end(
        self, engine: Engine, filled: Table
    ) -> None:
        rows = rows_of(engine, filled)
        for backwards in (False, True):
            span = Span(filled.id, rows[3].key, rows[7].key, backwards=backwards)
            expected = rows[6:2:-1] if backwards else rows[3:7]
            assert list(engine.rows(span, _ALL, _NO_BOUND)) == expected
        empty = Span(filled.id, rows[3].key, rows[3].key)
        assert list(engine.rows(empty, _ALL, _NO_BOUND)) == []

    def test_a_collection_is_the_span_of_its_prefix(self, engine: Engine, filled: Table) -> None:
        prefix = filled.keys.hash_bytes([{"S": "p4"}])
        rows = engine.rows(Span(filled.id, prefix, successor(prefix)), _ALL, _NO_BOUND)
        sorts = [decode_item(row.data)["sk"]["S"] for row in rows]
        assert sorts == [f"s{s}" for s in range(10)]

    def test_limits_end_a_read_from_the_end_it_began_at(
        self, engine: Engine, filled: Table
    ) -> None:
        rows = rows_of(engine, filled)
        for count in (1, 7, 100, 101):
            forward = Span(filled.id, b"", None)
            backward = Span(filled.id, b"", None, backwards=True)
            assert list(engine.rows(forward, count, _NO_BOUND)) == rows[:count]
            assert list(engine.rows(backward, count, _NO_BOUND)) == rows[::-1][:count]

    def test_the_row_that_passes_the_bytes_is_the_last(self, engine: Engine, filled: Table) -> None:
        rows = rows_of(engine, filled)
        size = sum(row.size for row in rows[:5])
        span = Span(filled.id, b"", None)
        assert list(engine.rows(span, _ALL, size - 1)) == rows[:5]
        assert list(engine.rows(span, _ALL, size + 1)) == rows[:6]
        assert list(engine.rows(span, _ALL, 0)) == rows[:1]
        total = sum(row.size for row in rows)
        assert list(engine.rows(span, _ALL, total + 1)) == rows

    def test_large_rows_end_a_page_early(self, engine: Engine) -> None:
        table = make_table(engine)
        settled(engine, *(put_write(table, item(f"k{n}", v="x" * 300_000)) for n in range(8)))
        page = engine.rows(Span(table.id, b"", None), _ALL, limits.PAGE_BYTES)
        assert len(page) == 4
        rest = engine.rows(Span(table.id, page[-1].key + b"\0", None), _ALL, limits.PAGE_BYTES)
        assert len(rest) == 4

    def test_an_index_holds_the_items_that_have_its_key(
        self, engine: Engine, filled: Table
    ) -> None:
        (by_g,) = filled.indexes
        prefix = by_g.keys.hash_bytes([{"S": "g4"}])
        span = Span(filled.id, prefix, successor(prefix), by_g.id)
        rows = list(engine.rows(span, _ALL, _NO_BOUND))
        expected = [item("p4", sk=f"s{s}", v=4 * s, g="g4") for s in (1, 3, 5, 7, 9)]
        assert [decode_item(row.data) for row in rows] == expected
        backward = msgspec.structs.replace(span, backwards=True)
        assert list(engine.rows(backward, 2, _NO_BOUND)) == rows[::-1][:2]
        between = msgspec.structs.replace(span, low=rows[1].key, high=rows[3].key)
        assert list(engine.rows(between, _ALL, _NO_BOUND)) == rows[1:3]
        assert list(engine.rows(span, _ALL, rows[0].size + 1)) == rows[:2]
        check_agreement(engine, filled)

    def test_an_index_follows_its_items(self, engine: Engine) -> None:
        table = make_table(engine, index_on=["g", "h"])
        steps = [
            item("a", g="x", h="1"),
            item("a", g="x", h="1", other=1),
            item("a", g="y", h="1"),
            item("a", h="2"),
            item("a", g="z" * 500),
            item("a"),
            item("a", g="x", h="1"),
        ]
        for step in steps:
            settled(engine, put_write(table, step))
            check_agreement(engine, table)
        settled(engine, delete_write(table, item("a")))
        assert [engine.usage(table, index) for index in table.indexes] == [Usage(0, 0)] * 2
        check_agreement(engine, table)

    def test_figures_are_those_of_what_is_stored(self, engine: Engine) -> None:
        table = make_table(engine, index_on=["g"])
        settled(engine, put_write(table, item("a", g="xy")), put_write(table, item("b")))
        # Names and text by their UTF-8 length: pk + a, g + xy; pk + b.
        assert engine.usage(table) == Usage(2, 9)
        assert engine.usage(table, table.indexes[0]) == Usage(1, 6)
        settled(engine, put_write(table, item("a", g="xyz")), delete_write(table, item("b")))
        assert engine.usage(table) == Usage(1, 7)
        assert engine.usage(table, table.indexes[0]) == Usage(1, 7)

    def test_a_new_index_is_filled_step_by_step(self, engine: Engine, filled: Table) -> None:
        added = index(engine.catalog().next_id, "sk")
        changed = msgspec.structs.replace(filled, indexes=(*filled.indexes, added))
        alter(engine, alter_table(changed))
        keys = [row.key for row in rows_of(engine, changed)]
        after, ends = b"", list[bytes]()
        while (last := engine.fill_index(changed.id, added, after, 7)) is not None:
            after = last
            ends.append(last)
        assert ends == keys[6::7] + keys[-1:]
        check_agreement(engine, changed)

    def test_filling_again_and_between_writes_is_harmless(
        self, engine: Engine, filled: Table
    ) -> None:
        added = index(engine.catalog().next_id, "c")
        changed = msgspec.structs.replace(filled, indexes=(*filled.indexes, added))
        settled(engine, put_write(filled, item("p1", sk="s1", c="before")))
        settled(engine, put_write(filled, item("p2", sk="s1", c="before")))
        alter(engine, alter_table(changed))
        # Not yet filled: the row that goes was never written.
        settled(engine, put_write(changed, item("p1", sk="s1", c="after")))
        settled(engine, delete_write(changed, item("p2", sk="s1")))
        for _ in range(2):
            assert engine.fill_index(changed.id, added, b"", 1000) is not None
        assert engine.fill_index(changed.id, added, rows_of(engine, changed)[-1].key, 10) is None
        check_agreement(engine, changed)

    def test_a_vector_index_holds_the_items_with_vectors_that_it_can_hold(
        self, engine: Engine
    ) -> None:
        table = make_table(engine)
        near = vector_index(engine.catalog().next_id, "v", 2)
        changed = msgspec.structs.replace(table, indexes=(near,))
        alter(engine, alter_table(changed))
        fits = {"L": [{"N": "0.5"}, {"N": "-1"}]}
        steps = [
            (item("a", v=fits), 1),
            (item("a", v=fits, other=1), 1),
            (item("a", v={"L": [{"N": "1"}]}), 0),
            (item("a", v=fits), 1),
            (item("a", v="text"), 0),
            (item("a"), 0),
            (item("a", v={"L": [{"N": "2"}, {"N": "3"}]}), 1),
        ]
        for step, held in steps:
            settled(engine, put_write(changed, step))
            assert engine.usage(changed, near).items == held
            check_agreement(engine, changed)
        settled(engine, put_write(changed, item("b", v={"L": [{"N": "1"}, {"S": "2"}]})))
        divided = vector_index(engine.catalog().next_id, "v", 2, "g")
        both = msgspec.structs.replace(changed, indexes=(near, divided))
        alter(engine, alter_table(both))
        settled(engine, put_write(both, item("c", v=fits)), put_write(both, item("d", v=fits)))
        settled(engine, put_write(both, item("d", v=fits, g="x")))
        assert engine.fill_index(both.id, divided, b"", 100) is not None
        assert [engine.usage(both, each).items for each in both.indexes] == [3, 1]
        check_agreement(engine, both)

    def test_tables_do_not_see_each_other(self, engine: Engine, filled: Table) -> None:
        other = make_table(engine, "other-table", sort=True, index_on=["g"])
        settled(engine, put_write(other, item("p4", sk="s4", g="g4")))
        (row,) = rows_of(engine, other)
        (index_row,) = rows_of(engine, other, other.indexes[0])
        assert index_row.data == row.data
        assert len(rows_of(engine, filled)) == 100
        settled(engine, delete_write(other, item("p4", sk="s4")))
        check_agreement(engine, filled)
        check_agreement(engine, other)
