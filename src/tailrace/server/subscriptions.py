"""SubscribeToShard over HTTP: a response of event-stream messages that goes on for five minutes.

The only operation whose answer is a stream, so the only one that is answered by the ASGI app.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Match, Route

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.subscribe_to_shard import (
    Event,
    SubscribeToShardInput,
    Subscription,
    subscribe,
)
from tailrace.api.operation import Context, Service
from tailrace.api.throttling.buckets import Bucket, Buckets
from tailrace.errors import AwsError, ResourceInUseException
from tailrace.server.gateway import Gateway, HttpRequest
from tailrace.wire.call import Reply
from tailrace.wire.decode import Decoder
from tailrace.wire.dialects import Dialect, dialect_of
from tailrace.wire.event_stream import CONTENT_TYPE, event_message, exception_message
from tailrace.wire.faults import fault

__all__ = ["SUBSCRIBE_TARGET", "subscribe_route"]

SUBSCRIBE_TARGET: Final = b"Kinesis_20131202.SubscribeToShard"
# API_SubscribeToShard.html: a subscription lasts five minutes, and may be taken over after five
# seconds.
_LIFE_S: Final = 300.0
_TAKE_OVER_US: Final = 5_000_000
# An event without records tells that the connection is alive.
_SILENCE_S: Final = 5.0
_LOOK_S: Final = 0.5
_PACE_S: Final = 0.05
_ANOTHER: Final = "Another active subscription exists for this consumer: "
_decoder: Final = Decoder("kinesis", "SubscribeToShard", SubscribeToShardInput)


class _SubscribeRoute(Route):
    """Takes requests for the one operation, and no other request to the same path."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        if (b"x-amz-target", SUBSCRIBE_TARGET) in scope.get("headers", ()):
            return super().matches(scope)
        return Match.NONE, {}


def subscribe_route(
    gateway: Gateway, service: Service, stopping: Callable[[], bool], *, paced: bool = False
) -> _SubscribeRoute:
    """The route of SubscribeToShard. Subscriptions end soon when `stopping` says so. With `paced` a
    consumer may subscribe to a shard once in five seconds, also when its subscription has ended,
    and gets no more of it than Kinesis gives in a second."""
    desk = _Subscriptions(gateway, service, stopping, paced)
    return _SubscribeRoute("/", desk.answer, methods=["POST"])


