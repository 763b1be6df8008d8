"""FunctionConfiguration, FunctionCode and alias members of replies."""

from __future__ import annotations

import datetime
from typing import Any

from tailrace.api.functions.names import LATEST, function_arn
from tailrace.api.functions.records import Alias, Function, Version
from tailrace.clock import Clock

__all__ = ["alias_members", "configuration", "moment"]


def moment(clock: Clock) -> str:
    """The time as Lambda writes when something was modified."""
    now = datetime.datetime.fromtimestamp(clock.now_us() / 1e6, datetime.UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}+0000"


def configuration(
    function: Function, version: Version, qualifier: str | None = None
) -> dict[str, Any]:
    """A version's configuration; its ARN is qualified as it was asked for, and by its number when
    it was published."""
    if qualifier is None and version.version != LATEST:
        qualifier = version.version
    members: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": function_arn(function.place, qualifier),
        "Role": version.role,
        "Handler": version.handler,
        "CodeSize": version.code.size,
        "Description": version.description,
        "Timeout": version.timeout_s,
        "MemorySize": version.memory_mb,
        "LastModified": version.modified,
        "CodeSha256": version.code.sha256,
        "Version": version.version,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": version.revision_id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": list(version.architectures),
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": _logging(function, version),
    }
    if version.runtime is not None:
        members["Runtime"] = version.runtime
    if version.environment:
        members["Environment"] = {"Variables": dict(version.environment)}
    members.update(version.kept)
    return members


def _logging(function: Function, version: Version) -> dict[str, Any]:
    members = {
        "LogFormat": version.log_format,
        "LogGroup": version.log_group or f"/aws/lambda/{function.name}",
    }
    if version.log_format == "JSON":
        members["ApplicationLogLevel"] = version.log_level or "INFO"
        members["SystemLogLevel"] = "INFO"
    return members


def alias_members(function: Function, alias: Alias) -> dict[str, Any]:
    """An alias as replies have it."""
    members: dict[str, Any] = {
        "AliasArn": function_arn(function.place, alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.function_version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        members["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return members
