"""Runs event source mappings: a runner for each that is enabled, from a stream of the store to a
function, with its positions in the store."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec

from tailrace.api.functions.book import Book
from tailrace.api.functions.errors import (
    FunctionNotFound,
    InvalidParameterValueException,
    TooManyRequestsException,
)
from tailrace.api.functions.mappings import delivery_settings, patterns
from tailrace.api.functions.names import FunctionName
from tailrace.api.functions.ports import MappingState
from tailrace.api.functions.records import EventSourceMapping
from tailrace.app.function_host import FunctionHost
from tailrace.clock import Clock, Ids
from tailrace.delivery.filters import compile_filters
from tailrace.delivery.ports import FailureDestination, SinkUnavailable, Source
from tailrace.delivery.progress import Progress
from tailrace.delivery.runner import Runner, RunnerOptions
from tailrace.errors import ResourceNotFoundException
from tailrace.runtimes.function import FunctionSink, Invocation, Outcome
from tailrace.sources.caller import Caller
from tailrace.sources.table_checkpoints import TableCheckpoints

__all__ = ["EventSources", "MappingHost"]

_log = logging.getLogger("tailrace.triggers")
_STREAM: Final = re.compile(
    r"arn:aws[a-z-]*:(dynamodb:[^:]*:\d{12}:table/[^/]+/stream/[^/]+"
    r"|kinesis:[^:]*:\d{12}:stream/[^/]+)"
)
_REPORTS: Final = "ReportBatchItemFailures"
# A mapping that cannot even begin is tried again, ever more rarely.
_RETRY_FIRST_S: Final = 1.0
_RETRY_MAX_S: Final = 60.0


class EventSources(Protocol):
    """The streams of the store."""

    def exists(self, arn: str) -> bool:
        """Whether there is an enabled stream of that name."""
        ...

    def open(
        self, arn: str, *, identity_arn: str, start_ms: int | None
    ) -> tuple[Source, Callable[[], None]]:
        """A source of a stream's records, and what lets go of it. `identity_arn` is the role that
        reads; records that came before `start_ms` are passed over."""
        ...


class MappingHost:
    """Belongs to one event loop. `destination` makes an on-failure destination of its ARN, for a
    mapping's UUID; it raises InvalidParameterValueException for what is none."""

    def __init__(
        self,
        book: Book,
        functions: FunctionHost,
        sources: EventSources,
        keeping: Caller,
        checkpoint_table: str,
        destination: Callable[[str, str], FailureDestination],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._book = book
        self._functions = functions
        self._sources = sources
        self._keeping = keeping
        self._checkpoint_table = checkpoint_table
        self._destination = destination
        self._clock = clock
        self._ids = ids
        self._running: dict[str, _Running] = {}
        self._changing: dict[str, str] = {}
        # Whether those that were told of are to run.
        self._enabled: dict[str, bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._locks: dict[str, asyncio.Lock] = {}

    def check(self, mapping: EventSourceMapping) -> None:
        """Raise InvalidParameterValueException for a stream that is not there, and for a filter or
        a destination that makes no sense."""
        self._options(mapping)
        if not self._sources.exists(mapping.source_arn):
            if not _STREAM.fullmatch(mapping.source_arn):
                raise InvalidParameterValueException("Unrecognized event source.")
            raise InvalidParameterValueException(f"Stream not found: {mapping.source_arn}")

    def state(self, mapping: EventSourceMapping) -> MappingState:
        """How a mapping stands."""
        running = self._running.get(mapping.uuid)
        result = MappingState("").last_result if running is None else running.result
        changing = self._changing.get(mapping.uuid)
        if changing is not None:
            return MappingState(changing, result)
        return MappingState("Disabled" if running is None else "Enabled", result)

    def measured(self) -> list[tuple[dict[str, str], Progress]]:
        """The labels in metrics of mappings that run, and where each stands."""
        found: list[tuple[dict[str, str], Progress]] = []
        for uuid, running in self._running.items():
            mapping, progress = self._book.mappings.get(uuid), running.progress
            if mapping is not None and progress is not None:
                labels = {"kind": "mapping", "consumer": mapping.function_arn}
                found.append(({**labels, "stream": mapping.source_arn, "uuid": uuid}, progress))
        return found

    async def changed(self, mapping: EventSourceMapping) -> None:
        """Start, stop or start anew."""
        self._changing[mapping.uuid] = self._transition(mapping)
        self._later(self._apply(mapping))

    def _transition(self, mapping: EventSourceMapping) -> str:
        """What a mapping's state is until its change has taken effect."""
        before = self._enabled.get(mapping.uuid)
        self._enabled[mapping.uuid] = mapping.enabled
        if before is None:
            return "Creating"
        if before == mapping.enabled:
            return "Updating"
        return "Enabling" if mapping.enabled else "Disabling"

    async def removed(self, mapping: EventSourceMapping) -> None:
        """Stop, and drop the positions."""
        self._changing[mapping.uuid] = "Deleting"
        self._enabled.pop(mapping.uuid, None)
        self._later(self._remove(mapping))

    async def close(self) -> None:
        """Finish what is in hand, keep the positions and stop all."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(running.stop() for running in self._running.values()))
        self._running.clear()

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _apply(self, mapping: EventSourceMapping) -> None:
        async with self._locks.setdefault(mapping.uuid, asyncio.Lock()):
            running = self._running.pop(mapping.uuid, None)
            if running is not None:
                await running.stop()
            current = self._book.mappings.get(mapping.uuid)
            if current is None or msgspec.structs.replace(current, tags=mapping.tags) != mapping:
                return  # changed again, or gone: whoever did that comes next
            if mapping.enabled:
                begun = _Running(lambda: self._runner(mapping), mapping.uuid)
                self._running[mapping.uuid] = begun
            self._changing.pop(mapping.uuid, None)

    async def _remove(self, mapping: EventSourceMapping) -> None:
        async with self._locks.setdefault(mapping.uuid, asyncio.Lock()):
            running = self._running.pop(mapping.uuid, None)
            if running is not None:
                await running.stop()
            checkpoints = self._checkpoints(mapping)
            await checkpoints.forget(list(await checkpoints.load()))
        self._changing.pop(mapping.uuid, None)
        self._locks.pop(mapping.uuid, None)

    def _checkpoints(self, mapping: EventSourceMapping) -> TableCheckpoints:
        application = f"mapping {mapping.uuid} {mapping.source_arn}"
        return TableCheckpoints(self._keeping, self._checkpoint_table, application)

    def _runner(self, mapping: EventSourceMapping) -> tuple[Runner, Callable[[], None]]:
        target = _Target(self._book, self._functions, mapping)
        start_s: float | None = mapping.members.get("StartingPositionTimestamp")
        source, release = self._sources.open(
            mapping.source_arn,
            identity_arn=target.role(),
            start_ms=None if start_s is None else int(start_s * 1000),
        )
        types: list[str] = mapping.members.get("FunctionResponseTypes") or []
        target.warm()
        runner = Runner(
            source,
            FunctionSink(target, mapping.function_arn, report_item_failures=_REPORTS in types),
            self._checkpoints(mapping),
            delivery_settings(mapping.members),
            self._clock,
            self._ids,
            self._options(mapping),
        )
        return runner, release

    def _options(self, mapping: EventSourceMapping) -> RunnerOptions:
        destinations: dict[str, Any] = mapping.members.get("DestinationConfig") or {}
        on_failure: dict[str, str] = destinations.get("OnFailure") or {}
        arn = on_failure.get("Destination")
        return RunnerOptions(
            accept=compile_filters(patterns(mapping.members)),
            on_failure=self._destination(arn, mapping.uuid) if arn else None,
            function_arn=mapping.function_arn,
        )


class _Target:
    """A mapping's function, whatever it is by the time it is called."""

    def __init__(self, book: Book, functions: FunctionHost, mapping: EventSourceMapping) -> None:
        self._book = book
        self._functions = functions
        self._name = FunctionName(
            mapping.account, mapping.region, mapping.function, mapping.qualifier
        )

    def warm(self) -> None:
        try:
            version = self._book.version(self._name)
        except FunctionNotFound:
            return
        self._functions.warm(self._book.function(self._name), version)

    def role(self) -> str:
        """The role that the function has."""
        try:
            return self._book.version(self._name).role
        except FunctionNotFound:
            return ""

    async def invoke(self, invocation: Invocation) -> Outcome:
        try:
            called = await self._functions.call(
                self._book.function(self._name),
                self._book.version(self._name),
                invocation.payload,
                request_id=invocation.request_id,
                arn=invocation.arn,
            )
        except FunctionNotFound as error:
            raise SinkUnavailable("Function not found") from error
        except TooManyRequestsException as error:
            raise SinkUnavailable("Function call was throttled") from error
        return Outcome(payload=called.payload, error=called.error, log=called.log)

    async def close(self) -> None:
        """The function is the host's."""


class _Running:
    """A mapping that runs, and begins anew when it could not begin."""

    def __init__(self, make: Callable[[], tuple[Runner, Callable[[], None]]], uuid: str) -> None:
        self._make = make
        self._uuid = uuid
        self._runner: Runner | None = None
        self._stopping = False
        self._problem = ""
        self._resting = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"mapping {uuid}")

    @property
    def result(self) -> str:
        """How the last batch went, in Lambda's words."""
        if self._problem or self._runner is None:
            return self._problem or MappingState("").last_result
        return self._runner.snapshot().result

    @property
    def progress(self) -> Progress | None:
        """Where it stands, once it has begun."""
        return None if self._runner is None else self._runner.snapshot()

    async def stop(self) -> None:
        """Finish what is in hand, keep the positions and end."""
        self._stopping = True
        self._resting.set()
        if self._runner is not None:
            self._runner.stop()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        delay_s = _RETRY_FIRST_S
        while not self._stopping:
            try:
                await self._deliver()
                return
            except ResourceNotFoundException:
                self._problem = "PROBLEM: Stream not found"
                return
            except Exception as error:
                _log.exception("mapping %s failed; it will be tried again", self._uuid)
                self._problem = f"PROBLEM: {error}"
            try:
                async with asyncio.timeout(delay_s):
                    await self._resting.wait()
            except TimeoutError:
                delay_s = min(2 * delay_s, _RETRY_MAX_S)

    async def _deliver(self) -> None:
        runner, release = self._make()
        self._runner = runner
        try:
            self._problem = ""
            await runner.run()
        finally:
            release()
            await runner.source.close()
