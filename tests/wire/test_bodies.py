"""Proves that request bodies are decoded within bounds and that the checksum is AWS's."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import PayloadTooLargeException, SerializationException
from tailrace.wire.bodies import checksum, decoded_body


def test_checksums_seen_on_aws():
    assert (
        checksum(b'{"__type":"com.amazon.coral.service#SerializationException"}') == b"3948637019"
    )
    assert checksum(b"<UnknownOperationException/>\n") == b"3552371480"


@given(st.binary(max_size=500), st.sampled_from([b"gzip", b" GZip ", b"x-gzip"]))
def test_gzip_comes_back_as_it_was(body: bytes, encoding: bytes):
    assert decoded_body(gzip.compress(body), encoding) == body


def test_without_encoding_the_body_is_itself():
    assert decoded_body(b"{}") == b"{}"
    assert decoded_body(b"{}", b"identity") == b"{}"


def test_several_members_are_one_body():
    assert decoded_body(gzip.compress(b"{") + gzip.compress(b"}"), b"gzip") == b"{}"


def test_exactly_the_limit_is_allowed():
    assert decoded_body(gzip.compress(b"x" * 100), b"gzip", limit=100) == b"x" * 100
    assert decoded_body(b"x" * 100, limit=100) == b"x" * 100


@pytest.mark.parametrize("members", [1, 3])
def test_over_the_limit_is_refused(members: int):
    with pytest.raises(PayloadTooLargeException):
        decoded_body(gzip.compress(b"x" * 40) * members, b"gzip", limit=39 * members)
    with pytest.raises(PayloadTooLargeException):
        decoded_body(b"x" * 101, limit=100)


def test_a_bomb_is_refused_without_inflating_it():
    bomb = gzip.compress(bytes(200 * 1024 * 1024), compresslevel=1)
    tracemalloc.start()
    with pytest.raises(PayloadTooLargeException):
        decoded_body(bomb, b"gzip", limit=1024 * 1024)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"no gzip at all", b"gzip"),
        (gzip.compress(b"{}" * 100)[:-12], b"gzip"),
        (gzip.compress(b"{}") + b"rest", b"gzip"),
        (gzip.compress(b"{}")[:-4] + b"\0\0\0\1", b"gzip"),
        (zlib.compress(b"{}"), b"deflate"),
        (b"{}", b"br"),
    ],
)
def test_broken_or_unknown_encodings_are_serialization_errors(body: bytes, encoding: bytes):
    with pytest.raises(SerializationException):
        decoded_body(body, encoding)
