"""Concise Binary Object Representation (RFC 8949), as far as AWS's JSON-like protocols use it.

What JSON has, byte strings, and tagged values; map keys are strings. Lengths may be indefinite,
which the Java SDK makes use of. Reading is bounded: by the data, whatever lengths it claims, and by
`limits.REQUEST_NESTING`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from tailrace import limits
from tailrace.errors import SerializationException

__all__ = ["Tagged", "decode", "encode"]

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_INDEFINITE: Final = 31
_BREAK: Final = 0xFF
_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE_VALUES: Final[dict[int, bool | None]] = {20: False, 21: True, 22: None, 23: None}


class Tagged(msgspec.Struct, frozen=True):
    """A value with a tag, e.g. 1 for a time."""

    tag: int
    value: Any


def encode(value: Any) -> bytes:
    """The bytes of a value: None, bool, int of 64 bits, float, str, bytes, sequences, mappings with
    string keys, `Tagged`."""
    pieces: list[bytes] = []
    _write(value, pieces.append)
    return b"".join(pieces)


def _write(value: Any, put: Callable[[bytes], None]) -> None:
    if value is None or isinstance(value, bool):
        put(b"\xf6" if value is None else b"\xf5" if value else b"\xf4")
    elif isinstance(value, int):
        put(_head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value))
    elif isinstance(value, float):
        put(b"\xfb" + struct.pack(">d", value))
    elif isinstance(value, str):
        data = value.encode()
        put(_head(_TEXT, len(data)) + data)
    elif isinstance(value, bytes):
        put(_head(_BYTES, len(value)) + value)
    elif isinstance(value, Tagged):
        put(_head(_TAG, value.tag))
        _write(value.value, put)
    elif isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        put(_head(_MAP, len(entries)))
        for name, content in entries.items():
            _write(name, put)
            _write(content, put)
    else:
        elements: Sequence[Any] = value
        put(_head(_ARRAY, len(elements)))
        for element in elements:
            _write(element, put)


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    for short, width in _WIDTHS.items():
        if argument < 256**width:
            return bytes((major << 5 | short,)) + argument.to_bytes(width, "big")
    raise OverflowError("an integer of more than 64 bits")


def decode(data: bytes) -> Any:
    """The value that all of `data` stands for. Raises SerializationException for anything else."""
    reader = _Reader(data)
    try:
        value = reader.value(0)
    except (IndexError, UnicodeDecodeError, struct.error):
        reader.at = -1
        value = None
    # Raised out here, so that the error doesn't drag another one along.
    if reader.at != len(data):
        raise SerializationException
    return value


class _Reader:
    """Reads values from `at` on. Raises IndexError where the data ends too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def value(self, depth: int) -> Any:
        if depth > limits.REQUEST_NESTING:
            raise SerializationException
        initial = self._data[self.at]
        self.at += 1
        major, short = initial >> 5, initial & 31
        if major == _SIMPLE:
            return self._simple(short)
        if short == _INDEFINITE:
            return self._indefinite(major, depth)
        argument = self._argument(short)
        if major == _UNSIGNED:
            return argument
        if major == _NEGATIVE:
            return -1 - argument
        if major in (_BYTES, _TEXT):
            return self._string(major, argument)
        if major == _ARRAY:
            return [self.value(depth + 1) for _ in range(self._claimed(argument))]
        if major == _MAP:
            return dict(self._entry(depth) for _ in range(self._claimed(argument)))
        return Tagged(argument, self.value(depth + 1))

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise IndexError
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def _claimed(self, count: int) -> int:
        """A number of elements, each of which takes a byte at least."""
        if count > len(self._data) - self.at:
            raise IndexError
        return count

    def _argument(self, short: int) -> int:
        if short < 24:
            return short
        width = _WIDTHS.get(short)
        if width is None:
            raise SerializationException
        return int.from_bytes(self._take(width), "big")

    def _string(self, major: int, length: int) -> bytes | str:
        data = self._take(length)
        return data if major == _BYTES else data.decode()

    def _entry(self, depth: int) -> tuple[str, Any]:
        name = self.value(depth + 1)
        if not isinstance(name, str):
            raise SerializationException
        return name, self.value(depth + 1)

    def _ended(self) -> bool:
        ended = self._data[self.at] == _BREAK
        self.at += ended
        return ended

    def _indefinite(self, major: int, depth: int) -> Any:
        if major == _ARRAY:
            elements: list[Any] = []
            while not self._ended():
                elements.append(self.value(depth + 1))
            return elements
        if major == _MAP:
            entries: dict[str, Any] = {}
            while not self._ended():
                name, content = self._entry(depth)
                entries[name] = content
            return entries
        if major in (_BYTES, _TEXT):
            return self._chunks(major)
        raise SerializationException

    def _chunks(self, major: int) -> bytes | str:
        pieces: list[bytes] = []
        while not self._ended():
            initial = self._data[self.at]
            self.at += 1
            if initial >> 5 != major:
                raise SerializationException
            pieces.append(self._take(self._argument(initial & 31)))
        whole = b"".join(pieces)
        return whole if major == _BYTES else whole.decode()

    def _simple(self, short: int) -> bool | float | None:
        form = _FLOATS.get(short)
        if form is not None:
            (number,) = struct.unpack(form, self._take(struct.calcsize(form)))
            if not math.isfinite(number):
                raise SerializationException
            return number
        if short not in _SIMPLE_VALUES:
            raise SerializationException
        return _SIMPLE_VALUES[short]
