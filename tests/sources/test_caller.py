"""Answers that tell of errors become the errors they tell of."""

from __future__ import annotations

import pytest

from tailrace.errors import TransactionCanceledException, ValidationException
from tailrace.sources.caller import RemoteError, checked_body, error_of


def test_a_good_answer_is_its_body() -> None:
    assert checked_body(200, b"{}") == b"{}"


def test_a_known_code_is_its_class_with_message_and_fields() -> None:
    error = error_of(
        400,
        b'{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",'
        b'"Message":"no","CancellationReasons":[]}',
    )
    assert isinstance(error, TransactionCanceledException)
    assert (error.message, error.fields) == ("no", {"CancellationReasons": []})
    assert isinstance(error_of(400, b'{"__type":"ValidationException"}'), ValidationException)


@pytest.mark.parametrize(
    ("body", "code"),
    [(b'{"__type":"a#Odd","message":"m"}', "Odd"), (b"<html>", "HTTP 502"), (b"{}", "HTTP 502")],
)
def test_any_other_is_told_by_its_code(body: bytes, code: str) -> None:
    error = error_of(502, body)
    assert isinstance(error, RemoteError)
    assert (error.remote_code, error.remote_status) == (code, 502)
    with pytest.raises(RemoteError):
        checked_body(502, body)
