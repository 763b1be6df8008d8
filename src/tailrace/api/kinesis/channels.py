"""CreateChannel and its family: a stream's records in objects of a bucket."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.channel_inputs import (
    ChannelRef,
    CreateChannelInput,
    DeadLetterQueue,
    ListChannelsInput,
    Logging,
    S3Destination,
    UpdateChannelInput,
)
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import InvalidArgumentException
from tailrace.model.schema import Table
from tailrace.tables import kinesis_channels, kinesis_streams
from tailrace.tables.catalog import Catalog
from tailrace.tables.kinesis_channels import Channel, channel_of, fault_of

__all__ = [
    "CREATE_CHANNEL",
    "DELETE_CHANNEL",
    "DESCRIBE_CHANNEL",
    "LIST_CHANNELS",
    "UPDATE_CHANNEL",
    "changed",
    "is_channel",
    "settings_of",
]

_LOGGING: Final = "LoggingConfiguration"
_S3: Final = "S3DestinationConfiguration"
_FRESHNESS: Final = "DataFreshnessInSeconds"
_DESCRIBED: Final = "Described"
_VARIABLE: Final = re.compile(r"!\{([^{}]*)\}")
_BUCKET: Final = "arn:aws:s3:::"
_ERRORS: Final = "kinesis-channel-errors/!{channel-name}/"
_FORMATS: Final = ("JSON", "STRING", "BYTE_ARRAY")


def create_channel(context: Context, request: CreateChannelInput) -> Altered:
    destination, (source, *more) = _destination(request), request.sources
    if more:
        raise InvalidArgumentException("A channel has exactly one stream.")
    stream_owner = access.owner_by_arn(source.stream_arn)
    found = kinesis_streams.found(context.catalog(), *stream_owner)
    if access.mode_of(found) != "ON_DEMAND":
        raise InvalidArgumentException(
            "Channels are only supported on data streams with the on-demand capacity mode."
        )
    form = source.record_configuration.record_format_type
    if form not in _FORMATS:
        raise InvalidArgumentException(
            f"Record format {form} is not supported for general purpose S3 destinations."
        )
    channel = _channel(context, request, destination, form)
    described = {
        "ServiceExecutionRoleARN": request.role_arn,
        "StreamConfigurationList": [
            {
                "StreamARN": found.stream.arn,
                "StreamCreationTimestamp": access.seconds(found.stream.created_us),
                "RecordConfiguration": {"RecordFormatType": form},
            }
        ],
        _S3: _shown_destination(destination, channel),
        _LOGGING: _shown_logging(request.logging, channel),
    }
    if request.encryption is not None:
        described["EncryptionConfiguration"] = _given(request.encryption)
    settings = {_DESCRIBED: described, "Tags": request.tags or {}}
    now_us = context.service.clock.now_us()
    decide = kinesis_channels.create(channel, stream_owner, settings, now_us)
    place = (channel.account, channel.region, channel.id)
    return Altered(decide, lambda catalog: _described(catalog, place, "CREATING"))


def _destination(request: CreateChannelInput) -> S3Destination:
    if (request.s3 is None) == (request.s3_tables is None):
        raise InvalidArgumentException(
            "Either S3DestinationConfiguration or S3TablesDestinationConfiguration must be"
            " specified."
        )
    if request.s3 is None:
        raise InvalidArgumentException(
            "Streaming tables are not supported here: there is no Amazon S3 Tables to write to."
        )
    return request.s3


def _channel(
    context: Context, request: CreateChannelInput, destination: S3Destination, form: str
) -> Channel:
    storage, letters = destination.storage, destination.dead_letter_queue
    if storage.compression_type == "ZSTD":
        raise InvalidArgumentException("CompressionType ZSTD is not supported here.")
    template = storage.output_key_template or kinesis_channels.DEFAULT_TEMPLATE
    _check_template(template)
    prefix = _ERRORS.replace("!{channel-name}", request.channel_name)
    if letters is not None and letters.error_output_prefix is not None:
        prefix = letters.error_output_prefix
    _check_key(prefix)
    return Channel(
        id=context.service.ids.uuid(),
        name=request.channel_name,
        account=context.scope.account,
        region=context.scope.region,
        stream_id=0,
        start=0,
        format=form,
        bucket=storage.bucket_arn.removeprefix(_BUCKET),
        template=template,
        compression=storage.compression_type,
        error_bucket=_error_bucket(destination),
        error_prefix=prefix,
        freshness_s=_freshness(destination.data_freshness_in_seconds),
        key_id=None if request.encryption is None else request.encryption.key_id,
    )


def _error_bucket(destination: S3Destination) -> str:
    letters = destination.dead_letter_queue
    arn = destination.storage.bucket_arn if letters is None else letters.bucket_arn
    return arn.removeprefix(_BUCKET)


def _freshness(seconds: int | None) -> int:
    least, most = limits.KINESIS_FRESHNESS_S, limits.KINESIS_FRESHNESS_S_MAX
    if seconds is None:
        return least
    if not least <= seconds <= most:
        raise InvalidArgumentException(f"{_FRESHNESS} must be between {least} and {most}.")
    return seconds


def _check_template(template: str) -> None:
    for name in _VARIABLE.findall(template):
        if name not in kinesis_channels.TEMPLATE_VARIABLES:
            raise InvalidArgumentException(f"OutputKeyTemplate has an unknown variable: {name}")
    rest = _VARIABLE.sub("x", template)
    if "{" in rest or "}" in rest or template.endswith("/"):
        raise InvalidArgumentException("OutputKeyTemplate is not valid.")
    _check_key(rest)


def _check_key(text: str) -> None:
    """Refuse keys that would be paths out of a bucket that is a directory."""
    if text.startswith("/") or ".." in text or "./" in text or "//" in text:
        raise InvalidArgumentException("Object keys must not begin with / or have empty parts.")


def _given(part: msgspec.Struct) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.to_builtins(part)
    return {name: value for name, value in members.items() if value is not None}


def _shown_destination(destination: S3Destination, channel: Channel) -> dict[str, Any]:
    storage = destination.storage
    letters = destination.dead_letter_queue or DeadLetterQueue(
        bucket_arn=storage.bucket_arn, expected_bucket_owner=storage.expected_bucket_owner
    )
    shown = msgspec.structs.replace(letters, error_output_prefix=channel.error_prefix)
    return {
        _FRESHNESS: channel.freshness_s,
        "DeadLetterQueueS3Configuration": _given(shown),
        "StorageConfiguration": {
            "StorageClass": "STANDARD",
            **_given(storage),
            "OutputKeyTemplate": channel.template,
        },
    }


def _shown_logging(logging: Logging | None, channel: Channel) -> dict[str, Any]:
    if logging is None:
        return {"CloudWatchLogs": {"Enabled": False}}
    shown = _given(logging.cloud_watch_logs)
    if logging.cloud_watch_logs.enabled:
        group = f"/aws/kinesis/{channel.name}/{channel.id}"
        shown = {"LogGroupName": group, "LogStreamName": "DestinationDelivery", **shown}
    return {"CloudWatchLogs": shown}


def update_channel(context: Context, request: UpdateChannelInput) -> Altered:
    place = _place(request.channel_arn)
    if request.s3_tables is not None:
        raise InvalidArgumentException("The channel does not deliver to streaming tables.")
    freshness_s = None
    if request.s3 is not None:
        freshness_s = _freshness(request.s3.data_freshness_in_seconds)
    channel = channel_of(kinesis_channels.find(context.catalog(), *place))

    def step(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        described = dict(settings[_DESCRIBED])
        if freshness_s is not None:
            described[_S3] = {**described[_S3], _FRESHNESS: freshness_s}
        if request.logging is not None:
            described[_LOGGING] = _shown_logging(request.logging, channel)
        return {**settings, _DESCRIBED: described}

    decide = kinesis_channels.update(place, step, freshness_s)
    return Altered(decide, lambda catalog: _described(catalog, place, "UPDATING"))


def delete_channel(context: Context, request: ChannelRef) -> Altered:
    del context
    return access.altered(kinesis_channels.delete(*_place(request.channel_arn)))


def describe_channel(context: Context, request: ChannelRef) -> bytes:
    return _described(context.catalog(), _place(request.channel_arn), None)


def list_channels(context: Context, request: ListChannelsInput) -> bytes:
    scope, catalog = context.scope, context.catalog()
    streams = None
    if request.stream_filter is not None:
        streams = {each.stream_arn for each in request.stream_filter}
    left = [
        table
        for table in kinesis_channels.of_owner(catalog, scope.account, scope.region)
        # A token is the last name of its page: names are no secret to their owner.
        if channel_of(table).name > (request.next_token or "")
        and (streams is None or _source(table)["StreamARN"] in streams)
    ]
    most = min(request.max_results or limits.KINESIS_LIST_PAGE, limits.KINESIS_LIST_PAGE)
    reply: dict[str, Any] = {"ChannelSummaries": [_summary(table) for table in left[:most]]}
    if len(left) > most:
        reply["NextToken"] = channel_of(left[most - 1]).name
    return access.reply_of(reply)


def is_channel(arn: str) -> bool:
    """Whether an ARN is a channel's."""
    return arn.split(":", 5)[-1].startswith("channel/")


