"""A consumer of one table's changes: this process's part in a group that shares them."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import msgspec

from tailrace.clock import RandomIds, SystemClock
from tailrace.consumer.dead_letters import open_dead_letters
from tailrace.consumer.filters import Wanted, accepting
from tailrace.consumer.handlers import ChangeHandler
from tailrace.consumer.pulling import PulledChanges
from tailrace.consumer.streams import StreamOf, find_stream, open_stream
from tailrace.delivery.driver import RunnerOptions
from tailrace.delivery.leases.lease import LeaseTimes, is_snapshot, read_after
from tailrace.delivery.leases.spool import SpooledSource
from tailrace.delivery.leases.spooler import SPOOL_AFTER_MS, Spooling
from tailrace.delivery.leases.worker import GroupRunner, GroupSettings
from tailrace.delivery.ports import DeadLetters, Sink
from tailrace.delivery.progress import Progress
from tailrace.delivery.settings import DeliverySettings, OnTrimmed, StartingPosition
from tailrace.delivery.telemetry import observe_metrics
from tailrace.errors import ConfigurationError, TailraceError
from tailrace.sources.caller import Caller
from tailrace.sources.http_caller import HttpCaller
from tailrace.sources.lease_table import DynamoLeaseTable
from tailrace.sources.snapshot import SnapshotSource
from tailrace.sources.spool import SPOOL_BYTES, DirectorySpool, spool_directory, spool_path

__all__ = ["Consumer", "ConsumerSettings", "worker_name"]

SNAPSHOT_SEGMENTS: Final = 4
_TABLE_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")


class ConsumerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a group consumes. Everything but `delivery` is Tailrace's own.

    `lease_table` None keeps the leases in a table of the group's name, exactly as the Kinesis
    Client Library does; a name shares that table with other groups. `snapshot` reads the whole
    table before the stream when the group is new, in so many segments at a time (True: four), at
    most `snapshot_rate` items a second and worker. `filter` says which changes are wanted: a
    function of a `Change`, or patterns as Lambda's event source mappings have them, as JSON or as
    dicts.
    `dead_letters` is where records go that are given up: a directory, a place by name
    (`table:NAME`, `s3://BUCKET/PREFIX`, `sqs:QUEUE`), or a place of your own.
    `spool` is the directory where a group whose snapshot takes longer than `spool_after_s` seconds
    keeps the stream's records meanwhile, at most about `spool_bytes` a worker: True for the user's
    own, False for none.
    """

    delivery: DeliverySettings = DeliverySettings()
    lease_table: str | None = None
    lease_prefix: str = ""
    filter: Wanted = None
    snapshot: bool | int = False
    snapshot_rate: float | None = None
    dead_letters: DeadLetters | str | Path | None = None
    times: LeaseTimes = LeaseTimes()
    options: RunnerOptions = RunnerOptions()
    poll_s: float | None = None
    spool: bool | str | Path = True
    spool_bytes: int = SPOOL_BYTES
    spool_after_s: float = SPOOL_AFTER_MS / 1000

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ConsumerSettings:
        """Settings of keyword arguments: members of this class, and of DeliverySettings. Names of
        enumerations may be given as text. Raises ConfigurationError for unknown names."""
        own = {name: value for name, value in options.items() if name in cls.__struct_fields__}
        rest = {name: value for name, value in options.items() if name not in own}
        unknown = rest.keys() - set(DeliverySettings.__struct_fields__)
        if unknown:
            raise ConfigurationError(f"unknown settings: {', '.join(sorted(unknown))}")
        if "starting_position" in rest:
            rest["starting_position"] = StartingPosition(rest["starting_position"])
        if "on_trimmed" in rest:
            rest["on_trimmed"] = OnTrimmed(rest["on_trimmed"])
        if rest:
            own["delivery"] = DeliverySettings(**rest)
        return cls(**own)

    @property
    def segments(self) -> int:
        """How many segments a snapshot has, 0 for none."""
        return SNAPSHOT_SEGMENTS if self.snapshot is True else int(self.snapshot)


def _reads_again(settings: ConsumerSettings) -> bool:
    return settings.delivery.on_trimmed is OnTrimmed.RESNAPSHOT


