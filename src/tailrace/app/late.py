"""Parts of a running Tailrace that are put together when they are first needed.

To import the Lambda API, the runtimes and the deliveries takes a third of the time in which a
server starts, and most stores have neither functions nor destinations.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from starlette.routing import BaseRoute, Match, Router
from starlette.types import Receive, Scope, Send

from tailrace.delivery.metrics import Counts
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Engine

__all__ = ["LAMBDA_PATHS", "Late", "LateRoutes", "Part"]

_log = logging.getLogger(__name__)
# The Lambda API's paths begin with the date of a version; the other is where code is fetched from.
LAMBDA_PATHS: Final = re.compile(r"/(\d{4}-\d\d-\d\d|_functions)/")
# How soon a need is seen. Looking costs a comparison while nothing has changed.
_LOOK_S: Final = 0.2


class Part(Protocol):
    """What lives on the server's loop from `begin` to `close`."""

    def begin(self, loop: asyncio.AbstractEventLoop) -> None: ...

    def measured(self) -> Sequence[tuple[dict[str, str], Counts]]: ...

    async def close(self) -> None: ...


_Part = TypeVar("_Part", bound=Part)


class Late(Generic[_Part]):
    """A part that `build` makes as soon as the catalog shows that it is `needed`, or when it is
    asked for. Belongs to the loop that it begins on.
    """

    def __init__(
        self, build: Callable[[], _Part], engine: Engine, needed: Callable[[Catalog], bool]
    ) -> None:
        self._build = build
        self._engine = engine
        self._needed = needed
        self._part: _Part | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to look, on this loop."""
        self._loop = loop
        self._looking = loop.create_task(self._look(), name="late")

    def get(self) -> _Part:
        """The part, begun. RuntimeError before the loop runs."""
        if self._part is None:
            if self._loop is None:
                raise RuntimeError("asked for before the server began")
            part = self._build()
            part.begin(self._loop)
            self._part = part
        return self._part

    def measured(self) -> Sequence[tuple[dict[str, str], Counts]]:
        """What the part measures; nothing while there is none."""
        return [] if self._part is None else self._part.measured()

    async def close(self) -> None:
        """End the part, if there is one."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._part is not None:
            await self._part.close()

    async def _look(self) -> None:
        seen: Catalog | None = None
        while self._part is None:
            catalog = self._engine.catalog()
            if catalog is not seen:
                seen = catalog
                if self._needed(catalog):
                    self._try()
            await asyncio.sleep(_LOOK_S)

    def _try(self) -> None:
        try:
            self.get()
        except Exception:
            # The rest of the server goes on; it is tried again when the catalog changes.
            _log.exception("A part of the server could not be put together")


class LateRoutes(BaseRoute):
    """Routes of a part: `load` gives them at the first request whose path matches `paths`."""

    def __init__(self, paths: re.Pattern[str], load: Callable[[], Sequence[BaseRoute]]) -> None:
        self._paths = paths
        self._load = load
        self._router: Router | None = None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """FULL when one of the routes takes the request."""
        if scope["type"] != "http" or self._paths.match(scope["path"]) is None:
            return Match.NONE, {}
        if self._router is None:
            self._router = Router(self._load())
        for route in self._router.routes:
            match, inner = route.matches(scope)
            if match is Match.FULL:
                return match, {**inner, "late_route": route}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the route that takes it."""
        route: BaseRoute = scope["late_route"]
        await route.handle(scope, receive, send)
