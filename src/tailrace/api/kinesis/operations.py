"""The rows of the registry that are Kinesis's."""

from __future__ import annotations

from typing import Any, Final

from tailrace.api.kinesis.consumers import (
    DEREGISTER_STREAM_CONSUMER,
    DESCRIBE_STREAM_CONSUMER,
    LIST_STREAM_CONSUMERS,
    REGISTER_STREAM_CONSUMER,
)
from tailrace.api.kinesis.create_stream import CREATE_STREAM, DELETE_STREAM
from tailrace.api.kinesis.describe_limits import DESCRIBE_LIMITS
from tailrace.api.kinesis.describe_stream import DESCRIBE_STREAM, DESCRIBE_STREAM_SUMMARY
from tailrace.api.kinesis.get_records import GET_RECORDS
from tailrace.api.kinesis.get_shard_iterator import GET_SHARD_ITERATOR
from tailrace.api.kinesis.list_shards import LIST_SHARDS
from tailrace.api.kinesis.list_streams import LIST_STREAMS
from tailrace.api.kinesis.put_record import PUT_RECORD, PUT_RECORDS
from tailrace.api.kinesis.resharding import MERGE_SHARDS, SPLIT_SHARD, UPDATE_SHARD_COUNT
from tailrace.api.kinesis.retention import DECREASE_RETENTION, INCREASE_RETENTION
from tailrace.api.kinesis.stream_settings import (
    DISABLE_ENHANCED_MONITORING,
    ENABLE_ENHANCED_MONITORING,
    START_STREAM_ENCRYPTION,
    STOP_STREAM_ENCRYPTION,
    UPDATE_MAX_RECORD_SIZE,
    UPDATE_STREAM_MODE,
)
from tailrace.api.kinesis.tags import (
    ADD_TAGS_TO_STREAM,
    LIST_TAGS_FOR_RESOURCE,
    LIST_TAGS_FOR_STREAM,
    REMOVE_TAGS_FROM_STREAM,
    TAG_RESOURCE,
    UNTAG_RESOURCE,
)
from tailrace.api.operation import Operation

__all__ = ["KINESIS"]

KINESIS: Final[tuple[Operation[Any], ...]] = (
    ADD_TAGS_TO_STREAM,
    CREATE_STREAM,
    DECREASE_RETENTION,
    DELETE_STREAM,
    DEREGISTER_STREAM_CONSUMER,
    DESCRIBE_LIMITS,
    DESCRIBE_STREAM,
    DESCRIBE_STREAM_CONSUMER,
    DESCRIBE_STREAM_SUMMARY,
    DISABLE_ENHANCED_MONITORING,
    ENABLE_ENHANCED_MONITORING,
    GET_RECORDS,
    GET_SHARD_ITERATOR,
    INCREASE_RETENTION,
    LIST_SHARDS,
    LIST_STREAMS,
    LIST_STREAM_CONSUMERS,
    LIST_TAGS_FOR_RESOURCE,
    LIST_TAGS_FOR_STREAM,
    MERGE_SHARDS,
    PUT_RECORD,
    PUT_RECORDS,
    REGISTER_STREAM_CONSUMER,
    REMOVE_TAGS_FROM_STREAM,
    SPLIT_SHARD,
    START_STREAM_ENCRYPTION,
    STOP_STREAM_ENCRYPTION,
    TAG_RESOURCE,
    UNTAG_RESOURCE,
    UPDATE_MAX_RECORD_SIZE,
    UPDATE_SHARD_COUNT,
    UPDATE_STREAM_MODE,
)
