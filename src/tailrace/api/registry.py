"""The registry: every operation that the server answers, by its `X-Amz-Target`, and the module that
answers it. Modules are imported when their first call comes: all of them take longer to import than
the server to start.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from tailrace.api.operation import Operation

__all__ = ["OPERATIONS", "SERVICES", "Registry"]

# A target's prefix -> the name of the service's model in botocore.
SERVICES: Final = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "Kinesis_20131202": "kinesis",
}

_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "account": (
        "DescribeEndpoints",
        "DescribeLimits",
    ),
    "backups": (
        "CreateBackup",
        "DeleteBackup",
        "DescribeBackup",
        "ListBackups",
    ),
    "batch_execute_statement": ("BatchExecuteStatement",),
    "batch_get_item": ("BatchGetItem",),
    "batch_write_item": ("BatchWriteItem",),
    "bulk_operations": (
        "CancelBulkOperation",
        "DescribeBulkOperation",
        "ListBulkOperations",
        "StartBulkPutItems",
    ),
    "continuous_backups": (
        "DescribeContinuousBackups",
        "UpdateContinuousBackups",
    ),
    "contributor_insights": (
        "DescribeContributorInsights",
        "ListContributorInsights",
        "UpdateContributorInsights",
    ),
    "create_table": ("CreateTable",),
    "delete_item": ("DeleteItem",),
    "delete_table": ("DeleteTable",),
    "describe_table": ("DescribeTable",),
    "execute_statement": ("ExecuteStatement",),
    "execute_transaction": ("ExecuteTransaction",),
    "exports": (
        "DescribeExport",
        "ExportTableToPointInTime",
        "ListExports",
    ),
    "get_item": ("GetItem",),
    "global_tables": (
        "CreateGlobalTable",
        "UpdateGlobalTable",
        "DescribeGlobalTable",
        "DescribeGlobalTableSettings",
        "UpdateGlobalTableSettings",
        "ListGlobalTables",
        "DescribeTableReplicaAutoScaling",
        "UpdateTableReplicaAutoScaling",
    ),
    "imports": (
        "DescribeImport",
        "ImportTable",
        "ListImports",
    ),
    "kinesis_destinations": (
        "DescribeKinesisStreamingDestination",
        "DisableKinesisStreamingDestination",
        "EnableKinesisStreamingDestination",
        "UpdateKinesisStreamingDestination",
    ),
    "list_tables": ("ListTables",),
    "put_item": ("PutItem",),
    "query": ("Query",),
    "resource_policies": (
        "DeleteResourcePolicy",
        "GetResourcePolicy",
        "PutResourcePolicy",
    ),
    "restore_table_from_backup": ("RestoreTableFromBackup",),
    "restore_table_to_point_in_time": ("RestoreTableToPointInTime",),
    "scan": ("Scan",),
    "search_vectors": ("SearchVectors",),
    "tags": (
        "ListTagsOfResource",
        "TagResource",
        "UntagResource",
    ),
    "time_to_live": (
        "DescribeTimeToLive",
        "UpdateTimeToLive",
    ),
    "transact_get_items": ("TransactGetItems",),
    "transact_write_items": ("TransactWriteItems",),
    "update_item": ("UpdateItem",),
    "update_table": ("UpdateTable",),
}
_STREAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "describe_stream": ("DescribeStream",),
    "get_records": ("GetRecords",),
    "get_shard_iterator": ("GetShardIterator",),
    "list_streams": ("ListStreams",),
}
_KINESIS: Final[Mapping[str, tuple[str, ...]]] = {
    "account_settings": (
        "DescribeAccountSettings",
        "UpdateAccountSettings",
    ),
    "channels": (
        "CreateChannel",
        "DeleteChannel",
        "DescribeChannel",
        "ListChannels",
        "UpdateChannel",
    ),
    "consumers": (
        "DeregisterStreamConsumer",
        "DescribeStreamConsumer",
        "ListStreamConsumers",
        "RegisterStreamConsumer",
    ),
    "create_stream": (
        "CreateStream",
        "DeleteStream",
    ),
    "describe_limits": ("DescribeLimits",),
    "describe_stream": (
        "DescribeStream",
        "DescribeStreamSummary",
    ),
    "get_records": ("GetRecords",),
    "get_shard_iterator": ("GetShardIterator",),
    "list_shards": ("ListShards",),
    "list_streams": ("ListStreams",),
    "on_demand": (
        "UpdateStreamRecordDistributionStrategy",
        "UpdateStreamWarmThroughput",
    ),
    "put_record": (
        "PutRecord",
        "PutRecords",
    ),
    "queue_records": (
        "AcknowledgeDeadLetterQueueRecords",
        "AcknowledgeQueueRecords",
        "ReceiveDeadLetterQueueRecords",
        "ReceiveQueueRecords",
        "RestoreDeadLetterQueueRecords",
        "UpdateDeadLetterQueueRecordsVisibility",
        "UpdateQueueRecordsVisibility",
    ),
    "queues": (
        "CreateQueue",
        "DeleteQueue",
        "DescribeQueue",
        "ListQueues",
        "UpdateQueue",
    ),
    "resharding": (
        "MergeShards",
        "SplitShard",
        "UpdateShardCount",
    ),
    "resource_policies": (
        "DeleteResourcePolicy",
        "GetResourcePolicy",
        "PutResourcePolicy",
    ),
    "retention": (
        "DecreaseStreamRetentionPeriod",
        "IncreaseStreamRetentionPeriod",
    ),
    "stream_settings": (
        "DisableEnhancedMonitoring",
        "EnableEnhancedMonitoring",
        "StartStreamEncryption",
        "StopStreamEncryption",
        "UpdateMaxRecordSize",
        "UpdateStreamMode",
    ),
    "tags": (
        "AddTagsToStream",
        "ListTagsForResource",
        "ListTagsForStream",
        "RemoveTagsFromStream",
        "TagResource",
        "UntagResource",
    ),
}


class Registry(Mapping[str, Operation[Any]]):
    """Operations by target. `places` names the module of each."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._found: dict[str, Operation[Any]] = {}

    def __getitem__(self, target: str) -> Operation[Any]:
        found = self._found.get(target)
        if found is None:
            module = self._places[target]
            found = _operation(module, target.rpartition(".")[2])
            self._found[target] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _operation(module: str, name: str) -> Operation[Any]:
    """The operation of a name among the values of a module, alone or in a tuple."""
    for value in vars(importlib.import_module(module)).values():
        several = cast("tuple[Any, ...]", value if isinstance(value, tuple) else (value,))
        for each in several:
            if isinstance(each, Operation) and each.name == name:
                return cast("Operation[Any]", each)
    raise LookupError(f"{module} has no operation {name}")


def _places(prefix: str, package: str, modules: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {
        f"{prefix}.{name}": f"tailrace.api.{package}.{module}"
        for module, names in modules.items()
        for name in names
    }


OPERATIONS: Final = Registry(
    {
        **_places("DynamoDB_20120810", "dynamodb", _TABLES),
        **_places("DynamoDBStreams_20120810", "streams", _STREAMS),
        **_places("Kinesis_20131202", "kinesis", _KINESIS),
    }
)
