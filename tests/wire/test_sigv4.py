"""Proves that signatures made by botocore are accepted, all others refused, and in AWS's words."""

import datetime
import random
from typing import Any
from unittest import mock

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tailrace import errors
from tailrace.wire.sigv4 import scope_of, verify

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime.datetime(2026, 10, 1, 12, 30, 15, tzinfo=datetime.UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
MINUTE_US = 60_000_000

Headers = list[tuple[bytes, bytes]]


def signed(
    body: bytes = b"{}",
    path: str = "/",
    service: str = "dynamodb",
    token: str | None = None,
    extra: dict[str, str] | None = None,
) -> Headers:
    request = AWSRequest(
        method="POST",
        url="http://localhost:8000" + path,
        data=body,
        headers={
            "X-Amz-Target": "DynamoDB_20120810.ListTables",
            "Content-Type": "application/x-amz-json-1.0",
            **(extra or {}),
        },
    )
    signer = botocore.auth.SigV4Auth(Credentials(KEY, SECRET, token), service, "eu-west-1")
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        signer.add_auth(request)
    headers = [(name.lower().encode(), as_bytes(value)) for name, value in request.headers.items()]
    return [(b"host", b"localhost:8000"), *headers]


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def check(headers: Headers, body: bytes = b"{}", **changes: Any) -> None:
    arguments: dict[str, Any] = {
        "method": b"POST",
        "path": b"/",
        "query": b"",
        "credentials": {KEY: SECRET},
        "now_us": NOW_US,
    }
    verify(headers=headers, body=body, **{**arguments, **changes})


def replaced(headers: Headers, name: bytes, old: bytes, new: bytes) -> Headers:
    return [(n, v.replace(old, new) if n == name else v) for n, v in headers]


def refusal(headers: Headers, body: bytes = b"{}", **changes: Any) -> errors.AwsError:
    with pytest.raises(errors.AwsError) as raised:
        check(headers, body, **changes)
    return raised.value


MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)


@pytest.mark.parametrize("body", [b"{}", b"", b'{"TableName":"\xc3\xa9"}', b"x" * 100_000])
def test_botocores_signature_is_accepted(body: bytes):
    check(signed(body), body)


def test_other_paths_and_queries_are_accepted():
    check(signed(path="/a%20b/./c//d/"), path=b"/a%20b/./c//d/")
    check(signed(path="/?b=2&a=1&b=1"), query=b"b=2&a=1&b=1")


def test_session_tokens_blanks_and_unicode_in_headers_are_signed_too():
    extra = {"X-Amz-Meta": "  a   b  ", "X-Amz-Name": "caf\u00e9 \u00e0"}
    check(signed(token="session", extra=extra))


def test_header_order_and_separators_of_the_authorization_do_not_matter():
    headers = signed()
    random.Random(1).shuffle(headers)
    check(headers)
    check(replaced(headers, b"authorization", b", ", b","))


def test_another_service_may_be_asked_for():
    check(signed(service="kinesis"), service="kinesis")


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"{ }"},
        {"method": b"GET"},
        {"path": b"/x"},
        {"query": b"a=1"},
        {"credentials": {KEY: "another secret"}},
        {"headers": replaced(signed(), b"x-amz-target", b"ListTables", b"DeleteTable")},
        {"headers": replaced(signed(), b"host", b"localhost", b"elsewhere")},
        {"headers": replaced(signed(), b"authorization", b"Signature=", b"Signature=0")},
        {"headers": replaced(signed(), b"authorization", b"Signature=", b"Signature=\xc3\xa9")},
        {"headers": replaced(signed(), b"authorization", b"eu-west-1", b"eu-west-2")},
        {"headers": [*signed(), (b"x-amz-target", b"more")]},
        {"headers": [*signed(), (b"x-amz-content-sha256", b"0" * 64)]},
        {"headers": signed(extra={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})},
    ],
)
def test_any_change_breaks_the_signature(change: dict[str, Any]):
    error = refusal(**{"headers": signed(), **change})
    assert (error.code, error.message) == ("InvalidSignatureException", MISMATCH)


def test_flipped_bits_in_the_authorization_never_pass():
    headers = signed()
    value = dict(headers)[b"authorization"]
    chance = random.Random(7)
    refused = 0
    for _ in range(200):
        damaged = bytearray(value)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        if damaged.replace(b",", b" ") == value.replace(b",", b" "):
            continue
        refused += 1
        assert refusal([(n, bytes(damaged) if n == b"authorization" else v) for n, v in headers])
    assert refused > 190


@pytest.mark.parametrize("value", [None, b"", b"AWS4", b"Basic x", b"AWS3-HTTPS x"])
def test_a_missing_token(value: bytes | None):
    error = refusal([] if value is None else [(b"authorization", value)])
    assert error.code == "MissingAuthenticationTokenException"
    assert error.message == "Request is missing Authentication Token"


