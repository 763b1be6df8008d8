"""Calls functions asynchronously: events wait in the store until they are done, over restarts."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from tailrace.api.functions.book import Book
from tailrace.api.functions.errors import (
    FunctionNotFound,
    InvalidParameterValueException,
    TooManyRequestsException,
)
from tailrace.api.functions.events import (
    Condition,
    Event,
    after_call,
    after_throttle,
    config_of,
    destination_of,
    invocation_record,
    is_too_old,
)
from tailrace.api.functions.names import LATEST, FunctionName, function_arn, parse_function_name
from tailrace.api.functions.ports import Called
from tailrace.api.functions.records import EventInvokeConfig, Function, Version
from tailrace.app.event_store import EventStore
from tailrace.app.function_host import FunctionHost
from tailrace.clock import Clock, Ids
from tailrace.errors import TailraceError
from tailrace.sinks.invocation_records import RecordTarget
from tailrace.wire.call import Scope

__all__ = ["EventQueue"]

# So many events may wait; Lambda's own queue has no such bound, but memory has.
MAX_EVENTS: Final = 100_000
# So many events of one function are called at a time.
MAX_AT_ONCE: Final = 10
# How often the clock is looked at while events wait: tests move it.
LOOK_S: Final = 1.0
# A destination that does not take a record is tried again after so many seconds, then given up.
DELIVER_AGAIN_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
# What is under way when the server stops has so long to end; it comes again otherwise.
CLOSE_S: Final = 5.0
# Destinations that there are none of.
_HOPELESS: Final = (FunctionNotFound, InvalidParameterValueException)
_MICROSECONDS: Final = 1e6
_MESSAGE_CHARACTERS: Final = 1024

_log = logging.getLogger("tailrace.functions")
_Place = tuple[str, str, str]
_Targets = Callable[..., RecordTarget]


class EventQueue:
    """Belongs to one event loop. `target` makes what takes records, of a destination's ARN, the
    function's ARN and whether it `succeeded`."""

    def __init__(
        self,
        store: EventStore,
        book: Book,
        functions: FunctionHost,
        target: _Targets,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._book = book
        self._functions = functions
        self._target = target
        self._clock = clock
        self._ids = ids
        self._events: dict[str, Event] = {}
        self._due: list[tuple[int, str]] = []
        self._ready: dict[_Place, deque[str]] = {}
        self._running: dict[_Place, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stirred = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Go on with what was accepted before."""
        for event in await self._store.load():
            self._wait(event)
        self._dispatcher = asyncio.create_task(self._dispatch(), name="events")

    async def accept(self, name: FunctionName, payload: bytes, request_id: str) -> None:
        """Have a function called; when this returns, that outlives a restart. Raises
        TooManyRequestsException when too many wait."""
        if len(self._events) >= MAX_EVENTS:
            raise TooManyRequestsException("Rate Exceeded.", Reason="CallerRateLimit")
        now_us = self._clock.now_us()
        event = Event(
            id=request_id,
            account=name.account,
            region=name.region,
            function=name.name,
            qualifier=name.qualifier,
            accepted_us=now_us,
            due_us=now_us,
        )
        self._functions.counts(name.place).events_received += 1
        await self._store.put(event, payload)
        self._wait(event)

    async def close(self) -> None:
        """Let what is under way end, within a while; all else waits for the next start."""
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            await asyncio.gather(self._dispatcher, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Waiting --------------------------------------------------------------------------------------

    def _wait(self, event: Event) -> None:
        if event.id not in self._events:
            self._functions.counts(event.name.place).events_waiting += 1
        self._events[event.id] = event
        heapq.heappush(self._due, (event.due_us, event.id))
        self._stirred.set()

    async def _dispatch(self) -> None:
        while True:
            self._stirred.clear()
            now_us = self._clock.now_us()
            while self._due and self._due[0][0] <= now_us:
                _, event_id = heapq.heappop(self._due)
                place = self._events[event_id].name.place
                self._ready.setdefault(place, deque()).append(event_id)
                self._start(place)
            pause_s = None
            if self._due:
                pause_s = min((self._due[0][0] - now_us) / _MICROSECONDS, LOOK_S)
            try:
                async with asyncio.timeout(pause_s):
                    await self._stirred.wait()
            except TimeoutError:
                continue

    def _start(self, place: _Place) -> None:
        """Begin with as many of a function's events as may be under way."""
        ready = self._ready.get(place)
        while ready and self._running.get(place, 0) < MAX_AT_ONCE:
            event = self._events[ready.popleft()]
            self._running[place] = self._running.get(place, 0) + 1
            task = asyncio.create_task(self._work(event), name=f"event {event.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if not ready:
            self._ready.pop(place, None)

    async def _work(self, event: Event) -> None:
        place = event.name.place
        try:
            await self._attempt(event)
        except Exception:
            # The store's trouble, not the function's: the event is still there.
            _log.exception("an attempt of event %s failed; it will be tried again", event.id)
            self._wait(after_throttle(event, None, self._clock.now_us()))
        finally:
            left = self._running[place] - 1
            if left:
                self._running[place] = left
            else:
                del self._running[place]
            if self._dispatcher is not None and not self._dispatcher.done():
                self._start(place)

    # One attempt ----------------------------------------------------------------------------------

    async def _attempt(self, event: Event) -> None:
        try:
            function = self._book.function(event.name)
            version = self._book.chosen(event.name)
        except FunctionNotFound:
            _log.warning("event %s of %s was dropped: no such function", event.id, event.name.arn)
            await self._done(event, dropped=True)
            return
        config = config_of(function, event.qualifier)
        payload = await self._store.payload(event.id)
        called: Called | None = None
        if is_too_old(event, config, self._clock.now_us()):
            verdict: Event | Condition = Condition.AGE_EXCEEDED
        elif function.concurrency == 0:
            verdict = Condition.NO_CONCURRENCY
        else:
            called = await self._called(event, function, version, payload)
            now_us = self._clock.now_us()
            if called is None:
                verdict = after_throttle(event, config, now_us)
            else:
                verdict = after_call(event, called, config, now_us)
        if isinstance(verdict, Event):
            await self._store.update(verdict)
            self._wait(verdict)
            return
        await self._tell(event, verdict, payload, called, version, config)
        await self._done(event, dropped=verdict is not Condition.SUCCESS)

    async def _called(
        self, event: Event, function: Function, version: Version, payload: bytes
    ) -> Called | None:
        """What became of a call; None when it could not be made."""
        try:
            return await self._functions.call(
                function, version, payload, request_id=event.id, arn=event.name.arn
            )
        except TooManyRequestsException:
            return None

    async def _done(self, event: Event, *, dropped: bool) -> None:
        await self._store.delete(event.id)
        self._events.pop(event.id, None)
        counts = self._functions.counts(event.name.place)
        counts.events_waiting -= 1
        counts.events_dropped += dropped

    # Telling --------------------------------------------------------------------------------------

    async def _tell(
        self,
        event: Event,
        condition: Condition,
        payload: bytes,
        called: Called | None,
        version: Version,
        config: EventInvokeConfig | None,
    ) -> None:
        """Send the record of an event's end, and the event itself when it was given up, to where
        the function wants them."""
        destination = destination_of(config, condition)
        if destination is not None:
            now_us = self._clock.now_us()
            executed = version.version
            record = invocation_record(event, condition, payload, called, executed, now_us)
            succeeded = condition is Condition.SUCCESS
            await self._send(event, destination, record, {}, succeeded=succeeded)
        if condition is Condition.SUCCESS:
            return
        _log.warning("event %s of %s was given up: %s", event.id, event.name.arn, condition.value)
        dead_letters: dict[str, str] = version.kept.get("DeadLetterConfig") or {}
        letters = dead_letters.get("TargetArn")
        if letters:
            attributes = {"RequestID": event.id, "ErrorCode": "200", **_error(called)}
            await self._send(event, letters, payload, attributes, succeeded=False)

    async def _send(
        self,
        event: Event,
        destination: str,
        document: bytes,
        attributes: dict[str, str],
        *,
        succeeded: bool,
    ) -> None:
        arn = function_arn(event.name.place, event.qualifier or LATEST)
        for pause_s in (*DELIVER_AGAIN_S, None):
            try:
                if ":lambda:" in destination:
                    await self._pass_on(event, destination, document)
                else:
                    target = self._target(destination, arn, succeeded=succeeded)
                    await target.send(document, attributes)
                return
            except (TailraceError, OSError) as error:
                if pause_s is None or isinstance(error, _HOPELESS):
                    _log.error("the record of event %s was not taken: %s", event.id, error)
                    break
            await asyncio.sleep(pause_s)
        self._functions.counts(event.name.place).events_undelivered += 1

    async def _pass_on(self, event: Event, destination: str, document: bytes) -> None:
        """Have another function called with a record."""
        name = parse_function_name(destination, Scope(event.account, event.region))
        self._book.version(name)
        await self.accept(name, document, self._ids.uuid())


class _Error(msgspec.Struct, rename="camel"):
    error_message: str = ""


def _error(called: Called | None) -> dict[str, str]:
    """What a dead-letter queue is told of an error."""
    if called is None:
        return {}
    try:
        message = msgspec.json.decode(called.payload, type=_Error).error_message
    except msgspec.MsgspecError:
        message = ""
    return {"ErrorMessage": message[:_MESSAGE_CHARACTERS]} if message else {}
