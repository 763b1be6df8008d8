"""One HTTP/2 connection without I/O: bytes become requests, and answers become bytes.

`h2` knows the frames, the header compression and the states of RFC 9113; what is here is which
requests there are, how much is kept of what was received and what waits to be sent, and when the
other side asks for too much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import msgspec
from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from tailrace import limits
from tailrace.server.gateway import HttpRequest
from tailrace.server.http2.outbox import Outbox
from tailrace.server.http2.requests import http_request, wants_to_continue
from tailrace.server.subscriptions import SUBSCRIBE_TARGET

__all__ = ["BodyPart", "Connection", "Gone", "Happening", "Opened"]

# Streams that a client may have open, and requests of one connection that may be under way.
# RFC 9113, 6.5.2, recommends no less than 100, which some clients begin with before they are told.
STREAMS: Final = 128
# What may be on its way to a stream before it was read here, and to all of them.
STREAM_WINDOW: Final = 256 * 1024
CONNECTION_WINDOW: Final = STREAMS * STREAM_WINDOW
# Names, values and 32 bytes for each of them; h2's own default, of which clients are told.
HEADER_BYTES: Final = H2Connection.DEFAULT_MAX_HEADER_LIST_SIZE
# Streams of which is remembered how they ended: late frames on them are no mistake.
CLOSED_STREAMS: Final = 4096
# What is remembered of header fields sent, to name them shortly: RFC 9113's default.
COMPRESSION_BYTES: Final = 4096
# Bodies of calls that are not whole or not begun. A further one has its stream refused.
GATHERED_BYTES: Final = 4 * limits.REQUEST_BYTES
# No call begins while so much waits for the client to read it.
UNSENT_BYTES: Final = 4 * 1024 * 1024
# Frames that bring no request nearer to its answer, after one that did: pings, settings, resets.
# A client that sends more gets nothing else done here, and is asked to calm down.
FRUITLESS_FRAMES: Final = 10_000
_INITIAL_WINDOW: Final = 65_535


class Opened(msgspec.Struct, frozen=True):
    """A request that is not an API call has begun: its body follows in parts."""

    stream_id: int
    request: HttpRequest


class BodyPart(msgspec.Struct, frozen=True):
    """A part of such a request's body. `window` is what it took of the client's window, to be given
    back by `consumed`."""

    stream_id: int
    data: bytes
    window: int
    last: bool


class Gone(msgspec.Struct, frozen=True):
    """The client no longer wants such a request's answer."""

    stream_id: int


Happening: TypeAlias = Opened | BodyPart | Gone


class _Stream:
    """A stream that at least one side has not ended."""

    __slots__ = ("gathered", "is_call", "request", "whole")

    def __init__(self, request: HttpRequest, is_call: bool) -> None:
        self.request = request
        self.is_call = is_call
        # A call's body so far, and whether the client has ended the request.
        self.gathered = bytearray()
        self.whole = False


class _Frames(H2Connection):
    """h2, with less kept of a connection that lives long."""

    MAX_CLOSED_STREAMS = CLOSED_STREAMS


