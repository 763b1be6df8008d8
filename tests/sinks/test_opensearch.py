"""A real OpenSearch, written through the sink, meets the contract of sinks; trouble is told apart
from bad documents."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from tailrace.delivery.ports import Record, SinkUnavailable
from tailrace.sinks.opensearch import OpenSearchSink
from tailrace.testing.contracts.sink import SinkContract, SinkWorld, batch_of, change, key


class World:
    def __init__(self, url: str) -> None:
        self.url = url
        self.index = f"things-{uuid.uuid4()}"
        self.sink = OpenSearchSink(url, self.index)

    async def documents(self) -> Mapping[str, Mapping[str, Any]]:
        await self.sink.refresh()
        found = list(self.sink.documents())
        assert len(dict(found)) == len(found) == self.sink.count()
        return dict(found)

    async def reopen(self) -> None:
        await self.sink.close()
        self.sink = OpenSearchSink(self.url, self.index)


class TestOpenSearch(SinkContract):
    @pytest.fixture(autouse=True)
    def _url(self, opensearch_url: str) -> None:
        self.url = opensearch_url

    async def make(self) -> SinkWorld:
        return World(self.url)

    def test_documents_are_found_by_their_words(self) -> None:
        async def test(world: Any) -> None:
            await world.sink.write(batch_of(change(1, key("1"), {"name": {"S": "Oslo Airport"}})))
            await world.sink.refresh()
            (hit,) = world.sink.search("oslo")
            assert (hit.id, hit.document["name"]) == ("1", "Oslo Airport")

        self.run(test)

    def test_values_that_do_not_fit_their_field_are_kept_all_the_same(self) -> None:
        async def test(world: Any) -> None:
            records = [
                change(1, key("1"), {"v": {"N": "1"}, "d": {"S": "2026-01-01"}}),
                change(2, key("2"), {"v": {"S": "text"}, "d": {"S": "no date"}}),
                change(3, key("3"), {"v": {"N": "123456789012345678901234567890"}}),
            ]
            assert not await world.sink.write(batch_of(*records))
            assert {each["v"] for each in (await world.documents()).values()} == {
                1,
                "text",
                "123456789012345678901234567890",
            }

        self.run(test)

    def test_a_document_that_is_refused_is_a_failure_and_the_others_are_kept(self) -> None:
        async def test(world: Any) -> None:
            records = [
                change(1, key("1"), {"v": {"M": {"inner": {"S": "x"}}}}),
                change(2, key("2"), {"v": {"N": "2"}}),
                change(3, key("3"), {"l": {"L": [{"S": "x"}, {"N": "1"}]}}),
                change(4, key("4"), {"v": {"M": {"inner": {"S": "y"}}}}),
            ]
            failures = await world.sink.write(batch_of(*records))
            assert [failure.sequence for failure in failures] == [
                record.sequence for record in records[1:3]
            ]
            assert "object" in failures[0].reason
            assert set(await world.documents()) == {"1", "4"}

        self.run(test)

    def test_sequence_numbers_too_long_for_a_version_converge_by_order(self) -> None:
        async def test(world: Any) -> None:
            def long(number: int, new: Any) -> Record:
                made = change(number, key("it"), new)
                return Record(10**30 + number, made.created_ms, made.size, made.data)

            records = [long(1, {"v": {"N": "1"}}), long(2, None), long(3, {"v": {"N": "3"}})]
            for _ in range(2):
                assert not await world.sink.write(batch_of(*records))
                assert await world.documents() == {"it": {"pk": "it", "v": 3}}

        self.run(test)


class Scripted:
    """A server on loopback that gives one answer to everything, and keeps what it was asked."""

    def __init__(self, status: int, answer: Any) -> None:
        self.asked: list[tuple[str, bytes]] = []
        scripted = self
        body = msgspec.json.encode(answer)

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                scripted.asked.append((self.path, self.rfile.read(length)))
                good = self.path == "/_bulk"
                self.send_response(status if good else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = answer  # noqa: N815

            def log_message(self, *arguments: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def scripted() -> Iterator[Any]:
    servers: list[tuple[Scripted, threading.Thread]] = []

    def start(status: int, answer: Any) -> Scripted:
        server = Scripted(status, answer)
        thread = threading.Thread(target=server.server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.server.shutdown()
        thread.join()
        server.server.server_close()


def write(url: str, *records: Record) -> Any:
    async def main() -> Any:
        sink = OpenSearchSink(url, "things")
        try:
            return await sink.write(batch_of(*records))
        finally:
            await sink.close()

    return asyncio.run(main())


def item(action: str, status: int, **more: Any) -> dict[str, Any]:
    return {action: {"_id": "1", "status": status, **more}}


PUT, REMOVE = change(1, key("1"), {}), change(2, key("1"), None)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_unavailable(scripted: Any, status: int) -> None:
    server = scripted(status, {"error": "busy"})
    with pytest.raises(SinkUnavailable):
        write(server.url, PUT)


def test_a_busy_shard_is_unavailable(scripted: Any) -> None:
    error = {"type": "es_rejected_execution_exception", "reason": "queue full"}
    server = scripted(200, {"items": [item("index", 429, error=error)]})
    with pytest.raises(SinkUnavailable, match="queue full"):
        write(server.url, PUT)


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(SinkUnavailable, match="cannot be reached"):
        write("http://127.0.0.1:9", PUT)


def test_newer_content_and_nothing_to_delete_are_success(scripted: Any) -> None:
    server = scripted(200, {"items": [item("index", 409), item("delete", 404)]})
    assert not write(server.url, PUT, REMOVE)


def test_versions_are_clocks_and_deletions_have_them_too(scripted: Any) -> None:
    server = scripted(200, {"items": [item("index", 201), item("delete", 200)]})
    write(server.url, PUT, REMOVE)
    path, body = server.asked[-1]
    assert path == "/_bulk"
    first, _, second = (msgspec.json.decode(line) for line in body.splitlines())
    clock = PUT.sequence - 10**20
    assert first == {
        "index": {
            "_index": "things",
            "_id": "1",
            "version": clock,
            "version_type": "external_gte",
        }
    }
    assert second["delete"]["version"] == clock + 1


def test_other_errors_fail_the_batch(scripted: Any) -> None:
    server = scripted(403, {"error": {"type": "security_exception", "reason": "no"}})
    with pytest.raises(Exception, match="security_exception"):
        write(server.url, PUT)
