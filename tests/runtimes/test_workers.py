"""Worker processes run handlers as Lambda does: loaded once, timed, limited, replaced, logged."""

from __future__ import annotations

import asyncio
import gc
import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from tailrace.delivery.ports import SinkUnavailable
from tailrace.runtimes import workers
from tailrace.runtimes.workers import WorkerPool
from tests.processes import runs
from tests.runtimes.conftest import REQUEST_ID, Lab, call, told


def test_a_handler_is_loaded_once_and_its_module_keeps_its_state(lab: Lab) -> None:
    lab.write("""
        calls = 0
        def handler(event, context):
            global calls
            calls += 1
            print("call", calls)
            return {"event": event, "calls": calls}
    """)

    async def body(pool: WorkerPool) -> None:
        first, second = await call(pool, {"a": 1}), await call(pool, {"a": 2})
        assert told(first) == {"event": {"a": 1}, "calls": 1}
        assert told(second) == {"event": {"a": 2}, "calls": 2}
        start, printed, end, report = first.log.decode().splitlines()
        assert start == f"START RequestId: {REQUEST_ID} Version: $LATEST"
        assert (printed, end) == ("call 1", f"END RequestId: {REQUEST_ID}")
        assert re.fullmatch(
            rf"REPORT RequestId: {REQUEST_ID}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
            r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms",
            report,
        )
        assert b"Init Duration" not in second.log

    lab.run(body)


def test_context_and_environment_are_lambdas(lab: Lab) -> None:
    lab.write("""
        import os
        def handler(event, context):
            names = ("function_name", "function_version", "invoked_function_arn", "aws_request_id",
                     "memory_limit_in_mb", "log_group_name", "log_stream_name")
            env = {name: value for name, value in os.environ.items()}
            return {
                "context": {name: getattr(context, name) for name in names},
                "remaining": context.get_remaining_time_in_millis(),
                "custom": context.client_context.custom,
                "identity": context.identity.cognito_identity_id,
                "env": env,
                "here": os.getcwd(),
            }
    """)

    async def body(pool: WorkerPool) -> None:
        arn = f"{pool.spec.arn}:7"
        outcome = await call(pool, None, arn=arn, client_context='{"custom": {"k": "v"}}')
        answer = told(outcome)
        env, stream = answer["env"], answer["context"].pop("log_stream_name")
        assert answer["context"] == {
            "function_name": "f",
            "function_version": "7",
            "invoked_function_arn": arn,
            "aws_request_id": REQUEST_ID,
            "memory_limit_in_mb": "256",
            "log_group_name": "/aws/lambda/f",
        }
        assert 0 < answer["remaining"] <= 20_000
        assert (answer["custom"], answer["identity"]) == ({"k": "v"}, None)
        assert answer["here"] == str(lab.directory) == env["LAMBDA_TASK_ROOT"]
        assert env["AWS_LAMBDA_LOG_STREAM_NAME"] == stream
        assert env["_HANDLER"] == "index.handler"
        assert (env["AWS_REGION"], env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) == ("eu-west-1", "256")
        assert re.fullmatch(
            "Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", env["_X_AMZN_TRACE_ID"]
        )
        assert env["OWN"] == "yes"
        assert "TAILRACE_SECRET" not in env

    os.environ["TAILRACE_SECRET"] = "nobody's business"
    try:
        more: dict[str, Any] = {"version": "7", "region": "eu-west-1", "memory_mb": 256}
        lab.run(body, environment={"OWN": "yes"}, **more)
    finally:
        del os.environ["TAILRACE_SECRET"]


def test_an_exception_is_told_and_logged_in_lambdas_words(lab: Lab) -> None:
    lab.write("""
        def handler(event, context):
            raise ValueError("boom")
    """)

    async def body(pool: WorkerPool) -> None:
        outcome = await call(pool)
        answer = told(outcome)
        assert outcome.error == "Unhandled"
        assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "boom")
        assert answer["requestId"] == REQUEST_ID
        (frame,) = answer["stackTrace"]
        assert 'index.py", line 3, in handler' in frame
        assert b"[ERROR] ValueError: boom\nTraceback (most recent call last):\n" in outcome.log

    lab.run(body)


