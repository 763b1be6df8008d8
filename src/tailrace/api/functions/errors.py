"""Lambda's errors: codes, statuses and the spelling of the message's member are those of its
service model."""

from __future__ import annotations

from tailrace.delivery.settings import InvalidParameterValueException
from tailrace.errors import AwsError

__all__ = [
    "FunctionNotFound",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "PolicyLengthExceededException",
    "PreconditionFailedException",
    "RequestEntityTooLarge",
    "ResourceConflictException",
    "TooManyRequestsException",
]


class FunctionNotFound(AwsError):
    """A function, version, alias or mapping that is not there."""

    code = "ResourceNotFoundException"
    status = 404
    namespace = ""
    message_member = "Message"


class ResourceConflictException(AwsError):
    """Something of that name is there already."""

    code = "ResourceConflictException"
    status = 409
    namespace = ""


class PolicyLengthExceededException(AwsError):
    """A policy over its limit."""

    code = "PolicyLengthExceededException"
    status = 400
    namespace = ""


class PreconditionFailedException(AwsError):
    """A revision that is not the latest."""

    code = "PreconditionFailedException"
    status = 412
    namespace = ""


class InvalidRequestContentException(AwsError):
    """A body that is no JSON."""

    code = "InvalidRequestContentException"
    status = 400
    namespace = ""


class RequestEntityTooLarge(AwsError):
    """A body, or an event, over its limit."""

    code = "RequestEntityTooLargeException"
    status = 413
    namespace = ""


class TooManyRequestsException(AwsError):
    """More is waiting than may wait."""

    code = "TooManyRequestsException"
    status = 429
    namespace = ""
