"""CreateEventSourceMapping."""

from __future__ import annotations

from tailrace.api.functions.errors import (
    FunctionNotFound,
    InvalidParameterValueException,
    ResourceConflictException,
)
from tailrace.api.functions.mappings import (
    MappingMembers,
    check_members,
    given_members,
    mapping_members,
)
from tailrace.api.functions.names import FunctionName, parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.ports import MappingState
from tailrace.api.functions.records import EventSourceMapping
from tailrace.errors import ValidationException

__all__ = ["CREATE_EVENT_SOURCE_MAPPING", "check_function"]


class CreateEventSourceMappingInput(
    MappingMembers, rename="pascal", frozen=True, gc=False, kw_only=True
):
    """The request."""

    function_name: str
    event_source_arn: str | None = None
    enabled: bool = True
    starting_position: str | None = None
    starting_position_timestamp: float | None = None
    tags: dict[str, str] | None = None


async def run(call: HttpCall, request: CreateEventSourceMappingInput) -> Answer:
    """A stream's changes, delivered to a function from now on."""
    desk, scope, source_arn = call.desk, call.scope, request.event_source_arn
    name = parse_function_name(request.function_name, scope)
    if not source_arn:
        raise InvalidParameterValueException("Unrecognized event source.")
    _check_position(request, source_arn)
    members = {"StartingPosition": request.starting_position, **given_members(request)}
    if request.starting_position_timestamp is not None:
        members["StartingPositionTimestamp"] = request.starting_position_timestamp
    check_members(members)
    async with desk.book.changing:
        check_function(call, name)
        mapping = EventSourceMapping(
            uuid=desk.ids.uuid(),
            account=name.account,
            region=name.region,
            function=name.name,
            qualifier=name.qualifier,
            source_arn=source_arn,
            enabled=request.enabled,
            members=members,
            modified_us=desk.clock.now_us(),
            tags=request.tags or {},
        )
        desk.mappings.check(mapping)
        _check_new(call, mapping)
        await desk.book.keep_mapping(mapping)
        await desk.mappings.changed(mapping)
    return json_answer(mapping_members(mapping, MappingState("Creating"), "Creating"))


def _check_position(request: CreateEventSourceMappingInput, source_arn: str) -> None:
    position = request.starting_position
    if position is None:
        raise InvalidParameterValueException(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy"
            " constraint: Member must not be null.",
        )
    if position == "AT_TIMESTAMP" and ":dynamodb:" in source_arn:
        raise InvalidParameterValueException(
            f"Unsupported starting position for arn type: {source_arn}"
        )
    if position == "AT_TIMESTAMP" and request.starting_position_timestamp is None:
        raise InvalidParameterValueException(
            "StartingPositionTimestamp must be given with the starting position AT_TIMESTAMP."
        )
    if position not in ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"):
        raise ValidationException(
            f"1 validation error detected: Value '{position}' at 'startingPosition' failed to"
            " satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP,"
            " TRIM_HORIZON]"
        )


def check_function(call: HttpCall, name: FunctionName) -> None:
    """Raise InvalidParameterValueException for a function, or a version of one, that is not
    there."""
    try:
        call.desk.book.version(name)
    except FunctionNotFound:
        raise InvalidParameterValueException("Function does not exist") from None


def _check_new(call: HttpCall, mapping: EventSourceMapping) -> None:
    for other in call.desk.book.mappings.values():
        if (other.source_arn, other.function_arn) == (mapping.source_arn, mapping.function_arn):
            raise ResourceConflictException(
                f'The event source arn (" {mapping.source_arn} ") and function ("'
                f' {mapping.function} ") provided mapping already exists. Please update or'
                f" delete the existing mapping with UUID {other.uuid}",
            )


CREATE_EVENT_SOURCE_MAPPING = FunctionsOperation(
    name="CreateEventSourceMapping",
    method="POST",
    path="/2015-03-31/event-source-mappings",
    status=202,
    input=CreateEventSourceMappingInput,
    run=run,
)
