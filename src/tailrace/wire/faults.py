"""Errors as AWS puts them on the wire."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.errors import AwsError, InternalServerError
from tailrace.wire.call import Reply

__all__ = ["fault"]

# What the service itself says; a caller learns nothing of the cause.
_INTERNAL: Final = InternalServerError("Internal server error")


def fault(error: BaseException) -> Reply:
    """The answer to a call that failed with `error`: `{"__type": ..., "message": ..., further
    members}`.

    An `AwsError` keeps its code, status, message and `fields` (a `msgspec.Raw` field is spliced in
    as it stands). The message member is left out when there is no message, as the service does for
    an unknown operation or a body that is no JSON. Any other exception becomes an
    InternalServerError that tells no details: logging it is the caller's part.
    """
    known = error if isinstance(error, AwsError) else _INTERNAL
    members: dict[str, Any] = {"__type": known.namespace + known.code}
    if known.message:
        members[known.message_member] = known.message
    members.update(known.fields)
    return Reply(status=known.status, body=msgspec.json.encode(members))
