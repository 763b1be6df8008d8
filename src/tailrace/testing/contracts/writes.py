"""The contract of `Engine.submit`: atomic units, their outcomes, and what they leave behind."""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial

from tailrace.errors import (
    AwsError,
    ConditionalCheckFailedException,
    InternalServerError,
    ResourceNotFoundException,
    ValidationException,
)
from tailrace.model.schema import Table
from tailrace.model.values import Item, decode_item, encode_item
from tailrace.tables.engine import Engine, IndexChange, Outcome, Plan, Settled, Write
from tailrace.testing.builders import (
    check_write,
    delete_write,
    drop_table,
    item,
    put_write,
    update_write,
)
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.contracts.store import StoreContract
from tailrace.testing.driving import WAIT_S, alter, make_table, settled, submit, submit_all
from tailrace.testing.reading import history, items_of, rows_of

__all__ = ["WriteContract"]

_REFUSAL = ConditionalCheckFailedException("The conditional request failed")


class WriteContract(StoreContract):
    """Units of writes."""

    def test_a_put_is_there_when_its_outcome_is_known(self, engine: Engine) -> None:
        table = make_table(engine)
        thing = item("a", n=1)
        (result,) = settled(engine, put_write(table, thing))
        assert result.previous is None
        assert result.plan.new == encode_item(thing)
        assert engine.get(table.id, table.keys.item_key(thing)) == encode_item(thing)

    def test_an_outcome_has_the_item_as_it_was(self, engine: Engine) -> None:
        table = make_table(engine)
        settled(engine, put_write(table, item("a", n=1)))
        (replaced,) = settled(engine, put_write(table, item("a", n=2)))
        assert replaced.previous == encode_item(item("a", n=1))
        (deleted,) = settled(engine, delete_write(table, item("a")))
        assert deleted.previous == encode_item(item("a", n=2))
        assert engine.get(table.id, table.keys.item_key(item("a"))) is None

    def test_each_write_has_its_own_outcome_in_order(self, engine: Engine) -> None:
        table = make_table(engine)
        things = [item(f"k{n}", n=n) for n in range(100)]
        outcome = settled(engine, *(put_write(table, thing) for thing in things))
        assert [result.plan.new for result in outcome] == [encode_item(thing) for thing in things]
        check_agreement(engine, table)

    def test_one_refusal_and_nothing_of_the_unit_is_written(self, engine: Engine) -> None:
        table = make_table(engine, index_on=["g"])
        settled(engine, put_write(table, item("a", n=1, g="x")))
        outcome = submit(
            engine,
            put_write(table, item("a", n=2, g="y")),
            check_write(table, item("b"), _REFUSAL),
            put_write(table, item("c", n=2)),
            check_write(table, item("d"), ValidationException("no")),
        )
        assert isinstance(outcome[0], Settled)
        assert isinstance(outcome[1], ConditionalCheckFailedException)
        assert isinstance(outcome[2], Settled)
        assert isinstance(outcome[3], ValidationException)
        assert list(items_of(engine, table).values()) == [item("a", n=1, g="x")]
        assert len(history(engine, table)) == 1
        check_agreement(engine, table)

    def test_a_unit_may_span_tables(self, engine: Engine) -> None:
        one, two = make_table(engine, "one-table"), make_table(engine, "two-table", partitions=1)
        settled(engine, put_write(one, item("a")), put_write(two, item("a")))
        outcome = submit(
            engine, delete_write(one, item("a")), check_write(two, item("a"), _REFUSAL)
        )
        assert isinstance(outcome[1], ConditionalCheckFailedException)
        assert len(items_of(engine, one)) == len(items_of(engine, two)) == 1
        check_agreement(engine, one)
        check_agreement(engine, two)

    def test_a_plan_that_changes_nothing_writes_nothing(self, engine: Engine) -> None:
        table = make_table(engine, index_on=["g"])
        settled(engine, put_write(table, item("a", g="x")))
        unchanged = Plan(
            changed=False,
            new=b'{"not":{"S":"written"}}',
            new_size=99,
            old_size=0,
            indexes=(IndexChange(table.indexes[0].id, None, b"not written either"),),
        )
        key = table.keys.item_key(item("a"))
        (result,) = settled(engine, Write(table.id, key, lambda previous, _: unchanged))
        assert result.plan == unchanged
        assert len(history(engine, table)) == 1
        check_agreement(engine, table)

    def test_equal_items_and_missing_ones_make_no_record(self, engine: Engine) -> None:
        table = make_table(engine)
        settled(engine, put_write(table, item("a", n=1)))
        settled(engine, put_write(table, item("a", n=1)), delete_write(table, item("missing")))
        assert [record.kind for record in history(engine, table)] == ["INSERT"]

    def test_a_decision_sees_the_table_as_it_is_now(self, engine: Engine) -> None:
        table = make_table(engine)
        seen: list[Table] = []

        def decide(previous: bytes | None, now: Table) -> Plan:
            seen.append(now)
            return Plan(False, previous, 0, 0)

        settled(engine, Write(table.id, table.keys.item_key(item("a")), decide))
        assert seen[-1] == engine.catalog().tables[table.id]

    def test_writes_to_unknown_and_dropped_tables_are_refused(self, engine: Engine) -> None:
        kept, dropped = make_table(engine, "kept-table"), make_table(engine, "dropped-table")
        alter(engine, drop_table(dropped.id))
        outcome = submit(engine, put_write(kept, item("a")), put_write(dropped, item("a")))
        assert isinstance(outcome[1], ResourceNotFoundException)
        assert items_of(engine, kept) == {}
        never = Write(10_000, b"0123key", lambda previous, _: Plan(False, previous, 0, 0))
        assert isinstance(submit(engine, never)[0], ResourceNotFoundException)

    def test_a_decision_that_breaks_fails_its_own_unit_only(self, engine: Engine) -> None:
        table = make_table(engine)

        def broken(_: Item | None) -> Item | None:
            raise KeyError("a fault in a decision")

        outcomes = submit_all(
            engine,
            [
                [put_write(table, item("a"))],
                [put_write(table, item("b")), update_write(table, item("c"), broken)],
                [put_write(table, item("d"))],
            ],
        )
        assert isinstance(outcomes[1][1], InternalServerError)
        assert set(_names(engine, table)) == {"a", "d"}
        check_agreement(engine, table)

    def test_units_on_one_item_take_effect_in_their_order(self, engine: Engine) -> None:
        table = make_table(engine)
        units = [[put_write(table, item("a", n=n))] for n in range(300)]
        for n, outcome in enumerate(submit_all(engine, units)):
            (result,) = outcome
            assert isinstance(result, Settled)
            assert result.previous == (encode_item(item("a", n=n - 1)) if n else None)
        numbers = [record.new and record.new["n"]["N"] for record in history(engine, table)]
        assert numbers == [str(n) for n in range(300)]

    def test_a_refused_unit_does_not_disturb_its_neighbours(self, engine: Engine) -> None:
        table = make_table(engine, index_on=["g"])
        units = [
            [put_write(table, item("a", n=n, g=f"g{n}")), check_write(table, item("b"), refusal)]
            for n in range(60)
            for refusal in (_REFUSAL if n % 3 == 1 else None,)
        ]
        outcomes = submit_all(engine, units)
        refused = [isinstance(outcome[1], AwsError) for outcome in outcomes]
        assert refused == [n % 3 == 1 for n in range(60)]
        numbers = [record.new and record.new["n"]["N"] for record in history(engine, table)]
        assert numbers == [str(n) for n in range(60) if n % 3 != 1]
        check_agreement(engine, table)

    def test_done_may_submit_again(self, engine: Engine) -> None:
        table = make_table(engine)
        finished: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

        def chain(left: int) -> Callable[[Outcome], None]:
            return partial(_next, engine, table, left, finished)

        engine.submit([put_write(table, item("k", n=4))], chain(3))
        outcome = finished.get(timeout=WAIT_S)
        assert isinstance(outcome[0], Settled)
        assert [decode_item(row.data)["n"]["N"] for row in rows_of(engine, table)] == ["1"]
        assert len(history(engine, table)) == 4

    def test_large_items_and_long_keys_pass_whole(self, engine: Engine) -> None:
        table = make_table(engine, sort=True)
        thing = {"pk": {"S": "p" * 2048}, "sk": {"S": "s" * 1024}, "v": {"S": "ü" * 190_000}}
        settled(engine, put_write(table, thing))
        settled(engine, put_write(table, {**thing, "w": {"N": "1"}}))
        assert list(items_of(engine, table).values()) == [{**thing, "w": {"N": "1"}}]
        check_agreement(engine, table)

    def test_keys_are_any_bytes(self, engine: Engine) -> None:
        table = make_table(engine, sort=True)
        texts = ["\0", "\0\0", "a\0", "a", "a\0b", "é", "\U0010ffff"]
        things = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk in texts for sk in texts]
        settled(engine, *(put_write(table, thing) for thing in things))
        assert len(rows_of(engine, table)) == len(things)
        check_agreement(engine, table)

    def test_thousands_of_units_in_flight(self, engine: Engine) -> None:
        table = make_table(engine, index_on=["g"])
        units = [[put_write(table, item(f"k{n % 700}", n=n, g=f"g{n % 9}"))] for n in range(2000)]
        outcomes = submit_all(engine, units)
        assert all(isinstance(outcome[0], Settled) for outcome in outcomes)
        assert len(history(engine, table)) == 2000
        check_agreement(engine, table)


def _next(
    engine: Engine,
    table: Table,
    left: int,
    finished: queue.SimpleQueue[Outcome],
    outcome: Outcome,
) -> None:
    if left == 0:
        finished.put(outcome)
        return
    done = partial(_next, engine, table, left - 1, finished)
    engine.submit([put_write(table, item("k", n=left))], done)


def _names(engine: Engine, table: Table) -> list[str]:
    return [decode_item(row.data)["pk"]["S"] for row in rows_of(engine, table)]
