"""The registry: every operation that the server answers, by its `X-Amz-Target`."""

from __future__ import annotations

from typing import Any, Final

from tailrace.api.dynamodb.account import DESCRIBE_ENDPOINTS, DESCRIBE_LIMITS
from tailrace.api.dynamodb.backups import (
    CREATE_BACKUP,
    DELETE_BACKUP,
    DESCRIBE_BACKUP,
    LIST_BACKUPS,
)
from tailrace.api.dynamodb.batch_execute_statement import BATCH_EXECUTE_STATEMENT
from tailrace.api.dynamodb.batch_get_item import BATCH_GET_ITEM
from tailrace.api.dynamodb.batch_write_item import BATCH_WRITE_ITEM
from tailrace.api.dynamodb.continuous_backups import (
    DESCRIBE_CONTINUOUS_BACKUPS,
    UPDATE_CONTINUOUS_BACKUPS,
)
from tailrace.api.dynamodb.contributor_insights import (
    DESCRIBE_CONTRIBUTOR_INSIGHTS,
    LIST_CONTRIBUTOR_INSIGHTS,
    UPDATE_CONTRIBUTOR_INSIGHTS,
)
from tailrace.api.dynamodb.create_table import CREATE_TABLE
from tailrace.api.dynamodb.delete_item import DELETE_ITEM
from tailrace.api.dynamodb.delete_table import DELETE_TABLE
from tailrace.api.dynamodb.describe_table import DESCRIBE_TABLE
from tailrace.api.dynamodb.execute_statement import EXECUTE_STATEMENT
from tailrace.api.dynamodb.execute_transaction import EXECUTE_TRANSACTION
from tailrace.api.dynamodb.exports import (
    DESCRIBE_EXPORT,
    EXPORT_TABLE_TO_POINT_IN_TIME,
    LIST_EXPORTS,
)
from tailrace.api.dynamodb.get_item import GET_ITEM
from tailrace.api.dynamodb.global_tables import GLOBAL_TABLES
from tailrace.api.dynamodb.imports import DESCRIBE_IMPORT, IMPORT_TABLE, LIST_IMPORTS
from tailrace.api.dynamodb.kinesis_destinations import KINESIS_DESTINATIONS
from tailrace.api.dynamodb.list_tables import LIST_TABLES
from tailrace.api.dynamodb.put_item import PUT_ITEM
from tailrace.api.dynamodb.query import QUERY
from tailrace.api.dynamodb.resource_policies import (
    DELETE_RESOURCE_POLICY,
    GET_RESOURCE_POLICY,
    PUT_RESOURCE_POLICY,
)
from tailrace.api.dynamodb.restore_table_from_backup import RESTORE_TABLE_FROM_BACKUP
from tailrace.api.dynamodb.restore_table_to_point_in_time import RESTORE_TABLE_TO_POINT_IN_TIME
from tailrace.api.dynamodb.scan import SCAN
from tailrace.api.dynamodb.search_vectors import SEARCH_VECTORS
from tailrace.api.dynamodb.tags import LIST_TAGS_OF_RESOURCE, TAG_RESOURCE, UNTAG_RESOURCE
from tailrace.api.dynamodb.time_to_live import DESCRIBE_TIME_TO_LIVE, UPDATE_TIME_TO_LIVE
from tailrace.api.dynamodb.transact_get_items import TRANSACT_GET_ITEMS
from tailrace.api.dynamodb.transact_write_items import TRANSACT_WRITE_ITEMS
from tailrace.api.dynamodb.update_item import UPDATE_ITEM
from tailrace.api.dynamodb.update_table import UPDATE_TABLE
from tailrace.api.kinesis.operations import KINESIS
from tailrace.api.operation import Operation
from tailrace.api.streams.describe_stream import DESCRIBE_STREAM
from tailrace.api.streams.get_records import GET_RECORDS
from tailrace.api.streams.get_shard_iterator import GET_SHARD_ITERATOR
from tailrace.api.streams.list_streams import LIST_STREAMS

__all__ = ["OPERATIONS", "SERVICES"]

# A target's prefix -> the name of the service's model in botocore.
SERVICES: Final = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "Kinesis_20131202": "kinesis",
}

_TABLES: Final[tuple[Operation[Any], ...]] = (
    BATCH_EXECUTE_STATEMENT,
    BATCH_GET_ITEM,
    BATCH_WRITE_ITEM,
    CREATE_BACKUP,
    CREATE_TABLE,
    DELETE_BACKUP,
    DELETE_ITEM,
    DELETE_RESOURCE_POLICY,
    DELETE_TABLE,
    DESCRIBE_BACKUP,
    DESCRIBE_CONTINUOUS_BACKUPS,
    DESCRIBE_CONTRIBUTOR_INSIGHTS,
    DESCRIBE_ENDPOINTS,
    DESCRIBE_EXPORT,
    DESCRIBE_IMPORT,
    DESCRIBE_LIMITS,
    DESCRIBE_TABLE,
    DESCRIBE_TIME_TO_LIVE,
    EXECUTE_STATEMENT,
    EXECUTE_TRANSACTION,
    EXPORT_TABLE_TO_POINT_IN_TIME,
    GET_ITEM,
    GET_RESOURCE_POLICY,
    IMPORT_TABLE,
    LIST_BACKUPS,
    LIST_CONTRIBUTOR_INSIGHTS,
    LIST_EXPORTS,
    LIST_IMPORTS,
    LIST_TABLES,
    LIST_TAGS_OF_RESOURCE,
    PUT_ITEM,
    PUT_RESOURCE_POLICY,
    QUERY,
    RESTORE_TABLE_FROM_BACKUP,
    RESTORE_TABLE_TO_POINT_IN_TIME,
    SCAN,
    SEARCH_VECTORS,
    TAG_RESOURCE,
    TRANSACT_GET_ITEMS,
    TRANSACT_WRITE_ITEMS,
    UNTAG_RESOURCE,
    UPDATE_CONTINUOUS_BACKUPS,
    UPDATE_CONTRIBUTOR_INSIGHTS,
    UPDATE_ITEM,
    UPDATE_TABLE,
    UPDATE_TIME_TO_LIVE,
    *GLOBAL_TABLES,
    *KINESIS_DESTINATIONS,
)
_STREAMS: Final[tuple[Operation[Any], ...]] = (
    DESCRIBE_STREAM,
    GET_RECORDS,
    GET_SHARD_ITERATOR,
    LIST_STREAMS,
)

OPERATIONS: Final[dict[str, Operation[Any]]] = {
    **{f"DynamoDB_20120810.{operation.name}": operation for operation in _TABLES},
    **{f"DynamoDBStreams_20120810.{operation.name}": operation for operation in _STREAMS},
    **{f"Kinesis_20131202.{operation.name}": operation for operation in KINESIS},
}
