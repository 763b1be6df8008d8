"""Proves that work in steps is done in turn, one step between whatever else the loop has to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from tailrace.server.turns import Turns


def worker(turns: Turns, name: str, steps: int, seen: list[str]) -> Callable[[], None]:
    """Does so many steps, each in its own turn."""

    def step(left: int) -> None:
        seen.append(name)
        if left > 1:
            assert turns.soon(lambda: step(left - 1))

    return lambda: step(steps)


def test_workers_take_turns_and_others_come_in_between() -> None:
    turns = Turns()
    seen: list[str] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        turns.attach(loop)
        over = asyncio.Event()

        def other() -> None:
            seen.append("-")
            if seen.count("-") < 20:
                loop.call_soon(other)
            else:
                over.set()

        loop.call_soon(other)
        for name, steps in (("a", 3), ("b", 3), ("c", 1)):
            assert turns.soon(worker(turns, name, steps, seen))
        await over.wait()

    asyncio.run(run())
    assert [name for name in seen if name != "-"] == ["a", "b", "c", "a", "b", "a", "b"]
    assert re.search("[abc]{2}", "".join(seen)) is None


def test_a_step_that_fails_does_not_stop_the_others() -> None:
    turns = Turns()

    def fail() -> None:
        raise ValueError("of no concern to others")

    async def run() -> list[object]:
        loop = asyncio.get_running_loop()
        failures: list[object] = []
        loop.set_exception_handler(lambda loop, context: failures.append(context["exception"]))
        turns.attach(loop)
        over = asyncio.Event()
        assert turns.soon(fail)
        assert turns.soon(over.set)
        await over.wait()
        return failures

    assert [type(failure) for failure in asyncio.run(run())] == [ValueError]


def test_without_a_loop_there_are_no_turns() -> None:
    turns = Turns()
    seen: list[str] = []
    assert not turns.soon(lambda: seen.append("a"))

    async def run() -> None:
        turns.attach(asyncio.get_running_loop())

    asyncio.run(run())
    # The loop was closed.
    assert not turns.soon(lambda: seen.append("b"))
    turns.attach(None)
    assert not turns.soon(lambda: seen.append("c"))
    assert seen == []
