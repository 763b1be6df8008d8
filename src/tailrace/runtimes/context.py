"""The `context` a handler is called with, as Lambda's Python runtime makes it
(python-context.html)."""

from __future__ import annotations

import time
from typing import Any

__all__ = ["CognitoIdentity", "FunctionIdentity", "LambdaContext"]


class FunctionIdentity:
    """What names a function to its own code. `memory_mb` is only reported, never enforced here."""

    def __init__(
        self,
        name: str,
        *,
        region: str = "us-east-1",
        account: str = "123456789012",
        memory_mb: int = 128,
        stream: str = "in-process",
        version: str = "$LATEST",
    ) -> None:
        self.name = name
        self.version = version
        self.arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
        self.memory_mb = memory_mb
        self.log_group = f"/aws/lambda/{name}"
        self.log_stream = stream


class CognitoIdentity:
    """Nobody: event source mappings call without an identity."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class LambdaContext:
    """One invocation. `deadline` is `time.monotonic()` when it runs out of time."""

    def __init__(self, function: FunctionIdentity, request_id: str, deadline: float) -> None:
        self.function_name = function.name
        self.function_version = function.version
        self.invoked_function_arn = function.arn
        # A string: Lambda's runtime hands its environment variable on.
        self.memory_limit_in_mb = str(function.memory_mb)
        self.aws_request_id = request_id
        self.log_group_name = function.log_group
        self.log_stream_name = function.log_stream
        self.identity = CognitoIdentity()
        self.client_context: Any = None
        self.tenant_id: str | None = None
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """How long the invocation may still take; 0 when its time is up."""
        return max(int((self._deadline - time.monotonic()) * 1000), 0)

    def log(self, message: object) -> None:
        """Print, as Lambda's own does."""
        print(message)  # noqa: T201

    def __repr__(self) -> str:
        return (
            f"LambdaContext(aws_request_id={self.aws_request_id},"
            f"log_group_name={self.log_group_name},log_stream_name={self.log_stream_name},"
            f"function_name={self.function_name},memory_limit_in_mb={self.memory_limit_in_mb},"
            f"function_version={self.function_version},"
            f"invoked_function_arn={self.invoked_function_arn})"
        )
