"""What channels are made of, in the API's form."""

from __future__ import annotations

import msgspec

from tailrace.api.kinesis.inputs import StreamArn, StreamName
from tailrace.api.kinesis.queues import StreamFilter

__all__ = [
    "ChannelRef",
    "CloudWatchLogs",
    "CreateChannelInput",
    "DeadLetterQueue",
    "Encryption",
    "FreshnessUpdate",
    "ListChannelsInput",
    "Logging",
    "RecordConfiguration",
    "S3Destination",
    "S3Storage",
    "S3TablesDestination",
    "Source",
    "UpdateChannelInput",
]


class RecordConfiguration(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    record_format_type: str
    gsr_schema_arn: str | None = msgspec.field(name="GSRSchemaARN", default=None)


class Source(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    stream_arn: StreamArn = msgspec.field(name="StreamARN")
    record_configuration: RecordConfiguration


class DeadLetterQueue(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    bucket_arn: str = msgspec.field(name="BucketARN")
    expected_bucket_owner: str
    error_output_prefix: str | None = None


class S3Storage(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    bucket_arn: str = msgspec.field(name="BucketARN")
    expected_bucket_owner: str
    output_key_template: str | None = None
    storage_class: str | None = None
    compression_type: str


class S3Destination(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    data_freshness_in_seconds: int | None = None
    dead_letter_queue: DeadLetterQueue | None = msgspec.field(
        name="DeadLetterQueueS3Configuration", default=None
    )
    storage: S3Storage = msgspec.field(name="StorageConfiguration")


class PartitionField(msgspec.Struct, rename="pascal", frozen=True):
    transform: str
    source_name: str


class PartitionSpec(msgspec.Struct, rename="pascal", frozen=True):
    partition_fields: list[PartitionField]


class S3Table(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    table_bucket_arn: str = msgspec.field(name="TableBucketARN")
    namespace: str
    table_name: str
    compression_type: str
    partition_spec: PartitionSpec | None = None


class S3TablesDestination(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    data_freshness_in_seconds: int | None = None
    dead_letter_queue: DeadLetterQueue = msgspec.field(name="DeadLetterQueueS3Configuration")
    tables: list[S3Table] = msgspec.field(name="S3TablesConfigurationList")


class Encryption(msgspec.Struct, rename="pascal", frozen=True):
    encryption_type: str
    key_id: str


class CloudWatchLogs(msgspec.Struct, rename="pascal", frozen=True):
    enabled: bool
    log_group_name: str | None = None
    log_stream_name: str | None = None


class Logging(msgspec.Struct, rename="pascal", frozen=True):
    cloud_watch_logs: CloudWatchLogs


class CreateChannelInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    channel_name: StreamName
    role_arn: str = msgspec.field(name="ServiceExecutionRoleARN")
    sources: list[Source] = msgspec.field(name="StreamConfigurationList")
    s3: S3Destination | None = msgspec.field(name="S3DestinationConfiguration", default=None)
    s3_tables: S3TablesDestination | None = msgspec.field(
        name="S3TablesDestinationConfiguration", default=None
    )
    encryption: Encryption | None = msgspec.field(name="EncryptionConfiguration", default=None)
    tags: dict[str, str] | None = None
    logging: Logging | None = msgspec.field(name="LoggingConfiguration", default=None)


class ChannelRef(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    channel_arn: StreamArn = msgspec.field(name="ChannelARN")


class FreshnessUpdate(msgspec.Struct, rename="pascal", frozen=True):
    data_freshness_in_seconds: int


class UpdateChannelInput(ChannelRef, frozen=True, kw_only=True):
    s3: FreshnessUpdate | None = msgspec.field(name="S3DestinationConfiguration", default=None)
    s3_tables: FreshnessUpdate | None = msgspec.field(
        name="S3TablesDestinationConfiguration", default=None
    )
    logging: Logging | None = msgspec.field(name="LoggingConfiguration", default=None)


class ListChannelsInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    stream_filter: list[StreamFilter] | None = None
    max_results: int | None = None
    next_token: str | None = None
