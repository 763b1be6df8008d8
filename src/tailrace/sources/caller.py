"""API calls as raw JSON, whoever answers them: a server over HTTP, or this process."""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec

from tailrace import errors
from tailrace.errors import AwsError

__all__ = ["Caller", "RemoteError", "checked_body", "error_of"]


class Caller(Protocol):
    """Makes AWS JSON calls."""

    async def call(self, target: str, params: dict[str, Any]) -> bytes:
        """The JSON body of the answer to an operation, e.g. `DynamoDB_20120810.PutItem`.

        Raises the AwsError of the answer's code, `RemoteError` for a code that has no class here,
        and OSError when nobody answers.
        """
        ...


class RemoteError(AwsError):
    """An error of a service that Tailrace itself never gives; `remote_code` is its code."""

    def __init__(self, remote_code: str, status: int, message: str) -> None:
        super().__init__(f"{remote_code}: {message}" if message else remote_code)
        self.remote_code = remote_code
        self.remote_status = status


def _classes() -> dict[str, type[AwsError]]:
    found = (getattr(errors, name) for name in errors.__all__)
    return {
        each.code: each
        for each in found
        if isinstance(each, type) and issubclass(each, AwsError) and each is not AwsError
    }


_BY_CODE: Final = _classes()
_OK: Final = 200


def checked_body(status: int, body: bytes) -> bytes:
    """The body of a good answer; raises the error that a bad one tells."""
    if status == _OK:
        return body
    raise error_of(status, body)


def error_of(status: int, body: bytes) -> AwsError:
    """The error that an answer tells. A body that is no JSON (a proxy's page, say) has no code."""
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return RemoteError(f"HTTP {status}", status, "")
    code = str(told.pop("__type", "")).rpartition("#")[2] or f"HTTP {status}"
    message = str(told.pop("message", None) or told.pop("Message", None) or "")
    known = _BY_CODE.get(code)
    return RemoteError(code, status, message) if known is None else known(message, **told)
