"""CreateFunction."""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace.api.functions.code import CodeInput, read_code
from tailrace.api.functions.configuration import configuration, moment
from tailrace.api.functions.errors import ResourceConflictException
from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.publish_version import published
from tailrace.api.functions.records import Function, Version
from tailrace.api.functions.settings import (
    Environment,
    LoggingConfig,
    check_runtime,
    environment_of,
    log_fields,
)

__all__ = ["CREATE_FUNCTION"]


class CreateFunctionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request."""

    function_name: str
    role: str
    code: CodeInput
    runtime: str | None = None
    handler: str | None = None
    description: str = ""
    timeout: int = 3
    memory_size: int = 128
    publish: bool = False
    environment: Environment | None = None
    tags: dict[str, str] | None = None
    architectures: list[str] | None = None
    logging_config: LoggingConfig | None = None
    package_type: str = "Zip"
    # Told back as they came.
    vpc_config: dict[str, Any] | None = None
    dead_letter_config: dict[str, Any] | None = None
    kms_key_arn: str | None = msgspec.field(default=None, name="KMSKeyArn")
    tracing_config: dict[str, Any] | None = None
    layers: list[str] | None = None
    file_system_configs: list[Any] | None = None
    ephemeral_storage: dict[str, Any] | None = None


async def run(call: HttpCall, request: CreateFunctionInput) -> Answer:
    """A function of the request's code and settings, ready to be called."""
    desk, name = call.desk, parse_function_name(request.function_name, call.scope)
    exists = f"Function already exist: {name.name}"
    if name.place in desk.book.functions:
        raise ResourceConflictException(exists)
    check_runtime(request.runtime, request.handler)
    environment = environment_of(request.environment)
    code = await read_code(desk, request.code)
    latest = Version(
        code=code,
        role=request.role,
        runtime=request.runtime,
        handler=request.handler or "",
        description=request.description,
        timeout_s=request.timeout,
        memory_mb=request.memory_size,
        environment=environment,
        architectures=tuple(request.architectures or ("x86_64",)),
        modified=moment(desk.clock),
        revision_id=desk.ids.uuid(),
        kept=_kept(request),
        **log_fields(request.logging_config),
    )
    account, region, short = name.place
    function = Function(
        account=account, region=region, name=short, latest=latest, tags=request.tags or {}
    )
    if request.publish:
        function, _ = published(desk, function, None)
    async with desk.book.changing:
        if name.place in desk.book.functions:
            raise ResourceConflictException(exists)
        await desk.book.keep(function)
        await desk.functions.changed(function)
    version = function.published["1"] if request.publish else function.latest
    members = configuration(function, version)
    if not request.publish:
        members["State"] = "Pending"
        members["StateReason"] = "The function is being created."
        members["StateReasonCode"] = "Creating"
        del members["LastUpdateStatus"]
    return json_answer(members)


def _kept(request: CreateFunctionInput) -> dict[str, Any]:
    members = {
        "VpcConfig": request.vpc_config,
        "DeadLetterConfig": request.dead_letter_config,
        "KMSKeyArn": request.kms_key_arn,
        "TracingConfig": request.tracing_config,
        "FileSystemConfigs": request.file_system_configs,
        "EphemeralStorage": request.ephemeral_storage,
        "Layers": [{"Arn": arn, "CodeSize": 0} for arn in request.layers or ()] or None,
    }
    return {name: value for name, value in members.items() if value is not None}


CREATE_FUNCTION = FunctionsOperation(
    name="CreateFunction",
    method="POST",
    path="/2015-03-31/functions",
    status=201,
    input=CreateFunctionInput,
    run=run,
)
