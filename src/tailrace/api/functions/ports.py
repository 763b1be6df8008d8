"""What the Lambda API needs of the world: where it keeps things, and who runs functions and
mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from tailrace.api.functions.names import FunctionName
from tailrace.api.functions.records import Code, EventSourceMapping, Function, Version
from tailrace.errors import TailraceError

__all__ = [
    "BadBundle",
    "Bundles",
    "Called",
    "Documents",
    "Events",
    "Functions",
    "MappingState",
    "Mappings",
]


class Documents(Protocol):
    """JSON documents by key, kept durably."""

    async def load(self) -> Mapping[str, bytes]:
        """All of them."""
        ...

    async def put(self, key: str, document: bytes) -> None:
        """Keep one, in the place of what the key had."""
        ...

    async def delete(self, key: str) -> None:
        """Drop one."""
        ...


class BadBundle(TailraceError):
    """An upload that is no zip file, or one that must not be unpacked."""


class Bundles(Protocol):
    """Code that was uploaded."""

    async def keep(self, archive: bytes) -> Code:
        """Keep a zip file's bytes and unpack it, durably. Raises BadBundle."""
        ...

    async def read(self, bundle: str) -> bytes | None:
        """The zip file of a bundle; None when there is none of that name."""
        ...


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call: `error` is Lambda's word for how it failed, None when it did not."""

    payload: bytes
    error: str | None
    log: bytes


class Functions(Protocol):
    """Runs functions."""

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
        """Call a version; `arn` is the one it was called by. Never raises for what it does."""
        ...

    async def changed(self, function: Function) -> None:
        """A function is new, or other than it was."""
        ...

    async def removed(self, function: Function) -> None:
        """A function is gone."""
        ...


class Events(Protocol):
    """Calls functions later."""

    async def accept(self, name: FunctionName, payload: bytes, request_id: str) -> None:
        """Have a function called; when this returns, that outlives a restart. Raises
        TooManyRequestsException when too many wait."""
        ...


class MappingState(msgspec.Struct, frozen=True):
    """How a mapping stands, in Lambda's words."""

    state: str
    last_result: str = "No records processed"


class Mappings(Protocol):
    """Runs event source mappings."""

    def check(self, mapping: EventSourceMapping) -> None:
        """Raise the AwsError for a mapping that could not be run."""
        ...

    def state(self, mapping: EventSourceMapping) -> MappingState:
        """How one stands now."""
        ...

    async def changed(self, mapping: EventSourceMapping) -> None:
        """A mapping is new, or other than it was: it is started, stopped or started anew soon."""
        ...

    async def removed(self, mapping: EventSourceMapping) -> None:
        """A mapping is gone: what it has in hand is finished, its positions are dropped."""
        ...
