"""Programs that speak the Lambda runtime API are run as functions are, in any language."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tailrace.runtimes.function import FunctionSpec, Invocation, Outcome
from tailrace.runtimes.runtime_api import CommandWorker
from tailrace.runtimes.workers import WorkerPool

# A runtime interface client of its own, as one would write it by the API's description.
CLIENT = """
    import http.client, json, os, sys, time
    host = os.environ["AWS_LAMBDA_RUNTIME_API"]
    base = "/2018-06-01/runtime/"
    connection = http.client.HTTPConnection(host)

    def call(method, path, body=None, **headers):
        connection.request(method, base + path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    if os.environ.get("BROKEN"):
        call("POST", "init/error", b'{"errorType": "Init", "errorMessage": "broken"}')
        sys.exit(1)
    calls = 0
    while True:
        _, headers, event = call("GET", "invocation/next")
        calls += 1
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.loads(event)
        print("got", event, flush=True)
        if event == "fail":
            told = b'{"errorType": "Own", "errorMessage": "as asked"}'
            call("POST", f"invocation/{request_id}/error", told)
        elif event == "hang":
            time.sleep(60)
        elif event == "exit":
            sys.exit(3)
        elif event == "wrong":
            wrong = call("POST", "invocation/other/response", b"1")[0]
            call("POST", f"invocation/{request_id}/response", str(wrong).encode())
        elif event == "chunks":
            parts = iter([b'"a', b'b', b'c"'])
            connection.request(
                "POST", base + f"invocation/{request_id}/response", parts, encode_chunked=True,
                headers={"Transfer-Encoding": "chunked"},
            )
            connection.getresponse().read()
        elif event == "large":
            call("POST", f"invocation/{request_id}/response", b'"' + b"x" * (7 << 20) + b'"')
            connection.close()
        else:
            left = int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time()
            answer = {
                "calls": calls,
                "arn": headers["Lambda-Runtime-Invoked-Function-Arn"],
                "in_time": 0 < left <= 20,
                "context": headers["Lambda-Runtime-Client-Context"],
                "handler": os.environ["_HANDLER"],
            }
            call("POST", f"invocation/{request_id}/response", json.dumps(answer).encode())
"""
Body = Callable[[WorkerPool], Coroutine[Any, Any, None]]


def run(directory: Path, body: Body, **more: Any) -> None:
    bootstrap = directory / "bootstrap"
    bootstrap.write_text(f"#!{sys.executable}\n" + textwrap.dedent(CLIENT))
    bootstrap.chmod(0o755)
    given = {"name": "f", "handler": "main", "directory": directory, "timeout_s": 20.0}
    spec = FunctionSpec(**(given | {"runtime": "provided.al2023"} | more))

    async def main() -> None:
        pool = WorkerPool(spec, max_workers=1, make=CommandWorker)
        try:
            await body(pool)
        finally:
            await pool.close()

    asyncio.run(asyncio.wait_for(main(), 60))


async def call(pool: WorkerPool, event: Any) -> Outcome:
    payload = json.dumps(event).encode()
    return await pool.invoke(
        Invocation(request_id="r-1", payload=payload, arn="arn:x", client_context='{"k": 1}')
    )


def test_events_go_in_and_answers_come_out(tmp_path: Path) -> None:
    async def body(pool: WorkerPool) -> None:
        for number in (1, 2):
            outcome = await call(pool, {"number": number})
            assert outcome.error is None
            assert json.loads(outcome.payload) == {
                "calls": number,
                "arn": "arn:x",
                "in_time": True,
                "context": '{"k": 1}',
                "handler": "main",
            }
            assert f"got {{'number': {number}}}\n".encode() in outcome.log
            assert outcome.log.startswith(b"START RequestId: r-1 Version: $LATEST\n")

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        ("fail", "Own", "as asked"),
        ("exit", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("large", "Function.ResponseSizeTooLarge", "Response payload size exceeded"),
        ("hang", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
    ],
)
def test_a_call_that_goes_wrong_fails_alone(
    tmp_path: Path, event: str, kind: str, message: str
) -> None:
    async def body(pool: WorkerPool) -> None:
        assert (await call(pool, 1)).error is None
        outcome = await call(pool, event)
        told = json.loads(outcome.payload)
        assert (outcome.error, told["errorType"]) == ("Unhandled", kind)
        assert message in told["errorMessage"]
        assert f"got {event}\n".encode() in outcome.log
        assert (await call(pool, 1)).error is None

    run(tmp_path, body, **({"timeout_s": 1.0} if event == "hang" else {}))


def test_answers_in_chunks_and_to_the_wrong_request(tmp_path: Path) -> None:
    async def body(pool: WorkerPool) -> None:
        assert json.loads((await call(pool, "chunks")).payload) == "abc"
        assert json.loads((await call(pool, "wrong")).payload) == 400

    run(tmp_path, body)


def test_a_program_that_cannot_begin_fails_each_call(tmp_path: Path) -> None:
    async def told(pool: WorkerPool) -> None:
        for _ in range(2):
            outcome = await call(pool, 1)
            assert json.loads(outcome.payload) == {"errorType": "Init", "errorMessage": "broken"}

    async def missing(pool: WorkerPool) -> None:
        (tmp_path / "bootstrap").unlink()
        outcome = await call(pool, 1)
        assert json.loads(outcome.payload)["errorType"] == "Runtime.ExitError"
        assert b"No such file or directory" in outcome.log

    run(tmp_path, told, environment={"BROKEN": "yes"})
    run(tmp_path, missing)
