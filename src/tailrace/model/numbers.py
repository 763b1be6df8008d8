"""DynamoDB numbers: 38 significant digits between 1E-130 and 9.99…E+125, kept as text.

The canonical text has no exponent, no plus sign, no superfluous zeros and no negative zero, so that
two numbers are equal exactly when their texts are. `sort_bytes` orders as the numbers do under
plain byte comparison.
"""

from __future__ import annotations

import decimal
import re
from decimal import Decimal

from tailrace import limits
from tailrace.errors import ValidationException

__all__ = ["canonical_number", "number_size", "parse_number", "sort_bytes", "to_text"]

# Wide enough that parsing, adding and comparing two legal numbers is exact: 126 digits before the
# point, 130 + 38 after. The exponents hold every numeral that `_NUMBER` lets through.
_EXACT = decimal.Context(
    prec=limits.NUMBER_MAX_EXPONENT - limits.NUMBER_MIN_EXPONENT + limits.NUMBER_DIGITS + 4,
    Emax=10_000_000_000,
    Emin=-10_000_000_000,
    traps=[decimal.InvalidOperation],
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?0*[0-9]{1,9})?", re.ASCII)
# Canonical texts of fractions and negative numbers, too short to have more than 38 digits.
_CANONICAL = re.compile(r"-?(?:[1-9][0-9]{0,17}|0(?=\.))(?:\.[0-9]{0,18}[1-9])?", re.ASCII)
# A text longer than this has more than 38 digits even after every strippable zero of a legal
# number.
_TEXT_MAX = 400

# The sum of two integers shorter than this needs no check.
_SHORT = 37

_OVERFLOW = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
_UNDERFLOW = (
    "Number underflow. Attempting to store a number with magnitude smaller than supported range"
)
_TOO_PRECISE = "Attempting to store more than 38 significant digits in a Number"


def canonical_number(text: str) -> str:
    """The canonical text of a number a caller sent.

    Raises ValidationException with DynamoDB's message for what is no number, too large, too small
    or too precise.
    """
    if text.isdigit() and len(text) < _SHORT and text.isascii():
        if text[0] != "0" or len(text) == 1:
            return text
    elif _CANONICAL.fullmatch(text) is not None:
        return text
    return to_text(parse_number(text))


def parse_number(text: str) -> Decimal:
    """The exact value of a number a caller sent; the same errors as `canonical_number`."""
    if not text:
        raise ValidationException("The parameter cannot be converted to a numeric value")
    if _NUMBER.fullmatch(text) is None:
        raise ValidationException(f"The parameter cannot be converted to a numeric value: {text}")
    if len(text) > _TEXT_MAX:
        text = _shortened(text)
    return checked(_EXACT.create_decimal(text))


def _shortened(text: str) -> str:
    """A very long numeral without the zeros that do not count, or DynamoDB's error if it is still
    too long.
    """
    mantissa, _, exponent = text.lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return "0"
    # Python reads no integer of more than 4,300 digits, whatever they are.
    power = int(exponent.lstrip("+-").lstrip("0") or "0")
    scale = (-power if exponent.startswith("-") else power) - len(fraction)
    stripped = digits.rstrip("0")
    if len(stripped) > limits.NUMBER_DIGITS:
        raise ValidationException(_TOO_PRECISE)
    return f"{sign}{stripped}E{scale + len(digits) - len(stripped)}"


def checked(number: Decimal) -> Decimal:
    """`number` itself when DynamoDB can store it, else a ValidationException."""
    if not number:
        return Decimal(0)
    magnitude = number.adjusted()
    if magnitude > limits.NUMBER_MAX_EXPONENT:
        raise ValidationException(_OVERFLOW)
    if magnitude < limits.NUMBER_MIN_EXPONENT:
        raise ValidationException(_UNDERFLOW)
    digits = number.as_tuple().digits
    if len(digits) > limits.NUMBER_DIGITS:
        significant = len(digits)
        while digits[significant - 1] == 0:
            significant -= 1
        if significant > limits.NUMBER_DIGITS:
            raise ValidationException(_TOO_PRECISE)
    return number


def add(left: str, right: str) -> str:
    """left + right, canonical. Raises ValidationException when the result cannot be stored."""
    if len(left) < _SHORT and len(right) < _SHORT and "." not in left and "." not in right:
        return str(int(left) + int(right))
    return to_text(checked(_EXACT.add(Decimal(left), Decimal(right))))


def subtract(left: str, right: str) -> str:
    """left - right, canonical. Raises ValidationException when the result cannot be stored."""
    return add(left, right[1:] if right[0] == "-" else f"-{right}")


def to_text(number: Decimal) -> str:
    """The canonical text of a legal number: plain notation, as DynamoDB returns it."""
    if not number:
        return "0"
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text


def number_size(text: str) -> int:
    """Bytes a number counts for, from its canonical text: 1, and 1 for each two significant digits
    begun on either side of the point, and 1 for a minus sign.

    Zeros that only say where the point is do not count: those that end an integer, and those that
    begin a pure fraction. Found by writing items of exactly 400 KB to the service.
    """
    negative = text[0] == "-"
    whole, _, fraction = text.partition(".")
    whole = whole[negative:]
    if not fraction:
        whole = whole.rstrip("0")
    elif whole == "0":
        whole, fraction = "", fraction.lstrip("0")
    return 1 + (len(whole) + 1) // 2 + (len(fraction) + 1) // 2 + negative


def sort_bytes(text: str) -> bytes:
    """Bytes that compare as the numbers do, from canonical text.

    Layout: a class byte (negative 0x40, zero 0x80, positive 0xC0), then for others than zero the
    decimal exponent + 1000 in two bytes and the significant digits, two a byte, each 1 + the pair's
    value. Negative numbers have all bytes after the first complemented and end in 0xFF, so that of
    two that share a prefix the longer one, the lesser number, sorts first.
    """
    negative = text[0] == "-"
    whole, _, fraction = text.partition(".")
    digits = (whole[negative:] + fraction).lstrip("0")
    if not digits:
        return b"\x80"
    whole_digits = len(whole) - negative
    exponent = whole_digits if whole[-1] != "0" or whole_digits > 1 else len(digits) - len(fraction)
    digits = digits.rstrip("0")
    if len(digits) & 1:
        digits += "0"
    body = (exponent + 1000).to_bytes(2, "big") + bytes(
        [int(digits[at : at + 2]) + 1 for at in range(0, len(digits), 2)]
    )
    if negative:
        return b"\x40" + bytes([255 - byte for byte in body]) + b"\xff"
    return b"\xc0" + body
