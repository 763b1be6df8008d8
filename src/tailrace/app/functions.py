"""The Lambda API put together: its book, its code, the processes and the mappings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.routing import BaseRoute

from tailrace.api.functions.book import Book
from tailrace.api.functions.operation import Desk
from tailrace.api.functions.registry import FUNCTIONS_OPERATIONS
from tailrace.app.bundles import DirectoryBundles
from tailrace.app.destinations import Destinations
from tailrace.app.documents import TableDocuments
from tailrace.app.event_queue import EventQueue
from tailrace.app.event_store import EventStore
from tailrace.app.function_host import FunctionHost
from tailrace.app.mapping_host import MappingHost
from tailrace.app.own_tables import CHECKPOINT_TABLE, EVENTS_TABLE, FUNCTIONS_TABLE
from tailrace.app.store_streams import StoreStreams
from tailrace.clock import Clock, Ids
from tailrace.delivery.metrics import Counts
from tailrace.server.functions import Callers, function_routes
from tailrace.settings import Settings, is_loopback
from tailrace.sources.caller import Caller

__all__ = ["FunctionService"]


class FunctionService:
    """Begins on the server's loop with `begin` and ends there with `close`."""

    def __init__(
        self,
        settings: Settings,
        streams: StoreStreams,
        keeping: Caller,
        endpoint_url: Callable[[], str],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """`keeping` makes calls in the name of the store itself."""
        self._settings = settings
        self._loaded = asyncio.Event()
        self._starting: asyncio.Task[None] | None = None
        code = None if settings.data is None else settings.data / "functions"
        self._bundles = DirectoryBundles(code)
        self._book = Book(TableDocuments(keeping, FUNCTIONS_TABLE))
        self._host = FunctionHost(
            self._bundles, endpoint_url, self._credentials, self._book.bundles
        )
        destinations = Destinations(settings.s3_directory)
        self._mappings = MappingHost(
            self._book,
            self._host,
            streams,
            keeping,
            CHECKPOINT_TABLE,
            destinations.open,
            clock,
            ids,
        )
        self._events = EventQueue(
            EventStore(keeping, EVENTS_TABLE),
            self._book,
            self._host,
            destinations.records,
            clock,
            ids,
        )
        self._desk = Desk(
            self._book,
            self._bundles,
            self._host,
            self._mappings,
            self._events,
            clock,
            ids,
            self._object,
        )

    def routes(self) -> list[BaseRoute]:
        """The routes of the API."""
        settings = self._settings
        callers = Callers(
            account=settings.account,
            region=settings.region,
            credentials=settings.credentials,
            accounts=settings.accounts,
            local=is_loopback(settings.host),
        )
        return function_routes(FUNCTIONS_OPERATIONS, self._when_loaded, callers)

    def measured(self) -> list[tuple[dict[str, str], Counts]]:
        """The labels in metrics of event source mappings and functions, and where each stands."""
        return [*self._mappings.measured(), *self._host.measured()]

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, on this loop."""
        self._starting = loop.create_task(self._start(), name="functions")

    async def _start(self) -> None:
        """Read what is known and go on with the mappings."""
        await self._book.load()
        await self._bundles.retain(self._book.bundles())
        for mapping in list(self._book.mappings.values()):
            await self._mappings.changed(mapping)
        await self._events.begin()
        self._loaded.set()

    async def close(self) -> None:
        """Finish what is in hand and end all processes."""
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        await self._events.close()
        await self._mappings.close()
        await self._host.close()
        await self._bundles.close()

    async def _when_loaded(self) -> Desk:
        if not self._loaded.is_set() and self._starting is not None:
            await asyncio.shield(self._starting)  # raises what went wrong
        return self._desk

    def _credentials(self, account: str) -> tuple[str, str] | None:
        """An access key and its secret of an account."""
        settings = self._settings
        for key, secret in settings.credentials.items():
            if settings.accounts.get(key, settings.account) == account:
                return key, secret
        for key, owner in settings.accounts.items():
            if owner == account and not settings.credentials:
                return key, "tailrace"
        return None

    async def _object(self, bucket: str, key: str) -> bytes | None:
        """An object of a local bucket."""
        root = self._settings.s3_directory
        if root is None:
            return None
        place = (root / bucket / key).resolve()
        if not place.is_relative_to((root / bucket).resolve()):
            return None
        try:
            return await asyncio.to_thread(place.read_bytes)
        except OSError:
            return None
