"""Event source mappings: what requests say of them, how replies show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tailrace.api.functions.errors import InvalidParameterValueException
from tailrace.api.functions.names import mapping_arn
from tailrace.api.functions.ports import MappingState
from tailrace.api.functions.records import EventSourceMapping
from tailrace.delivery.filters import compile_filters
from tailrace.delivery.settings import DeliverySettings, settings_from_aws

__all__ = [
    "MappingMembers",
    "check_members",
    "delivery_settings",
    "given_members",
    "mapping_members",
    "patterns",
]

_DEFAULTS: Final[dict[str, Any]] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
}
_USER_ACTION: Final = "User action"


class MappingMembers(msgspec.Struct, rename="pascal", frozen=True, gc=False, kw_only=True):
    """The members that concern delivery, of CreateEventSourceMapping and
    UpdateEventSourceMapping."""

    batch_size: int | None = None
    maximum_batching_window_in_seconds: int | None = None
    parallelization_factor: int | None = None
    maximum_record_age_in_seconds: int | None = None
    bisect_batch_on_function_error: bool | None = None
    maximum_retry_attempts: int | None = None
    tumbling_window_in_seconds: int | None = None
    function_response_types: list[str] | None = None
    filter_criteria: dict[str, Any] | None = None
    destination_config: dict[str, Any] | None = None


def given_members(request: MappingMembers) -> dict[str, Any]:
    """The delivery members that a request has, by AWS's names."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(MappingMembers):
        value = getattr(request, field.name)
        if value is not None:
            found[field.encode_name] = value
    return found


def check_members(members: Mapping[str, Any]) -> None:
    """Raise the AwsError for settings that Lambda refuses, alone or together."""
    destination: dict[str, Any] = members.get("DestinationConfig") or {}
    if destination.get("OnSuccess"):
        raise InvalidParameterValueException(
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        )
    filtered = compile_filters(patterns(members)) is not None
    if filtered and members.get("TumblingWindowInSeconds"):
        raise InvalidParameterValueException(
            "FilterCriteria cannot be used with TumblingWindowInSeconds."
        )
    delivery_settings(members)


def delivery_settings(members: Mapping[str, Any]) -> DeliverySettings:
    """The delivery of a mapping. One that begins at a time begins at the horizon, as far as
    delivery knows: its source passes over what came before. Raises as `settings_from_aws`."""
    given = dict(members)
    if given.get("StartingPosition") == "AT_TIMESTAMP":
        given["StartingPosition"] = "TRIM_HORIZON"
    return settings_from_aws(given)


def patterns(members: Mapping[str, Any]) -> list[str]:
    """The filter patterns of a mapping's members. Raises InvalidParameterValueException for a
    filter without one."""
    criteria: dict[str, Any] = members.get("FilterCriteria") or {}
    filters: list[dict[str, Any]] = criteria.get("Filters") or []
    found: list[str] = []
    for each in filters:
        pattern = each.get("Pattern")
        if not isinstance(pattern, str):
            raise InvalidParameterValueException("Invalid filter pattern definition.")
        found.append(pattern)
    return found


def mapping_members(
    mapping: EventSourceMapping, state: MappingState, transition: str | None = None
) -> dict[str, Any]:
    """A mapping as replies have it; `transition` is the state of one that is just being
    changed."""
    members: dict[str, Any] = {
        "UUID": mapping.uuid,
        **_DEFAULTS,
        **mapping.members,
        "EventSourceArn": mapping.source_arn,
        "FunctionArn": mapping.function_arn,
        "LastModified": mapping.modified_us / 1e6,
        "LastProcessingResult": state.last_result,
        "State": transition or state.state,
        "StateTransitionReason": _USER_ACTION,
        "EventSourceMappingArn": mapping_arn(mapping.account, mapping.region, mapping.uuid),
    }
    criteria: dict[str, Any] = members.get("FilterCriteria") or {}
    if not criteria.get("Filters"):
        members.pop("FilterCriteria", None)
    return members