class Connection:
    """The server's side. Every method may be called at any time: what concerns a stream that has
    gone is passed over."""

    def __init__(self) -> None:
        # Header values are left as the bytes they are.
        self._h2 = _Frames(H2Configuration(client_side=False, header_encoding=None))
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_BYTES,
            },
        )
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW - _INITIAL_WINDOW)
        self._control = bytearray()
        self._streams: dict[int, _Stream] = {}
        self._ready: dict[int, _Stream] = {}
        self._under_way: set[int] = set()
        self._outbox = Outbox()
        self._refused: set[int] = set()
        self._expecting: set[int] = set()
        self._gathered = 0
        self._fruitless = 0
        # Grows with all that brings a request nearer to its answer.
        self.progress = 0
        self._leaving = False
        self._over = False

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be received or sent, beyond what `output` still gives."""
        return self._over or (self._leaving and not self._streams)

    @property
    def busy(self) -> bool:
        """Whether the client waits for an answer, rather than an answer for the client."""
        return any(stream_id not in self._outbox for stream_id in self._under_way)

    def unsent(self, stream_id: int) -> int:
        """The bytes of a stream's answer that wait to be sent."""
        return self._outbox.unsent_on(stream_id)

    def receive(self, data: bytes) -> list[Happening]:
        """What these bytes bring, beside calls (`next_call`). The client's mistakes end the
        connection, as `finished` and `output` say."""
        happenings: list[Happening] = []
        if self._over:
            return happenings
        # h2 would forget it if a GOAWAY came.
        self._control += self._h2.data_to_send()
        try:
            events = self._h2.receive_data(data)
        except ProtocolError:
            self._end()
            return happenings
        for event in events:
            self._take(event, happenings)
        self._reply_at_once()
        if self._fruitless > FRUITLESS_FRAMES:
            self._h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self._end()
        return happenings

    def _end(self) -> None:
        self._over = True
        for known in (self._streams, self._ready, self._outbox):
            known.clear()

    def _take(self, event: Event, happenings: list[Happening]) -> None:
        match event:
            case RequestReceived():
                self._open(event, happenings)
            case DataReceived():
                self._take_data(event, happenings)
            case StreamEnded():
                self._take_end(event.stream_id, happenings)
            case StreamReset():
                self._fruitless += 1
                self._forget(event.stream_id, happenings)
            case ConnectionTerminated():
                # The client opens no more streams. h2 takes it for the end of all of them, but
                # RFC 9113, 6.8, has those that are open go on.
                self._leaving = True
                self._h2.state_machine.state = ConnectionState.SERVER_OPEN
            case RemoteSettingsChanged():
                self._fruitless += 1
                # Clients only say how much they allow.
                if self._h2.encoder.header_table_size > COMPRESSION_BYTES:
                    self._h2.encoder.header_table_size = COMPRESSION_BYTES
            case _:
                self._fruitless += 1

    def _open(self, event: RequestReceived, happenings: list[Happening]) -> None:
        stream_id = event.stream_id
        self.progress += 1
        request = http_request((bytes(name), bytes(value)) for name, value in event.headers)
        is_call = bool(request.target) and request.target != SUBSCRIBE_TARGET
        self._streams[stream_id] = _Stream(request, is_call)
        if self._leaving or (not is_call and len(self._under_way) >= STREAMS):
            self._refused.add(stream_id)
            return
        if wants_to_continue(request):
            self._expecting.add(stream_id)
        if not is_call:
            self._under_way.add(stream_id)
            happenings.append(Opened(stream_id, request))

    def _take_data(self, event: DataReceived, happenings: list[Happening]) -> None:
        stream_id, data, window = event.stream_id, event.data, event.flow_controlled_length
        stream = self._streams.get(stream_id)
        if data or event.stream_ended is not None:
            self.progress += 1
        else:
            self._fruitless += 1
        if stream is None or stream_id in self._refused:
            self.consumed(stream_id, window)
        elif stream.is_call:
            self.consumed(stream_id, window)
            self._gather(stream_id, stream, data)
        else:
            happenings.append(BodyPart(stream_id, data, window, last=False))

    def _gather(self, stream_id: int, stream: _Stream, data: bytes) -> None:
        request = stream.request
        if request.too_large:
            return
        if len(stream.gathered) + len(data) > limits.REQUEST_BYTES:
            request.too_large = True
            self._release(stream)
        elif self._gathered + len(data) > GATHERED_BYTES:
            self._release(stream)
            self._refused.add(stream_id)
        else:
            stream.gathered += data
            self._gathered += len(data)

    def _release(self, stream: _Stream) -> None:
        self._gathered -= len(stream.gathered)
        stream.gathered = bytearray()

    def _take_end(self, stream_id: int, happenings: list[Happening]) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or stream_id in self._refused:
            return
        stream.whole = True
        if stream.is_call:
            self._ready[stream_id] = stream
        else:
            happenings.append(BodyPart(stream_id, b"", 0, last=True))

    def _forget(self, stream_id: int, happenings: list[Happening] | None = None) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is None:
            return
        self._release(stream)
        self._ready.pop(stream_id, None)
        self._outbox.drop(stream_id)
        self._refused.discard(stream_id)
        if happenings is not None and not stream.is_call and stream_id in self._under_way:
            happenings.append(Gone(stream_id))

    def _reply_at_once(self) -> None:
        """Refuse streams, and tell who waits for it to send the body."""
        # Only here, since h2 is ahead of its events: a stream of which one tells may be closed.
        for stream_id in tuple(self._refused):
            self.reset(stream_id, ErrorCodes.REFUSED_STREAM)
        for stream_id in self._expecting:
            stream = self._streams.get(stream_id)
            if stream is not None and not stream.whole:
                self._h2.send_headers(stream_id, [(b":status", b"100")])
        self._expecting.clear()

    def next_call(self) -> tuple[int, HttpRequest] | None:
        """The next API call to answer. None while as many are under way as there may be, or too
        much waits to be sent."""
        if (
            not self._ready
            or len(self._under_way) >= STREAMS
            or self._outbox.unsent >= UNSENT_BYTES
        ):
            return None
        stream_id = next(iter(self._ready))
        stream = self._ready.pop(stream_id)
        self._under_way.add(stream_id)
        stream.request.body = bytes(stream.gathered)
        self._release(stream)
        return stream_id, stream.request

    def consumed(self, stream_id: int, window: int) -> None:
        """Give back what a part of a body took of the client's window."""
        if window and not self._over:
            self._h2.acknowledge_received_data(window, stream_id)

    def head(
        self, stream_id: int, status: int, fields: Iterable[tuple[bytes, bytes]], *, last: bool
    ) -> None:
        """Begin an answer; with `last` it has no body."""
        if stream_id not in self._streams:
            return
        headers = [(b":status", b"%d" % status), *fields]
        self._h2.send_headers(stream_id, headers, end_stream=last)
        self._advance()
        if last:
            self._complete(stream_id)

    def body(self, stream_id: int, data: bytes, *, last: bool) -> None:
        """Go on with an answer that has begun. What the client's windows don't allow waits."""
        if stream_id in self._streams:
            self._outbox.add(stream_id, data, last=last)

    def answer(
        self, stream_id: int, status: int, fields: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Answer a call."""
        self.release(stream_id)
        stream = self._streams.get(stream_id)
        silent = not body or (stream is not None and stream.request.method == b"HEAD")
        self.head(stream_id, status, fields, last=silent)
        if not silent:
            self.body(stream_id, body, last=True)

    def release(self, stream_id: int) -> None:
        """A request is no longer under way, whether or not its stream is still there."""
        self._under_way.discard(stream_id)

    def reset(self, stream_id: int, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        """Break a stream off."""
        if stream_id in self._streams:
            self._forget(stream_id)
            self._h2.reset_stream(stream_id, code)

    def leave(self) -> None:
        """Take no more requests. Those that came whole are answered; the others were not looked at,
        and may be sent elsewhere."""
        if self._over:
            return
        if not self._leaving:
            self._leaving = True
            goaway = GoAwayFrame(0, self._h2.highest_inbound_stream_id, ErrorCodes.NO_ERROR)
            # h2's own would be its last frame.
            self._control += self._h2.data_to_send() + goaway.serialize()
        for stream_id, stream in tuple(self._streams.items()):
            if stream.is_call and not stream.whole:
                self.reset(stream_id, ErrorCodes.REFUSED_STREAM)

    def output(self, most: int) -> bytes:
        """What to send next, with at most about so many bytes of bodies. Empty when nothing can be
        sent."""
        frames, ended = self._outbox.send(self._h2, most)
        if frames:
            self._advance()
        for stream_id in ended:
            self._complete(stream_id)
        data = bytes(self._control) + self._h2.data_to_send()
        self._control.clear()
        return data

    def _advance(self) -> None:
        self.progress += 1
        self._fruitless = 0

    def _complete(self, stream_id: int) -> None:
        """An answer has been sent. What the client may still have of the request, nobody reads."""
        if self._streams[stream_id].whole:
            self._forget(stream_id)
        else:
            self.reset(stream_id, ErrorCodes.NO_ERROR)
