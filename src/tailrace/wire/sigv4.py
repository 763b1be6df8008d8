"""AWS Signature Version 4 in the `Authorization` header: whose request it is, and whether it is
really theirs.

The steps, their order and the wording of the errors are the service's (Signature Version 4 signing
process; "Troubleshooting Signature Version 4"). Bodies are always covered by the signature:
`UNSIGNED-PAYLOAD` is for S3, and DynamoDB refuses it too.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import msgspec

from tailrace.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)

__all__ = ["DEFAULT_REGION", "SKEW_SECONDS", "scope_of", "verify"]

DEFAULT_REGION: Final = "us-east-1"
# Signatures further in the past or the future are refused; the service allows a quarter of an hour.
SKEW_SECONDS: Final = 15 * 60

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_TERMINATOR: Final = "aws4_request"
_SIGNING_KEYS: Final = 256
_SCOPES: Final = 1024
_SCOPE_BYTES: Final = 512
_REGION_CHARACTERS: Final = 32

_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_PARAMETERS: Final = ("Credential", "Signature", "SignedHeaders")


def scope_of(authorization: bytes) -> tuple[str, str]:
    """(access key id, region) that the header names, unverified: `("", DEFAULT_REGION)` when it
    names none.

    Cheap enough for every request. Both are printable ASCII; the region has only letters, digits
    and hyphens.
    """
    # What precedes the terminator changes once a day, so it is nearly always known.
    end = authorization.find(b"/aws4_request", 0, _SCOPE_BYTES)
    return _scope(authorization[:end]) if end > 0 else ("", DEFAULT_REGION)


@lru_cache(_SCOPES)
def _scope(header: bytes) -> tuple[str, str]:
    """The same for a header up to, and without, its credential's terminator."""
    credential = header.partition(b"Credential=")[2].decode("latin-1")
    parts = credential.split("/")
    if len(parts) >= 3 and parts[0].isascii() and parts[0].isprintable() and _is_region(parts[2]):
        return parts[0], parts[2]
    return "", DEFAULT_REGION


def _is_region(name: str) -> bool:
    return len(name) <= _REGION_CHARACTERS and name.isascii() and name.replace("-", "").isalnum()


class _Claim(msgspec.Struct, frozen=True):
    """What a request says of its signature."""

    algorithm: str
    credential: str
    signed_headers: str
    signature: str
    date: str  # YYYYMMDDTHHMMSSZ


