"""The conditions of a write request: an expression, or the legacy `Expected`, never both."""

from __future__ import annotations

from tailrace.errors import ValidationException
from tailrace.tables.conditions import guard_paths, refuse_parts_of_keys

__all__ = ["guard_paths", "refuse_mix", "refuse_parts_of_keys"]


def refuse_mix(legacy: dict[str, object | None], expression: dict[str, object | None]) -> None:
    """Raise ValidationException when both legacy and expression parameters were given, by their
    names in the API."""
    old = [name for name, value in legacy.items() if value is not None]
    new = [name for name, value in expression.items() if value is not None]
    if old and new:
        raise ValidationException(
            "Can not use both expression and non-expression parameters in the same request:"
            " Non-expression parameters:"
            f" {{{', '.join(old)}}} Expression parameters: {{{', '.join(new)}}}"
        )
