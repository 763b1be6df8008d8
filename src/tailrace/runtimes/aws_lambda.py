"""A real AWS Lambda function, or one at any endpoint that speaks Lambda's API, by its name."""

from __future__ import annotations

import asyncio
import base64
import threading
from typing import Any, Final

from tailrace.delivery.ports import SinkUnavailable
from tailrace.runtimes.function import Invocation, Outcome

__all__ = ["AwsLambda"]

# Longer than any function may run.
READ_TIMEOUT_S: Final = 910
# What is not the function's fault: the batch comes again.
_PASSING: Final = frozenset(
    {
        "EC2ThrottledException",
        "ResourceNotFoundException",
        "ResourceNotReadyException",
        "ServiceException",
        "TooManyRequestsException",
    }
)


class AwsLambda:
    """Calls a function synchronously. Endpoint, region and credentials are found as boto3 finds
    them, unless given."""

    def __init__(
        self,
        name: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        profile: str | None = None,
    ) -> None:
        self._name = name
        self._endpoint_url = endpoint_url
        self._region = region
        self._profile = profile
        self._made: Any = None
        self._making = threading.Lock()

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Call the function. Raises SinkUnavailable when it was throttled, is not there or nobody
        answers; botocore's ClientError for what else is refused."""
        return await asyncio.to_thread(self._invoke, invocation)

    async def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            self._made.close()

    def _invoke(self, invocation: Invocation) -> Outcome:
        # Imported here: it costs a tenth of a second, and few need it.
        from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
            BotoCoreError,
            ClientError,
        )

        members: dict[str, Any] = {"FunctionName": self._name, "Payload": invocation.payload}
        if invocation.client_context is not None:
            context = base64.b64encode(invocation.client_context.encode()).decode()
            members["ClientContext"] = context
        try:
            reply = self._client().invoke(**members, LogType="Tail")
            payload: bytes = reply["Payload"].read()
        except ClientError as error:
            told: dict[str, Any] = error.response
            if told["Error"]["Code"] in _PASSING:
                raise SinkUnavailable(str(error)) from error
            raise
        except BotoCoreError as error:
            raise SinkUnavailable(str(error)) from error
        log = base64.b64decode(reply.get("LogResult", ""))
        return Outcome(payload=payload, error=reply.get("FunctionError"), log=log)

    def _client(self) -> Any:
        with self._making:
            if self._made is None:
                import botocore.session  # pyright: ignore[reportMissingTypeStubs]
                from botocore.config import (  # pyright: ignore[reportMissingTypeStubs]
                    Config,
                )

                session: Any = botocore.session.Session(profile=self._profile)
                config = Config(read_timeout=READ_TIMEOUT_S, retries={"total_max_attempts": 1})
                self._made = session.create_client(
                    "lambda",
                    region_name=self._region,
                    endpoint_url=self._endpoint_url,
                    config=config,
                )
            return self._made
