"""Filter patterns of event source mappings (invocation-eventfiltering.html, and EventBridge's
"content filtering", whose grammar they share).

A pattern is an object whose leaves are non-empty lists: a field matches when any of its list does,
an object when all of its fields do, a record when any of the filters does.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import msgspec

from tailrace.delivery.settings import InvalidParameterValueException

__all__ = ["MAX_FILTERS", "MAX_PATTERN_CHARACTERS", "compile_filters", "compile_pattern"]

MAX_FILTERS: Final = 10
MAX_PATTERN_CHARACTERS: Final = 4096
_MAX_NESTING: Final = 64
_VISIBLE: Final = ("eventName", "eventSource", "dynamodb", "userIdentity")
_INVALID: Final = "Invalid filter pattern definition."

# What a filter asks of a whole event, and of the scalars that stand at one path of it.
Accept: TypeAlias = Callable[[Mapping[str, Any]], bool]
_Test: TypeAlias = Callable[[Any], bool]
_Matcher: TypeAlias = Callable[[Sequence[Any]], bool]


def compile_filters(patterns: Iterable[str]) -> Accept | None:
    """What says whether a record's event passes any of these patterns; None without patterns.

    Raises InvalidParameterValueException for what is no pattern, too long or too many.
    """
    texts = list(patterns)
    if len(texts) > MAX_FILTERS:
        raise InvalidParameterValueException(_INVALID)
    filters = [compile_pattern(text) for text in texts]
    if not filters:
        return None
    return lambda event: any(accepts(event) for accepts in filters)


def compile_pattern(text: str) -> Accept:
    """What says whether a record's event matches one pattern; errors as `compile_filters`."""
    if len(text) > MAX_PATTERN_CHARACTERS:
        raise InvalidParameterValueException(_INVALID)
    try:
        pattern = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise _invalid() from None
    if not isinstance(pattern, dict):
        raise _invalid()
    given = cast("dict[str, Any]", pattern)
    matches = _object(given, 0) if given else _everything
    asks_for_data = "data" in given

    def accepts(event: Mapping[str, Any]) -> bool:
        seen = _seen(event)
        if asks_for_data and seen.get("data", _ABSENT) is _ABSENT:
            return False
        return matches([seen])

    return accepts


def _invalid() -> InvalidParameterValueException:
    return InvalidParameterValueException(_INVALID)


def _everything(places: Sequence[Any]) -> bool:
    del places
    return True


# What filters see ----------------------------------------------------------------------------

_ABSENT: Final = object()


def _seen(event: Mapping[str, Any]) -> Mapping[str, Any]:
    if "kinesis" not in event:
        return {name: event[name] for name in _VISIBLE if name in event}
    members: dict[str, Any] = dict(event["kinesis"])
    try:
        members["data"] = msgspec.json.decode(base64.b64decode(members["data"], validate=True))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members.pop("data", None)
    return members


def _below(places: Sequence[Any], name: str) -> list[Any]:
    """What stands under a name; lists on the way stand for each of their elements."""
    return [place[name] for place in _spread(places) if isinstance(place, dict) and name in place]


def _spread(places: Iterable[Any]) -> Iterator[Any]:
    for place in places:
        if isinstance(place, list):
            yield from _spread(cast("list[Any]", place))
        else:
            yield place


def _leaves(places: Sequence[Any]) -> list[Any]:
    return [place for place in _spread(places) if not isinstance(place, dict)]


# Objects and leaves --------------------------------------------------------------------------


def _object(pattern: Mapping[str, Any], depth: int) -> _Matcher:
    if not pattern or depth > _MAX_NESTING:
        raise _invalid()
    matchers = [_member(name, value, depth) for name, value in pattern.items()]
    return lambda places: all(matches(places) for matches in matchers)


def _member(name: str, value: Any, depth: int) -> _Matcher:
    if name == "$or":
        return _any_of(value, depth)
    if isinstance(value, dict):
        inner = _object(cast("dict[str, Any]", value), depth + 1)
        return lambda places: inner(_below(places, name))
    if not isinstance(value, list) or not value:
        raise _invalid()
    leaf = _leaf(cast("list[Any]", value))
    return lambda places: leaf(_leaves(_below(places, name)))


def _any_of(value: Any, depth: int) -> _Matcher:
    if not isinstance(value, list) or len(cast("list[Any]", value)) < 2:
        raise _invalid()
    choices: list[_Matcher] = []
    for choice in cast("list[Any]", value):
        if not isinstance(choice, dict):
            raise _invalid()
        choices.append(_object(cast("dict[str, Any]", choice), depth + 1))
    return lambda places: any(matches(places) for matches in choices)


def _leaf(rules: Sequence[Any]) -> _Matcher:
    tests: list[_Test] = []
    presences: set[bool] = set()
    for rule in rules:
        if isinstance(rule, dict):
            name, argument = _operator(cast("dict[str, Any]", rule))
            if name == "exists":
                presences.add(_boolean(argument))
            else:
                tests.append(_OPERATORS[name](argument))
        else:
            tests.append(_equals(rule))

    def matches(leaves: Sequence[Any]) -> bool:
        if bool(leaves) in presences:
            return True
        return any(test(leaf) for leaf in leaves for test in tests)

    return matches


