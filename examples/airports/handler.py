"""A Lambda function that keeps a search index equal to a DynamoDB table.

It upserts what was inserted or modified and deletes what was removed. Streams deliver at least
once, so each document carries the sequence number of the change that made it, and older changes
never overwrite newer ones.
"""

from __future__ import annotations

import os

from search_index import open_index

# Made once for each execution environment, as on Lambda.
index = open_index(os.environ)


def handler(event, context):
    """Apply a batch of stream records to the index; tells Lambda which of them could not be."""
    operations = []
    for record in event["Records"]:
        change = record["dynamodb"]
        operation = {
            "id": change["Keys"]["iata"]["S"],
            "version": int(change["SequenceNumber"]) - 10**20,
            "sequence_number": change["SequenceNumber"],
            "document": change.get("NewImage"),  # absent on REMOVE
        }
        operations.append(operation)
    failed = index.apply(operations)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
