"""The settings of a function that CreateFunction and UpdateFunctionConfiguration share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tailrace.api.functions.errors import (
    InvalidParameterValueException,
    PreconditionFailedException,
)
from tailrace.api.functions.records import Version

__all__ = [
    "Environment",
    "LoggingConfig",
    "check_revision",
    "check_runtime",
    "environment_of",
    "log_fields",
]

# configuration-envvars.html: all of them together.
MAX_ENVIRONMENT_BYTES: Final = 4 * 1024
_RESERVED: Final = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)


class Environment(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """`Environment` of a request."""

    variables: dict[str, str] | None = None


class LoggingConfig(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """`LoggingConfig` of a request."""

    log_format: str | None = None
    application_log_level: str | None = None
    log_group: str | None = None


def environment_of(given: Environment | None) -> Mapping[str, str]:
    """The variables of a request. Raises InvalidParameterValueException for names that Lambda
    keeps to itself, and for too much."""
    variables = {} if given is None else given.variables or {}
    reserved = sorted(_RESERVED & variables.keys())
    prefix = (
        "Lambda was unable to configure your environment variables because the environment"
        " variables you have provided"
    )
    if reserved:
        raise InvalidParameterValueException(
            f"{prefix} contains reserved keys that are currently not supported for modification."
            f" Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = msgspec.json.encode(variables)
    if len(measured) > MAX_ENVIRONMENT_BYTES:
        raise InvalidParameterValueException(
            f"{prefix} exceeded the 4KB limit. String measured: {measured.decode()}"
        )
    return variables


def check_runtime(runtime: str | None, handler: str | None) -> None:
    """Raise InvalidParameterValueException for what is missing, or cannot be run here."""
    if not runtime or not handler:
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment"
            " packages."
        )
    if not runtime.startswith(("python3", "provided")):
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is not supported: Tailrace runs python3.x, and"
            " provided.al2 or provided.al2023 with a bootstrap program."
        )


def log_fields(given: LoggingConfig | None) -> dict[str, Any]:
    """The fields of a version that a request's logging settings change."""
    if given is None:
        return {}
    fields = {
        "log_format": given.log_format,
        "log_level": given.application_log_level,
        "log_group": given.log_group,
    }
    return {name: value for name, value in fields.items() if value is not None}


def check_revision(version: Version, revision_id: str | None) -> None:
    """Raise PreconditionFailedException when a request was made for another revision."""
    if revision_id and revision_id != version.revision_id:
        raise PreconditionFailedException(
            "The Revision Id provided does not match the latest Revision Id. Call the"
            " GetFunction/GetAlias API to retrieve the latest Revision Id"
        )