@pytest.mark.parametrize(
    ("code", "handler", "kind", "message"),
    [
        ("import nothing_such", "index.handler", "Runtime.ImportModuleError", "Unable to import"),
        ("def handler(", "index.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module"),
        ("x = 1", "index.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on"),
        ("x = 1", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        ("1 / 0", "index.handler", "ZeroDivisionError", "division by zero"),
        ("import sys; sys.exit(3)", "index.handler", "SystemExit", "3"),
    ],
)
def test_a_handler_that_cannot_be_loaded_fails_each_call(
    lab: Lab, code: str, handler: str, kind: str, message: str
) -> None:
    lab.write(code)

    async def body(pool: WorkerPool) -> None:
        for _ in range(2):
            outcome = await call(pool)
            answer = told(outcome)
            assert (outcome.error, answer["errorType"]) == ("Unhandled", kind)
            assert answer["errorMessage"].startswith(message)
            assert answer["requestId"] == REQUEST_ID

    lab.run(body, handler=handler)


def test_code_that_is_mended_after_it_could_not_be_loaded_runs(lab: Lab) -> None:
    lab.write("def handler(")

    async def body(pool: WorkerPool) -> None:
        assert (await call(pool)).error
        lab.write("def handler(event, context): return 'mended'")
        assert told(await call(pool)) == "mended"

    lab.run(body)


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("sys.exit(0)", "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("sys.exit(3)", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("os.abort()", "Runtime.ExitError", "Runtime exited with error: signal: aborted"),
        ("while True: pass", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ("x = b'x' * (300 << 20)", "Runtime.OutOfMemory", "Runtime exited with error: signal: k"),
        ("return object()", "Runtime.MarshalError", "Unable to marshal response: Object of type"),
        ("return 'x' * (7 << 20)", "Function.ResponseSizeTooLarge", "Response payload size"),
    ],
)
def test_a_call_that_goes_wrong_fails_alone(
    lab: Lab, statement: str, kind: str, message: str
) -> None:
    lab.write(f"""
        import os, sys
        def handler(event, context):
            if event == "go wrong":
                print("last words")
                {statement}
            return os.getpid()
    """)

    async def body(pool: WorkerPool) -> None:
        assert isinstance(told(await call(pool)), int)
        outcome = await call(pool, "go wrong")
        answer = told(outcome)
        assert (outcome.error, answer["errorType"]) == ("Unhandled", kind)
        assert message in answer["errorMessage"]
        assert b"\nlast words\n" in outcome.log
        assert isinstance(told(await call(pool)), int)

    more = {"timeout_s": 1.0} if kind == "Sandbox.Timedout" else {}
    lab.run(body, **more)


def test_a_directory_that_is_gone_fails_the_call_and_leaves_nothing_open(lab: Lab) -> None:
    async def body(pool: WorkerPool) -> None:
        outcome = await call(pool)
        assert (outcome.error, told(outcome)["errorType"]) == ("Unhandled", "Runtime.ExitError")
        gc.collect()  # a socket that was left open would be told of here

    lab.run(body, directory=lab.directory / "gone")


def test_several_calls_run_at_once_and_no_more_than_allowed(lab: Lab) -> None:
    lab.write("""
        import os, pathlib, time
        def handler(event, context):
            mine = pathlib.Path(event["seen"], str(os.getpid()))
            mine.touch()
            while len(os.listdir(event["seen"])) < 2:
                time.sleep(0.005)
            return os.getpid()
    """)
    seen = lab.directory / "seen"
    seen.mkdir()

    async def body(pool: WorkerPool) -> None:
        calls = [call(pool, {"seen": str(seen)}) for _ in range(6)]
        pids = {told(outcome) for outcome in await asyncio.gather(*calls)}
        assert len(pids) == 2

    lab.run(body, max_workers=2)


def test_only_so_many_calls_may_wait(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MAX_WAITING", 1)
    lab.write("""
        import pathlib, time
        def handler(event, context):
            while not pathlib.Path(event).exists():
                time.sleep(0.005)
    """)
    go = lab.directory / "go"

    async def body(pool: WorkerPool) -> None:
        calls = [asyncio.create_task(call(pool, str(go))) for _ in range(3)]
        with pytest.raises(SinkUnavailable, match="2 calls of f wait"):
            await calls[2]
        go.touch()
        assert [(await each).error for each in calls[:2]] == [None, None]

    lab.run(body, max_workers=1)


def test_large_events_and_much_output_get_through(lab: Lab) -> None:
    lab.write("""
        import sys
        def handler(event, context):
            sys.stderr.write("e" * 200_000 + "\\n")
            print("o" * 200_000)
            return event
    """)

    async def body(pool: WorkerPool) -> None:
        event = ["é" * 1000] * 900
        outcome = await call(pool, event)
        assert told(outcome) == event
        assert outcome.log.count(b"o" * 200_000) == 1

    lab.run(body, memory_mb=512)


def test_saved_code_is_loaded_anew_when_asked_for(lab: Lab) -> None:
    lab.write("import parts\ndef handler(event, context): return parts.VALUE")
    lab.write("VALUE = 'one'", "parts.py")

    async def reloading(pool: WorkerPool) -> None:
        assert told(await call(pool)) == "one"
        lab.write("VALUE = 'two'", "parts.py")
        pool._sources._next_look = 0.0  # a look is due
        assert told(await call(pool)) == "two"

    async def staying(pool: WorkerPool) -> None:
        assert told(await call(pool)) == "two"
        lab.write("VALUE = 'new'", "parts.py")
        assert told(await call(pool)) == "two"

    lab.run(reloading, reload=True)
    lab.run(staying)


def test_a_cancelled_call_kills_its_worker(lab: Lab) -> None:
    lab.write("""
        import os, pathlib, time
        def handler(event, context):
            if event:
                pathlib.Path(event).write_text(str(os.getpid()))
                time.sleep(60)
            return "fine"
    """)
    told_pid = lab.directory / "pid"

    async def body(pool: WorkerPool) -> None:
        task = asyncio.create_task(call(pool, str(told_pid)))
        await until(lambda: told_pid.exists() and told_pid.read_text() != "")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        pid = int(told_pid.read_text())
        await until(lambda: not runs(pid))
        assert told(await call(pool)) == "fine"

    lab.run(body)


def test_closing_leaves_no_process_behind(lab: Lab) -> None:
    lab.write("""
        import os, subprocess
        def handler(event, context):
            return [os.getpid(), subprocess.Popen(["sleep", "60"]).pid]
    """)
    pids: list[int] = []

    async def body(pool: WorkerPool) -> None:
        pids.extend(told(await call(pool)))

        os.kill(pids[0], 0)

    lab.run(body)
    assert not runs(pids[0])
    asyncio.run(until(lambda: not runs(pids[1])))


async def until(holds: Callable[[], bool]) -> None:
    """Return when a condition holds that nobody tells us of."""
    for _ in range(4000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it did not happen within 20 s")
