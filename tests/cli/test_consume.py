"""Processes that consume share the work, survive each other's deaths, and are seen from outside."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.sources.spool import DirectorySpool
from tests.servers.queues_and_buckets import QueuesAndBuckets

HANDLER = """
import os

def handle(event, context):
    lines = []
    for record in event["Records"]:
        change = record["dynamodb"]
        name = change["Keys"]["pk"]["S"]
        if name.startswith("bad") and "FORGIVING" not in os.environ:
            raise ValueError("cannot take " + name)
        value = change["NewImage"]["v"]["S"]
        lines.append(f"{os.getpid()} {name} {value} {int(record.get('snapshot', False))}\\n")
    with open(os.environ["OUT"], "a") as file:
        file.write("".join(lines))
"""


class Workplace:
    """A directory with a handler, and what it wrote down."""

    def __init__(self, directory: Path) -> None:
        (directory / "work.py").write_text(HANDLER)
        self.out = directory / "out.txt"

    def taken(self) -> list[list[str]]:
        return [line.split() for line in self.out.read_text().splitlines()] if (
            self.out.exists()
        ) else []  # fmt: skip


def until(condition: Callable[[], bool], processes: list[Any], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        for process in processes:
            if process.poll() is not None:
                raise AssertionError(f"a process ended: {process.communicate()}")
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def finish(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return out


def test_processes_that_are_killed_lose_nothing(run: Any, endpoint: Any, tmp_path: Path) -> None:
    stream = endpoint.make("killed")
    place = Workplace(tmp_path)

    def start() -> Any:
        arguments = ["--table", "killed", "--group", "killers", "--failover", "1.5", "--json"]
        return run("consume", "work.py:handle", *arguments, OUT=str(place.out))

    processes = [start() for _ in range(3)]
    written: dict[str, int] = {}

    def write(count: int) -> None:
        for number in range(count):
            name = f"item-{number % 25}"
            written[name] = written.get(name, 0) + 1
            endpoint.put("killed", name, str(written[name]))

    write(100)
    until(lambda: len(place.taken()) >= 100, processes)
    until(lambda: len({pid for pid, *_ in place.taken()}) >= 1, processes)
    for _ in range(2):
        write(60)
        victim = processes.pop(0)
        victim.send_signal(signal.SIGKILL)
        control(endpoint, "RotateShards", StreamArn=stream)
        write(60)
        processes.append(start())
    write(40)
    expected = {(name, str(n)) for name, last in written.items() for n in range(1, last + 1)}
    until(lambda: {(name, n) for _, name, n, _ in place.taken()} == expected, processes)
    first: dict[str, list[int]] = {}
    for _, name, value, _ in place.taken():
        if int(value) not in first.setdefault(name, []):
            first[name].append(int(value))
    assert all(values == sorted(values) for values in first.values())

    def owners() -> set[str]:
        rows = endpoint.client.scan(TableName="killers")["Items"]
        return {row["leaseOwner"]["S"].split("-")[-2] for row in rows if "leaseOwner" in row}

    alive = {str(process.pid) for process in processes}
    until(lambda: owners() == alive, processes)
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        finish(process)
    rows = endpoint.client.scan(TableName="killers")["Items"]
    assert not [row for row in rows if "leaseOwner" in row]


def control(endpoint: Any, name: str, **params: Any) -> None:
    url = f"{endpoint.url}/_tailrace/{name}"
    request = urllib.request.Request(url, json.dumps(params).encode(), method="POST")
    urllib.request.urlopen(request, timeout=10).close()


def test_lag_is_told_while_nobody_runs(run: Any, endpoint: Any, tmp_path: Path) -> None:
    endpoint.make("lagging")
    place = Workplace(tmp_path)
    endpoint.put("lagging", "a")
    options = ["--table", "lagging", "--group", "lazy-group"]
    finish(run("consume", "work.py:handle", *options, "--once", OUT=str(place.out)))
    told = json.loads(finish(run("lag", *options, "--once", "--json")))
    assert told["lag_ms"] == 0
    assert [shard["state"] for shard in told["shards"]] == ["idle"] * 4
    endpoint.put("lagging", "b")
    time.sleep(1.1)
    told = json.loads(finish(run("lag", *options, "--once", "--json")))
    assert told["lag_ms"] >= 1000
    assert sum(shard["lag_ms"] > 0 for shard in told["shards"]) == 1
    assert "4 shards, 0 workers" in finish(run("lag", *options, "--once"))


def test_dead_letters_are_listed_shown_and_replayed(
    run: Any, endpoint: Any, tmp_path: Path
) -> None:
    endpoint.make("deadly")
    place = Workplace(tmp_path)
    for name in ("bad-1", "good", "bad-2"):
        endpoint.put("deadly", name)
    for where, group in (("letters", "in-files"), ("table:letters", "in-a-table")):
        options = ["--table", "deadly", "--group", group, "--dead-letters", where]
        options += ["--retries", "0", "--bisect", "--once"]
        finish(run("consume", "work.py:handle", *options, OUT=str(place.out)))
        assert [name for _, name, _, _ in place.taken()] == ["good"]
        listed = finish(run("dlq", "list", where)).splitlines()
        assert len(listed) == 2
        assert all("ValueError: cannot take bad-" in line for line in listed)
        letter_id = listed[0].split()[2]
        shown = json.loads(finish(run("dlq", "show", where, letter_id)))
        assert shown["record"]["dynamodb"]["Keys"]["pk"]["S"].startswith("bad-")
        failed = run("dlq", "replay", where, "work.py:handle", OUT=str(place.out))
        assert failed.wait(60) == 1
        assert len(finish(run("dlq", "list", where, "--json")).splitlines()) == 2
        replayed = run("dlq", "replay", where, "work.py:handle", OUT=str(place.out), FORGIVING="1")
        assert finish(replayed) == "2 replayed, 0 failed\n"
        assert finish(run("dlq", "list", where)) == ""
        assert sorted(name for _, name, _, _ in place.taken()) == ["bad-1", "bad-2", "good"]
        place.out.unlink()


def test_a_snapshot_comes_first(run: Any, endpoint: Any, tmp_path: Path) -> None:
    endpoint.make("snapped")
    place = Workplace(tmp_path)
    for number in range(30):
        endpoint.put("snapped", f"k{number}")
    options = ["--table", "snapped", "--snapshot", "--once"]
    finish(run("consume", "work.py:handle", *options, OUT=str(place.out)))
    scanned = [name for _, name, _, is_snapshot in place.taken() if is_snapshot == "1"]
    assert sorted(scanned) == sorted(f"k{number}" for number in range(30))
    rows = endpoint.client.scan(TableName="tailrace-work.py-handle-snapped")["Items"]
    assert {row["checkpoint"]["S"] for row in rows if "snapshot" in row["leaseKey"]["S"]} == {
        "SHARD_END"
    }


def test_metrics_are_served(run: Any, endpoint: Any, tmp_path: Path) -> None:
    endpoint.make("measured")
    place = Workplace(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint.put("measured", "a")
    options = ["--table", "measured", "--group", "metering", "--metrics-port", str(port)]
    process = run("consume", "work.py:handle", *options, OUT=str(place.out))
    until(lambda: len(place.taken()) == 1, [process])

    def scraped() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return str(answer.read().decode())

    until(lambda: 'tailrace_records_total{kind="group",consumer="metering"' in scraped(), [process])
    lines = [line for line in scraped().splitlines() if line.startswith("tailrace_records_total")]
    assert lines[0].endswith(" 1")
    process.send_signal(signal.SIGINT)
    finish(process)


def test_one_group_cannot_consume_two_tables(run: Any, endpoint: Any, tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    for table in ("first-one", "second-one"):
        endpoint.make(table)
    arguments = ["--group", "confused", "--once"]
    finish(run("consume", "work.py:handle", "--table", "first-one", *arguments, OUT=str(place.out)))
    process = run("consume", "work.py:handle", "--table", "second-one", *arguments)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "consumes first-one" in errors


def test_what_was_spooled_outlives_kill_9_and_the_stream(
    run: Any, endpoint: Any, server: Any, tmp_path: Path
) -> None:
    arn = endpoint.make("slow")
    place = Workplace(tmp_path)
    for number in range(60):
        endpoint.put("slow", f"k{number:02d}")
    options = ["--table", "slow", "--group", "slow-group", "--snapshot", "--batch-size", "5"]
    options += ["--snapshot-rate", "6", "--spool", "spool", "--spool-after", "0"]
    options += ["--failover", "2"]
    first = run("consume", "work.py:handle", *options, OUT=str(place.out))
    until(lambda: len(place.taken()) >= 5, [first])
    endpoint.put("slow", "late")
    until(lambda: spooled(tmp_path / "spool") == 61, [first])
    first.send_signal(signal.SIGKILL)
    assert first.wait(60)
    trim = {"StreamArn": arn}
    url = f"{server.endpoint_url}/_tailrace/TrimStream"
    urllib.request.urlopen(url, json.dumps(trim).encode(), timeout=10).close()
    second = run("consume", "work.py:handle", *options, OUT=str(place.out))
    until(lambda: any(line[1::2] == ["late", "0"] for line in place.taken()), [second])
    second.send_signal(signal.SIGINT)
    finish(second)
    lines = place.taken()
    scanned = {name for _, name, _, is_snapshot in lines if is_snapshot == "1"}
    assert scanned >= {f"k{number:02d}" for number in range(60)}
    streamed = [number for number, line in enumerate(lines) if line[3] == "0"]
    assert min(streamed) > max(n for n, line in enumerate(lines) if line[3] == "1")


def spooled(directory: Path) -> int:
    """How many records are in the spool of a directory."""

    async def count(path: Path) -> int:
        spool = DirectorySpool(path)
        await spool.open(create=False)
        try:
            return sum([len(await spool.read(name, -1, 1000)) for name in await spool.states()])
        finally:
            await spool.close()

    return sum(asyncio.run(count(path)) for path in directory.glob("*.spool"))


@pytest.mark.parametrize("where", ["sqs:failed,s3://failed/large", "s3://failed/letters"])
def test_dead_letters_in_queues_and_buckets(
    run: Any, endpoint: Any, tmp_path: Path, where: str
) -> None:
    services = QueuesAndBuckets()
    services.queues["failed"], services.buckets["failed"] = [], {}
    table = f"deadly-{where[:2]}"
    endpoint.make(table)
    place = Workplace(tmp_path)
    place_env = {
        "AWS_ENDPOINT_URL_SQS": services.url,
        "AWS_ENDPOINT_URL_S3": services.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "OUT": str(place.out),
    }
    try:
        for name in ("bad-1", "good", "bad-2"):
            endpoint.put(table, name)
        options = ["--table", table, "--dead-letters", where, "--retries", "0", "--bisect"]
        finish(run("consume", "work.py:handle", *options, "--once", **place_env))
        listed = finish(run("dlq", "list", where, **place_env)).splitlines()
        assert len(listed) == 2
        letter_id = listed[0].split()[2]
        shown = json.loads(finish(run("dlq", "show", where, letter_id, **place_env)))
        assert shown["record"]["dynamodb"]["NewImage"]["v"] == {"S": "x"}
        replayed = run("dlq", "replay", where, "work.py:handle", **place_env, FORGIVING="1")
        assert finish(replayed) == "2 replayed, 0 failed\n"
        assert not services.queues["failed"]
        assert not services.buckets["failed"]
    finally:
        services.close()