def worker_name() -> str:
    """A name that no other worker has or had."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class Consumer:
    """One process's part in a group that consumes a table's stream, on any endpoint.

        async with Consumer("orders", group="billing", handler=bill) as consumer:
            await consumer.wait()

    `stream` is a table's name, its ARN, or its stream's; or a Kinesis stream's ARN, of which there
    are `StreamRecord`s instead of changes. Give a `handler` of a list of `Change`
    (plain or async), a `sink`, or neither, and iterate: `async for changes in consumer`. `group`
    shares the work among all its consumers, wherever they run. `options` are members of
    `ConsumerSettings` and `DeliverySettings`: `batch_size`, `starting_position`, `snapshot`, ...
    `reconcile(upto)` goes with a handler and `on_trimmed="resnapshot"`: called when the table was
    read again, for what came by changes up to the number `upto` is not in the table any more.
    Calls are made through `caller`, or as boto3 would find endpoint, region and credentials.
    """

    def __init__(
        self,
        stream: str,
        *,
        group: str,
        handler: Callable[..., Any] | None = None,
        sink: Sink | None = None,
        endpoint_url: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        caller: Caller | None = None,
        settings: ConsumerSettings | None = None,
        timeout_s: float = 60.0,
        concurrency: int = 1,
        reconcile: Callable[[int], Any] | None = None,
        **options: Any,
    ) -> None:
        if handler is not None and sink is not None:
            raise ConfigurationError("give a handler or a sink, not both")
        self.group = group
        self.settings = settings or ConsumerSettings.of(options)
        if not _TABLE_NAME.fullmatch(self.settings.lease_table or group):
            raise ConfigurationError(
                f"{group!r} names no group: 3 to 255 letters, digits, underscores, hyphens and dots"
            )
        self.worker = worker_name()
        self._name = stream
        self._caller = caller
        self._connection = {"endpoint_url": endpoint_url, "region": region, "profile": profile}
        self._own_caller: HttpCaller | None = None
        self._pulled = PulledChanges() if handler is None and sink is None else None
        self._sink = sink or self._pulled
        self._handler = handler
        self._reconcile = reconcile
        self._timing = (timeout_s, concurrency)
        self._source: SnapshotSource | None = None
        self._runner: GroupRunner | None = None
        self._task: asyncio.Task[None] | None = None
        self._unobserve: Callable[[], None] | None = None

    # Starting and stopping ----------------------------------------------------------------------

    async def prepare(self) -> GroupRunner:
        """Find the stream and put everything together, without beginning."""
        caller = self._caller
        if caller is None:
            caller = self._own_caller = HttpCaller(**self._connection)
        stream = await find_stream(caller, self._name)
        clock, settings = SystemClock(), self.settings
        spooled = SpooledSource(
            open_stream(caller, stream, clock, settings.poll_s), self._open_spool(stream)
        )
        source = SnapshotSource(
            spooled, caller, stream.name, stream.region, clock, settings.snapshot_rate
        )
        if stream.is_kinesis and (settings.segments or _reads_again(settings)):
            raise ConfigurationError("only a table's stream has a table to take a snapshot of")
        sink: Sink | ChangeHandler | None = self._sink
        if sink is None and self._handler is not None:
            timeout_s, concurrency = self._timing
            sink = ChangeHandler(
                self._handler,
                timeout_s=timeout_s,
                concurrency=concurrency,
                reconcile=self._reconcile,
            )
        if sink is None:
            raise ConfigurationError("there is no receiver")
        runner = GroupRunner(
            source,
            sink,
            self.leases(caller, stream),
            settings.delivery,
            clock,
            RandomIds(),
            worker=self.worker,
            group=GroupSettings(times=settings.times, snapshot_segments=settings.segments),
            options=self._options(caller),
            mark=source.mark,
            spooling=Spooling(spooled, int(settings.spool_after_s * 1000)),
        )
        if isinstance(sink, ChangeHandler):
            sink.runner = runner
        self._source, self._sink, self._runner = source, sink, runner
        self._unobserve = observe_metrics(self.measured, asyncio.get_running_loop())
        return runner

    def leases(self, caller: Caller, stream: StreamOf) -> DynamoLeaseTable:
        """The group's leases."""
        name, prefix = self._lease_keys(stream)
        return DynamoLeaseTable(caller, name, prefix, streamed=stream.name)

    def _lease_keys(self, stream: StreamOf) -> tuple[str, str]:
        """The table of the group's leases, and how their keys begin."""
        settings = self.settings
        if settings.lease_table is None:
            return self.group, settings.lease_prefix
        own = settings.lease_prefix or stream.name + ":"
        return settings.lease_table, f"{self.group}:{own}"

    def _open_spool(self, stream: StreamOf) -> DirectorySpool | None:
        settings = self.settings
        if settings.spool is False or stream.is_kinesis:
            return None
        try:
            directory = spool_directory() if settings.spool is True else Path(settings.spool)
        except ConfigurationError:
            if settings.segments:
                raise
            return None  # who reads no table has nothing to spool
        identity = "\n".join((*self._lease_keys(stream), stream.arn))
        return DirectorySpool(spool_path(directory, self.group, identity), settings.spool_bytes)

    def _options(self, caller: Caller) -> RunnerOptions:
        options = self.settings.options
        letters = self.settings.dead_letters
        accept = accepting(self.settings.filter)
        if accept is not None:
            options = msgspec.structs.replace(options, accept=accept)
        if isinstance(letters, (str, Path)):
            region, profile = self._connection["region"], self._connection["profile"]
            letters = open_dead_letters(letters, lambda: caller, region=region, profile=profile)
        if letters is not None:
            options = msgspec.structs.replace(options, dead_letters=letters)
        return options

    async def start(self) -> None:
        """Begin; returns when this worker takes part. Raises what keeps it from that."""
        try:
            runner = await self.prepare()
            task = self._task = asyncio.create_task(runner.run(), name=f"consumer {self.group}")
            started = asyncio.create_task(runner.started.wait())
            try:
                await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                started.cancel()
            if task.done():
                task.result()
        except BaseException:
            await self.close()
            raise

    async def stop(self) -> None:
        """Finish the batches in hand, keep the positions, and give the leases back."""
        if self._pulled is not None:
            await self._pulled.close()
        if self._runner is not None:
            self._runner.stop()
        try:
            await self.wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of receiver, spool and connections."""
        if self._unobserve is not None:
            self._unobserve()
        if self._sink is not None:
            await self._sink.close()
        if self._source is not None:
            await self._source.close()
        if self._own_caller is not None:
            await self._own_caller.close()

    async def __aenter__(self) -> Consumer:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    # While it runs ------------------------------------------------------------------------------

    async def wait(self) -> None:
        """Return when the consumer was stopped. Raises what ended it."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def caught_up(self) -> None:
        """Return when everything that is in this worker's share of the stream now is handled."""
        await self.runner.caught_up()

    def progress(self) -> Progress:
        """Where this worker stands."""
        return self.runner.snapshot()

    def measured(self) -> list[tuple[dict[str, str], Progress]]:
        """Its labels in metrics, and where it stands."""
        labels = {"kind": "group", "consumer": self.group, "worker": self.worker}
        return [(labels, self.progress())]

    async def snapshot_size(self) -> int:
        """About how many items a snapshot has to read."""
        return 0 if self._source is None else await self._source.item_count()

    def snapshot_items(self) -> int | None:
        """How many items of the table were read and handled by all workers, as far as is known
        here; None when no snapshot is under way."""
        leases = self.runner.member.leases.values()
        segments = [lease for lease in leases if is_snapshot(lease.shard_id)]
        if all(lease.finished for lease in segments):
            return None
        held = self.runner.member.held
        read = 0
        for lease in segments:
            there = held.get(lease.shard_id)
            position = lease.position if there is None else there.position
            read += max((position.sequence or 0) - read_after(lease.shard_id), 0)
        return read

    @property
    def has_begun(self) -> bool:
        """Whether there is progress to tell."""
        return self._runner is not None

    @property
    def runner(self) -> GroupRunner:
        """What does the work. Raises TailraceError before it began."""
        if self._runner is None:
            raise TailraceError("the consumer has not started")
        return self._runner

    async def __aiter__(self) -> AsyncIterator[list[Any]]:
        """The changes, a batch at a time; a batch is handled when the next is asked for."""
        if self._pulled is None or self._task is None:
            raise TailraceError("only a consumer that runs without a handler can be iterated")
        self._task.add_done_callback(lambda task: asyncio.ensure_future(self._end_pulling()))
        while (changes := await self._pulled.next()) is not None:
            yield changes
        if self._task.done():
            self._task.result()

    async def _end_pulling(self) -> None:
        if self._pulled is not None:
            await self._pulled.close()
