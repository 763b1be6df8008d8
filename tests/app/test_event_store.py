"""Events are kept whole, whatever their size, until they are dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from tailrace.api.functions.events import Event
from tailrace.app import Tailrace
from tailrace.app.caller import InProcessCaller
from tailrace.app.event_store import PIECE_CHARACTERS, EventStore
from tailrace.settings import Settings
from tailrace.wire.call import Scope

EVENT = Event(
    id="one",
    account="123456789012",
    region="us-east-1",
    function="f",
    qualifier="prod",
    accepted_us=1,
    due_us=2,
)
LARGE = ('"' + "é☃𝄞x" * (3 * PIECE_CHARACTERS // 4) + '"').encode()


def in_store(work: Callable[[Callable[[], EventStore]], Awaitable[None]]) -> None:
    """Do something with stores of one table, on the loop of a server."""
    with Tailrace(Settings(port=0)) as tailrace:
        caller = InProcessCaller(tailrace.dispatcher, Scope("own", "us-east-1"))

        async def run() -> None:
            await work(lambda: EventStore(caller, "events"))

        asyncio.run_coroutine_threadsafe(run(), tailrace._delivery.loop).result(60)


@pytest.mark.parametrize("payload", [b"{}", LARGE], ids=["small", "large"])
def test_what_was_put_is_there_for_another_store(payload: bytes) -> None:
    async def work(store: Callable[[], EventStore]) -> None:
        assert await store().load() == []
        await store().put(EVENT, payload)
        other = store()
        assert await other.load() == [EVENT]
        assert await other.payload("one") == payload
        tried = msgspec.structs.replace(EVENT, calls=1, due_us=9)
        await other.update(tried)
        assert await store().load() == [tried]
        assert await other.payload("one") == payload
        await other.delete("one")
        assert await store().load() == []
        await other.update(tried)  # too late: it stays away
        assert await store().load() == []
        assert await store().payload("one") == b""

    in_store(work)


def test_events_do_not_mix() -> None:
    async def work(store: Callable[[], EventStore]) -> None:
        kept = store()
        events = [msgspec.structs.replace(EVENT, id=f"{n}") for n in range(30)]
        await asyncio.gather(*(kept.put(each, each.id.encode()) for each in events))
        await kept.put(EVENT, LARGE)
        assert {each.id for each in await kept.load()} == {"one", *(each.id for each in events)}
        for each in events:
            assert await kept.payload(each.id) == each.id.encode()
            await kept.delete(each.id)
        assert await kept.load() == [EVENT]
        assert await kept.payload("one") == LARGE

    in_store(work)
