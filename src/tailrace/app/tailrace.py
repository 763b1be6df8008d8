"""A running Tailrace: its components put together, started and stopped in order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute

from tailrace import limits
from tailrace.api.dispatch import Dispatcher
from tailrace.api.faults import Faults
from tailrace.api.operation import Operation, Service
from tailrace.api.registry import OPERATIONS, SERVICES
from tailrace.app.caller import InProcessCaller
from tailrace.app.keeper import Keeper
from tailrace.app.late import LAMBDA_PATHS, Late, LateRoutes
from tailrace.app.own_tables import (
    CHECKPOINT_TABLE,
    OWN_ACCOUNT,
    has_destinations,
    has_functions,
)
from tailrace.clock import Clock, Ids, RandomIds, ShiftedClock, SystemClock
from tailrace.delivery.collector import relax_collector
from tailrace.delivery.metrics import Measured
from tailrace.delivery.ports import Sink
from tailrace.delivery.settings import DeliverySettings
from tailrace.delivery.telemetry import observe_metrics
from tailrace.engines.buckets import DirectoryBuckets
from tailrace.engines.s3_buckets import S3Buckets
from tailrace.errors import ConfigurationError, ResourceNotFoundException, ValidationException
from tailrace.model.schema import Stream
from tailrace.server.asgi import asgi_app
from tailrace.server.controls import control_route
from tailrace.server.gateway import Gateway
from tailrace.server.loop import LoopDelivery, Server
from tailrace.server.metrics import metrics_route
from tailrace.server.subscriptions import subscribe_route
from tailrace.server.turns import Turns
from tailrace.server.waits import Waits
from tailrace.settings import Settings
from tailrace.sources.caller import Caller
from tailrace.sources.http_caller import HttpCaller
from tailrace.tables.engine import Engine
from tailrace.tables.keeping import Policy
from tailrace.tables.transfer.buckets import Buckets
from tailrace.tables.transitions import settled
from tailrace.wire.call import Scope

if TYPE_CHECKING:
    from tailrace.app.functions import FunctionService
    from tailrace.app.kinesis import KinesisDeliveries
    from tailrace.app.store_streams import StoreStreams
    from tailrace.app.triggers import Trigger
    from tailrace.sinks.kinesis import KinesisCalls

__all__ = ["Tailrace"]

_SECRET_BYTES = 32


class Tailrace:
    """A store with its API, its server, its housekeeping and its triggers.

    with Tailrace(Settings(port=0)) as tailrace:
        client = boto3.client("dynamodb", endpoint_url=tailrace.endpoint_url, ...)
    """

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None
    ) -> None:
        self.settings = settings.checked()
        base = clock or SystemClock()
        self.clock: Clock = ShiftedClock(base) if settings.test_controls else base
        self.ids = ids or RandomIds()
        self._delivery = LoopDelivery()
        self._turns = Turns()
        self._triggers: list[Trigger] = []
        self._elsewhere: dict[str, HttpCaller] = {}
        self._observing: asyncio.Future[Callable[[], None]] | None = None
        self.engine = _engine(settings, self.clock, self._delivery)
        self._waits = Waits(self.engine.log, lambda: self._server.stopping)
        self.service = Service(
            self.engine,
            self.clock,
            self.ids,
            _iterator_secret(settings.data),
            settings.stream_retention_ms,
            Faults(settings.transition_ms * 1000),
            address=lambda: self.endpoint_url.partition("//")[2],
            kinesis_is_elsewhere=settings.kinesis_endpoint_url is not None,
            soon=self._turns.soon,
            later=self._waits.wait,
        )
        self.dispatcher = Dispatcher(self.service, _operations(settings), SERVICES)
        gateway = Gateway(
            self.dispatcher,
            self.clock,
            self.ids,
            account=settings.account,
            region=settings.region,
            credentials=settings.credentials,
            accounts=settings.accounts,
        )
        self._keeper = Keeper(self.engine, self.clock, _policy(settings), _buckets(settings))
        self._kinesis = Late(self._kinesis_deliveries, self.engine, has_destinations)
        self._functions = Late(
            self._function_service,
            self.engine,
            lambda catalog: has_functions(catalog, settings.region),
        )
        routes: list[BaseRoute] = [
            LateRoutes(LAMBDA_PATHS, lambda: self._functions.get().routes()),
            metrics_route(self._measured),
        ]
        paced = settings.enforce_throughput
        routes.append(
            subscribe_route(gateway, self.service, lambda: self._server.stopping, paced=paced)
        )
        if settings.test_controls:
            routes.append(control_route(self.dispatcher, self.scope, self._keeper.kick))
        try:
            app = asgi_app(self.ids, routes)
            self._server = Server(gateway, app, settings.host, settings.port)
        except ConfigurationError:
            self.engine.close()
            raise

    def _measured(self) -> Measured:
        triggers = [trigger.measured() for trigger in list(self._triggers)]
        return [*triggers, *self._functions.measured(), *self._kinesis.measured()]

    def _caller(self, scope: Scope) -> Caller:
        return InProcessCaller(self.dispatcher, scope)

    def _keeping(self) -> Caller:
        """Calls in the name of the store itself."""
        return self._caller(Scope(OWN_ACCOUNT, self.settings.region))

    # What is imported below takes longer than all else that a server needs to start.

    def _streams(self) -> StoreStreams:
        from tailrace.app.store_streams import StoreStreams

        return StoreStreams(self.engine, self._caller, self.clock)

    def _function_service(self) -> FunctionService:
        from tailrace.app.functions import FunctionService

        return FunctionService(
            self.settings,
            self._streams(),
            self._keeping(),
            lambda: self.endpoint_url,
            self.clock,
            self.ids,
        )

    def _kinesis_deliveries(self) -> KinesisDeliveries:
        from tailrace.app.holding import HoldPolicy
        from tailrace.app.kinesis import KinesisDeliveries

        settings = self.settings
        return KinesisDeliveries(
            self.engine,
            self._streams().open,
            self._kinesis_calls,
            self._keeping(),
            CHECKPOINT_TABLE,
            self.clock,
            self.ids,
            HoldPolicy(settings.stream_retention_ms, settings.kinesis_hold_ms),
        )

    def _kinesis_calls(self, region: str, account: str) -> KinesisCalls:
        """What calls the Kinesis streams of tables' destinations."""
        url = self.settings.kinesis_endpoint_url
        if url is None:
            return self._caller(Scope(account, region))
        if region not in self._elsewhere:
            self._elsewhere[region] = HttpCaller(
                endpoint_url=None if url == "aws" else url, region=region
            )
        return self._elsewhere[region]

    @property
    def endpoint_url(self) -> str:
        """Where clients connect to."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"http://{host}:{self._server.port}"

    @property
    def scope(self) -> Scope:
        """The account and region of calls made in the process."""
        return Scope(self.settings.account, self.settings.region)

    def start(self) -> Tailrace:
        """Serve on a thread of its own; returns when requests are answered."""
        relax_collector()
        self._server.start(self._begin, self._end)
        self._keeper.start()
        return self

    def serve(self) -> None:
        """Serve on this thread until told to stop by a signal, then close."""
        self._keeper.start()
        try:
            self._server.run(self._begin, self._end)
        finally:
            self._close()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._delivery.attach(loop)
        self._turns.attach(loop)
        self._waits.attach(loop)
        self._functions.begin(loop)
        self._kinesis.begin(loop)
        # On a thread: the first answer does not wait for what that imports.
        self._observing = loop.run_in_executor(None, observe_metrics, self._measured, loop)

    async def _end(self) -> None:
        if self._observing is not None:
            (await self._observing)()
        await self._functions.close()
        await self._kinesis.close()
        for caller in self._elsewhere.values():
            await caller.close()

    def stop(self) -> None:
        """Answer what is under way, stop everything, make everything durable."""
        for trigger in self._triggers:
            trigger.stop()
        self._triggers.clear()
        self._server.stop()
        self._close()

    def _close(self) -> None:
        self._delivery.attach(None)
        self._turns.attach(None)
        self._waits.attach(None)
        self._keeper.stop()
        self.engine.close()

    def on_change(
        self,
        table: str,
        receiver: Callable[[Any, Any], Any] | Sink,
        *,
        name: str | None = None,
        timeout_s: float = limits.HANDLER_TIMEOUT_S,
        concurrency: int = 1,
        settings: DeliverySettings | None = None,
        **options: Any,
    ) -> Trigger:
        """Deliver a table's changes to a function `handler(event, context)` or to a sink, from now
        on.

        `options` are members of `DeliverySettings` (`batch_size`,
        `maximum_batching_window_in_seconds`, ...); `timeout_s` is how long one call of a function
        may take. Positions are kept under `name`, by default the function's: a trigger of the same
        name goes on where the last one stopped. Raises ResourceNotFoundException for an unknown
        table, ValidationException for one without a stream.
        """
        from tailrace.app.triggers import Trigger
        from tailrace.runtimes.inprocess import InProcessFunction

        chosen = settings or DeliverySettings(**options)
        stream = self._stream_of(table)
        sink: Sink
        if callable(receiver):
            reports = chosen.reports_item_failures
            sink = InProcessFunction(
                receiver,
                name=name,
                timeout_s=timeout_s,
                report_item_failures=reports,
                concurrency=concurrency,
            )
            chosen_name = sink.function.name
        else:
            sink = receiver
            chosen_name = name or type(receiver).__name__
        trigger = Trigger(
            chosen_name,
            stream.arn,
            sink,
            chosen,
            engine=self.engine,
            reading=InProcessCaller(self.dispatcher, self.scope),
            keeping=self._keeping(),
            clock=self.clock,
            ids=self.ids,
        )
        trigger.start(self._delivery.loop)
        self._triggers.append(trigger)
        return trigger

    def _stream_of(self, table: str) -> Stream:
        scope = self.scope
        catalog = settled(self.engine.catalog(), self.clock.now_us())
        found = catalog.by_name.get((scope.account, scope.region, table))
        if found is None:
            raise ResourceNotFoundException(
                f"Requested resource not found: Table: {table} not found"
            )
        if found.stream is None:
            raise ValidationException(f"Table {table} has no enabled stream")
        return found.stream

    def __enter__(self) -> Tailrace:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _operations(settings: Settings) -> Mapping[str, Operation[Any]]:
    if not settings.enforce_throughput:
        return OPERATIONS
    # Imported here: it needs all of the operations at once.
    from tailrace.api.throttling import enforced

    return enforced(OPERATIONS)


def _policy(settings: Settings) -> Policy:
    return Policy(
        settings.stream_retention_ms,
        settings.shard_rotation_ms,
        settings.shard_split_writes_per_s,
    )


def _buckets(settings: Settings) -> Buckets:
    url = settings.s3_endpoint_url
    if url is None:
        return DirectoryBuckets(settings.s3_directory)
    return S3Buckets(None if url == "aws" else url, settings.region)


def _engine(settings: Settings, clock: Clock, delivery: LoopDelivery) -> Engine:
    if settings.data is None:
        from tailrace.engines.memory import MemoryEngine

        return MemoryEngine(clock)
    from tailrace.engines.sqlite import SqliteEngine

    return SqliteEngine(settings.data, clock, settings.key, deliver=delivery)


def _iterator_secret(data: Path | None) -> bytes:
    """The secret that signs iterators: kept with the data, so that iterators outlive a restart."""
    if data is None:
        return os.urandom(_SECRET_BYTES)
    path = data / "iterator.secret"
    if not path.exists():
        partial = path.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_SECRET_BYTES))
        partial.replace(path)
    return path.read_bytes()
