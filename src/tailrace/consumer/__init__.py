"""Consumer groups in Python: the changes of DynamoDB tables and the records of Kinesis streams, on
Tailrace, AWS or DynamoDB Local, shared among any number of processes. Only documented AWS calls are
made."""

from __future__ import annotations

from tailrace.consumer.application import ConsumerApp
from tailrace.consumer.changes import Binary, Change, StreamRecord, deserialize, serialize
from tailrace.consumer.consumer import Consumer, ConsumerSettings
from tailrace.consumer.handlers import Checkpoint
from tailrace.delivery.leases.lease import LeaseTimes

__all__ = [
    "Binary",
    "Change",
    "Checkpoint",
    "Consumer",
    "ConsumerApp",
    "ConsumerSettings",
    "LeaseTimes",
    "StreamRecord",
    "deserialize",
    "serialize",
]