def settings_of(context: Context, arn: str) -> Mapping[str, Any]:
    """What is stored of a channel. Raises ResourceNotFoundException."""
    return kinesis_channels.find(context.catalog(), *_place(arn)).settings


def changed(arn: str, step: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Altered:
    """Change what is stored of a channel and answer with nothing."""
    return access.altered(kinesis_channels.update(_place(arn), step))


def _place(arn: str) -> tuple[str, str, str]:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "kinesis" or not is_channel(arn):
        raise InvalidArgumentException(f"Invalid ARN: {arn}")
    return parts[4], parts[3], parts[5].removeprefix("channel/")


def _identity(table: Table, status: str | None) -> dict[str, Any]:
    channel, fault = channel_of(table), fault_of(table)
    identity: dict[str, Any] = {
        "ChannelName": channel.name,
        "ChannelARN": f"arn:aws:kinesis:{channel.region}:{channel.account}:channel/{channel.id}",
        "ChannelId": channel.id,
        "ChannelStatus": status or ("ACTIVE" if fault is None else "FAILED"),
        "ChannelCreationTimestamp": access.seconds(table.created_us),
    }
    if fault is not None:
        identity["ChannelStatusReason"] = fault[:2048]
    return identity


def _source(table: Table) -> dict[str, Any]:
    described: dict[str, Any] = msgspec.convert(table.settings[_DESCRIBED], dict[str, Any])
    return described["StreamConfigurationList"][0]


def _described(catalog: Catalog, place: tuple[str, str, str], status: str | None) -> bytes:
    table = kinesis_channels.find(catalog, *place)
    described: dict[str, Any] = msgspec.convert(table.settings[_DESCRIBED], dict[str, Any])
    return access.reply_of({"ChannelDescription": {**_identity(table, status), **described}})


def _summary(table: Table) -> dict[str, Any]:
    source = _source(table)
    names = ("StreamARN", "StreamCreationTimestamp")
    return {
        **_identity(table, None),
        "ChannelDestinationType": "S3",
        "Streams": [{name: source[name] for name in names}],
    }


CREATE_CHANNEL = Operation("CreateChannel", CreateChannelInput, create_channel)
DELETE_CHANNEL = Operation("DeleteChannel", ChannelRef, delete_channel)
DESCRIBE_CHANNEL = Operation("DescribeChannel", ChannelRef, describe_channel)
LIST_CHANNELS = Operation("ListChannels", ListChannelsInput, list_channels)
UPDATE_CHANNEL = Operation("UpdateChannel", UpdateChannelInput, update_channel)
