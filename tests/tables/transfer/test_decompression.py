"""Proves that compressed objects are read in pieces, that damage shows, and that what is missing is
named."""

from __future__ import annotations

import gzip
import importlib
import io
import tracemalloc
import zlib
from types import ModuleType

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from tailrace.tables.transfer.buckets import BucketFault
from tailrace.tables.transfer.decompression import (
    STREAM_FAULTS,
    CountedFile,
    has_compression,
    opened,
)

PACK = {"NONE": bytes, "GZIP": gzip.compress, "ZSTD": zstd.compress}


def unpacked(content: bytes, compression: str) -> bytes:
    return opened(CountedFile(io.BytesIO(content)), compression).read()


@given(st.lists(st.binary(max_size=2000), max_size=4), st.sampled_from(sorted(PACK)))
def test_members_and_frames_are_read_one_after_another(
    parts: list[bytes], compression: str
) -> None:
    packed = b"".join(map(PACK[compression], parts))
    file = CountedFile(io.BytesIO(packed))
    assert opened(file, compression).read() == b"".join(parts)
    assert file.count == len(packed)


@pytest.mark.parametrize("compression", ["GZIP", "ZSTD"])
def test_damage_is_a_fault(compression: str) -> None:
    content = bytes(range(256)) * 40
    whole = gzip.compress(content)
    if compression == "ZSTD":
        whole = zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})
    turned = whole[:20] + bytes([whole[20] ^ 255]) + whole[21:]
    for damaged in (whole[:-1], whole[: len(whole) // 2], b"garbage", turned, whole + b"more"):
        with pytest.raises(STREAM_FAULTS):
            unpacked(damaged, compression)


@pytest.mark.parametrize("compression", ["GZIP", "ZSTD"])
def test_a_small_file_does_not_fill_the_memory(compression: str) -> None:
    mega = 1024 * 1024
    if compression == "GZIP":
        packer = zlib.compressobj(wbits=31)
        bomb = b"".join(packer.compress(bytes(mega)) for _ in range(256)) + packer.flush()
    else:
        small = zstd.ZstdCompressor()
        bomb = b"".join(small.compress(bytes(mega)) for _ in range(256)) + small.flush()
    assert len(bomb) < mega
    stream = opened(CountedFile(io.BytesIO(bomb)), compression)
    tracemalloc.start()
    try:
        read = 0
        while part := stream.readline(mega):
            read += len(part)
        assert tracemalloc.get_traced_memory()[1] < 16 * mega
    finally:
        tracemalloc.stop()
    assert read == 256 * mega


def test_a_window_that_takes_too_much_memory_is_a_fault() -> None:
    options = {zstd.CompressionParameter.window_log: 30}
    packer = zstd.ZstdCompressor(options=options)
    with pytest.raises(STREAM_FAULTS):
        unpacked(packer.compress(b"x" * 1000) + packer.flush(), "ZSTD")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ModuleType:
        raise ModuleNotFoundError(name)

    assert has_compression("ZSTD")
    monkeypatch.setattr(importlib, "import_module", absent)
    assert not has_compression("ZSTD")
    assert has_compression("GZIP")
    with pytest.raises(BucketFault, match=r"tailrace\[zstd\]"):
        unpacked(b"", "ZSTD")
