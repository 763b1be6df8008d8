"""What is measured of Tailrace's delivery: how soon a handler is called, and how fast it drains a
backlog."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.client import Client, count_items, create_table, make_item
from bench.load import run_load
from bench.measures import Effort
from bench.results import Results
from bench.servers import Kind, scratch_dir, stop

__all__ = ["backlog", "latency"]

# Well below what the server can take: this measures delay, not queueing.
_PUTS_PER_S = 200
_WARM_PUTS = 100
_LATENCY_BATCH = 100
_BACKLOG_BATCH = 1000
_FILL_S = 5.0
_DELIVERY_TIMEOUT_S = 120.0
_POLL_S = 0.1


def latency(kind: Kind, effort: Effort, results: Results) -> Iterator[str]:
    """From the end of a PutItem's answer to the handler's call: p50 and p99 of each round.

    A handler that was called before the answer was read counts as called at once.
    """
    for number in range(1, effort.rounds + 1):
        yield f"round {number}: {_PUTS_PER_S} puts a second"
        with _running_host() as host:
            client = Client(host.port)
            create_table(client, "delivered", stream=True)
            host.ask(f"watch delivered {_LATENCY_BATCH}")
            puts = _WARM_PUTS + round(_PUTS_PER_S * effort.sample_s)
            acknowledged = _put_paced(client, "delivered", puts)
            client.close()
            host.await_items(puts)
            called = host.ask("times")
        delays = [max(0, called[key] - at_ns) / 1e6 for key, at_ns in acknowledged.items()]
        cuts = statistics.quantiles(delays[_WARM_PUTS:], n=100, method="inclusive")
        results.add("delivery_p50", kind.name, cuts[49])
        results.add("delivery_p99", kind.name, cuts[98])


def _put_paced(client: Client, table: str, count: int) -> dict[str, int]:
    """When each put was answered, by sort key, in nanoseconds of CLOCK_MONOTONIC."""
    acknowledged: dict[str, int] = {}
    begin = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begin + number / _PUTS_PER_S - time.monotonic()))
        item = make_item(number)
        client.call("PutItem", {"TableName": table, "Item": item})
        acknowledged[item["sk"]["S"]] = time.monotonic_ns()
    return acknowledged


def backlog(kind: Kind, effort: Effort, results: Results) -> Iterator[str]:
    """Records/s from the start of delivery until the handler has had the last record."""
    for number in range(1, effort.rounds + 1):
        yield f"round {number}: making a backlog"
        with _running_host() as host:
            client = Client(host.port)
            create_table(client, "backlog", stream=True)
            run_load("fill", host.port, "backlog", _FILL_S)
            # Requests that wrk broke off at its end may still be carried out.
            time.sleep(1)
            items = count_items(client, "backlog")
            client.close()
            yield f"round {number}: {items:,} items through a handler"
            begin_ns = time.monotonic_ns()
            host.ask(f"watch backlog {_BACKLOG_BATCH}")
            seen = host.await_items(items)
        results.add("drain", kind.name, seen["records"] / ((seen["last_ns"] - begin_ns) / 1e9))


class _Host:
    """The other end of `bench.handler_host`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self.port: int = self._read()

    def ask(self, command: str) -> dict[str, int]:
        """The answer to one command; RuntimeError if the process has ended."""
        if self._process.stdin is None:
            raise RuntimeError("the handler's process has no input")
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._read()

    def await_items(self, count: int) -> dict[str, int]:
        """Wait until the handler has had this many items; RuntimeError if that takes too long."""
        deadline = time.monotonic() + _DELIVERY_TIMEOUT_S
        while (seen := self.ask("count"))["items"] < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the handler had {seen['items']} of {count} items in time")
            time.sleep(_POLL_S)
        return seen

    def _read(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            tail = self._log.read_text(errors="replace")[-1000:]
            raise RuntimeError(f"the handler's process ended ({self._process.wait()}): {tail}")
        return json.loads(line)


@contextmanager
def _running_host() -> Iterator[_Host]:
    repository = Path(__file__).parent.parent
    with scratch_dir() as scratch, (scratch / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.handler_host", str(scratch / "data")],
            cwd=repository,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        with process:
            try:
                yield _Host(process, scratch / "log")
            finally:
                stop(process)
