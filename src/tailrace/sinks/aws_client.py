"""Clients of AWS's services for what Tailrace writes elsewhere: endpoints, regions and credentials
are found as boto3 finds them, so `AWS_ENDPOINT_URL_SQS` and its kind lead elsewhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from tailrace.errors import TailraceError

__all__ = ["AwsCallFailed", "AwsClient"]

_Result = TypeVar("_Result")


class AwsCallFailed(TailraceError):
    """A call that a service refused, as `code` says, or that did not reach it: then it has none."""

    def __init__(self, service: str, code: str, message: str) -> None:
        super().__init__(f"{service}: {message}")
        self.code = code


class AwsClient:
    """A client of one service, made when it is first needed: that takes a tenth of a second."""

    def __init__(
        self, service: str, region: str | None = None, *, profile: str | None = None
    ) -> None:
        self._service = service
        self._region = region
        self._profile = profile
        self._made: Any = None
        self._making = threading.Lock()

    async def call(self, work: Callable[[Any], _Result]) -> _Result:
        """Do something with the client, on a thread. Raises AwsCallFailed."""
        return await asyncio.to_thread(self._call, work)

    def _call(self, work: Callable[[Any], _Result]) -> _Result:
        from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
            BotoCoreError,
            ClientError,
        )

        try:
            return work(self._get())
        except ClientError as error:
            told: Any = error.response  # pyright: ignore[reportUnknownMemberType]
            code = str(told.get("Error", {}).get("Code", ""))
            raise AwsCallFailed(self._service, code, str(error)) from error
        except BotoCoreError as error:
            raise AwsCallFailed(self._service, "", str(error)) from error

    def _get(self) -> Any:
        with self._making:
            if self._made is None:
                import botocore.session  # pyright: ignore[reportMissingTypeStubs]

                session: Any = botocore.session.Session(profile=self._profile)
                self._made = session.create_client(self._service, region_name=self._region)
            return self._made
