"""What is measured on Tailrace alone: writing to a grown table, and writing while others read."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator

import apsw

from bench.client import Client, RequestFailed, create_table, open_shards, read_shard
from bench.load import Load, run_load
from bench.measures import Effort
from bench.results import Results
from bench.servers import Kind, Server, running

__all__ = ["flatness", "readers"]

_FILL_BATCH = 25
_FILL_SLICE_S = 5.0
_FIRST_RECORDS = 10_000
_SAMPLES = 3
_BEYOND_RETENTION_MS = 25 * 60 * 60 * 1000
_TRIM_SLICE_S = 2.0
_READERS = 10
# DynamoDB allows five GetRecords a second on a shard.
_POLL_S = 0.25
_CATCH_UP_S = 15.0


def flatness(kind: Kind, effort: Effort, results: Results) -> Iterator[str]:
    """PutItem/s with `effort.growth` records, by turns with that of a server with ten thousand; and
    the longest PutItem before and while all of them are trimmed."""
    yield "starting"
    with running(kind.with_options("--test-controls")) as server:
        _create(server.port)
        yield f"writing {effort.growth:,} records"
        records = _fill(server.port, effort.growth, _FILL_SLICE_S)
        grown: list[Load] = []
        with running(kind.with_options("--test-controls")) as young:
            _create(young.port)
            _fill(young.port, _FIRST_RECORDS, 1.0)
            for number in range(1, _SAMPLES + 1):
                yield f"sample {number}: PutItem while small"
                load = run_load("put", young.port, "growing", effort.sample_s)
                results.add("flat_start", kind.name, load.per_s)
                yield f"sample {number}: PutItem when grown"
                load = run_load("put", server.port, "growing", effort.sample_s)
                results.add("flat_end", kind.name, load.per_s)
                grown.append(load)
        records += sum(load.requests for load in grown)
        results.add("flat_records", kind.name, records)
        results.add("flat_memory", kind.name, server.memory_mb())
        yield f"PutItem while {records:,} records are trimmed"
        _trim(server, grown, records, results)


def _create(port: int) -> None:
    client = Client(port)
    create_table(client, "growing", stream=True)
    client.close()


def _trim(server: Server, before: list[Load], records: int, results: Results) -> None:
    """Put while all records that there are leave the store."""
    kind = server.kind
    stored = apsw.Connection(str(server.data / "tailrace.db"), flags=apsw.SQLITE_OPEN_READONLY)
    ((last,),) = stored.execute("SELECT max(clock) FROM record")
    client = Client(server.port)
    client.control("AdvanceClock", {"Milliseconds": _BEYOND_RETENTION_MS})
    client.close()
    begin = time.perf_counter()
    loads: list[Load] = []
    # Readers don't see old records any more. When they are gone only the store can tell.
    while not loads or _oldest(stored) <= last:
        loads.append(run_load("put", server.port, "growing", _TRIM_SLICE_S))
    elapsed = time.perf_counter() - begin
    stored.close()
    for name, samples in (("trim_before", before), ("trim_during", loads)):
        results.add(f"{name}_max", kind.name, statistics.median(each.max_ms for each in samples))
        results.add(f"{name}_p999", kind.name, statistics.median(each.p999_ms for each in samples))
    results.add("trim_put", kind.name, statistics.median(load.per_s for load in loads))
    results.add("trim_records", kind.name, records / elapsed)


def _oldest(stored: apsw.Connection) -> int:
    ((oldest,),) = stored.execute("SELECT min(clock) FROM record")
    return oldest


def _fill(port: int, count: int, slice_s: float) -> int:
    written = 0
    while written < count:
        written += run_load("fill", port, "growing", slice_s).requests * _FILL_BATCH
    return written


def readers(kind: Kind, effort: Effort, results: Results) -> Iterator[str]:
    """PutItem/s alone and with ten readers of every shard, by turns; RuntimeError if a reader
    missed a record."""
    yield "starting"
    with running(kind) as server:
        client = Client(server.port)
        stream_arn = create_table(client, "watched", stream=True)
        client.close()
        if stream_arn is None:
            raise RuntimeError("the table with a stream has no stream")
        run_load("put", server.port, "watched", effort.warm_s)
        for number in range(1, effort.rounds + 1):
            yield f"round {number}: PutItem alone"
            alone = run_load("put", server.port, "watched", effort.sample_s)
            results.add("put_alone", kind.name, alone.per_s)
            yield f"round {number}: PutItem with {_READERS} readers"
            _put_watched(kind, server.port, stream_arn, effort, results)


def _put_watched(kind: Kind, port: int, stream_arn: str, effort: Effort, results: Results) -> None:
    group = [_Reader(port, stream_arn) for _ in range(_READERS)]
    for reader in group:
        reader.ready.wait()
    begin = time.perf_counter()
    load = run_load("put", port, "watched", effort.sample_s)
    seen = sum(reader.records for reader in group)
    elapsed = time.perf_counter() - begin
    results.add("put_with_readers", kind.name, load.per_s)
    results.add("readers_records", kind.name, seen / elapsed)
    _await_all(group, load.requests)


def _await_all(group: list[_Reader], acknowledged: int) -> None:
    deadline = time.monotonic() + _CATCH_UP_S
    while time.monotonic() < deadline and any(reader.records < acknowledged for reader in group):
        time.sleep(_POLL_S)
    for reader in group:
        reader.stop()
    failures = [reader.failure for reader in group if reader.failure is not None]
    if failures:
        raise RuntimeError(f"{len(failures)} readers failed: {failures[0]}")
    short = [reader.records for reader in group if reader.records < acknowledged]
    if short:
        raise RuntimeError(
            f"{len(short)} readers saw {min(short)} and more of {acknowledged} acknowledged puts"
        )


class _Reader:
    """A thread that follows all shards of a stream from their tips, on its own connection."""

    def __init__(self, port: int, stream_arn: str) -> None:
        self.records = 0
        self.failure: str | None = None
        self.ready = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, args=(port, stream_arn), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _follow(self, port: int, stream_arn: str) -> None:
        client = Client(port)
        try:
            shards = [
                read_shard(client, stream_arn, shard, "LATEST")
                for shard in open_shards(client, stream_arn)
            ]
            while not self._stopped.is_set():
                found = sum(next(pages, (0, 0))[0] for pages in shards)
                self.records += found
                self.ready.set()
                self._stopped.wait(_POLL_S)
        except (OSError, RequestFailed) as error:
            self.failure = str(error)
        finally:
            self.ready.set()
            client.close()
