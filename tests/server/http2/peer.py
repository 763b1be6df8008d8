"""A client of HTTP/2 that keeps what it is told: without I/O, beside a connection that has none
either, or over a socket."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.settings import SettingCodes, Settings

from tailrace.server.http2.connection import Connection, Happening
from tests.server.http import Response

__all__ = ["Header", "Pair", "Peer", "Wire"]

Header = tuple[str, str]
_CALL = (("content-type", "application/x-amz-json-1.0"),)


class Peer:
    """The client's side of a connection. It gives windows back as it reads, unless told not to."""

    def __init__(self, settings: dict[SettingCodes, int] | None = None) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.local_settings = Settings(client=True, initial_values=settings)
        self.h2.initiate_connection()
        self.reads = True
        self.heads: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytearray] = {}
        self.frames: list[tuple[int, int]] = []
        self.ended: list[int] = []
        self.resets: dict[int, int] = {}
        self.continues: list[int] = []
        self.goaway: ConnectionTerminated | None = None
        self._unread = bytearray()

    def open(self, method: str, path: str, *headers: Header, last: bool = True) -> int:
        """Begin a request; the number of its stream."""
        stream_id = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "http"), (":authority", "localhost")]
        self.h2.send_headers(stream_id, [*fields, (":path", path), *headers], end_stream=last)
        return stream_id

    def call(
        self,
        operation: str,
        body: bytes,
        *headers: Header,
        last: bool = True,
        service: str = "DynamoDB_20120810",
    ) -> int:
        """An API call, whose body must not exceed a frame and the window."""
        target = ("x-amz-target", f"{service}.{operation}")
        stream_id = self.open("POST", "/", target, *_CALL, *headers, last=last and not body)
        if body:
            self.h2.send_data(stream_id, body, end_stream=last)
        return stream_id

    def leave(self) -> None:
        """Say that no further request comes."""
        self.h2.close_connection()
        self.h2.state_machine.state = ConnectionState.CLIENT_OPEN

    def take(self, data: bytes) -> None:
        """Take what the server sent, a frame at a time: to h2 none comes after GOAWAY."""
        self._unread += data
        while len(self._unread) >= 9:
            size = 9 + int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < size:
                return
            events = self.h2.receive_data(bytes(self._unread[:size]))
            del self._unread[:size]
            for event in events:
                self._note(event)
            if self.goaway is not None:
                self.h2.state_machine.state = ConnectionState.CLIENT_OPEN

    def _note(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                self.heads[event.stream_id] = {str(k): str(v) for k, v in event.headers}
                self.bodies[event.stream_id] = bytearray()
            case InformationalResponseReceived():
                self.continues.append(event.stream_id)
            case DataReceived():
                self.bodies[event.stream_id] += event.data
                self.frames.append((event.stream_id, len(event.data)))
                if self.reads and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamEnded():
                self.ended.append(event.stream_id)
            case StreamReset():
                self.resets[event.stream_id] = int(event.error_code)
            case ConnectionTerminated():
                self.goaway = event
            case _:
                pass

    def response(self, stream_id: int) -> Response:
        """A response that has come whole."""
        assert stream_id in self.ended
        head, body = self.heads[stream_id], bytes(self.bodies[stream_id])
        if "x-amz-crc32" in head:
            assert int(head["x-amz-crc32"]) == zlib.crc32(body)
        return Response(int(head[":status"]), head, body)


class Pair:
    """A client and the server's side of its connection, with nothing between them."""

    def __init__(self, settings: dict[SettingCodes, int] | None = None) -> None:
        self.peer = Peer(settings)
        self.connection = Connection()
        self.happenings: list[Happening] = []

    def talk(self) -> None:
        """Carry bytes to and fro until neither has any."""
        while True:
            asked = self.peer.h2.data_to_send()
            self.happenings += self.connection.receive(asked)
            said = self.connection.output(65536)
            if not asked and not said:
                return
            self.peer.take(said)

    def calls(self) -> list[int]:
        """The streams of the calls that may begin."""
        begun: list[int] = []
        while (call := self.connection.next_call()) is not None:
            begun.append(call[0])
        return begun


class Wire:
    """A client over a socket."""

    def __init__(self, connection: socket.socket, peer: Peer | None = None) -> None:
        self.socket = connection
        self.peer = Peer() if peer is None else peer

    def send(self) -> None:
        """Send what there is to send."""
        self.socket.sendall(self.peer.h2.data_to_send())

    def until(self, seen: Callable[[], bool]) -> None:
        """Send and receive until something is seen. Raises ConnectionError at the end of the
        connection, and TimeoutError when nothing comes."""
        while not seen():
            self.send()
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self.peer.take(data)
        self.send()

    def response(self, stream_id: int) -> Response:
        """The response on a stream."""
        self.until(lambda: stream_id in self.peer.ended)
        return self.peer.response(stream_id)

    def upload(self, stream_id: int, body: bytes) -> None:
        """Send a body as the server's windows allow, and end the request."""
        peer, rest = self.peer, memoryview(body)
        while rest:
            window = peer.h2.local_flow_control_window(stream_id)
            size = min(window, len(rest), peer.h2.max_outbound_frame_size)
            if size == 0:
                self.send()
                peer.take(self.socket.recv(65536))
                continue
            peer.h2.send_data(stream_id, bytes(rest[:size]), end_stream=size == len(rest))
            rest = rest[size:]
        self.send()

    def await_end(self) -> None:
        """Until the server has closed the connection."""
        while data := self.socket.recv(65536):
            self.peer.take(data)
