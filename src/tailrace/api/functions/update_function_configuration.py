"""UpdateFunctionConfiguration."""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace.api.functions.configuration import configuration, moment
from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.records import Version
from tailrace.api.functions.settings import (
    Environment,
    LoggingConfig,
    check_revision,
    check_runtime,
    environment_of,
    log_fields,
)

__all__ = ["UPDATE_FUNCTION_CONFIGURATION", "being_updated"]


class UpdateFunctionConfigurationInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request; what it leaves out stays."""

    function_name: str
    role: str | None = None
    handler: str | None = None
    description: str | None = None
    timeout: int | None = None
    memory_size: int | None = None
    environment: Environment | None = None
    runtime: str | None = None
    revision_id: str | None = None
    logging_config: LoggingConfig | None = None
    vpc_config: dict[str, Any] | None = None
    dead_letter_config: dict[str, Any] | None = None
    kms_key_arn: str | None = msgspec.field(default=None, name="KMSKeyArn")
    tracing_config: dict[str, Any] | None = None
    layers: list[str] | None = None
    file_system_configs: list[Any] | None = None
    ephemeral_storage: dict[str, Any] | None = None


async def run(call: HttpCall, request: UpdateFunctionConfigurationInput) -> Answer:
    """The function with other settings; calls that begin from now on get them."""
    desk, name = call.desk, parse_function_name(request.function_name, call.scope)
    async with desk.book.changing:
        function = desk.book.function(name)
        check_revision(function.latest, request.revision_id)
        latest = msgspec.structs.replace(
            function.latest,
            **_changes(request, function.latest),
            modified=moment(desk.clock),
            revision_id=desk.ids.uuid(),
        )
        check_runtime(latest.runtime, latest.handler)
        function = msgspec.structs.replace(function, latest=latest)
        await desk.book.keep(function)
        await desk.functions.changed(function)
    return json_answer(being_updated(configuration(function, latest)))


def _changes(request: UpdateFunctionConfigurationInput, before: Version) -> dict[str, Any]:
    layers = request.layers
    kept = {
        "VpcConfig": request.vpc_config,
        "DeadLetterConfig": request.dead_letter_config,
        "KMSKeyArn": request.kms_key_arn,
        "TracingConfig": request.tracing_config,
        "FileSystemConfigs": request.file_system_configs,
        "EphemeralStorage": request.ephemeral_storage,
        "Layers": None if layers is None else [{"Arn": arn, "CodeSize": 0} for arn in layers],
    }
    changes: dict[str, Any] = {
        "role": request.role,
        "handler": request.handler,
        "description": request.description,
        "timeout_s": request.timeout,
        "memory_mb": request.memory_size,
        "runtime": request.runtime,
        "environment": None if request.environment is None else environment_of(request.environment),
        "kept": {
            **before.kept,
            **{name: value for name, value in kept.items() if value is not None},
        },
        **log_fields(request.logging_config),
    }
    return {name: value for name, value in changes.items() if value is not None}


def being_updated(members: dict[str, Any]) -> dict[str, Any]:
    """A configuration as the reply to an update has it: whoever asks next finds it done."""
    members["LastUpdateStatus"] = "InProgress"
    members["LastUpdateStatusReason"] = "The function is being created."
    members["LastUpdateStatusReasonCode"] = "Creating"
    return members


UPDATE_FUNCTION_CONFIGURATION = FunctionsOperation(
    name="UpdateFunctionConfiguration",
    method="PUT",
    path="/2015-03-31/functions/{FunctionName}/configuration",
    status=200,
    input=UpdateFunctionConfigurationInput,
    run=run,
)
