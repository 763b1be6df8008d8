"""The rates at which streams may be described, listed and read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import msgspec

from tailrace import limits
from tailrace.api.operation import Context, Result
from tailrace.api.streams.get_records import GetRecordsInput
from tailrace.api.throttling.buckets import Bucket, Buckets
from tailrace.api.throttling.requests import Run
from tailrace.errors import LimitExceededException, ProvisionedThroughputExceededException
from tailrace.model.schema import StreamKind
from tailrace.streams import iterators

__all__ = ["Readers", "called", "records_read"]

_RATE = "Rate exceeded"
_SECOND_US = 1_000_000


def called(run: Run, buckets: Buckets, name: str, calls_per_s: int) -> Run:
    """An operation that an account may call so often in a region."""

    def throttled(context: Context, request: Any) -> Result:
        result = run(context, request)
        place = (name, context.scope.account, context.scope.region)
        if buckets.take([(Bucket(place, calls_per_s, 1), 1)], context.service.clock.now_us()):
            raise LimitExceededException(_RATE)
        return result

    return throttled


class Readers:
    """Who reads which shard. A reader is known by its iterators: it comes back with the one that it
    was given last, or with the same one again. One that has not come for a second is gone."""

    def __init__(self) -> None:
        # By shard: for each reader when it came last, and the iterators it may come back with.
        self._readers: OrderedDict[int, list[tuple[int, tuple[str, ...]]]] = OrderedDict()
        self._lock = threading.Lock()

    def admits(self, shard: int, iterator: str, now_us: int) -> bool:
        """Whether an iterator's reader is one of those that a shard has, or there is room for
        it."""
        with self._lock:
            present = self._present(shard, now_us)
            return len(present) < limits.SHARD_READERS or any(
                iterator in known for _, known in present
            )

    def came(self, shard: int, iterator: str, following: str | None, now_us: int) -> None:
        """A reader read with one iterator, and got the next."""
        with self._lock:
            others = [
                reader for reader in self._present(shard, now_us) if iterator not in reader[1]
            ]
            known = (iterator,) if following is None else (iterator, following)
            self._readers[shard] = [*others, (now_us, known)]
            self._readers.move_to_end(shard)
            while len(self._readers) > limits.THROTTLE_BUCKETS:
                self._readers.popitem(last=False)

    def _present(self, shard: int, now_us: int) -> list[tuple[int, tuple[str, ...]]]:
        known = self._readers.get(shard, [])
        return [reader for reader in known if now_us - reader[0] < _SECOND_US]


class _Following(msgspec.Struct, rename="pascal"):
    next_shard_iterator: str | None = None


_following = msgspec.json.Decoder(_Following).decode


def records_read(run: Run, buckets: Buckets) -> Run:
    """GetRecords: so many calls, bytes and readers for one shard in a second. The bytes of a page
    are known when it was read; a page too many keeps the next one waiting. Captures have one
    reader, the store itself, which may read as it likes."""
    readers = Readers()

    def throttled(context: Context, request: GetRecordsInput) -> Result:
        service, text = context.service, request.shard_iterator
        iterator = iterators.parse(text, service.iterator_secret)
        stream = service.engine.catalog().by_arn.get(iterator.stream_arn)
        if stream is not None and stream.kind is StreamKind.CAPTURE:
            return run(context, request)
        shard = iterator.shard_id
        now_us = service.clock.now_us()
        calls = Bucket(("GetRecords", shard), limits.GET_RECORDS_CALLS_PER_S, 1)
        size = Bucket(("GetRecords bytes", shard), limits.GET_RECORDS_BYTES_PER_S, 1)
        if buckets.level(size, now_us) <= 0 or not readers.admits(shard, text, now_us):
            raise ProvisionedThroughputExceededException(_RATE)
        if buckets.take([(calls, 1)], now_us) is not None:
            raise LimitExceededException(_RATE)
        result = run(context, request)
        assert isinstance(result, bytes)
        buckets.charge([(size, len(result))], now_us)
        readers.came(shard, text, _following(result).next_shard_iterator, now_us)
        return result

    return throttled
