"""The streams of the store's own tables, and its Kinesis streams, as sources of deliveries."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tailrace.clock import Clock
from tailrace.delivery.ports import Source
from tailrace.model.arns import parse_stream_arn
from tailrace.sources.caller import Caller
from tailrace.sources.kinesis_api import KinesisSource
from tailrace.sources.streams_api import StreamsSource
from tailrace.tables import kinesis_streams
from tailrace.tables.engine import Engine
from tailrace.wire.call import Scope

__all__ = ["StoreStreams"]

_KINESIS: Final = re.compile(
    r"arn:aws[a-z-]*:kinesis:(?P<region>[^:]*):(?P<account>\d{12}):stream/(?P<name>[^/]+)"
)


class StoreStreams:
    """The streams of the store's tables; `reading` makes calls in the name of an account."""

    def __init__(self, engine: Engine, reading: Callable[[Scope], Caller], clock: Clock) -> None:
        self._engine = engine
        self._reading = reading
        self._clock = clock

    def exists(self, arn: str) -> bool:
        """Whether a table has this stream, enabled, or there is this Kinesis stream."""
        data_stream = _KINESIS.fullmatch(arn)
        if data_stream is not None:
            place = (data_stream["account"], data_stream["region"], data_stream["name"])
            return kinesis_streams.find(self._engine.catalog(), *place) is not None
        named = parse_stream_arn(arn)
        if named is None:
            return False
        place = (named.account, named.region, named.table)
        table = self._engine.catalog().by_name.get(place)
        return table is not None and table.stream is not None and table.stream.arn == arn

    def open(
        self, arn: str, *, identity_arn: str = "", start_ms: int | None = None
    ) -> tuple[Source, Callable[[], None]]:
        """A source that is woken by the commits."""
        _, _, _, region, account, _ = arn.split(":", 5)
        reading = self._reading(Scope(account, region))
        source: StreamsSource | KinesisSource
        if _KINESIS.fullmatch(arn):
            source = KinesisSource(
                reading,
                arn,
                self._clock,
                identity_arn=identity_arn,
                start_ms=start_ms,
                notified=True,
            )
        else:
            source = StreamsSource(reading, arn, self._clock, notified=True)

        def notify(shard_ids: frozenset[int]) -> None:
            shards = self._engine.catalog().shards
            source.notify([shards[each].name for each in shard_ids if each in shards])

        return source, self._engine.log.subscribe(notify)
