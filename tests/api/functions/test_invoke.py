"""Invoke answers with what the function returned, its error and its log; later, or not at all."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tailrace.api.functions import events


def test_result_version_and_log(account: Any) -> None:
    account.create("f", "def handler(event, context):\n    print('seen', event)\n    return event")
    reply = account.functions.invoke(FunctionName="f", Payload=b'{"a": 1}', LogType="Tail")
    assert json.loads(reply["Payload"].read()) == {"a": 1}
    assert (reply["StatusCode"], reply["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in reply
    log = base64.b64decode(reply["LogResult"]).decode()
    request_id = reply["ResponseMetadata"]["RequestId"]
    assert log.startswith(f"START RequestId: {request_id} Version: $LATEST\nseen {{'a': 1}}\n")
    assert f"REPORT RequestId: {request_id}\tDuration: " in log


def test_no_payload_is_an_empty_object(account: Any) -> None:
    account.create("empty")
    reply = account.functions.invoke(FunctionName="empty")
    assert json.loads(reply["Payload"].read())["event"] == {}


def test_an_error_is_an_answer(account: Any) -> None:
    account.create("failing", "def handler(event, context): return 1 / 0")
    reply = account.functions.invoke(FunctionName="failing", Payload=b"{}", LogType="Tail")
    assert (reply["StatusCode"], reply["FunctionError"]) == (200, "Unhandled")
    told = json.loads(reply["Payload"].read())
    assert (told["errorType"], told["errorMessage"]) == ("ZeroDivisionError", "division by zero")
    assert "[ERROR] ZeroDivisionError" in base64.b64decode(reply["LogResult"]).decode()


def test_a_timeout_is_told(account: Any) -> None:
    account.create("slow", "import time\ndef handler(event, context): time.sleep(60)", Timeout=1)
    reply = account.functions.invoke(FunctionName="slow", Payload=b"{}")
    request_id = reply["ResponseMetadata"]["RequestId"]
    assert json.loads(reply["Payload"].read()) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 1.00 seconds",
    }


def test_an_event_is_accepted_and_handled_later(account: Any, tmp_path: Path) -> None:
    account.create(
        "eventual",
        "import pathlib\ndef handler(event, context): pathlib.Path(event).write_text('done')",
    )
    done = tmp_path / "done"
    reply = account.functions.invoke(
        FunctionName="eventual",
        InvocationType="Event",
        Payload=json.dumps(str(done)).encode(),
    )
    assert (reply["StatusCode"], reply["Payload"].read()) == (202, b"")
    deadline = time.monotonic() + 60
    while not done.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_event_that_fails_is_tried_twice_more(
    account: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "RETRY_AFTER_US", (0, 0))
    code = """
        def handler(event, context):
            with open(event, "a") as calls:
                calls.write(context.aws_request_id + " ")
            1 / 0
    """
    account.create("retried", code)
    calls = tmp_path / "calls"
    reply = account.functions.invoke(
        FunctionName="retried", InvocationType="Event", Payload=json.dumps(str(calls)).encode()
    )
    request_id = reply["ResponseMetadata"]["RequestId"]
    deadline = time.monotonic() + 60
    while not calls.exists() or len(calls.read_text().split()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert calls.read_text().split() == [request_id] * 3


def test_a_dry_run_does_nothing(account: Any, tmp_path: Path) -> None:
    account.create("dry", "def handler(event, context): return 1 / 0")
    reply = account.functions.invoke(FunctionName="dry", InvocationType="DryRun", Payload=b"{}")
    assert (reply["StatusCode"], reply["Payload"].read()) == (204, b"")


def test_the_client_context_arrives(account: Any) -> None:
    account.create("aware", "def handler(event, context): return context.client_context.custom")
    context = base64.b64encode(b'{"custom": {"k": "v"}}').decode()
    assert account.invoke("aware", ClientContext=context) == {"k": "v"}


@pytest.mark.parametrize(
    ("members", "status", "code", "message"),
    [
        (
            {"Payload": b"{no json"},
            400,
            "InvalidRequestContentException",
            "Could not parse request body into json: Could not parse payload into json: ",
        ),
        (
            {"Payload": b'"' + b"x" * (6 << 20) + b'"'},
            413,
            "RequestEntityTooLargeException",
            (
                "6291458 byte payload is too large for the RequestResponse invocation type (limit"
                " 6291456 bytes)"
            ),
        ),
        (
            {"Payload": b'"' + b"x" * (1 << 20) + b'"', "InvocationType": "Event"},
            413,
            "RequestEntityTooLargeException",
            "1048578 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
        ),
        (
            {"InvocationType": "Sometime"},
            400,
            "ValidationException",
            (
                "1 validation error detected: Value 'Sometime' at 'invocationType' failed to"
                " satisfy constraint: Member must satisfy enum value set: ["
            ),
        ),
        (
            {"ClientContext": "no base64!"},
            400,
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
        ),
        (
            {"FunctionName": "nowhere"},
            404,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nowhere",
        ),
    ],
)
def test_what_is_refused(
    account: Any, members: dict[str, Any], status: int, code: str, message: str
) -> None:
    try:
        account.create("picky")
    except account.functions.exceptions.ResourceConflictException:
        pass
    refusal = account.refused(account.functions.invoke, **({"FunctionName": "picky"} | members))
    assert refusal[:2] == (status, code)
    assert refusal[2].startswith(message)


def test_a_large_event_and_answer_get_through(account: Any) -> None:
    account.create("large", "def handler(event, context): return event", MemorySize=512)
    event = "x" * ((6 << 20) - 2)
    assert account.invoke("large", event) == event
