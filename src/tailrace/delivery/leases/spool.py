"""Records that are taken from a stream before they can be handled, so that the stream may drop
them: the store they are kept in, and a source that reads from it first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from tailrace.delivery.ports import (
    Position,
    Record,
    RecordsLost,
    ShardInfo,
    ShardPage,
    Source,
)
from tailrace.errors import (
    ResourceNotFoundException,
    TailraceError,
    TrimmedDataAccessException,
)

__all__ = ["Spool", "SpoolFull", "SpoolState", "SpooledSource", "Taken"]

PAGE_RECORDS: Final = 1000


class SpoolFull(TailraceError):
    """The spool has as many bytes as it may have: what is to come stays in the stream."""


class SpoolState(msgspec.Struct, frozen=True, kw_only=True):
    """What a spool has of a shard. `first` and `oldest_ms` are of the first record that is there,
    None when there is none; `last` is the number up to which records were taken, `read_ms` when
    that was. `ended`: the last of them ends the shard. `lossy`: records before them are gone."""

    first: int | None = None
    oldest_ms: int | None = None
    last: int | None = None
    read_ms: int = 0
    ended: bool = False
    lossy: bool = False


class Spool(Protocol):
    """A durable store of records, by shard. Several workers may use one at the same time."""

    @property
    def id(self) -> str | None:
        """What tells it from all other spools; None as long as it is not open."""
        ...

    async def open(self, *, create: bool) -> None:
        """Open it if it is there; with `create` make it. Once is enough, more does no harm."""
        ...

    async def states(self) -> Mapping[str, SpoolState]:
        """What it has, by shard id."""
        ...

    async def state(self, shard_id: str) -> SpoolState | None:
        """What it has of one shard; None for a shard it does not know."""
        ...

    async def append(
        self,
        shard_id: str,
        after: int | None,
        records: Sequence[Record],
        *,
        now_ms: int,
        ended: bool = False,
        lossy: bool = False,
    ) -> SpoolState:
        """Keep records that follow the number `after`, durably; what is there then. Nothing is kept
        when `after` is not the state's `last`: another worker was quicker. `ended` and `lossy` once
        true stay so. Raises SpoolFull, and another TailraceError when the disk takes it not."""
        ...

    async def read(self, shard_id: str, after: int, max_records: int) -> Sequence[Record]:
        """Records behind a number, in order."""
        ...

    async def trim(self, shard_id: str, upto: int) -> None:
        """Drop records up to a number, which were handled."""
        ...

    async def drop(self, shard_id: str) -> None:
        """Forget a shard."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


class Taken(msgspec.Struct, frozen=True):
    """What taking records led to. `drained`: they are read from the stream now, there is nothing
    more to take. `behind_ms` is as a page's."""

    state: SpoolState
    drained: bool
    behind_ms: int


