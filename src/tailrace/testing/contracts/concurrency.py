"""The contract of an engine under several threads: what readers may see of writes in progress."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from types import FrameType
from typing import Final

from tailrace import limits
from tailrace.model.schema import Table
from tailrace.model.values import Item, decode_item
from tailrace.tables.engine import Engine
from tailrace.testing.builders import delete_write, item, put_write, rotate, split, update_write
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.contracts.store import StoreContract
from tailrace.testing.driving import WAIT_S, alter, make_table, settled, submit_all
from tailrace.testing.reading import Seen, decoded, history, items_of, shards_of

__all__ = ["ConcurrencyContract"]

_WRITERS: Final = 2
_UNITS: Final = 120
_ROTATIONS: Final = 40
_CALLS_PER_PAUSE: Final = 61  # a prime, so that pauses wander over the calls of a repeated write


class ConcurrencyContract(StoreContract):
    """Two writers, and readers beside them."""

    def test_no_update_is_lost(self, engine: Engine) -> None:
        table = make_table(engine)
        with _together(*[partial(_count_up, engine, table, ["a", "b", "c"])] * _WRITERS):
            pass
        numbers = [thing["n"]["N"] for thing in items_of(engine, table).values()]
        assert numbers == [str(_WRITERS * _UNITS)] * 3
        # The records of each item count up by one, whoever wrote them.
        check_agreement(engine, table)
        assert len(history(engine, table)) == 3 * _WRITERS * _UNITS

    def test_a_reader_never_later_finds_a_record_below_one_it_saw(self, engine: Engine) -> None:
        table = make_table(engine)
        followed: dict[int, list[bytes]] = {shard.id: [] for shard in shards_of(engine, table)}
        with _together(*(partial(_spread, engine, table, w) for w in range(_WRITERS))) as writing:
            position = dict.fromkeys(followed, 0)
            while True:
                last_round = not writing()
                for shard_id in followed:
                    page = engine.log.read(shard_id, position[shard_id], 7, 1 << 20)
                    followed[shard_id].extend(page.records)
                    position[shard_id] = page.last
                    last_round = last_round and not page.records
                if last_round:
                    break
        for shard_id, records in followed.items():
            assert list(engine.log.read(shard_id, 0, 1 << 20, 1 << 30).records) == records
        assert sum(map(len, followed.values())) == _WRITERS * _UNITS * 4
        check_agreement(engine, table)

    def test_items_read_together_are_of_one_moment(self, engine: Engine) -> None:
        one, two = make_table(engine, "one-table"), make_table(engine, "two-table")
        asked = [(table.id, table.keys.item_key(item(pk))) for table in (one, two) for pk in "abc"]
        write = partial(_write_alike, engine, (one, two))
        rounds = 0
        with _together(write) as writing:
            while writing() or not rounds:
                found = engine.get_together(asked)
                numbers = {data and decode_item(data)["n"]["N"] for data in found}
                assert len(numbers) == 1, "six items that are always written together"
                rounds += 1

    def test_an_item_and_its_record_appear_together(self, engine: Engine) -> None:
        table = make_table(engine, partitions=1)
        settled(engine, put_write(table, item("a", n=0)))
        key = table.keys.item_key(item("a"))
        (shard,) = shards_of(engine, table)
        with _together(partial(_count_up, engine, table, ["a"])) as writing:
            while writing():
                tip = engine.log.tip(shard.id)
                stored = engine.get(table.id, key)
                assert stored is not None
                page = engine.log.read(shard.id, tip - 1, 1, 1 << 20)
                recorded = _number(decoded(shard, page.records[0]).new)
                assert _number(decode_item(stored)) >= recorded, "a record came before its item"
                last = _number(decoded(shard, _last(engine, shard.id)).new)
                assert last >= _number(decode_item(stored)), "an item came before its record"

    def test_a_thread_reads_what_it_wrote(self, engine: Engine) -> None:
        table = make_table(engine, index_on=["g"])
        writers = [partial(_write_and_read, engine, table, f"w{w}") for w in range(_WRITERS)]
        with _together(*writers):
            pass
        check_agreement(engine, table)

    def test_rotation_in_the_middle_of_writes_loses_nothing(self, engine: Engine) -> None:
        table = make_table(engine, partitions=2)
        some = [item(f"k{n}", n=-1) for n in range(8)]
        settled(engine, *(put_write(table, thing) for thing in some))
        with _together(*(partial(_spread, engine, table, w) for w in range(_WRITERS))) as writing:
            rotations = 0
            while rotations < _ROTATIONS and (writing() or not rotations):
                alter(engine, split(table.id) if rotations == 1 else rotate(table.id))
                rotations += 1
        settled(engine, *(delete_write(table, thing) for thing in some))
        records = history(engine, table)
        assert len(records) == len(some) * 2 + _WRITERS * _UNITS * 4
        assert {record.shard.open for record in records} == {False, True}
        _check_lineage(records)
        check_agreement(engine, table)

    def test_alterations_from_several_threads_all_take_effect(self, engine: Engine) -> None:
        def create(writer: int) -> None:
            for n in range(8):
                make_table(engine, f"table-{writer}-{n}")

        with _together(*(partial(create, writer) for writer in range(_WRITERS))):
            pass
        catalog = engine.catalog()
        assert len(catalog.tables) == len(catalog.by_name) == 8 * _WRITERS
        assert len(catalog.shards) == 8 * _WRITERS * limits.PARTITIONS

    def test_trimming_beside_writes_takes_only_what_is_old(self, engine: Engine) -> None:
        table = make_table(engine, partitions=1)
        submit_all(engine, [[put_write(table, item("old", n=n))] for n in range(100)])
        cut = history(engine, table)[-1].clock + 1
        removed = 0
        with _together(*(partial(_spread, engine, table, w) for w in range(_WRITERS))) as writing:
            while writing() or removed < 100:
                removed += engine.log.trim(cut, 9)
        assert removed == 100
        assert len(history(engine, table)) == _WRITERS * _UNITS * 4


@contextmanager
def _together(*work: Callable[[], None]) -> Generator[Callable[[], bool]]:
    """Run each piece of work in a thread beside the block, which is given a function that says
    whether any still runs; at the end wait for all, and raise what they raised."""
    start = threading.Barrier(len(work) + 1)

    def begin(task: Callable[[], None]) -> None:
        start.wait(WAIT_S)
        sys.setprofile(_falter())
        try:
            task()
        finally:
            sys.setprofile(None)

    with ThreadPoolExecutor(len(work)) as pool, _short_turns():
        running: list[Future[None]] = [pool.submit(begin, task) for task in work]
        start.wait(WAIT_S)
        yield lambda: not all(future.done() for future in running)
    for future in running:
        future.result()


@contextmanager
def _short_turns() -> Generator[None]:
    """Let a thread that never pauses, as a reader doesn't, keep others waiting for 0.1 ms only."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def _falter() -> Callable[[FrameType, str, object], None]:
    """A profiler that lets go of the interpreter now and then, so that threads meet in many places.

    Left to themselves they take turns every 5 ms, in which an engine in memory writes 30 units.
    """
    calls = count(1)

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if next(calls) % _CALLS_PER_PAUSE == 0:
            time.sleep(1e-6)

    return profile


