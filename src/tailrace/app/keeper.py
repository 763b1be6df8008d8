"""The thread that keeps house."""

from __future__ import annotations

import logging
import threading

from tailrace.clock import Clock
from tailrace.errors import TailraceError
from tailrace.streams.load import LoadMeter
from tailrace.tables import kinesis_channels
from tailrace.tables.engine import Engine
from tailrace.tables.keeping import Policy, keep, split_hot_shards
from tailrace.tables.transfer.buckets import Buckets
from tailrace.tables.transfer.step import Transfers

__all__ = ["Keeper"]

_log = logging.getLogger("tailrace")
# How often it looks whether something is due; what is due is measured by the clock, not by this.
_INTERVAL_S = 1.0


class Keeper:
    """Does on a thread of its own what a store has to do by the clock."""

    def __init__(
        self, engine: Engine, clock: Clock, policy: Policy, buckets: Buckets | None = None
    ) -> None:
        self._engine = engine
        self._buckets = buckets
        self._transfers = None if buckets is None else Transfers(buckets)
        self._clock = clock
        self._policy = policy
        self._meter = LoadMeter()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="tailrace-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def kick(self) -> None:
        """Look at once whether something is due."""
        self._wake.set()

    def stop(self) -> None:
        """End after the step under way, and wait for it."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            try:
                now_us = self._clock.now_us()
                more = keep(self._engine, self._policy, now_us, self._transfers)
                if self._buckets is not None:
                    more |= kinesis_channels.advance(self._engine, self._buckets, now_us)
                split_hot_shards(self._engine, self._policy, self._meter, now_us)
            except TailraceError:
                more = False
                if not self._stopping:
                    _log.exception("housekeeping failed; it will be tried again")
            if not more:
                self._wake.wait(_INTERVAL_S)
                self._wake.clear()
        if self._transfers is not None:
            self._transfers.close()
