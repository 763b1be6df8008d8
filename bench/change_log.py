"""How fast Tailrace's change log is read in the process, without HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench.client import Client, create_table
from bench.load import run_load
from bench.measures import Effort
from bench.results import Results
from bench.servers import Kind, running_in, scratch_dir
from tailrace import limits
from tailrace.clock import SystemClock
from tailrace.engines.sqlite import SqliteEngine

__all__ = ["change_log"]

_FILL_S = 5.0


def change_log(kind: Kind, effort: Effort, results: Results) -> Iterator[str]:
    """Records/s and MB/s of the log, read in pages as large as GetRecords gives."""
    with scratch_dir() as scratch:
        yield "writing records"
        with running_in(kind, scratch) as server:
            client = Client(server.port)
            create_table(client, "logged", stream=True)
            client.close()
            run_load("fill", server.port, "logged", _FILL_S)
        yield "reading the log"
        for _ in range(effort.rounds):
            records_s, mb_s = _read_all(scratch / "data")
            results.add("log_records", kind.name, records_s)
            results.add("log_mb", kind.name, mb_s)


def _read_all(data: Path) -> tuple[float, float]:
    engine = SqliteEngine(data, SystemClock())
    try:
        records = size = 0
        begin = time.perf_counter()
        for shard in engine.catalog().shards.values():
            after, more = 0, True
            while more:
                page = engine.log.read(
                    shard.id, after, limits.STREAM_PAGE_RECORDS, limits.STREAM_PAGE_BYTES
                )
                records += len(page.records)
                size += sum(map(len, page.records))
                after, more = page.last, page.more
        elapsed = time.perf_counter() - begin
    finally:
        engine.close()
    if records == 0:
        raise RuntimeError("the log holds no records after writes")
    return records / elapsed, size / elapsed / 1e6
