"""Proves that records served from memory are the store's, and that they are bounded."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import apsw
from hypothesis import given
from hypothesis import strategies as st

from tailrace.clock import ManualClock
from tailrace.engines.sqlite import SqliteEngine
from tailrace.engines.sqlite.tail import SHARD_BYTES, SHARDS_KEPT, Tail
from tailrace.streams.log import LogPage
from tailrace.testing.builders import item, put_write
from tailrace.testing.driving import make_table, submit_all
from tailrace.testing.reading import history

_sizes = st.lists(st.sampled_from([1, 100, SHARD_BYTES // 3, SHARD_BYTES + 1]), max_size=40)


@given(
    first=st.integers(1, 100),
    sizes=_sizes,
    trims=st.lists(st.integers(0, 500), max_size=2),
    after=st.integers(0, 600),
    max_records=st.integers(1, 20),
    max_bytes=st.sampled_from([1, 99, 250, SHARD_BYTES, 10 * SHARD_BYTES]),
)
def test_a_page_from_memory_is_the_page_of_the_store(
    first: int, sizes: list[int], trims: list[int], after: int, max_records: int, max_bytes: int
) -> None:
    tail = _wanted([7])
    records = [(first + 10 * n, b"r" * size) for n, size in enumerate(sizes)]
    middle = len(records) // 2
    _append_read(tail, 7, records[:middle])
    for last in trims:
        tail.trim(last)
    _append_read(tail, 7, records[middle:])
    gone = max(trims, default=0)
    stored = records[:middle] if gone == 0 else [r for r in records[:middle] if r[0] > gone]
    stored += records[middle:]
    page = tail.read(7, after, max_records, max_bytes)
    if page is None:
        assert not records or after < records[-1][0]
        return
    expected: list[tuple[int, bytes]] = []
    behind = [record for record in stored if record[0] > after]
    for record in behind[:max_records]:
        expected.append(record)
        if sum(len(data) for _, data in expected) > max_bytes and len(expected) > 1:
            expected.pop()
            break
    assert page.records == [data for _, data in expected]
    assert page.last == (expected[-1][0] if expected else after)
    assert page.more == (len(expected) < len(behind))


def _wanted(shard_ids: Iterable[int]) -> Tail:
    """A tail of which readers have asked for these shards."""
    tail = Tail()
    for shard_id in shard_ids:
        tail.want(shard_id)
    return tail


def _append_read(tail: Tail, shard_id: int, records: list[tuple[int, bytes]]) -> None:
    """Records in commits of their own, with a reader who keeps up."""
    for clock, data in records:
        tail.append([(clock, shard_id, data)])
        assert tail.read(shard_id, clock, 1, 1) == LogPage([], clock, False)


def test_each_shard_keeps_a_bounded_part() -> None:
    tail = _wanted([1])
    _append_read(tail, 1, [(clock, b"r" * 1000) for clock in range(1, 2000)])
    oldest = next(n for n in range(2000) if tail.read(1, n, 1, 1) is not None)
    assert SHARD_BYTES / 2 - 2000 <= (1999 - oldest) * 1000 <= SHARD_BYTES


def test_the_shards_that_got_records_last_are_kept() -> None:
    tail = _wanted(range(3 * SHARDS_KEPT))
    for clock in range(1, 3 * SHARDS_KEPT):
        tail.append([(10 * clock, clock, b"r"), (10 * clock + 1, 0, b"s")])
    kept = [shard for shard in range(3 * SHARDS_KEPT) if tail.read(shard, 10**9, 1, 1) is not None]
    assert kept == [0, *range(2 * SHARDS_KEPT + 1, 3 * SHARDS_KEPT)]


def test_only_shards_that_are_read_are_kept() -> None:
    tail = _wanted([1])
    tail.append([(1, 1, b"r"), (2, 2, b"s")])
    assert tail.read(1, 0, 1, 1) is not None
    assert tail.read(2, 1, 1, 1) is None
    # While it is read it stays, however much comes, and goes when it no longer is.
    for clock in range(3, 900):
        tail.append([(clock, 1, b"r" * 1000)])
        assert tail.read(1, clock - 1, 1, 1) is not None
    for clock in range(900, 900 + 2 * SHARD_BYTES // 1000):
        tail.append([(clock, 1, b"r" * 1000)])
    assert tail.read(1, 2000, 1, 1) is None
    tail.want(1)
    tail.append([(2000, 1, b"r")])
    assert tail.read(1, 1999, 1, 1) is not None


def test_what_is_forgotten_is_asked_of_the_store() -> None:
    tail = _wanted([1, 2])
    tail.append([(1, 1, b"r"), (2, 2, b"r")])
    tail.forget(1)
    assert tail.read(1, 5, 1, 1) is None
    assert tail.read(2, 5, 1, 1) is not None
    tail.forget()
    assert tail.read(2, 5, 1, 1) is None


def test_a_reader_that_keeps_up_runs_no_statement(tmp_path: Path) -> None:
    statements: list[str] = []

    def attach(connection: apsw.Connection) -> None:
        connection.exec_trace = lambda cursor, sql, bindings: not statements.append(sql)

    with closing(SqliteEngine(tmp_path, ManualClock())) as engine:
        table = make_table(engine, partitions=1)
        apsw.connection_hooks.append(attach)
        try:
            assert history(engine, table) == []
            submit_all(engine, [[put_write(table, item("a", n=n))] for n in range(50)])
            assert len(history(engine, table)) == 50
        finally:
            apsw.connection_hooks.remove(attach)
        shard_id = next(iter(engine.catalog().shards))
        after = engine.log.oldest(shard_id) or 0
        statements.clear()
        seen = engine.log.read(shard_id, after, 1000, 1_000_000)
        assert len(seen.records) == 49
        assert engine.log.read(shard_id, seen.last, 1000, 1_000_000).records == []
        assert statements == []


def test_memory_and_store_give_the_same_history(tmp_path: Path) -> None:
    with closing(SqliteEngine(tmp_path, ManualClock())) as engine:
        table = make_table(engine)
        # More than is kept, so that a part comes from the store.
        units = [[put_write(table, item(f"k{n % 50}", n=n, v="x" * 5000))] for n in range(400)]
        submit_all(engine, units)
        served = history(engine, table)
        assert len(served) == 400
    with closing(SqliteEngine(tmp_path, ManualClock())) as again:
        assert history(again, table) == served
