"""What waits to be sent on the streams of an HTTP/2 connection: a frame of each answer in turn, as
the client's windows allow."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

from h2.connection import H2Connection

__all__ = ["Outbox"]

# Frames are no longer, whatever the client would take, so that answers get their turns.
_FRAME_BYTES: Final = 64 * 1024


class _Answer:
    """What waits on one stream, and whether nothing comes after it."""

    __slots__ = ("last", "parts", "unsent")

    def __init__(self) -> None:
        self.parts: deque[memoryview] = deque()
        self.unsent = 0
        self.last = False

    def take(self, most: int) -> memoryview:
        """The next bytes to send, at most so many."""
        if not self.parts:
            return memoryview(b"")
        part = self.parts[0]
        if len(part) > most:
            self.parts[0] = part[most:]
            part = part[:most]
        else:
            self.parts.popleft()
        self.unsent -= len(part)
        return part


class Outbox:
    """Bodies of answers, until they are sent. `unsent` counts the bytes of all of them."""

    def __init__(self) -> None:
        self.unsent = 0
        self._answers: OrderedDict[int, _Answer] = OrderedDict()

    def __contains__(self, stream_id: int) -> bool:
        return stream_id in self._answers

    def unsent_on(self, stream_id: int) -> int:
        """The bytes that wait on one stream."""
        answer = self._answers.get(stream_id)
        return 0 if answer is None else answer.unsent

    def add(self, stream_id: int, data: bytes, *, last: bool) -> None:
        """Send this, and end the stream after it if it is the last."""
        if not data and not last:
            return
        answer = self._answers.setdefault(stream_id, _Answer())
        if data:
            answer.parts.append(memoryview(data))
            answer.unsent += len(data)
            self.unsent += len(data)
        answer.last = last

    def drop(self, stream_id: int) -> None:
        """Forget what waits on a stream that has gone."""
        answer = self._answers.pop(stream_id, None)
        if answer is not None:
            self.unsent -= answer.unsent

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
        self.unsent = 0

    def send(self, h2: H2Connection, most: int) -> tuple[int, list[int]]:
        """Frame at most about so many bytes: how many frames there are, and the streams that were
        ended with them."""
        frames, blocked, ended = 0, 0, list[int]()
        while most > 0 and blocked < len(self._answers):
            stream_id = next(iter(self._answers))
            size = self._send_one(h2, stream_id, most, ended)
            if size is None:
                blocked += 1
            else:
                blocked = 0
                frames += 1
                most -= size
            if stream_id in self._answers:
                self._answers.move_to_end(stream_id)
        return frames, ended

    def _send_one(
        self, h2: H2Connection, stream_id: int, most: int, ended: list[int]
    ) -> int | None:
        """Frame the next bytes of an answer; how many, None when its window is closed."""
        answer = self._answers[stream_id]
        window = h2.local_flow_control_window(stream_id)
        most = min(most, window, h2.max_outbound_frame_size, _FRAME_BYTES)
        if answer.unsent and most <= 0:
            return None
        data = answer.take(most)
        self.unsent -= len(data)
        last = answer.last and not answer.unsent
        h2.send_data(stream_id, data, end_stream=last)
        if last:
            ended.append(stream_id)
        if not answer.unsent:
            del self._answers[stream_id]
        return len(data)
