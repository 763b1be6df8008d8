"""A function is called by its name through Lambda's API, and told from one that cannot be had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from tailrace.delivery.ports import SinkUnavailable
from tailrace.runtimes.aws_lambda import AwsLambda
from tailrace.runtimes.function import Invocation, Outcome

CALL = Invocation(request_id="r", payload=b'{"a": 1}', arn="arn")


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Payload:
    """The stream of a reply's body."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self) -> bytes:
        return self.content


def call(answers: Callable[[Stubber], None], invocation: Invocation = CALL) -> Outcome:
    function = AwsLambda("named", region="us-east-1")
    session: Any = botocore.session.Session()
    client = session.create_client("lambda", region_name="us-east-1")
    with Stubber(client) as stubber:
        answers(stubber)
        function._made = client

        async def main() -> Outcome:
            try:
                return await function.invoke(invocation)
            finally:
                await function.close()

        return asyncio.run(main())


def test_the_answer_with_its_log() -> None:
    reply = {"StatusCode": 200, "Payload": Payload(b"[1]"), "LogResult": "bG9n"}
    expected = {
        "FunctionName": "named",
        "Payload": b'{"a": 1}',
        "LogType": "Tail",
        "ClientContext": "eyJrIjogMX0=",
    }
    invocation = Invocation(
        request_id="r", payload=CALL.payload, arn="arn", client_context='{"k": 1}'
    )
    outcome = call(lambda stub: stub.add_response("invoke", reply, expected), invocation)
    assert outcome == Outcome(payload=b"[1]", error=None, log=b"log")


def test_the_functions_error_is_an_outcome() -> None:
    failure = json.dumps({"errorType": "E", "errorMessage": "m"}).encode()
    reply = {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": Payload(failure)}
    outcome = call(lambda stub: stub.add_response("invoke", reply))
    assert (outcome.error, outcome.payload) == ("Unhandled", failure)


@pytest.mark.parametrize(
    "code", ["TooManyRequestsException", "ServiceException", "ResourceNotFoundException"]
)
def test_what_is_not_the_functions_fault_passes(code: str) -> None:
    with pytest.raises(SinkUnavailable, match=code):
        call(lambda stub: stub.add_client_error("invoke", code))


def test_other_refusals_are_told() -> None:
    with pytest.raises(Exception, match="AccessDenied"):
        call(lambda stub: stub.add_client_error("invoke", "AccessDeniedException"))


def test_nobody_there_is_unavailable() -> None:
    async def main() -> None:
        function = AwsLambda("named", endpoint_url="http://127.0.0.1:1", region="us-east-1")
        try:
            await function.invoke(CALL)
        finally:
            await function.close()

    with pytest.raises(SinkUnavailable):
        asyncio.run(main())
