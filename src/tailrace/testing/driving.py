"""Ways for tests to ask something of an engine and to wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

from tailrace import limits
from tailrace.errors import AwsError
from tailrace.model.schema import Table
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Engine, Outcome, Settled, Write
from tailrace.testing.builders import ACCOUNT, REGION, index, shards_for, stream_for, table

__all__ = ["WAIT_S", "alter", "make_table", "settled", "submit", "submit_all"]

# How long a test waits for an engine before it fails; never reached by one that works.
WAIT_S: Final = 60.0


_Value = TypeVar("_Value")


def make_table(
    engine: Engine,
    name: str = "things",
    *,
    sort: bool = False,
    partitions: int = limits.PARTITIONS,
    index_on: Iterable[str] = (),
    streamed: bool = True,
) -> Table:
    """Create a table, with a global index on each attribute of `index_on`, and maybe a stream."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        identity = catalog.next_id
        indexes = tuple(
            index(identity + 1 + place, attribute) for place, attribute in enumerate(index_on)
        )
        next_id = identity + 1 + len(indexes)
        made = table(identity, name, sort=sort, partitions=partitions, indexes=indexes)
        if not streamed:
            return Alteration(tables=(made,), next_id=next_id)
        stream = stream_for(made, next_id)
        return Alteration(
            tables=(
                table(
                    identity, name, sort=sort, partitions=partitions, indexes=indexes, stream=stream
                ),
            ),
            streams=(stream,),
            shards=shards_for(stream, partitions, next_id + 1, tick),
            next_id=next_id + 1 + partitions,
        )

    catalog = alter(engine, decide)
    return catalog.by_name[ACCOUNT, REGION, name]


def submit(engine: Engine, *writes: Write) -> Outcome:
    """Submit writes as one unit and wait for its outcome."""
    return _awaited(partial(engine.submit, writes))


def settled(engine: Engine, *writes: Write) -> list[Settled]:
    """Submit writes as one unit, wait for it, and raise the first refusal if there is any."""
    results: list[Settled] = []
    for result in submit(engine, *writes):
        if isinstance(result, AwsError):
            raise result
        results.append(result)
    return results


def alter(engine: Engine, decide: Alter) -> Catalog:
    """Alter the catalog and wait for the new one. Raises the refusal."""
    result = _awaited(partial(engine.alter, decide))
    if isinstance(result, AwsError):
        raise result
    return result


def _awaited(start: Callable[[Callable[[_Value], None]], None]) -> _Value:
    """What the callback given to `start` is called with. Raises TimeoutError if it isn't."""
    results: list[_Value] = []
    called = threading.Event()

    def done(result: _Value) -> None:
        results.append(result)
        called.set()

    start(done)
    if not called.wait(WAIT_S):
        raise TimeoutError(f"the engine did not answer within {WAIT_S} s")
    return results[0]


def submit_all(engine: Engine, units: Sequence[Sequence[Write]]) -> list[Outcome]:
    """Submit many units without waiting in between, then wait for all; their outcomes in order."""
    outcomes: list[Outcome | None] = [None] * len(units)
    left = threading.Semaphore(0)

    def done(place: int, outcome: Outcome) -> None:
        outcomes[place] = outcome
        left.release()

    for place, unit in enumerate(units):
        engine.submit(unit, partial(done, place))
    for _ in units:
        if not left.acquire(timeout=WAIT_S):
            raise TimeoutError(f"the engine did not answer within {WAIT_S} s")
    return [outcome for outcome in outcomes if outcome is not None]