class _Subscriptions:
    """All subscriptions; each consumer has one to a shard at a time."""

    def __init__(
        self, gateway: Gateway, service: Service, stopping: Callable[[], bool], paced: bool
    ) -> None:
        self._gateway = gateway
        self._service = service
        self._stopping = stopping
        self._buckets = Buckets() if paced else None
        # By consumer and shard: when it began, and the subscription.
        self._held: dict[tuple[str, int], tuple[int, Subscription]] = {}

    async def answer(self, request: Request) -> Response:
        """Refuse, or begin to push."""
        http = await _http_request(request)
        dialect = dialect_of(http.headers)
        try:
            call = self._gateway.checked(http, dialect)
            asked = _decoder.decode(call.body)
            subscription = subscribe(Context(self._service, call.scope), asked)
            self._take(subscription)
        except AwsError as error:
            return _response(dialect.answer(fault(error)), self._service)
        return StreamingResponse(
            self._messages(subscription, dialect),
            headers=_headers(self._service),
            media_type=CONTENT_TYPE,
        )

    def _take(self, subscription: Subscription) -> None:
        """Take a consumer's place at a shard from whoever has it. Raises ResourceInUseException
        when that one has only just begun."""
        place = (subscription.consumer_arn, subscription.shard_id)
        now_us = self._service.clock.now_us()
        since_us, _ = self._held.get(place, (None, None))
        if since_us is not None and now_us - since_us < _TAKE_OVER_US:
            raise ResourceInUseException(_ANOTHER + subscription.place)
        if self._buckets is not None and self._buckets.take([_pace(place)], now_us):
            raise ResourceInUseException(_ANOTHER + subscription.place)
        self._held[place] = (now_us, subscription)

    def _holds(self, subscription: Subscription) -> bool:
        place = (subscription.consumer_arn, subscription.shard_id)
        return self._held.get(place, (0, None))[1] is subscription

    def _in_time(self, subscription: Subscription) -> bool:
        """Whether a consumer may get more of a shard."""
        if self._buckets is None:
            return True
        now_us = self._service.clock.now_us()
        return self._buckets.level(_share(subscription), now_us) > 0

    def _charge(self, subscription: Subscription, event: Event) -> None:
        if self._buckets is not None and event.records:
            used = [(_share(subscription), access.data_bytes(event.body))]
            self._buckets.charge(used, self._service.clock.now_us())

    async def _messages(self, subscription: Subscription, dialect: Dialect) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def notify(shard_ids: frozenset[int]) -> None:
            if subscription.shard_id in shard_ids:
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(news.set)

        unsubscribe = self._service.engine.log.subscribe(notify)
        try:
            yield _message("initial-response", Reply(200, b"{}"), dialect)
            async for message in self._events(subscription, dialect, news):
                yield message
        finally:
            unsubscribe()
            if self._holds(subscription):
                del self._held[subscription.consumer_arn, subscription.shard_id]

    async def _events(
        self, subscription: Subscription, dialect: Dialect, news: asyncio.Event
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        end = loop.time() + _LIFE_S
        told = -_SILENCE_S
        while loop.time() < end and not self._stopping() and self._holds(subscription):
            if not self._in_time(subscription):
                await asyncio.sleep(_PACE_S)
                continue
            news.clear()
            try:
                event = subscription.event()
            except AwsError as error:
                yield _exception(error, dialect)
                return
            self._charge(subscription, event)
            if event.records or event.last or loop.time() - told >= _SILENCE_S:
                told = loop.time()
                yield _message("SubscribeToShardEvent", Reply(200, event.body), dialect)
            if event.last:
                return
            if not event.records:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await news.wait()


def _pace(place: tuple[str, int]) -> tuple[Bucket, int]:
    """A bucket that has to pay back for five seconds."""
    return Bucket(("SubscribeToShard", *place), 1, 1), _TAKE_OVER_US // 1_000_000


def _share(subscription: Subscription) -> Bucket:
    """What a consumer gets of a shard in a second."""
    place = ("SubscribeToShard bytes", subscription.consumer_arn, subscription.shard_id)
    return Bucket(place, limits.KINESIS_GET_BYTES_PER_S, 1)


def _message(kind: str, reply: Reply, dialect: Dialect) -> bytes:
    worded = dialect.answer(reply)
    return event_message(kind, worded.content_type.decode(), worded.body)


def _exception(error: AwsError, dialect: Dialect) -> bytes:
    """The message that ends a subscription whose stream or consumer has gone."""
    worded = dialect.answer(fault(error))
    return exception_message(error.code, worded.content_type.decode(), worded.body)


def _response(reply: Reply, service: Service) -> Response:
    headers = {**_headers(service), "Content-Type": reply.content_type.decode()}
    return Response(reply.body, reply.status, headers)


def _headers(service: Service) -> Mapping[str, str]:
    return {"x-amzn-RequestId": service.ids.request_id()}


async def _http_request(request: Request) -> HttpRequest:
    """The request as the short path would have read it."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limits.REQUEST_BYTES:
            chunks.append(chunk)
    headers: list[tuple[bytes, bytes]] = list(request.scope["headers"])
    known = dict(headers)
    query: bytes = request.scope["query_string"]
    path: bytes = request.scope["raw_path"]
    return HttpRequest(
        request.method.encode(),
        path + (b"?" + query if query else b""),
        SUBSCRIBE_TARGET,
        known.get(b"authorization"),
        known.get(b"content-encoding"),
        headers,
        True,
        b"".join(chunks),
        size > limits.REQUEST_BYTES,
    )
