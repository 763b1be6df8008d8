"""Where DynamoDB answers otherwise than its published service model says.

The model (botocore's `service-2.json`) drives the checking of requests; these tables hold what the
service was seen to do differently. Sources: *R* a four-region record of real answers of June 2026
and its monthly repetitions (the wordings that most regions give; a newer framework with other
wordings is being rolled out region by region), *S* error texts that public test suites were run
with against the service, *A* an AWS page. What nobody could confirm is marked (U).
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = [
    "ENUM_ORDER",
    "HIDDEN_MEMBERS",
    "ITEM_OPERATIONS",
    "MEMBER_CONSTRAINTS",
    "MEMBER_ORDER",
    "REQUIRED",
    "REQUIRED_MAPS",
    "TAG_MEMBERS",
    "Constraints",
    "table_name_constraints",
]

_NAME: Final = "[a-zA-Z0-9_.-]+"


class Constraints(msgspec.Struct, frozen=True):
    """A member's constraints in the service, instead of the model's.

    `pattern` is what the message prints, `accepts` the expression that decides. `arn` says that the
    resource's ARN may stand for its name: then only the ARN's length counts. `length_first` is the
    order of the complaints.
    """

    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    accepts: str | None = None
    arn: bool = False
    length_first: bool = False


# The operations that touch items; all others of the service "dynamodb" manage tables.
ITEM_OPERATIONS: Final = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)

# R: the model calls a table's name `TableArn`, 1 to 1024 characters. In item operations an empty
# name is told to have at least 1 character and nothing else, a name of 256 characters to have at
# most 255, and a name with a space to satisfy the pattern; a name of two characters is legal and
# simply not found.
_ITEM_TABLE_NAME: Final = Constraints(
    minimum=1, maximum=255, pattern=_NAME, accepts="[a-zA-Z0-9_.-]*", arn=True
)
# R: CreateTable and DescribeTable want 3 characters; for an empty name the length comes before the
# pattern.
_TABLE_NAME: Final = Constraints(
    minimum=3, maximum=255, pattern=_NAME, accepts=_NAME, arn=True, length_first=True
)


def table_name_constraints(operation: str) -> Constraints:
    """The constraints of a table's name (or ARN) in an operation of the service "dynamodb"."""
    return _ITEM_TABLE_NAME if operation in ITEM_OPERATIONS else _TABLE_NAME


# By (structure, member).
MEMBER_CONSTRAINTS: Final[dict[tuple[str, str], Constraints]] = {
    # R: a table's key schema has at most two elements; the model dropped the bound when indexes got
    # more.
    ("CreateTableInput", "KeySchema"): Constraints(minimum=1, maximum=2),
    # An empty map is another matter: see REQUIRED_MAPS.
    ("BatchGetItemInput", "RequestItems"): Constraints(maximum=100),
    ("BatchWriteItemInput", "RequestItems"): Constraints(maximum=25),
    # A (DynamoDB Streams API reference): the model knows no upper bound.
    ("DescribeStreamInput", "Limit"): Constraints(minimum=1, maximum=100),
    ("ListStreamsInput", "Limit"): Constraints(minimum=1, maximum=100),
    ("GetRecordsInput", "Limit"): Constraints(minimum=1, maximum=1000),
}

# Members that the service requires where the model doesn't, or the other way round.
REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    # S: the model relaxed these for tables that copy a global table's settings.
    "CreateTableInput": ("AttributeDefinitions", "TableName", "KeySchema"),
    # R: a tag without key or value is refused in words of its own: see TAG_MEMBERS.
    "Tag": (),
}

# R: an empty map is refused in its own words after everything else was found right.
REQUIRED_MAPS: Final[dict[str, str]] = {
    "BatchGetItem": "RequestItems",
    "BatchWriteItem": "RequestItems",
}

# R: `The Tag Key provided is invalid, Key: null`, for the first of these that a tag lacks.
TAG_MEMBERS: Final = ("Key", "Value")

