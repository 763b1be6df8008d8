"""Every limit by name, with the page or the measurement it comes from. Sizes in bytes unless the
name says otherwise."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACCOUNT_CAPACITY_UNITS",
    "ATTRIBUTE_NAME_BYTES",
    "BATCH_GET_BYTES",
    "BATCH_GET_KEYS",
    "BATCH_WRITE_ITEMS",
    "BULK_LIST_PAGE",
    "BULK_OBJECT_BYTES",
    "BULK_PUTS_AT_ONCE",
    "BULK_REPORT_FILE_BYTES",
    "CALLS_CONTINUED",
    "CAPACITY_UNITS_MAX",
    "CLOCK_TOLERANCE_MS",
    "COMPARED_CONDITIONS",
    "COPY_ITEMS_PER_COMMIT",
    "EXPORTS_AT_ONCE",
    "EXPRESSION_BYTES",
    "EXPRESSION_CACHE_ENTRIES",
    "EXPRESSION_IN_OPERANDS",
    "EXPRESSION_OPERATORS",
    "EXPRESSION_VARIABLES_BYTES",
    "GLOBAL_INDEXES",
    "GROUP_COMMIT_QUEUE",
    "GROUP_COMMIT_UNITS",
    "HANDLER_TIMEOUT_S",
    "HOLD_LEASE_MS",
    "HOLD_MS",
    "IMPORTS_AT_ONCE",
    "INDEX_KEY_ATTRIBUTES",
    "INPUT_LINE_BYTES",
    "INPUT_OBJECTS",
    "ITEM_BYTES",
    "ITEM_NESTING",
    "ITERATOR_LIFE_MS",
    "KINESIS_CHANNEL_BYTES",
    "KINESIS_CONSUMERS",
    "KINESIS_FRESHNESS_S",
    "KINESIS_FRESHNESS_S_MAX",
    "KINESIS_GET_BYTES_PER_S",
    "KINESIS_ITERATOR_LIFE_MS",
    "KINESIS_LIST_PAGE",
    "KINESIS_ON_DEMAND_SHARDS",
    "KINESIS_ON_DEMAND_STREAMS",
    "KINESIS_PAGE_BYTES",
    "KINESIS_PAGE_RECORDS",
    "KINESIS_PUT_BYTES",
    "KINESIS_PUT_BYTES_PER_S",
    "KINESIS_PUT_RECORDS_PER_S",
    "KINESIS_QUEUE_RECEIVES",
    "KINESIS_QUEUE_RECORDS",
    "KINESIS_QUEUE_VISIBILITY_S",
    "KINESIS_RECORD_KIB",
    "KINESIS_RETENTION_HOURS",
    "KINESIS_RETENTION_HOURS_MAX",
    "KINESIS_SHARDS",
    "KINESIS_SHARD_PAGE",
    "KINESIS_STREAMS_CREATING",
    "KINESIS_TAGS",
    "KINESIS_WARM_MIBPS",
    "LIST_TABLES_PAGE",
    "LOAD_BATCHES_PER_STEP",
    "LOCAL_INDEXES",
    "NUMBER_DIGITS",
    "NUMBER_MAX_EXPONENT",
    "NUMBER_MIN_EXPONENT",
    "PAGE_BYTES",
    "PARTITIONS",
    "PARTITIONS_MAX",
    "PARTITION_KEY_BYTES",
    "PATH_DEPTH",
    "PROJECTED_ATTRIBUTES",
    "PURGE_ROWS_PER_COMMIT",
    "READ_UNIT_BYTES",
    "REQUEST_BYTES",
    "REQUEST_NESTING",
    "ROWS_PER_READ",
    "SCAN_SEGMENTS",
    "SHARD_ROTATION_MS",
    "SHARD_SPLIT_INTERVALS",
    "SHARD_SPLIT_INTERVAL_MS",
    "SHARD_SPLIT_WRITES_PER_S",
    "SORT_KEY_BYTES",
    "STATEMENT_READS",
    "STREAM_HOLDS",
    "STREAM_LIST_PAGE",
    "STREAM_OPEN_SHARDS",
    "STREAM_PAGE_BYTES",
    "STREAM_PAGE_RECORDS",
    "STREAM_RETENTION_MS",
    "STREAM_SHARD_PAGE",
    "SYSTEM_BACKUP_DAYS",
    "TABLES_CHANGING",
    "TABLES_PER_REGION",
    "TABLE_CAPACITY_UNITS",
    "TABLE_NAME_MAX",
    "TABLE_NAME_MIN",
    "TAGS",
    "THROUGHPUT_DECREASES",
    "THROUGHPUT_DECREASE_INTERVAL_S",
    "TRANSACTION_ACTIONS",
    "TRANSACTION_BYTES",
    "TRANSACTION_TOKEN_LIFE_MS",
    "TRANSFER_TOKEN_LIFE_MS",
    "TRIM_RECORDS_PER_COMMIT",
    "TTL_CHANGE_INTERVAL_MS",
    "TTL_ITEMS_PER_STEP",
    "TTL_MAX_AGE_S",
    "VECTOR_CAPACITY_BYTES",
    "VECTOR_DIMENSIONS",
    "VECTOR_INDEXES",
    "VECTOR_INLINE_FILTERS",
    "VECTOR_PARTITION_KEYS",
    "VECTOR_SEARCH_BYTES",
    "VECTOR_SEARCH_ROWS",
    "VECTOR_SEARCH_STEP_NUMBERS",
    "VECTOR_TOP_K",
    "WRITE_UNIT_BYTES",
]

# DynamoDB developer guide, "Quotas in Amazon DynamoDB" (ServiceQuotas.html, Constraints.html)
ATTRIBUTE_NAME_BYTES: Final = 65_535
ITEM_BYTES: Final = 400 * 1024
ITEM_NESTING: Final = 32
PARTITION_KEY_BYTES: Final = 2048
SORT_KEY_BYTES: Final = 1024
NUMBER_DIGITS: Final = 38
NUMBER_MAX_EXPONENT: Final = 125  # 9.99…E+125 is the largest magnitude
NUMBER_MIN_EXPONENT: Final = -130  # 1E-130 the smallest
TABLE_NAME_MIN: Final = 3
TABLE_NAME_MAX: Final = 255
LOCAL_INDEXES: Final = 5
GLOBAL_INDEXES: Final = 20
PROJECTED_ATTRIBUTES: Final = 100
INDEX_KEY_ATTRIBUTES: Final = 4  # of each kind, in the key of a global index
TABLES_PER_REGION: Final = 2500
# Provisioned, of each kind: of a table, or of an index; and of all of them.
TABLE_CAPACITY_UNITS: Final = 40_000
ACCOUNT_CAPACITY_UNITS: Final = 80_000
TABLES_CHANGING: Final = 500  # that are created, updated or deleted at a time
VECTOR_INDEXES: Final = 5
VECTOR_DIMENSIONS: Final = 4096
VECTOR_PARTITION_KEYS: Final = 1
VECTOR_INLINE_FILTERS: Final = 18
VECTOR_TOP_K: Final = 100
# Of an answer, which has no pages (VectorSearch.Requirements.html).
VECTOR_SEARCH_BYTES: Final = 16 * 1024 * 1024
# Seen on AWS: nothing that is done with a vector index counts for less.
VECTOR_CAPACITY_BYTES: Final = 1024
# Of a table, or of an index, in a UTC day; and after those, in seconds, between any two.
THROUGHPUT_DECREASES: Final = 4
THROUGHPUT_DECREASE_INTERVAL_S: Final = 3600
# Seen on AWS: more is "out of bounds" whatever the account may have.
CAPACITY_UNITS_MAX: Final = 1_000_000_000_000

EXPRESSION_BYTES: Final = 4096
EXPRESSION_VARIABLES_BYTES: Final = 2 * 1024 * 1024
EXPRESSION_OPERATORS: Final = 300
EXPRESSION_IN_OPERANDS: Final = 100
# Seen on AWS: a statement's WHERE clause makes at most 50 reads.
STATEMENT_READS: Final = 50
PATH_DEPTH: Final = 32

PAGE_BYTES: Final = 1024 * 1024
BATCH_GET_KEYS: Final = 100
BATCH_GET_BYTES: Final = 16 * 1024 * 1024
BATCH_WRITE_ITEMS: Final = 25
TRANSACTION_ACTIONS: Final = 100
TRANSACTION_BYTES: Final = 4 * 1024 * 1024
# TransactWriteItems.html: a ClientRequestToken is remembered for ten minutes.
TRANSACTION_TOKEN_LIFE_MS: Final = 10 * 60 * 1000
# PointInTimeRecovery_Howitworks.html: what is left behind by a table that is deleted.
SYSTEM_BACKUP_DAYS: Final = 35
# howitworks-ttl.html: times more than five years ago do not count.
TTL_MAX_AGE_S: Final = 5 * 365 * 24 * 60 * 60
# Seen on AWS: it can be changed again after half an hour (UpdateTimeToLive.html says an hour).
TTL_CHANGE_INTERVAL_MS: Final = 30 * 60 * 1000
SCAN_SEGMENTS: Final = 1_000_000
LIST_TABLES_PAGE: Final = 100
TAGS: Final = 50

# Of an account at a time. LimitExceededException names the number for imports; that for bulk puts
# stands in no page that could be seen, and is taken to be the same.
IMPORTS_AT_ONCE: Final = 50
BULK_PUTS_AT_ONCE: Final = 50
# BulkPutItems.BestPractices.html; for imports, "Import quotas" in ServiceQuotas.html.
INPUT_OBJECTS: Final = 50_000
BULK_OBJECT_BYTES: Final = 5 * 1024 * 1024 * 1024
# "Table export to Amazon S3" in ServiceQuotas.html
EXPORTS_AT_ONCE: Final = 300
# StartBulkPutItems, ExportTableToPointInTime, ListBulkOperations (API reference)
TRANSFER_TOKEN_LIFE_MS: Final = 8 * 60 * 60 * 1000
BULK_LIST_PAGE: Final = 10

WRITE_UNIT_BYTES: Final = 1024
READ_UNIT_BYTES: Final = 4096

# AWS refuses bodies over 16 MB before the service sees them (BatchWriteItem.html).
REQUEST_BYTES: Final = 16 * 1024 * 1024
# Our own: a JSON document nested deeper than this is refused before it is looked at. DynamoDB's
# deepest legal request, a 32-level item inside a transaction inside a request, has fewer than 80
# levels.
REQUEST_NESTING: Final = 128

# DynamoDB Streams API reference
STREAM_RETENTION_MS: Final = 24 * 60 * 60 * 1000
STREAM_PAGE_RECORDS: Final = 1000
STREAM_PAGE_BYTES: Final = 1024 * 1024
STREAM_LIST_PAGE: Final = 100
STREAM_SHARD_PAGE: Final = 100
ITERATOR_LIFE_MS: Final = 15 * 60 * 1000
# Seen on AWS: shards roll over about every 4 h, with gaps of 4.04 to 4.5 h.
SHARD_ROTATION_MS: Final = 4 * 60 * 60 * 1000

# Kinesis developer guide, "Quotas and limits" (service-sizes-and-limits.html), and API reference
KINESIS_RECORD_KIB: Final = 1024
KINESIS_PUT_BYTES: Final = 10 * 1024 * 1024
KINESIS_PAGE_RECORDS: Final = 10_000
KINESIS_PAGE_BYTES: Final = 10 * 1024 * 1024
KINESIS_ITERATOR_LIFE_MS: Final = 5 * 60 * 1000
KINESIS_RETENTION_HOURS: Final = 24
KINESIS_RETENTION_HOURS_MAX: Final = 365 * 24
KINESIS_PUT_BYTES_PER_S: Final = 1024 * 1024
KINESIS_PUT_RECORDS_PER_S: Final = 1000
KINESIS_GET_BYTES_PER_S: Final = 2 * 1024 * 1024
KINESIS_SHARDS: Final = 500
KINESIS_ON_DEMAND_SHARDS: Final = 4
KINESIS_ON_DEMAND_STREAMS: Final = 50
KINESIS_STREAMS_CREATING: Final = 5
KINESIS_LIST_PAGE: Final = 100
KINESIS_SHARD_PAGE: Final = 1000
KINESIS_CONSUMERS: Final = 20
KINESIS_TAGS: Final = 50
KINESIS_FRESHNESS_S: Final = 300  # data-delivery-concepts.html
KINESIS_FRESHNESS_S_MAX: Final = 900
KINESIS_QUEUE_RECEIVES: Final = 6  # before a record is dead, unless a queue says otherwise
KINESIS_QUEUE_VISIBILITY_S: Final = 30
KINESIS_WARM_MIBPS: Final = 10 * 1024  # of an on-demand stream

# A partition of DynamoDB takes 1,000 write units a second and is split under a lasting load
# beyond it.
SHARD_SPLIT_WRITES_PER_S: Final = 1000

# Seconds of unused provisioned throughput that are kept (burst-adaptive-capacity.html).
BURST_S: Final = 300
# Of one shard, each second: calls, bytes, and how many may read it at a time; of one account:
# descriptions and lists of streams (ServiceQuotas.html, and the guide to streams).
GET_RECORDS_CALLS_PER_S: Final = 5
GET_RECORDS_BYTES_PER_S: Final = 2 * 1024 * 1024
SHARD_READERS: Final = 2
DESCRIBE_STREAM_CALLS_PER_S: Final = 10
LIST_STREAMS_CALLS_PER_S: Final = 5

# Our own: how far the clocks of a stream and of its readers may differ. DynamoDB Local tells whole
# minutes only.
CLOCK_TOLERANCE_MS: Final = 60_000
# Our own: how long one call of a function in this process may take, unless told otherwise.
HANDLER_TIMEOUT_S: Final = 60.0
# Our own
# How old records may grow that are held for a reader or a destination: an outage found on a Friday
# night may be mended on a Monday, and a receiver that is gone for good must not fill the disk.
HOLD_MS: Final = 7 * 24 * 60 * 60 * 1000
# A hold whose owner has not come back for so long is over.
HOLD_LEASE_MS: Final = 15 * 60 * 1000
STREAM_HOLDS: Final = 64
# Of one object that a channel writes; what is beyond it goes into another.
KINESIS_CHANNEL_BYTES: Final = 8 * 1024 * 1024
# Records of a Kinesis queue that were handed out and not acknowledged; beyond it none is handed out
# that was not before. Of SQS's queues that number is the limit.
KINESIS_QUEUE_RECORDS: Final = 120_000
# Token buckets whose levels are known; a forgotten one counts as not used for a while.
THROTTLE_BUCKETS: Final = 65_536
# Shards that an on-demand table begins with on AWS; a table has as many partitions here.
PARTITIONS: Final = 4
# Conditions inside comparisons inside conditions, in a statement.
COMPARED_CONDITIONS: Final = 64
PARTITIONS_MAX: Final = 256  # eight low bits of the clock hold the partition
# Writes that share one commit: beyond this the wait for one's own commit outweighs what sharing
# saves.
GROUP_COMMIT_UNITS: Final = 256
GROUP_COMMIT_QUEUE: Final = 65_536
ROWS_PER_READ: Final = 4096
# A search lets others have their turn after so many rows, or numbers in their vectors: a few
# milliseconds' work.
VECTOR_SEARCH_ROWS: Final = 256
VECTOR_SEARCH_STEP_NUMBERS: Final = 16 * 1024
# Searches under way at a time; each holds the best items found so far, 100 of 400 KB at most.
CALLS_CONTINUED: Final = 32
# Of tables that are backed up, restored, imported or put into in bulk; with at most 1 MB of items.
COPY_ITEMS_PER_COMMIT: Final = 256
# Commits of an import or bulk put in one step of housekeeping.
LOAD_BATCHES_PER_STEP: Final = 16
# The longest legal line of an input is an item of 400 KB in its JSON; control characters take six
# bytes each.
INPUT_LINE_BYTES: Final = 4 * 1024 * 1024
# A file of a bulk put's report is written anew with each batch that adds to it, up to this size.
BULK_REPORT_FILE_BYTES: Final = 1024 * 1024
# Parsed and compiled expressions that are kept, of each kind. An application has few texts.
EXPRESSION_CACHE_ENTRIES: Final = 1024
TRIM_RECORDS_PER_COMMIT: Final = 500
TTL_ITEMS_PER_STEP: Final = 256
PURGE_ROWS_PER_COMMIT: Final = 500
# A load counts as lasting when it was there in so many intervals on end.
SHARD_SPLIT_INTERVALS: Final = 3
SHARD_SPLIT_INTERVAL_MS: Final = 60_000
STREAM_OPEN_SHARDS: Final = 1024