def _operator(rule: Mapping[str, Any]) -> tuple[str, Any]:
    if len(rule) != 1:
        raise _invalid()
    ((name, argument),) = rule.items()
    if name != "exists" and name not in _OPERATORS:
        raise _invalid()
    return name, argument


def _boolean(argument: Any) -> bool:
    if not isinstance(argument, bool):
        raise _invalid()
    return argument


# Operators -----------------------------------------------------------------------------------


def _equals(wanted: Any) -> _Test:
    if isinstance(wanted, (dict, list)):
        raise _invalid()
    if _is_number(wanted):
        return lambda value: _is_number(value) and value == wanted
    return lambda value: type(value) is type(wanted) and value == wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(argument: Any) -> str:
    if not isinstance(argument, str):
        raise _invalid()
    return argument


def _on_text(test: Callable[[str], bool]) -> _Test:
    return lambda value: isinstance(value, str) and test(value)


def _edge(argument: Any, test: Callable[[str, str], bool]) -> _Test:
    """`prefix` or `suffix`: a text, or `{"equals-ignore-case": text}`."""
    if isinstance(argument, dict):
        name, inner = _operator(cast("dict[str, Any]", argument))
        if name != "equals-ignore-case":
            raise _invalid()
        folded = _text(inner).casefold()
        return _on_text(lambda value: test(value.casefold(), folded))
    wanted = _text(argument)
    return _on_text(lambda value: test(value, wanted))


def _prefix(argument: Any) -> _Test:
    return _edge(argument, str.startswith)


def _suffix(argument: Any) -> _Test:
    return _edge(argument, str.endswith)


def _equals_ignore_case(argument: Any) -> _Test:
    folded = _text(argument).casefold()
    return _on_text(lambda value: value.casefold() == folded)


def _wildcard(argument: Any) -> _Test:
    """`*` stands for any characters, `\\*` and `\\\\` for themselves."""
    pieces = [""]
    at, pattern = 0, _text(argument)
    while at < len(pattern):
        character = pattern[at]
        if character == "*":
            if pattern[at + 1 : at + 2] == "*":
                raise _invalid()
            pieces.append("")
        else:
            if character == "\\":
                at += 1
                character = pattern[at : at + 1]
                if character not in ("*", "\\"):
                    raise _invalid()
            pieces[-1] += character
        at += 1
    return _on_text(lambda value: _is_made_of(value, pieces))


def _is_made_of(value: str, pieces: Sequence[str]) -> bool:
    """Whether a text is these pieces with anything between them. Takes the leftmost place for each,
    where a regular expression might try them all."""
    first, *others = pieces
    if not others:
        return value == first
    *middle, last = others
    end = len(value) - len(last)
    if end < len(first) or not value.startswith(first) or not value.endswith(last):
        return False
    at = len(first)
    for piece in middle:
        found = value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _anything_but(argument: Any) -> _Test:
    if isinstance(argument, dict):
        name, inner = _operator(cast("dict[str, Any]", argument))
        if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise _invalid()
        given: list[Any] = cast("list[Any]", inner) if isinstance(inner, list) else [inner]
        refused = [_OPERATORS[name](each) for each in given]
    else:
        values: list[Any] = (
            cast("list[Any]", argument) if isinstance(argument, list) else [argument]
        )
        if any(isinstance(value, bool) or value is None for value in values):
            raise _invalid()
        refused = [_equals(value) for value in values]
    if not refused:
        raise _invalid()
    return lambda value: not any(test(value) for test in refused)


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def _numeric(argument: Any) -> _Test:
    """`["=", n]`, one bound, or a lower and then an upper one."""
    if not isinstance(argument, list):
        raise _invalid()
    parts = cast("list[Any]", argument)
    names, bounds = parts[::2], parts[1::2]
    if len(names) != len(bounds) or not all(_is_number(bound) for bound in bounds):
        raise _invalid()
    if not all(isinstance(name, str) and name in _COMPARISONS for name in names):
        raise _invalid()
    directions = "".join(name[0] for name in names)
    if directions not in ("=", "<", ">", "><") or (len(bounds) == 2 and bounds[0] > bounds[1]):
        raise _invalid()
    tests = [(_COMPARISONS[name], bound) for name, bound in zip(names, bounds, strict=True)]
    return lambda value: _is_number(value) and all(test(value, bound) for test, bound in tests)


def _cidr(argument: Any) -> _Test:
    try:
        network = ipaddress.ip_network(_text(argument), strict=False)
    except ValueError:
        raise _invalid() from None

    def inside(value: str) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return _on_text(inside)


_OPERATORS: Final[Mapping[str, Callable[[Any], _Test]]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": _equals_ignore_case,
    "numeric": _numeric,
    "prefix": _prefix,
    "suffix": _suffix,
    "wildcard": _wildcard,
}
