"""What an operation is: a typed input and a function from it to an answer, or to what must be
committed before the answer.

An operation never waits and never writes. It reads through the engine, and says what to submit and
how to word the reply when that is done; the dispatcher does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from tailrace import limits
from tailrace.api.faults import Faults
from tailrace.clock import Clock, Ids
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Engine, Outcome, Write
from tailrace.tables.transitions import Transition, settled
from tailrace.wire.call import Scope

__all__ = [
    "Altered",
    "Committed",
    "Context",
    "Continued",
    "Later",
    "Operation",
    "Result",
    "Service",
]


def _default_address() -> str:
    return "localhost:8000"


def _no_turns(step: Callable[[], None]) -> bool:
    del step
    return False


def _no_waits(most_s: float, shard_ids: frozenset[int], then: Callable[[float], None]) -> bool:
    del most_s, shard_ids, then
    return False


class Service(msgspec.Struct, frozen=True):
    """What the operations stand on.

    `iterator_secret` signs shard iterators. `stream_retention_ms` is how long records are served,
    None for ever. `faults` is what test controls set. `address` says where clients reach the
    server, host and port. `kinesis_is_elsewhere` says that tables' changes go to Kinesis streams of
    another endpoint. `soon` has a step of a `Continued` run after whatever else waits; False when
    there is nothing that would, so that it is to be run at once. `later` goes on with a `Later`
    when shards have news or a time is over; False when there is nothing that waits.
    """

    engine: Engine
    clock: Clock
    ids: Ids
    iterator_secret: bytes
    stream_retention_ms: int | None = limits.STREAM_RETENTION_MS
    faults: Faults = msgspec.field(default_factory=Faults)
    address: Callable[[], str] = _default_address
    kinesis_is_elsewhere: bool = False
    soon: Callable[[Callable[[], None]], bool] = _no_turns
    later: Callable[[float, frozenset[int], Callable[[float], None]], bool] = _no_waits


class Context(msgspec.Struct, frozen=True, gc=False):
    """One call's surroundings."""

    service: Service
    scope: Scope

    def catalog(self) -> Catalog:
        """The catalog as it is now, with everything settled that is over by the clock. Reads and
        writes of items have no need of it: they look for `Catalog.available` tables."""
        service = self.service
        return settled(service.engine.catalog(), service.clock.now_us())

    def transition(self, now_us: int) -> Transition | None:
        """How long a change that begins now takes; None when it is done at once, as everything is
        that the store has of its own, in an account whose id isn't digits."""
        duration_us = self.service.faults.transition_us
        if not duration_us or not self.scope.account.isdigit():
            return None
        return Transition(now_us, now_us + duration_us)


class Committed(msgspec.Struct, frozen=True, gc=False):
    """Submit these units; when all are settled, `reply` makes the body of their outcomes, or says
    what to do before the answer, or raises the call's error.
    """

    units: Sequence[Sequence[Write]]
    reply: Callable[[Sequence[Outcome]], Result]


class Altered(msgspec.Struct, frozen=True, gc=False):
    """Alter the catalog; then `reply` makes the body from the new one, or says what to do before
    the answer. A refusal is the call's error.
    """

    decide: Alter
    reply: Callable[[Catalog], Result]


class Continued(msgspec.Struct, frozen=True, gc=False):
    """Reading that takes longer than others may be kept waiting: `step` does a few milliseconds'
    work and returns the result, or None while there is more to do.
    """

    step: Callable[[], Result | None]


class Later(msgspec.Struct, frozen=True, gc=False):
    """Nothing to answer with yet: when one of the shards has news, or some of the `most_s` seconds
    are over, `again` gets the seconds that went by and returns the result. `body` is the answer of
    a service that cannot wait.
    """

    most_s: float
    shard_ids: frozenset[int]
    again: Callable[[float], Result]
    body: bytes


# The JSON body, at once, after a commit, after more reading or when there is something.
Result: TypeAlias = "bytes | Committed | Altered | Continued | Later"

_Input = TypeVar("_Input")


class Operation(msgspec.Struct, Generic[_Input], frozen=True):
    """A row of the registry: the target's last part, the input's type, and what answers it."""

    name: str
    input: type[_Input]
    run: Callable[[Context, _Input], Result]


AnyOperation: TypeAlias = Operation[Any]
