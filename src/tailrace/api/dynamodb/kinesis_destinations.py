"""EnableKinesisStreamingDestination and its family: a Kinesis stream gets every change of a table.

All are done when they are answered, with the states that AWS answers on the way; unless transitions
take time, these are over by then too.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import named_scope
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.model.arns import parse_kinesis_arn
from tailrace.model.schema import Destination, Stream
from tailrace.tables import kinesis_destinations, kinesis_streams
from tailrace.tables.catalog import Catalog

__all__ = [
    "KINESIS_DESTINATIONS",
    "DescribeDestinationInput",
    "DestinationInput",
    "EnableConfiguration",
    "UpdateConfiguration",
    "UpdateDestinationInput",
]

_NO_CHANGE = (
    "Streaming destination cannot be updated with given parameters:"
    " UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
)


class EnableConfiguration(msgspec.Struct, rename="pascal", frozen=True):
    approximate_creation_date_time_precision: str | None = None


class UpdateConfiguration(msgspec.Struct, rename="pascal", frozen=True):
    approximate_creation_date_time_precision: str | None = None


class DestinationInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef
    stream_arn: str
    enable_kinesis_streaming_configuration: EnableConfiguration | None = None


class UpdateDestinationInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef
    stream_arn: str
    update_kinesis_streaming_configuration: UpdateConfiguration | None = None


class DescribeDestinationInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef


def enable(context: Context, request: DestinationInput) -> Altered:
    scope = named_scope(context, request.table_name)
    configuration = request.enable_kinesis_streaming_configuration
    precision = None
    if configuration is not None:
        precision = configuration.approximate_creation_date_time_precision
    _refuse_unknown_table(context, scope)
    _check_stream(context, request.stream_arn)
    destination = Destination(request.stream_arn, precision)
    now_us, settles_us = _moments(context)
    decide = kinesis_destinations.enable(scope, destination, now_us, settles_us)
    extra = {"EnableKinesisStreamingConfiguration": _configuration(precision)}
    return Altered(decide, _worded(scope[2], request.stream_arn, "ENABLING", extra))


def disable(context: Context, request: DestinationInput) -> Altered:
    scope = named_scope(context, request.table_name)
    now_us, settles_us = _moments(context)
    decide = kinesis_destinations.disable(scope, request.stream_arn, now_us, settles_us)
    extra: dict[str, Any] = {"EnableKinesisStreamingConfiguration": {}}
    return Altered(decide, _worded(scope[2], request.stream_arn, "DISABLING", extra))


def update(context: Context, request: UpdateDestinationInput) -> Altered:
    scope = named_scope(context, request.table_name)
    configuration = request.update_kinesis_streaming_configuration
    precision = None
    if configuration is not None:
        precision = configuration.approximate_creation_date_time_precision
    _refuse_unknown_table(context, scope)
    if precision is None:
        raise ValidationException(_NO_CHANGE)
    now_us, settles_us = _moments(context)
    decide = kinesis_destinations.update(scope, request.stream_arn, precision, now_us, settles_us)
    extra = {"UpdateKinesisStreamingConfiguration": _configuration(precision)}
    return Altered(decide, _worded(scope[2], request.stream_arn, "UPDATING", extra))


def describe(context: Context, request: DescribeDestinationInput) -> bytes:
    scope = named_scope(context, request.table_name)
    _refuse_unknown_table(context, scope)
    catalog, now_us = context.catalog(), context.service.clock.now_us()
    streams = kinesis_destinations.destinations_of(catalog, catalog.by_name[scope])
    described = [_described(stream, now_us) for stream in streams]
    return body_of({"TableName": scope[2], "KinesisDataStreamDestinations": described})


def _described(stream: Stream, now_us: int) -> dict[str, Any]:
    assert stream.destination is not None
    return {
        "StreamArn": stream.destination.stream_arn,
        "DestinationStatus": _status(stream, stream.destination, now_us),
        **_configuration(stream.destination.precision),
    }


def _status(stream: Stream, destination: Destination, now_us: int) -> str:
    if not stream.is_changing(now_us):
        return "ACTIVE" if stream.enabled else "DISABLED"
    if not stream.enabled:
        return "DISABLING"
    return "UPDATING" if destination.updating else "ENABLING"


def _moments(context: Context) -> tuple[int, int | None]:
    """Now, and when a change that begins now is over, None for at once."""
    now_us = context.service.clock.now_us()
    transition = context.transition(now_us)
    return now_us, None if transition is None else transition.ends_us


def _configuration(precision: str | None) -> dict[str, str]:
    return {} if precision is None else {"ApproximateCreationDateTimePrecision": precision}


def _worded(table: str, stream_arn: str, status: str, extra: dict[str, Any]) -> Any:
    body = body_of(
        {"TableName": table, "StreamArn": stream_arn, "DestinationStatus": status, **extra}
    )

    def reply(catalog: Catalog) -> bytes:
        del catalog
        return body

    return reply


def _refuse_unknown_table(context: Context, scope: tuple[str, str, str]) -> None:
    if scope not in context.catalog().by_name:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )


def _check_stream(context: Context, arn: str) -> None:
    """Raise ValidationException for what is no stream of the caller's account and region, or is not
    there; streams elsewhere are found out when they are written to."""
    parsed = parse_kinesis_arn(arn)
    if parsed is None:
        raise ValidationException(f"Invalid Kinesis stream ARN: {arn}")
    region, account, name = parsed
    service, scope = context.service, context.scope
    catalog = context.catalog()
    own = (account, region) == (scope.account, scope.region)
    if service.kinesis_is_elsewhere:
        own = region == scope.region
    elif own:
        own = kinesis_streams.serving(catalog, account, region, name) is not None
    if not own:
        raise ValidationException("User does not have a permission to use kinesis stream")


KINESIS_DESTINATIONS: tuple[Operation[Any], ...] = (
    Operation("DescribeKinesisStreamingDestination", DescribeDestinationInput, describe),
    Operation("DisableKinesisStreamingDestination", DestinationInput, disable),
    Operation("EnableKinesisStreamingDestination", DestinationInput, enable),
    Operation("UpdateKinesisStreamingDestination", UpdateDestinationInput, update),
)
