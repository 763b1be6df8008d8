"""What is measured on every server: writing, reading, reading the stream, starting, idling."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.client import Client, create_table, load_items, open_shards, read_shard
from bench.load import Load, run_load
from bench.results import Results
from bench.servers import Kind, running

__all__ = ["Effort", "compare", "read_stream"]

_IDLE_SETTLE_S = 1.0
_READ_LIMIT_S = 5.0
# Less than any item is long, more than an empty answer with its head.
_ITEM_BYTES = 500
# Many short samples, none of which lasts as long as the machine keeps its speed; neither table is
# measured later than the other, on the whole.
_BY_TURNS = ("with-stream", "without-stream", "without-stream", "with-stream") * 5
_TURNS_PER_SAMPLE = 5


@dataclass(frozen=True)
class Effort:
    """How much to measure: `growth` is the number of records that the grown stream has more."""

    name: str
    rounds: int
    warm_s: float
    sample_s: float
    loaded_items: int
    growth: int


def compare(kind: Kind, effort: Effort, results: Results) -> Iterator[str]:
    """One round on a fresh server; yields what it is about to do."""
    yield "starting"
    with running(kind) as server:
        results.add("start", kind.name, server.start_s)
        time.sleep(_IDLE_SETTLE_S)
        results.add("idle_memory", kind.name, server.memory_mb())
        client = Client(server.port)
        try:
            yield "loading items and warming up"
            stream_arn = _prepare(client, effort)
            _warm(client, server.port, effort)
            server.settle()
            for table in _BY_TURNS:
                yield f"PutItem {table}"
                load = run_load("put", server.port, table, effort.sample_s / _TURNS_PER_SAMPLE)
                _add_puts(results, kind.name, table, load)
            yield "GetItem"
            _add_gets(
                results,
                kind.name,
                run_load("get", server.port, "items", effort.sample_s, effort.loaded_items),
            )
            yield "GetRecords"
            records_s, mb_s = read_stream(client, stream_arn)
            results.add("read_records", kind.name, records_s)
            results.add("read_mb", kind.name, mb_s)
        finally:
            client.close()


def _prepare(client: Client, effort: Effort) -> str:
    create_table(client, "items", stream=False)
    load_items(client, "items", effort.loaded_items)
    for number in (0, effort.loaded_items - 1):
        key = {"pk": {"S": f"customer#{number:010d}"}, "sk": {"S": f"order#{number:010d}"}}
        if "Item" not in client.call("GetItem", {"TableName": "items", "Key": key}):
            raise RuntimeError(f"item {number} was loaded and is not there")
    create_table(client, "without-stream", stream=False)
    stream_arn = create_table(client, "with-stream", stream=True)
    if stream_arn is None:
        raise RuntimeError("the table with a stream has no stream")
    return stream_arn


def _warm(client: Client, port: int, effort: Effort) -> None:
    # On a table that goes away: a server that slows as its stream grows is measured while fast.
    create_table(client, "warm", stream=True)
    run_load("put", port, "warm", effort.warm_s)
    run_load("get", port, "items", effort.warm_s, effort.loaded_items)
    client.call("DeleteTable", {"TableName": "warm"})


def _add_puts(results: Results, server: str, table: str, load: Load) -> None:
    if table == "without-stream":
        results.add("put_stream_off", server, load.per_s)
        return
    results.add("put", server, load.per_s)
    results.add("put_p50", server, load.p50_ms)
    results.add("put_p99", server, load.p99_ms)
    results.add("put_p999", server, load.p999_ms)


def _add_gets(results: Results, server: str, load: Load) -> None:
    if load.answer_bytes < _ITEM_BYTES:
        raise RuntimeError(f"GetItem answered {load.answer_bytes:.0f} bytes: the items are missing")
    results.add("get", server, load.per_s)
    results.add("get_p50", server, load.p50_ms)
    results.add("get_p99", server, load.p99_ms)


def read_stream(client: Client, stream_arn: str) -> tuple[float, float]:
    """Read all shards in turn from the beginning, some seconds at most: records/s and MB/s."""
    records = size = 0
    begin = time.perf_counter()
    for shard_id in open_shards(client, stream_arn):
        for page_records, page_bytes in read_shard(client, stream_arn, shard_id, "TRIM_HORIZON"):
            records += page_records
            size += page_bytes
            if page_records == 0 or time.perf_counter() - begin > _READ_LIMIT_S:
                break
    elapsed = time.perf_counter() - begin
    if records == 0:
        raise RuntimeError("the stream holds no records after puts")
    return records / elapsed, size / elapsed / 1e6
