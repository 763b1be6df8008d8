"""The context has what handlers and the libraries around them read from Lambda's."""

from __future__ import annotations

import time

import pytest

from tailrace.runtimes.context import FunctionIdentity, LambdaContext


def test_attributes() -> None:
    context = LambdaContext(FunctionIdentity("f", memory_mb=512), "id-1", time.monotonic() + 60)
    assert context.function_name == "f"
    assert context.function_version == "$LATEST"
    assert context.invoked_function_arn == "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert context.memory_limit_in_mb == "512"
    assert context.aws_request_id == "id-1"
    assert context.log_group_name == "/aws/lambda/f"
    assert context.log_stream_name
    assert context.identity.cognito_identity_id is None
    assert context.client_context is None
    assert "aws_request_id=id-1" in repr(context)


def test_remaining_time_runs_down_to_zero() -> None:
    function = FunctionIdentity("f")
    alive = LambdaContext(function, "id", time.monotonic() + 60)
    assert 0 < alive.get_remaining_time_in_millis() <= 60_000
    assert LambdaContext(function, "id", time.monotonic() - 1).get_remaining_time_in_millis() == 0


def test_log_prints(capsys: pytest.CaptureFixture[str]) -> None:
    LambdaContext(FunctionIdentity("f"), "id", 0.0).log("hello")
    assert capsys.readouterr().out == "hello\n"