# R, S: the order in which violations are reported; members not named follow in the model's order.
MEMBER_ORDER: Final[dict[str, tuple[str, ...]]] = {
    "AttributeDefinition": ("AttributeType", "AttributeName"),
    "BatchGetItemInput": ("ReturnConsumedCapacity", "RequestItems"),
    "BatchWriteItemInput": (
        "ReturnConsumedCapacity",
        "ReturnItemCollectionMetrics",
        "RequestItems",
    ),
    "CreateGlobalSecondaryIndexAction": ("Projection", "IndexName"),
    "CreateTableInput": (
        "AttributeDefinitions",
        "TableName",
        "BillingMode",
        "ProvisionedThroughput",
        "KeySchema",
    ),
    "DeleteItemInput": (
        "ReturnValues",
        "ReturnConsumedCapacity",
        "TableName",
        "Key",
        "ReturnItemCollectionMetrics",
    ),
    "ListTablesInput": ("Limit", "ExclusiveStartTableName"),
    "ProvisionedThroughput": ("WriteCapacityUnits", "ReadCapacityUnits"),
    "PutItemInput": (
        "ReturnValues",
        "ReturnConsumedCapacity",
        "TableName",
        "Item",
        "ReturnItemCollectionMetrics",
    ),
    "QueryInput": (
        "Select",
        "IndexName",
        "ReturnConsumedCapacity",
        "QueryFilter",
        "TableName",
        "ConditionalOperator",
        "AttributesToGet",
        "Limit",
        "KeyConditions",
    ),
    "ScanInput": (
        "Limit",
        "ReturnConsumedCapacity",
        "AttributesToGet",
        "Segment",
        "Select",
        "ScanFilter",
        "ConditionalOperator",
        "TotalSegments",
        "TableName",
        "IndexName",
    ),
    "TimeToLiveSpecification": ("AttributeName", "Enabled"),
    "TransactWriteItem": ("ConditionCheck", "Delete", "Put", "Update"),
    "TransactWriteItemsInput": (
        "ReturnConsumedCapacity",
        "ReturnItemCollectionMetrics",
        "TransactItems",
    ),
    "UpdateItemInput": (
        "ReturnConsumedCapacity",
        "TableName",
        "ReturnItemCollectionMetrics",
        "ReturnValues",
        "Key",
    ),
    "WriteRequest": ("DeleteRequest", "PutRequest"),
}

# R, S: the order in which the members of an enumeration are printed, where it isn't the model's.
ENUM_ORDER: Final[dict[str, tuple[str, ...]]] = {
    "ComparisonOperator": (
        "IN",
        "NULL",
        "BETWEEN",
        "LT",
        "NOT_CONTAINS",
        "EQ",
        "GT",
        "NOT_NULL",
        "NE",
        "LE",
        "BEGINS_WITH",
        "GE",
        "CONTAINS",
    ),
    "ConditionalOperator": ("OR", "AND"),
    "ProjectionType": ("ALL", "INCLUDE", "KEYS_ONLY"),
    "ReturnValue": ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"),
    "ScalarAttributeType": ("B", "N", "S"),
    "Select": ("SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"),
    "ShardIteratorType": (
        "AFTER_SEQUENCE_NUMBER",
        "LATEST",
        "AT_TIMESTAMP",
        "AT_SEQUENCE_NUMBER",
        "TRIM_HORIZON",
    ),
    "StreamViewType": ("OLD_IMAGE", "KEYS_ONLY", "NEW_AND_OLD_IMAGES", "NEW_IMAGE"),
}

# R: all the members that the service's own structures have and its messages show, in its order; the
# model lacks some.
HIDDEN_MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "AttributeValue": (
        "S",
        "N",
        "B",
        "INT",
        "DECIMAL",
        "DOUBLE",
        "SS",
        "NS",
        "BS",
        "INTSET",
        "DECIMALSET",
        "DOUBLESET",
        "M",
        "L",
        "NULL",
        "BOOL",
    ),
    "PutRequest": ("Item", "WorkloadProfileName"),
}
