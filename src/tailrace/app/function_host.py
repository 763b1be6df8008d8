"""Runs the functions of the Lambda API in worker processes."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tailrace.api.functions.errors import TooManyRequestsException
from tailrace.api.functions.names import LATEST, function_arn
from tailrace.api.functions.ports import Called
from tailrace.api.functions.records import Function, Version
from tailrace.app.bundles import DirectoryBundles
from tailrace.delivery.function_counts import FunctionCounts
from tailrace.delivery.ports import SinkUnavailable
from tailrace.runtimes.function import FunctionSpec, Invocation
from tailrace.runtimes.worker_thread import PythonWorker, Worker
from tailrace.runtimes.workers import MAX_WORKERS, WorkerPool

__all__ = ["FunctionHost"]

_Key = tuple[tuple[str, str, str], str]
_log = logging.getLogger("tailrace.functions")
# Services that this very server is, by the names of boto3's settings.
_SERVICES: Final = ("DYNAMODB", "DYNAMODB_STREAMS", "KINESIS", "LAMBDA")
# How a call that took too long is worded.
_TIMED_OUT: Final = b'"errorType":"Sandbox.Timedout"'
_CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class FunctionHost:
    """A pool of workers for each version that is called. Belongs to one event loop.

    `endpoint_url` is where functions find this server, `credentials` gives the access key and
    secret they sign with for an account; `bundles_in_use` names the bundles that functions have.
    """

    def __init__(
        self,
        bundles: DirectoryBundles,
        endpoint_url: Callable[[], str],
        credentials: Callable[[str], tuple[str, str] | None],
        bundles_in_use: Callable[[], list[str]],
    ) -> None:
        self._bundles = bundles
        self._endpoint_url = endpoint_url
        self._credentials = credentials
        self._bundles_in_use = bundles_in_use
        self._pools: dict[_Key, WorkerPool] = {}
        self._counts: dict[tuple[str, str, str], FunctionCounts] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    async def call(
        self,
        function: Function,
        version: Version,
        payload: bytes,
        *,
        request_id: str,
        arn: str,
        client_context: str | None = None,
    ) -> Called:
        """Call a version. Raises TooManyRequestsException when none may run, or too many wait."""
        counts = self.counts(function.place)
        if function.concurrency == 0:
            counts.throttles += 1
            raise TooManyRequestsException("Rate Exceeded.", Reason="ReservedFunctionConcurrency")
        invocation = Invocation(
            request_id=request_id, payload=payload, arn=arn, client_context=client_context
        )
        counts.running += 1
        began = time.perf_counter()
        try:
            outcome = await self._pool(function, version).invoke(invocation)
        except SinkUnavailable as error:
            counts.throttles += 1
            raise TooManyRequestsException("Rate Exceeded.", Reason="CallerRateLimit") from error
        finally:
            counts.running -= 1
        counts.invocations += 1
        counts.duration_s += time.perf_counter() - began
        if outcome.error is not None:
            counts.errors += 1
            counts.timeouts += _TIMED_OUT in outcome.payload
        return Called(payload=outcome.payload, error=outcome.error, log=outcome.log)

    def counts(self, place: tuple[str, str, str]) -> FunctionCounts:
        """What is counted of a function's calls, for the metrics."""
        found = self._counts.get(place)
        if found is None:
            found = self._counts[place] = FunctionCounts()
        return found

    def measured(self) -> list[tuple[dict[str, str], FunctionCounts]]:
        """The labels in metrics of functions that were called, and what was counted."""
        return [
            ({"function": function_arn(place)}, msgspec.structs.replace(counts))
            for place, counts in self._counts.items()
        ]

    async def changed(self, function: Function) -> None:
        """Have the function's latest code loaded, and let go of what is no longer called."""
        self._pool(function, function.latest)
        known = {LATEST, *function.published}
        self._retire([key for key in self._of(function) if key[1] not in known])

    async def removed(self, function: Function) -> None:
        """Let go of a function."""
        if not self.counts(function.place).events_waiting:
            self._counts.pop(function.place)
        keys = self._of(function)
        self._retire(keys)
        if not keys:
            await self.sweep()

    async def close(self) -> None:
        """End all processes."""
        pools = list(self._pools.values())
        self._pools.clear()
        await asyncio.gather(*(pool.close() for pool in pools))
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def warm(self, function: Function, version: Version) -> None:
        """Have a version's code loaded."""
        self._pool(function, version)

    def _of(self, function: Function) -> list[_Key]:
        return [key for key in self._pools if key[0] == function.place]

    def _pool(self, function: Function, version: Version) -> WorkerPool:
        key = (function.place, version.version)
        spec = self._spec(function, version)
        pool = self._pools.get(key)
        workers = min(function.concurrency or MAX_WORKERS, MAX_WORKERS)
        if pool is None or pool.spec != spec or pool.max_workers != workers:
            if pool is not None:
                self._retire([key])
            pool = WorkerPool(spec, max_workers=workers, log=_print, make=_worker)
            self._pools[key] = pool
            pool.start()
        return pool

    def _retire(self, keys: list[_Key]) -> None:
        for key in keys:
            task = asyncio.create_task(self._drain(self._pools.pop(key)))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _drain(self, pool: WorkerPool) -> None:
        try:
            await pool.drain()
        except asyncio.CancelledError:
            await pool.close()
            raise
        await self.sweep()

    async def sweep(self) -> None:
        """Drop the bundles that nothing uses."""
        running = [pool.spec.directory for pool in self._pools.values()]
        used = [path.parent.name for path in running] + self._bundles_in_use()
        if len(self._retiring) <= 1:
            await self._bundles.retain(used)

    def _spec(self, function: Function, version: Version) -> FunctionSpec:
        code = version.code
        directory = Path(code.directory or self._bundles.directory(code.bundle or ""))
        return FunctionSpec(
            name=function.name,
            handler=version.handler,
            directory=directory,
            version=version.version,
            region=function.region,
            account=function.account,
            runtime=version.runtime or "",
            environment={**self._environment(function.account), **version.environment},
            timeout_s=version.timeout_s,
            memory_mb=version.memory_mb,
            log_group=version.log_group,
            log_level=version.log_level,
            reload=code.directory is not None,
        )

    def _environment(self, account: str) -> Mapping[str, str]:
        """How functions find this server and who they are there."""
        url = self._endpoint_url()
        found = {f"AWS_ENDPOINT_URL_{service}": url for service in _SERVICES}
        pair = self._credentials(account)
        if pair is not None:
            found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"] = pair
        elif "AWS_PROFILE" not in os.environ:
            inherited = {name: os.environ[name] for name in _CREDENTIALS if name in os.environ}
            made_up = {"AWS_ACCESS_KEY_ID": "tailrace", "AWS_SECRET_ACCESS_KEY": "tailrace"}
            found.update(inherited or made_up)
        return found


def _worker(spec: FunctionSpec) -> Worker:
    """What runs a function of its runtime."""
    if spec.runtime.startswith("python"):
        return PythonWorker(spec)
    # Imported here: it takes an HTTP server along, which few need.
    from tailrace.runtimes.runtime_api import CommandWorker

    return CommandWorker(spec)


def _print(name: str, log: bytes) -> None:
    if _log.isEnabledFor(logging.INFO):
        for line in log.decode(errors="replace").splitlines():
            _log.info("%s: %s", name, line)
