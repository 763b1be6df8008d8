"""Work on a thread is waited for to its end, also by who is cancelled."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tailrace.sinks.threads import run_to_end


def test_the_result_comes_back() -> None:
    assert asyncio.run(run_to_end(max, 1, 2)) == 2


def test_cancelling_waits_for_the_end() -> None:
    started, release, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        release.wait(10)
        ended.set()

    async def main() -> None:
        task = asyncio.create_task(run_to_end(work))
        await asyncio.to_thread(started.wait, 10)
        task.cancel()
        asyncio.get_running_loop().call_later(0.01, release.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(main())
