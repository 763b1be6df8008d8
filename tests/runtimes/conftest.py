"""A directory of code, pools that run it, and calls of them."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tailrace.runtimes.function import FunctionSpec, Invocation, Outcome
from tailrace.runtimes.workers import WorkerPool

REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
Body = Callable[[WorkerPool], Coroutine[Any, Any, None]]


class Lab:
    """A directory of code and pools that run it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, code: str, name: str = "index.py") -> None:
        (self.directory / name).write_text(textwrap.dedent(code))

    def spec(self, **more: Any) -> FunctionSpec:
        given = {"name": "f", "handler": "index.handler", "directory": self.directory}
        return FunctionSpec(**(given | {"timeout_s": 20.0} | more))

    def run(self, body: Body, max_workers: int = 4, **more: Any) -> None:
        async def main() -> None:
            pool = WorkerPool(self.spec(**more), max_workers=max_workers)
            pool.start()
            try:
                await body(pool)
            finally:
                await pool.close()

        asyncio.run(asyncio.wait_for(main(), 60))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


async def call(pool: WorkerPool, event: Any = None, **more: Any) -> Outcome:
    invocation = {"request_id": REQUEST_ID, "arn": pool.spec.arn} | more
    return await pool.invoke(Invocation(payload=json.dumps(event).encode(), **invocation))


def told(outcome: Outcome) -> Any:
    return json.loads(outcome.payload)
