"""Values as AWS's messages repeat them: the way Java prints lists, maps and structures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tailrace.wire.shapes import Shape, member_path

__all__ = ["ECHO_CHARACTERS", "echo"]

# Our own limit. The service repeats the whole value, but printing an attribute value takes twenty
# times its JSON.
ECHO_CHARACTERS: Final = 16_384


def echo(shape: Shape, value: Any) -> str:
    """The value's text, cut off after `ECHO_CHARACTERS`.

    Strings and numbers stand as they are, lists as `[a, b]`, maps as `{k=v}`, structures as
    `Name(member=v, other=null)`.
    """
    pieces: list[str] = []
    room = ECHO_CHARACTERS
    for piece in _pieces(shape, value):
        pieces.append(piece[:room])
        room -= len(piece)
        if room <= 0:
            break
    return "".join(pieces)


def _pieces(shape: Shape, value: Any) -> Iterator[str]:
    if value is None:
        yield "null"
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif shape.kind == "structure":
        yield from _structure(shape, value)
    elif shape.kind == "map":
        yield from _map(shape, value)
    elif shape.kind == "list":
        yield from _list(shape, value)
    else:
        yield str(value)


def _structure(shape: Shape, value: Mapping[str, Any]) -> Iterator[str]:
    yield shape.name + "("
    separator = ""
    for name in shape.shown:
        yield f"{separator}{member_path(name)}="
        separator = ", "
        member = shape.members.get(name)
        if member is None:
            yield "null"
        else:
            yield from _pieces(member, value.get(name))
    yield ")"


def _map(shape: Shape, value: Mapping[str, Any]) -> Iterator[str]:
    assert shape.element is not None
    yield "{"
    separator = ""
    for name, content in value.items():
        yield f"{separator}{name}="
        separator = ", "
        yield from _pieces(shape.element, content)
    yield "}"


def _list(shape: Shape, value: Sequence[Any]) -> Iterator[str]:
    assert shape.element is not None
    yield "["
    separator = ""
    for content in value:
        yield separator
        separator = ", "
        yield from _pieces(shape.element, content)
    yield "]"
