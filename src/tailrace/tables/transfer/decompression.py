"""Objects as streams of their content, plain or compressed; and how much of them was read."""

from __future__ import annotations

import gzip
import importlib
import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast

from tailrace.tables.transfer.buckets import BucketFault

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["STREAM_FAULTS", "CountedFile", "has_compression", "opened"]

# Python's own from 3.14 on, and the same for those before.
_ZSTD_MODULES: Final = ("compression.zstd", "backports.zstd")
_READ_BYTES: Final = 64 * 1024
_NO_ZSTD: Final = "ZSTD needs backports.zstd: pip install 'tailrace[zstd]'"
# What reading a damaged stream raises, but for Zstandard's own error, which becomes an OSError.
STREAM_FAULTS: Final = (OSError, EOFError, zlib.error, UnicodeError)


class _Decompressor(Protocol):
    """Unpacks one frame."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Zstd(Protocol):
    """The module that reads Zstandard."""

    ZstdError: type[Exception]

    def ZstdDecompressor(self) -> _Decompressor: ...  # noqa: N802


class CountedFile(io.RawIOBase):
    """A file that is read from its beginning, and counts the bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._file.read(len(view))
        view[: len(data)] = data
        self.count += len(data)
        return len(data)


class _ZstdStream(io.RawIOBase):
    """The content of a file of Zstandard frames. What is wrong with them is an OSError: the
    module's own files pass over in silence what is no frame behind one that is."""

    def __init__(self, module: _Zstd, file: CountedFile) -> None:
        self._module = module
        self._file = file
        self._frame: _Decompressor | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        try:
            data = self._unpacked(len(view))
        except self._module.ZstdError as error:
            raise OSError(str(error)) from error
        view[: len(data)] = data
        return len(data)

    def _unpacked(self, most: int) -> bytes:
        """The next bytes of the content; none at its end."""
        while True:
            frame, packed = self._frame, b""
            if frame is None or frame.eof:
                behind = b"" if frame is None else frame.unused_data
                packed = behind or self._file.read(_READ_BYTES)
                if not packed:
                    return b""
                frame = self._frame = self._module.ZstdDecompressor()
            elif frame.needs_input:
                packed = self._file.read(_READ_BYTES)
                if not packed:
                    raise EOFError("The object ends before its last frame does")
            data = frame.decompress(packed, most)
            if data:
                return data


def has_compression(name: str) -> bool:
    """Whether objects of a compression (NONE, GZIP or ZSTD) can be read here."""
    return name != "ZSTD" or _zstd() is not None


def opened(file: CountedFile, compression: str) -> BinaryIO:
    """The content of a file. Memory does not grow with what a small file unpacks to: it is read in
    pieces. Raises BucketFault when Zstandard can't be read here; reading raises STREAM_FAULTS."""
    if compression == "GZIP":
        packed = cast("BinaryIO", file)
        return cast("BinaryIO", gzip.GzipFile(fileobj=packed, mode="rb"))
    if compression == "ZSTD":
        module = _zstd()
        if module is None:
            raise BucketFault("UnsupportedCompression", _NO_ZSTD)
        return io.BufferedReader(_ZstdStream(module, file))
    return io.BufferedReader(file)


def _zstd() -> _Zstd | None:
    for name in _ZSTD_MODULES:
        try:
            return cast("_Zstd", importlib.import_module(name))
        except ImportError:
            continue
    return None