def _count_up(engine: Engine, table: Table, names: list[str]) -> None:
    """Add one to `n` of every item, all in one unit, again and again."""
    for _ in range(_UNITS):
        settled(engine, *(update_write(table, item(name), partial(_more, name)) for name in names))


def _more(name: str, previous: Item | None) -> Item:
    return item(name, n=_number(previous) + 1)


def _number(thing: Item | None) -> int:
    return int(thing["n"]["N"]) if thing else 0


def _spread(engine: Engine, table: Table, writer: int) -> None:
    """Write units of four items of many, some of which the other writers write too."""
    for n in range(_UNITS):
        names = [f"k{(n * 3 + step) % 41}" for step in range(4)]
        settled(engine, *(put_write(table, item(name, n=n, w=writer)) for name in names))


def _write_alike(engine: Engine, tables: tuple[Table, Table]) -> None:
    for n in range(_UNITS):
        settled(engine, *(put_write(table, item(pk, n=n)) for table in tables for pk in "abc"))


def _write_and_read(engine: Engine, table: Table, name: str) -> None:
    key = table.keys.item_key(item(name))
    for n in range(_UNITS):
        settled(engine, put_write(table, item(name, n=n, g=f"{name}-{n % 5}")))
        stored = engine.get(table.id, key)
        assert stored is not None
        assert _number(decode_item(stored)) == n
        assert engine.usage(table).items >= 1


def _last(engine: Engine, shard_id: int) -> bytes:
    return engine.log.read(shard_id, engine.log.tip(shard_id) - 1, 1, 1 << 20).records[0]


def _check_lineage(records: list[Seen]) -> None:
    """Check that of each key, all records in a shard come before all in its descendants."""
    order: dict[bytes, list[int]] = {}
    for record in records:
        seen = order.setdefault(record.key, [])
        if not seen or seen[-1] != record.shard.id:
            seen.append(record.shard.id)
    parents = {record.shard.id: record.shard for record in records}
    for shard_ids in order.values():
        assert len(set(shard_ids)) == len(shard_ids), "a key never returns to a shard it left"
        starts = [parents[shard_id].start for shard_id in shard_ids]
        assert starts == sorted(starts)
