"""A process that writes to a store, and says what was acknowledged, until it is killed.

What it writes follows from the round it is in, so that whoever killed it knows what must be there.
Started as `python -m tailrace.testing.victim FACTORY DIRECTORY ROUND` it writes lines: `opening`,
`ready`, then `W N` when unit N of writer W was acknowledged, and `rotated` when a rotation was.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

import msgspec

from tailrace.clock import Clock, SystemClock
from tailrace.errors import AwsError
from tailrace.model.schema import Table
from tailrace.model.values import Item
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Engine, Outcome, Write
from tailrace.testing.builders import (
    ACCOUNT,
    REGION,
    delete_write,
    item,
    put_write,
    rotate,
)
from tailrace.testing.driving import make_table

__all__ = ["TABLE_NAME", "WRITERS", "Step", "opened", "survivors", "units"]

TABLE_NAME: Final = "survivors"
WRITERS: Final = 2
_ITEMS: Final = 12
_IN_FLIGHT: Final = 48
# Many more than a victim lives to write.
_UNITS: Final = 50_000
_UNITS_PER_ROTATION: Final = 150


class Step(msgspec.Struct, frozen=True):
    """What a unit does to one item: its name, and what it is to become; None to delete it."""

    name: str
    becomes: Item | None


def opened(factory: str, path: Path) -> Engine:
    """The store in a directory. `factory` is the `package.module:name` of a callable that opens one
    when given the directory and a clock."""
    module, name = factory.split(":")
    make: Callable[[Path, Clock], Engine] = getattr(import_module(module), name)
    return make(path, SystemClock())


def survivors(engine: Engine) -> Table | None:
    """The table that victims write to, once one of them has created it."""
    return engine.catalog().by_name.get((ACCOUNT, REGION, TABLE_NAME))


def units(round_: int, writer: int) -> Iterator[list[Step]]:
    """The units that a writer writes in a round, each of one to three items.

    No step leaves its item as it was, so each makes one record; no two writers or rounds share an
    item.
    """
    alive: set[str] = set()
    for number in range(_UNITS):
        places = {number % _ITEMS, (number * 5 + 1) % _ITEMS, number * 7 // 3 % _ITEMS}
        names = [f"r{round_}-w{writer}-k{place}" for place in sorted(places)]
        deleted = set(names) & alive if number % 4 == 3 else set[str]()
        alive = (alive | set(names)) - deleted
        yield [Step(name, None if name in deleted else _version(name, number)) for name in names]


def _version(name: str, number: int) -> Item:
    return item(name, n=number, g=f"g{number % 7}", text="x" * (number * 37 % 900))


def _write_all(engine: Engine, table: Table, round_: int, writer: int) -> None:
    """Write unit after unit, some of them in flight at a time."""
    room = threading.Semaphore(_IN_FLIGHT)

    def done(number: int, outcome: Outcome) -> None:
        failed = [result for result in outcome if isinstance(result, AwsError)]
        _say(f"failed: {failed}" if failed else f"{writer} {number}")
        room.release()

    for number, steps in enumerate(units(round_, writer)):
        room.acquire()
        engine.submit([_write(table, step) for step in steps], partial(done, number))
        if writer == 0 and number % _UNITS_PER_ROTATION == _UNITS_PER_ROTATION - 1:
            engine.alter(rotate(table.id), _rotated)


def _write(table: Table, step: Step) -> Write:
    if step.becomes is None:
        return delete_write(table, item(step.name))
    return put_write(table, step.becomes)


def _rotated(result: Catalog | AwsError) -> None:
    _say(f"failed: {result!r}" if isinstance(result, AwsError) else "rotated")


def _say(line: str) -> None:
    # One write of less than a pipe's buffer, so that a reader gets even the last line whole.
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def _main(factory: str, path: str, round_: str) -> None:
    _say("opening")
    engine = opened(factory, Path(path))
    table = survivors(engine) or make_table(engine, TABLE_NAME, partitions=2, index_on=["g"])
    _say("ready")
    writers = [
        threading.Thread(target=_write_all, args=(engine, table, int(round_), writer))
        for writer in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


if __name__ == "__main__":
    _main(*sys.argv[1:])
