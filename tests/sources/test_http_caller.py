"""Calls over HTTP are signed, told apart by service, and tried again when that may help."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tailrace.errors import (
    ConfigurationError,
    InternalServerError,
    ResourceNotFoundException,
    ThrottlingException,
)
from tailrace.sources import http_caller
from tailrace.sources.caller import RemoteError
from tailrace.sources.http_caller import HttpCaller

GET_RECORDS = "DynamoDBStreams_20120810.GetRecords"


class Endpoint:
    """A server on loopback that gives scripted answers, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                endpoint.requests.append((headers, body))
                status, answer = endpoint.answers.pop(0)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    thread = threading.Thread(target=endpoint.server.serve_forever, args=(0.01,))
    thread.start()
    yield endpoint
    endpoint.server.shutdown()
    thread.join()
    endpoint.server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Nobody's own AWS configuration, and no waiting between attempts."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(http_caller, "RETRY_FIRST_S", 0.0)


def ask(url: str, target: str = GET_RECORDS, **params: Any) -> bytes:
    async def main() -> bytes:
        caller = HttpCaller(endpoint_url=url, region="eu-west-1")
        try:
            return await caller.call(target, params)
        finally:
            await caller.close()

    return asyncio.run(main())


def fault(code: str, message: str = "m") -> bytes:
    return b'{"__type":"com.amazonaws#%b","message":"%b"}' % (code.encode(), message.encode())


def test_a_call_is_signed_json_and_its_answer_the_bytes(endpoint: Endpoint) -> None:
    endpoint.answers = [(200, b'{"Records": []}')]
    assert ask(endpoint.url, ShardIterator="i") == b'{"Records": []}'
    ((headers, body),) = endpoint.requests
    assert body == b'{"ShardIterator":"i"}'
    assert headers["x-amz-target"] == GET_RECORDS
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert "Credential=AKIDEXAMPLE/" in headers["authorization"]
    assert "/eu-west-1/dynamodb/aws4_request" in headers["authorization"]


def test_the_service_is_that_of_the_target(endpoint: Endpoint) -> None:
    endpoint.answers = [(200, b"{}")]
    ask(endpoint.url, "Kinesis_20131202.ListStreams")
    ((headers, _),) = endpoint.requests
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert "/kinesis/aws4_request" in headers["authorization"]


@pytest.mark.parametrize(
    "trouble",
    [
        (400, fault("ThrottlingException")),
        (400, fault("RequestLimitExceeded")),
        (500, fault("InternalServerError")),
        (503, b"<html>busy</html>"),
    ],
)
def test_what_may_pass_is_tried_again(endpoint: Endpoint, trouble: tuple[int, bytes]) -> None:
    endpoint.answers = [trouble, trouble, (200, b"{}")]
    assert ask(endpoint.url) == b"{}"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, fault("ThrottlingException")), ThrottlingException),
        ((500, fault("InternalServerError")), InternalServerError),
    ],
)
def test_attempts_have_an_end(
    endpoint: Endpoint, answer: tuple[int, bytes], error: type[Exception]
) -> None:
    endpoint.answers = [answer] * http_caller.ATTEMPTS
    with pytest.raises(error, match="m"):
        ask(endpoint.url)
    assert not endpoint.answers


def test_what_will_not_pass_is_raised_at_once(endpoint: Endpoint) -> None:
    endpoint.answers = [(400, fault("ResourceNotFoundException", "no such stream"))]
    with pytest.raises(ResourceNotFoundException, match="no such stream"):
        ask(endpoint.url)
    endpoint.answers = [(400, fault("ExpiredTokenException", "too old"))]
    with pytest.raises(RemoteError, match="ExpiredTokenException: too old"):
        ask(endpoint.url)


def test_nobody_there_is_an_os_error() -> None:
    with pytest.raises(ConnectionError):
        ask("http://127.0.0.1:9")


def test_a_local_endpoint_needs_no_configuration(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    endpoint.answers = [(200, b"{}")]

    async def main() -> None:
        caller = HttpCaller(endpoint_url=endpoint.url)
        await caller.call(GET_RECORDS, {})
        assert caller.region == "us-east-1"
        await caller.close()

    asyncio.run(main())
    assert "Credential=tailrace/" in endpoint.requests[0][0]["authorization"]


def test_aws_needs_a_region_and_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="no region"):
        HttpCaller()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ConfigurationError, match="no AWS credentials"):
        HttpCaller(region="eu-west-1")
    with pytest.raises(ConfigurationError, match="no AWS credentials"):
        HttpCaller(endpoint_url="https://example.com", region="eu-west-1")
