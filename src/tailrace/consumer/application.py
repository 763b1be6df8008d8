"""Several functions on several tables, run together as one group."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from tailrace.consumer.consumer import Consumer, ConsumerSettings
from tailrace.delivery.progress import Progress
from tailrace.errors import ConfigurationError
from tailrace.sources.caller import Caller
from tailrace.sources.http_caller import HttpCaller

__all__ = ["ConsumerApp"]

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


class _Registered(msgspec.Struct):
    table: str
    name: str
    handler: Callable[..., Any]
    group: str | None
    options: Mapping[str, Any]


class ConsumerApp:
    """Functions that are called with changes.

        app = ConsumerApp(group="billing")

        @app.on_change("orders", batch_size=500)
        async def bill(changes): ...

        app.run()

    Every process that runs the app takes its part of the work. `options` are defaults for all
    functions. The group's leases are kept in one table, `lease_table` or the group's name; those of
    a function are told from others' by its name and its table's, so neither may change later.
    """

    def __init__(
        self,
        *,
        group: str,
        endpoint_url: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        caller: Caller | None = None,
        **options: Any,
    ) -> None:
        self.group = group
        self.consumers: list[Consumer] = []
        self._connection = {"endpoint_url": endpoint_url, "region": region, "profile": profile}
        self._caller = caller
        self._options = options
        self._registered: list[_Registered] = []
        self._stopping: asyncio.Event | None = None

    def on_change(
        self, table: str, *, name: str | None = None, group: str | None = None, **options: Any
    ) -> Callable[[_Handler], _Handler]:
        """Call the decorated function with a table's changes, in lists of `Change`.

        `options` are those of `Consumer`. With a `group` of its own the function has leases of its
        own, in the form of the Kinesis Client Library: what a Java application of that name left
        behind is taken over.
        """

        def register(handler: _Handler) -> _Handler:
            own_name = name or getattr(handler, "__name__", type(handler).__name__)
            taken = any(
                (each.table, each.name, each.group) == (table, own_name, group)
                for each in self._registered
            )
            if taken:
                raise ConfigurationError(f"there is a function {own_name} on {table} already")
            merged = {**self._options, **options}
            self._registered.append(_Registered(table, own_name, handler, group, merged))
            return handler

        return register

    def run(self) -> None:
        """Consume until interrupted (SIGINT, SIGTERM), then stop in good order."""
        asyncio.run(self._run_until_interrupted())

    async def _run_until_interrupted(self) -> None:
        if sys.platform != "win32":  # asyncio handles no signals there
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self.stop)
        await self.run_async()

    async def run_async(self) -> None:
        """Consume until `stop` is called or a consumer ends; raises what ended it."""
        if not self._registered:
            raise ConfigurationError("no function was registered: use @app.on_change")
        self._stopping = asyncio.Event()
        own = None if self._caller is not None else HttpCaller(**self._connection)
        caller = self._caller or own
        self.consumers = [self._consumer(each, caller) for each in self._registered]
        stopped = asyncio.create_task(self._stopping.wait())
        running: list[asyncio.Task[None]] = []
        try:
            for consumer in self.consumers:
                await consumer.start()
                running.append(asyncio.create_task(consumer.wait()))
            await asyncio.wait({stopped, *running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            results = await asyncio.gather(
                *(consumer.stop() for consumer in self.consumers), return_exceptions=True
            )
            await asyncio.gather(*running, return_exceptions=True)
            if own is not None:
                await own.close()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def stop(self) -> None:
        """Make `run` return, from its event loop's thread."""
        if self._stopping is not None:
            self._stopping.set()

    def progress(self) -> dict[str, Progress]:
        """Where each function stands that has begun, by its name and table."""
        return {
            f"{each.name}@{each.table}": consumer.progress()
            for each, consumer in zip(self._registered, self.consumers, strict=False)
            if consumer.has_begun
        }

    def _consumer(self, each: _Registered, caller: Caller | None) -> Consumer:
        options = dict(each.options)
        timing = {name: options.pop(name) for name in _CALLS if name in options}
        settings = ConsumerSettings.of(options)
        if each.group is None:
            prefix = f"{each.name}@{each.table}:"
            settings = msgspec.structs.replace(settings, lease_prefix=prefix)
        return Consumer(
            each.table,
            group=each.group or self.group,
            handler=each.handler,
            caller=caller,
            settings=settings,
            **timing,
        )


_CALLS = ("timeout_s", "concurrency", "reconcile")