class _Shard:
    """A shard whose records are, or are being, spooled. `drained`: all of them, up to `upto`, were
    read, and what follows is read from the stream."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.drained = False
        self.upto = -1

    def is_beyond(self, position: Position) -> bool:
        """Whether the spool has nothing behind a position, and never will."""
        return (
            self.drained and (-1 if position.sequence is None else position.sequence) >= self.upto
        )


class SpooledSource:
    """A stream whose records may be in a spool: what is there comes first, then the stream goes on
    where taking stopped. A position's `first` is held against the first record that comes, with a
    spool or without."""

    def __init__(self, stream: Source, spool: Spool | None = None) -> None:
        self.spool = spool
        self._stream = stream
        self._shards: dict[str, _Shard] = {}
        self._unknown: set[str] = set()  # shards that were looked for in the spool
        self._told: set[str] = set()  # those whose loss was told

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return self._stream.arn

    async def shards(self) -> Sequence[ShardInfo]:
        """The shards that the stream lists."""
        return await self._stream.shards()

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        """The shards that follow one, as the stream lists them."""
        return await self._stream.children(shard_id)

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        """Wait for news of a shard."""
        await self._stream.changed(shard_id, timeout_s)

    async def close(self) -> None:
        """Let go of the stream and of the spool."""
        await self._stream.close()
        if self.spool is not None:
            await self.spool.close()

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        """The next records after a position. Raises RecordsLost, once, when some are known to be
        gone."""
        shard = self._shards.get(shard_id)
        if shard is None and self.spool is not None:
            shard = await self._look(self.spool, shard_id)
        if shard is not None and self.spool is not None and not shard.is_beyond(position):
            async with shard.lock:
                page = await self._read_spool(self.spool, shard, shard_id, position, max_records)
            if page is not None:
                return page
            if position.sequence is None and shard.upto >= 0:
                position = Position(sequence=shard.upto)
        page = await self._stream.read(shard_id, position, max_records)
        if _is_another(position, page):
            self._tell(shard_id)
        if page.ended:
            self._unknown.discard(shard_id)
            self._told.discard(shard_id)
        return page

    async def _look(self, spool: Spool, shard_id: str) -> _Shard | None:
        if spool.id is None or shard_id in self._unknown:
            return None
        if await spool.state(shard_id) is None:
            self._unknown.add(shard_id)
            return None
        return self._shards.setdefault(shard_id, _Shard())

    async def _read_spool(
        self, spool: Spool, shard: _Shard, shard_id: str, position: Position, max_records: int
    ) -> ShardPage | None:
        """A page of the spool; None when there is nothing more in it, nor will be."""
        state = await spool.state(shard_id) or SpoolState()
        if state.lossy:
            self._tell(shard_id)
        after = -1 if position.sequence is None else position.sequence
        records = await spool.read(shard_id, after, max_records)
        if records or state.ended:
            is_last = not records or records[-1].sequence == state.last
            return ShardPage(records, state.ended and is_last, 1 if records else 0)
        shard.drained, shard.upto = True, -1 if state.last is None else state.last
        return None

    async def take(self, shard_id: str, position: Position, now_ms: int) -> Taken:
        """Move the shard's next records from the stream to the spool; `position` is where a shard
        begins of which nothing is there. Records that were trimmed are lost, which is told when the
        shard is read; taking goes on behind them. Raises what stream and spool raise."""
        spool = self.spool
        assert spool is not None
        shard = self._shards.setdefault(shard_id, _Shard())
        async with shard.lock:
            state = await spool.state(shard_id) or SpoolState()
            if state.ended or shard.drained:
                return Taken(state, shard.drained, 0)
            start = position if state.last is None else Position(sequence=state.last)
            page, lossy = await self._page(shard_id, start)
            taken = await spool.append(
                shard_id, state.last, page.records, now_ms=now_ms, ended=page.ended, lossy=lossy
            )
            return Taken(taken, False, page.behind_ms)

    async def _page(self, shard_id: str, start: Position) -> tuple[ShardPage, bool]:
        """The stream's next page to be taken, and whether records before it are gone."""
        try:
            page = await self._stream.read(shard_id, start, PAGE_RECORDS)
        except ResourceNotFoundException:
            return ShardPage((), ended=True, behind_ms=0), True
        except TrimmedDataAccessException:
            if start.sequence is None:
                raise  # nothing was lost at the horizon: it moved between iterator and read
            return await self._stream.read(shard_id, Position(), PAGE_RECORDS), True
        return page, _is_another(start, page)

    async def trim(self, shard_id: str, handled: Position) -> bool:
        """Drop what was handled; whether the shard is forgotten, for all of it was."""
        shard = self._shards.get(shard_id)
        if self.spool is None or shard is None:
            return False
        async with shard.lock:
            if not shard.is_beyond(handled):
                if handled.sequence is not None:
                    await self.spool.trim(shard_id, handled.sequence)
                return False
        await self.forget(shard_id)
        return True

    async def forget(self, shard_id: str) -> None:
        """Drop what is there of a shard that was handled, or is another worker's."""
        self._told.discard(shard_id)
        if self.spool is not None and self.spool.id is not None:
            await self.spool.drop(shard_id)
        self._shards.pop(shard_id, None)

    def _tell(self, shard_id: str) -> None:
        if shard_id not in self._told:
            self._told.add(shard_id)
            raise RecordsLost(f"records of {shard_id} were trimmed before they were read")


def _is_another(position: Position, page: ShardPage) -> bool:
    """Whether another record came first than the one that is known to."""
    if position.first is None or position.sequence is not None:
        return False
    return page.records[0].sequence > position.first if page.records else page.ended
