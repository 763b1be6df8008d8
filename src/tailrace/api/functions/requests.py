"""From the parts of an HTTP request to an operation's typed input, and from errors to answers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import msgspec

from tailrace.api.functions.errors import InvalidRequestContentException
from tailrace.api.functions.operation import Answer, AnyOperation, HttpCall
from tailrace.errors import (
    AccessDeniedException,
    AwsError,
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
    ValidationException,
)
from tailrace.wire.shapes import input_shape
from tailrace.wire.validation import examine

__all__ = ["answer", "refusal"]

_SERVICE: Final = "lambda"
_SERVER_FAULT: Final = 500
_FORBIDDEN: Final = 403
# What the service's front door answers, with another status than DynamoDB's.
_NOT_ALLOWED: Final = (
    AccessDeniedException,
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)
# Base64 of megabytes is not looked through with the rest.
_BLOBS: Final = ("ZipFile",)
_log = logging.getLogger("tailrace.api")


async def answer(
    operation: AnyOperation,
    call: HttpCall,
    path: Mapping[str, str],
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
) -> Answer:
    """The answer to a call, its error included. Never raises."""
    try:
        document = {} if operation.has_payload else _document(body)
        document.update(path)
        document.update(_from_query(operation, query))
        for header, member in operation.headers.items():
            if header in headers:
                document[member] = headers[header]
        request = _typed(operation, document)
        result = await operation.run(call, request)
    except AwsError as error:
        return refusal(error)
    except Exception:
        _log.exception("%s failed", operation.name)
        content = {"Type": "Service", "Message": "Internal server error"}
        headers = {"x-amzn-ErrorType": "ServiceException"}
        return Answer(msgspec.json.encode(content), headers, _SERVER_FAULT)
    if result.status is None:
        return msgspec.structs.replace(result, status=operation.status)
    return result


def refusal(error: AwsError) -> Answer:
    """The answer for an error, as Lambda words it: its code in a header, its message in the
    body."""
    content: dict[str, Any] = {error.message_member: error.message}
    status = error.status
    if isinstance(error, _NOT_ALLOWED):
        content, status = {"message": error.message}, _FORBIDDEN
    elif not isinstance(error, ValidationException):
        content = {"Type": "User", **content, **error.fields}
    return Answer(msgspec.json.encode(content), {"x-amzn-ErrorType": error.code}, status)


def _document(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequestContentException(
            f"Could not parse request body into json: {error}"
        ) from None


def _from_query(operation: AnyOperation, query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Members that came in the query, with the types of their shapes."""
    shape = input_shape(_SERVICE, operation.name)
    members = {} if shape is None else shape.members
    found: dict[str, Any] = {}
    for name, text in query:
        member = name[:1].upper() + name[1:]
        kind = members[member].kind if member in members else None
        if kind == "list":
            found.setdefault(member, []).append(text)
        elif kind == "integer":
            found[member] = _integer(member, text)
        elif kind == "string":
            found[member] = text
    return found


def _integer(member: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValidationException(
            f"1 validation error detected: Value '{text}' at '{member[:1].lower() + member[1:]}'"
            " failed to satisfy constraint: Member must be an integer"
        ) from None


def _typed(operation: AnyOperation, document: dict[str, Any]) -> Any:
    """The typed input of a request that keeps the constraints of the service's model."""
    blobs = _without_blobs(document)
    found = examine(_SERVICE, operation.name, msgspec.json.encode(document))
    if isinstance(found, AwsError):
        raise found
    for holder, name, blob in blobs:
        target = cast("dict[str, Any]", found if holder is None else found[holder])
        target[name] = blob
    try:
        return msgspec.convert(found, operation.input)
    except msgspec.ValidationError as error:
        raise ValidationException(f"1 validation error detected: {error}") from None


def _without_blobs(document: dict[str, Any]) -> list[tuple[str | None, str, str]]:
    """Take the long texts out of a document: where they were, and what."""
    taken: list[tuple[str | None, str, str]] = []
    for holder in (None, "Code"):
        place = document if holder is None else document.get(holder)
        if not isinstance(place, dict):
            continue
        members = cast("dict[str, Any]", place)
        present = [name for name in _BLOBS if isinstance(members.get(name), str)]
        taken += [(holder, name, members.pop(name)) for name in present]
    return taken