def test_missing_parameters_are_told_together():
    error = refusal([(b"authorization", b"AWS4-")])
    assert error.code == "IncompleteSignatureException"
    assert error.message == (
        "Authorization header requires 'Credential' parameter. "
        "Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. "
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        "Authorization=AWS4-"
    )
    error = refusal([(b"authorization", b"AWS4- Signature=b, Credential=a"), (b"date", b"a")])
    assert error.message == (
        "Authorization header requires 'SignedHeaders' parameter. "
        "Authorization=AWS4- Signature=b, Credential=a"
    )


def test_a_parameter_without_value():
    header = b"AWS4-HMAC-SHA256 Signature=b, Credential, SignedHeaders"
    error = refusal([(b"authorization", header)])
    assert error.code == "IncompleteSignatureException"
    assert error.message == (
        "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: "
        "'AWS4-HMAC-SHA256 Signature=b, Credential, SignedHeaders'."
    )


@pytest.mark.parametrize("date", ["201", "20261001T12301Z", "2026-10-01T12:30:15Z", "x" * 16])
def test_malformed_dates(date: str):
    error = refusal(replaced(signed(), b"x-amz-date", b"20261001T123015Z", date.encode()))
    assert error.code == "IncompleteSignatureException"
    assert error.message == (
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. "
        "See http://en.wikipedia.org/wiki/ISO_8601"
    )


def test_dates_too_far_away():
    check(signed(), now_us=NOW_US + 15 * MINUTE_US)
    check(signed(), now_us=NOW_US - 15 * MINUTE_US)
    error = refusal(signed(), now_us=NOW_US + 16 * MINUTE_US)
    assert error.code == "InvalidSignatureException"
    assert error.message == (
        "Signature expired: 20261001T123015Z is now earlier than 20261001T123115Z "
        "(20261001T124615Z - 15 min.)"
    )
    error = refusal(signed(), now_us=NOW_US - 16 * MINUTE_US)
    assert error.message == (
        "Signature not yet current: 20261001T123015Z is still later than 20261001T122915Z "
        "(20261001T121415Z + 15 min.)"
    )


def test_a_date_header_in_http_form_is_understood():
    headers = [(n, v) for n, v in signed() if n != b"x-amz-date"]
    error = refusal([*headers, (b"date", b"Thu, 01 Oct 2026 12:30:15 GMT")])
    assert error.message == MISMATCH  # the date will do; but x-amz-date was signed and is gone


def test_the_host_must_be_signed():
    headers = replaced(signed(), b"authorization", b"host;", b"")
    error = refusal(headers)
    assert error.code == "InvalidSignatureException"
    assert error.message == (
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    )


def test_another_algorithm():
    error = refusal(replaced(signed(), b"authorization", b"SHA256 ", b"SHA25 "))
    assert error.code == "IncompleteSignatureException"
    assert error.message == (
        "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). "
    )


def test_a_credential_out_of_scope():
    scope = b"AKIDEXAMPLE/20261001/eu-west-1/dynamodb/aws4_request"
    error = refusal(replaced(signed(), b"authorization", scope, b"a/b/c/d"))
    assert error.code == "IncompleteSignatureException"
    assert error.message == (
        "Credential must have exactly 5 slash-delimited elements, e.g. "
        "keyid/date/region/service/term, got 'a/b/c/d'"
    )
    error = refusal(replaced(signed(), b"authorization", scope, b"a/b/!/d/e"))
    assert error.code == "InvalidSignatureException"
    assert error.message == (
        "Credential should be scoped to a valid region, not '!'. "
        "Credential should be scoped to correct service: 'dynamodb'. "
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. "
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        "HTTP: 'b' != '20261001', from '20261001T123015Z'."
    )


def test_an_unknown_access_key():
    error = refusal(signed(), credentials={"OTHER": SECRET})
    assert error.code == "UnrecognizedClientException"
    assert error.message == "The security token included in the request is invalid."


def test_scope_without_verification():
    assert scope_of(dict(signed())[b"authorization"]) == (KEY, "eu-west-1")
    turned = b"AWS4-HMAC-SHA256 SignedHeaders=host,Credential=k/1/us-west-2/x/aws4_request"
    assert scope_of(turned) == ("k", "us-west-2")


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer x",
        b"AWS4-HMAC-SHA256 Credential=",
        b"AWS4-HMAC-SHA256 Credential=k/1/aws4_request",
        b"AWS4-HMAC-SHA256 Credential=k/1/../x/aws4_request",
        b"AWS4-HMAC-SHA256 Credential=k/1/\xff\xfe/x/aws4_request",
        b"AWS4-HMAC-SHA256 Credential=k\n/1/us-west-2/x/aws4_request",
        b"AWS4-HMAC-SHA256 Credential=" + b"k" * 100_000 + b"/1/us-west-2/x/aws4_request",
        b"AWS4-HMAC-SHA256 Credential=k/1/" + b"r" * 100 + b"/x/aws4_request",
    ],
)
def test_no_usable_scope_falls_back(authorization: bytes):
    assert scope_of(authorization) == ("", "us-east-1")
