"""The metrics as OpenTelemetry has them, when its API is installed (`tailrace[otel]`).

Instruments are observable: counts are taken when someone collects them, and cost nothing before.
Where they go is for the program, or `opentelemetry-instrument`, to set up; without a meter provider
nothing is ever collected.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from tailrace.delivery.metrics import METRICS, Counts, Measured, Metric

__all__ = ["observe_metrics"]

# How long whoever collects waits for the event loop whose consumers are measured.
COLLECT_TIMEOUT_S: Final = 5.0
_SCOPE: Final = "tailrace"
# The labels of /metrics by the names of the semantic conventions.
_ATTRIBUTES: Final[Mapping[str, str]] = {
    "kind": "tailrace.consumer.kind",
    "consumer": "messaging.consumer.group.name",
    "worker": "messaging.client.id",
    "stream": "messaging.destination.name",
    "uuid": "tailrace.mapping.uuid",
    "function": "faas.invoked_name",
}
_Rows: TypeAlias = list[tuple[dict[str, str], Counts]]


def observe_metrics(
    measure: Callable[[], Measured],
    loop: asyncio.AbstractEventLoop | None = None,
    provider: Any = None,
) -> Callable[[], None]:
    """Have counts collected from now on; what it returns ends that.

    `measure` is called on the loop, or, without one, wherever they are collected. The meter
    provider is the global one, unless given. Does nothing without OpenTelemetry.
    """
    try:
        from opentelemetry import metrics as api
    except ImportError:
        return _nothing
    source = _Source(measure, loop)
    with _making:
        known = _instruments.get(provider)
        if known is None:
            known = _instruments[provider] = _Instruments()
            known.make(api, provider)
    known.sources.add(source)
    return lambda: known.sources.discard(source)


def _nothing() -> None:
    """Nothing is observed."""


class _Source:
    """Something that counts. All instruments of one collection see the same counts."""

    def __init__(
        self, measure: Callable[[], Measured], loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self._measure = measure
        self._loop = loop
        self._lock = threading.Lock()
        self._rows: _Rows = []
        self._seen: set[str] | None = None

    def rows(self, metric: Metric) -> _Rows:
        """The counts; new ones when this metric has seen the last already."""
        with self._lock:
            if self._seen is None or metric.name in self._seen:
                self._rows = [(_attributes(labels), counts) for labels, counts in self._taken()]
                self._seen = set()
            self._seen.add(metric.name)
            return self._rows

    def _taken(self) -> list[tuple[Mapping[str, str], Counts]]:
        loop = self._loop
        if loop is None or _is_running_here(loop):
            return list(self._measure())
        if not loop.is_running():
            return []
        try:
            taking = asyncio.run_coroutine_threadsafe(self._take(), loop)
            return taking.result(COLLECT_TIMEOUT_S)
        except (RuntimeError, TimeoutError):
            return []  # the loop has ended, or has no time: nothing is told this time

    async def _take(self) -> list[tuple[Mapping[str, str], Counts]]:
        return list(self._measure())


class _Instruments:
    """The instruments of one meter provider, and what they observe."""

    def __init__(self) -> None:
        self.sources: set[_Source] = set()

    def make(self, api: Any, provider: Any) -> None:
        """Make an instrument of each metric."""
        from tailrace import __version__

        meter = api.get_meter(_SCOPE, __version__, provider)
        makers = {
            "counter": meter.create_observable_counter,
            "level": meter.create_observable_up_down_counter,
            "gauge": meter.create_observable_gauge,
        }
        for kind, metrics in METRICS.items():
            for metric in metrics:
                callback = self._callback(api.Observation, kind, metric)
                makers[metric.kind](metric.name, [callback], metric.unit, metric.help)

    def _callback(
        self, observation: Any, kind: type, metric: Metric
    ) -> Callable[[Any], Iterator[Any]]:
        def observed(options: Any) -> Iterator[Any]:
            del options
            for source in list(self.sources):
                for attributes, counts in source.rows(metric):
                    if isinstance(counts, kind):
                        yield observation(metric.value(counts), attributes)

        return observed


# By meter provider; None is the global one, whatever that is by the time of a collection.
_instruments: dict[Any, _Instruments] = {}
_making = threading.Lock()


def _attributes(labels: Mapping[str, str]) -> dict[str, str]:
    found = {_ATTRIBUTES.get(name, f"tailrace.{name}"): value for name, value in labels.items()}
    stream = labels.get("stream")
    if stream is not None:
        found["messaging.system"] = "aws_kinesis" if ":kinesis:" in stream else "aws_dynamodb"
    return found


def _is_running_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
