"""A part of the server is put together when it is first needed, once, and not before."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from tailrace.app.late import LAMBDA_PATHS, Late, LateRoutes
from tailrace.clock import ManualClock
from tailrace.delivery.progress import Progress
from tailrace.engines.memory import MemoryEngine
from tailrace.tables.catalog import Catalog
from tailrace.tables.waiting import alter_and_wait
from tailrace.testing import builders

NOTHING = Progress(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, result="No records processed", error="")


class PartOfTests:
    """Counts how often it was begun and closed."""

    def __init__(self) -> None:
        self.begun = 0
        self.closed = 0

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self.begun += 1

    def measured(self) -> list[tuple[dict[str, str], Progress]]:
        return [({"kind": "part"}, NOTHING)]

    async def close(self) -> None:
        self.closed += 1


def late(needed: Callable[[Catalog], bool], made: list[PartOfTests]) -> Late[PartOfTests]:
    def build() -> PartOfTests:
        made.append(PartOfTests())
        return made[-1]

    engine = MemoryEngine(ManualClock())
    alter_and_wait(engine, builders.alter_table(builders.table()))
    return Late(build, engine, needed)


def get(app: ASGIApp, path: str) -> bytes:
    """The body that an app answers with."""
    body = bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        body.extend(message.get("body", b""))

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(app(scope, receive, send))  # pyright: ignore[reportArgumentType]
    return bytes(body)


def test_what_nobody_needs_is_never_made() -> None:
    made: list[PartOfTests] = []
    part = late(lambda catalog: False, made)

    async def run() -> None:
        part.begin(asyncio.get_running_loop())
        await asyncio.sleep(0)
        assert part.measured() == []
        await part.close()

    asyncio.run(run())
    assert made == []


def test_what_the_catalog_shows_to_be_needed_begins_by_itself() -> None:
    made: list[PartOfTests] = []
    part = late(lambda catalog: bool(catalog.tables), made)

    async def run() -> None:
        part.begin(asyncio.get_running_loop())
        await asyncio.sleep(0)
        assert [labels for labels, _ in part.measured()] == [{"kind": "part"}]
        assert part.get() is made[0]
        await part.close()

    asyncio.run(run())
    assert [(each.begun, each.closed) for each in made] == [(1, 1)]


def test_a_part_that_cannot_be_made_is_logged_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made: list[PartOfTests] = []
    engine = MemoryEngine(ManualClock())

    def build() -> PartOfTests:
        if len(engine.catalog().tables) < 2:
            raise RuntimeError("no room")
        made.append(PartOfTests())
        return made[-1]

    part = Late(build, engine, lambda catalog: bool(catalog.tables))

    async def run() -> None:
        alter_and_wait(engine, builders.alter_table(builders.table()))
        part.begin(asyncio.get_running_loop())
        await asyncio.sleep(0)
        assert "no room" in caplog.text
        assert part.measured() == []
        with pytest.raises(RuntimeError, match="no room"):
            part.get()
        alter_and_wait(engine, builders.alter_table(builders.table(99, "another")))
        assert part.get() is made[0]
        await part.close()

    asyncio.run(run())
    assert [(each.begun, each.closed) for each in made] == [(1, 1)]


def test_nothing_can_be_asked_for_before_the_loop_runs() -> None:
    with pytest.raises(RuntimeError):
        late(lambda catalog: True, []).get()


def test_routes_are_made_at_the_first_request_for_one_of_them() -> None:
    loads: list[int] = []

    async def named(request: Request) -> Response:
        return PlainTextResponse(request.path_params["name"])

    async def other(request: Request) -> Response:
        return PlainTextResponse("none of them")

    def load() -> list[Route]:
        loads.append(1)
        return [Route("/late/{name}", named, methods=["GET"])]

    app = Starlette(routes=[LateRoutes(re.compile("/late/"), load), Route("/{path:path}", other)])
    assert get(app, "/early") == b"none of them"
    assert loads == []
    assert get(app, "/late/one") == b"one"
    assert get(app, "/late/two") == b"two"
    assert get(app, "/late/one/two") == b"none of them"
    assert loads == [1]


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ("/2015-03-31/functions", True),
        ("/2021-10-31/functions/f/url", True),
        ("/_functions/code/0", True),
        ("/metrics", False),
        ("/2015/functions", False),
    ],
)
def test_the_lambda_api_is_known_by_its_paths(path: str, matches: bool) -> None:
    assert (LAMBDA_PATHS.match(path) is not None) is matches


def test_a_server_starts_without_what_it_may_never_need() -> None:
    program = (
        "import sys; from tailrace.app import Tailrace; from tailrace.settings import Settings\n"
        "with Tailrace(Settings(port=0)):\n"
        "    late = 'app.functions app.kinesis app.triggers runtimes delivery.runner'.split()\n"
        "    print(*(name for name in late if 'tailrace.' + name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == [], done.stderr
    assert done.returncode == 0