def verify(
    method: bytes,
    path: bytes,
    query: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    credentials: Mapping[str, str],
    now_us: int,
    service: str = "dynamodb",
) -> None:
    """Return when the request is signed by one of `credentials` (secret by access key id), else
    raise AWS's error.

    `path` and `query` are as in the request line, percent-encoded, `query` without its question
    mark; header names are in lower case; `body` as it came, before any content decoding; `now_us`
    in microseconds since the epoch. `service` is the signing name. Any region is accepted.

    Raises MissingAuthenticationTokenException, IncompleteSignatureException,
    InvalidSignatureException or UnrecognizedClientException.
    """
    known = _joined(headers)
    claim = _claim(known)
    _check_time(claim.date, now_us // 1_000_000)
    names = claim.signed_headers.split(";")
    if "host" not in (name.lower() for name in names):
        raise InvalidSignatureException(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    if claim.algorithm != _ALGORITHM:
        raise IncompleteSignatureException(
            f"Unsupported AWS 'algorithm': '{claim.algorithm}' (only {_ALGORITHM} for now). "
        )
    key_id, day, region = _credential(claim, service)
    secret = credentials.get(key_id)
    if secret is None:
        raise UnrecognizedClientException("The security token included in the request is invalid.")
    digest = hashlib.sha256(body).hexdigest()
    claimed = known.get("x-amz-content-sha256", digest)
    request = "\n".join(
        (
            method.decode("latin-1"),
            _canonical_path(path),
            _canonical_query(query),
            *(f"{name}:{known.get(name, '')}" for name in names),
            "",
            claim.signed_headers,
            digest,
        )
    )
    text = (
        f"{_ALGORITHM}\n{claim.date}\n{day}/{region}/{service}/{_TERMINATOR}\n"
        f"{hashlib.sha256(request.encode('latin-1', 'replace')).hexdigest()}"
    )
    key = _signing_key(secret, day, region, service)
    signature = hmac.digest(key, text.encode("latin-1", "replace"), "sha256").hex()
    # Both sides as bytes: the comparison takes no text beyond ASCII.
    same = hmac.compare_digest(signature.encode(), claim.signature.encode())
    if not same or claimed != digest:
        raise InvalidSignatureException(_MISMATCH)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Values by name, runs of blanks made one, a repeated header's values joined with commas."""
    values: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1")
        # Split as bytes: as text, some bytes of UTF-8 would pass for blanks.
        value = b" ".join(raw_value.split()).decode("latin-1")
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _claim(headers: Mapping[str, str]) -> _Claim:
    authorization = headers.get("authorization", "")
    if not authorization.startswith("AWS4-"):
        raise MissingAuthenticationTokenException("Request is missing Authentication Token")
    algorithm, _, rest = authorization.partition(" ")
    parameters: dict[str, str] = {}
    for part in rest.replace(",", " ").split():
        name, equals, value = part.partition("=")
        if not equals:
            raise IncompleteSignatureException(
                f"'{part}' not a valid key=value pair (missing equal-sign) in Authorization "
                f"header: '{authorization}'."
            )
        parameters[name] = value
    lacking = [
        f"Authorization header requires '{name}' parameter. "
        for name in _PARAMETERS
        if not parameters.get(name)
    ]
    date = headers.get("x-amz-date") or headers.get("date", "")
    if not date:
        lacking.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        )
    if lacking:
        raise IncompleteSignatureException(f"{''.join(lacking)}Authorization={authorization}")
    return _Claim(
        algorithm=algorithm,
        credential=parameters["Credential"],
        signed_headers=parameters["SignedHeaders"],
        signature=parameters["Signature"],
        date=_basic_date(date, by_http="x-amz-date" not in headers),
    )


def _basic_date(date: str, by_http: bool) -> str:
    """The date as YYYYMMDDTHHMMSSZ; `by_http` says that it stands in a `Date` header, which may
    have HTTP's own form."""
    if date[8:9] == "T" and date[15:] == "Z" and _is_number(date[:8] + date[9:15]):
        return date
    if by_http:
        try:
            moment = parsedate_to_datetime(date)
            return time.strftime("%Y%m%dT%H%M%SZ", moment.utctimetuple())
        except (ValueError, OverflowError):
            pass
    raise IncompleteSignatureException(
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. "
        "See http://en.wikipedia.org/wiki/ISO_8601"
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


@lru_cache(8)
def _window(now: int) -> tuple[str, str, str]:
    """Basic dates of the earliest and the latest moment that are accepted, and of now."""
    moments = (now - SKEW_SECONDS, now + SKEW_SECONDS, now)
    earliest, latest, current = (
        time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment)) for moment in moments
    )
    return earliest, latest, current


def _check_time(date: str, now: int) -> None:
    # Basic dates sort as the moments they name.
    earliest, latest, current = _window(now)
    minutes = SKEW_SECONDS // 60
    if date < earliest:
        raise InvalidSignatureException(
            f"Signature expired: {date} is now earlier than {earliest} ({current} - {minutes} min.)"
        )
    if date > latest:
        raise InvalidSignatureException(
            f"Signature not yet current: {date} is still later than {latest} "
            f"({current} + {minutes} min.)"
        )


def _credential(claim: _Claim, service: str) -> tuple[str, str, str]:
    """(access key id, day, region) of a credential whose scope fits the request."""
    parts = claim.credential.rstrip("/").split("/")
    if len(parts) != 5:
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{claim.credential}'"
        )
    key_id, day, region, named_service, terminator = parts
    faults: list[str] = []
    if not _is_region(region):
        faults.append(f"Credential should be scoped to a valid region, not '{region}'.")
    if named_service != service:
        faults.append(f"Credential should be scoped to correct service: '{service}'.")
    if terminator != _TERMINATOR:
        faults.append(
            f"Credential should be scoped with a valid terminator: '{_TERMINATOR}', "
            f"not '{terminator}'."
        )
    if day != claim.date[:8]:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{day}' != '{claim.date[:8]}', from '{claim.date}'."
        )
    if faults:
        raise InvalidSignatureException(" ".join(faults))
    return key_id, day, region


@lru_cache(_SIGNING_KEYS)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, _TERMINATOR):
        key = hmac.digest(key, part.encode("latin-1", "replace"), "sha256")
    return key


def _canonical_path(path: bytes) -> str:
    """The path without `.`, `..` and doubled slashes, percent-encoded once more."""
    text = path.decode("latin-1")
    if text in ("/", ""):
        return "/"
    normal = posixpath.normpath("/" + text.lstrip("/"))
    if text.endswith("/") and normal != "/":
        normal += "/"
    return quote(normal, safe="/~", encoding="latin-1")


def _canonical_query(query: bytes) -> str:
    """The parameters, as they are encoded, in the order of their names and values."""
    if not query:
        return ""
    pairs = (part.partition("=") for part in query.decode("latin-1").split("&") if part)
    return "&".join(f"{name}={value}" for name, value in sorted((p[0], p[2]) for p in pairs))
