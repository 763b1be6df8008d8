"""How a stream is delivered: the settings of a Lambda event source mapping, by AWS's names.

Defaults and ranges are those of CreateEventSourceMapping (API_CreateEventSourceMapping.html).
"""

from __future__ import annotations

import enum
from typing import Any, Final

import msgspec

from tailrace.errors import AwsError, ValidationException

__all__ = [
    "DeliverySettings",
    "InvalidParameterValueException",
    "OnTrimmed",
    "StartingPosition",
    "settings_from_aws",
]

REPORT_BATCH_ITEM_FAILURES: Final = "ReportBatchItemFailures"
FOREVER: Final = -1


class InvalidParameterValueException(AwsError):
    """A combination of settings that Lambda refuses."""

    code = "InvalidParameterValueException"
    status = 400
    namespace = ""


class StartingPosition(enum.Enum):
    """Where a consumer without checkpoints begins."""

    TRIM_HORIZON = "TRIM_HORIZON"
    LATEST = "LATEST"


class OnTrimmed(enum.Enum):
    """What to do about records that the stream dropped before they were read: stop with an error,
    count the loss and go on, or go on and read the whole table again (consumer groups only)."""

    FAIL = "fail"
    SKIP = "skip"
    RESNAPSHOT = "resnapshot"


class DeliverySettings(msgspec.Struct, frozen=True, kw_only=True):
    """One consumer's settings. Lengths of time end in their unit; -1 means without limit.

    `on_trimmed` is Tailrace's own: Lambda skips silently, here the loss is counted too.
    """

    starting_position: StartingPosition = StartingPosition.TRIM_HORIZON
    batch_size: int = 100
    maximum_batching_window_in_seconds: int = 0
    parallelization_factor: int = 1
    maximum_record_age_in_seconds: int = FOREVER
    maximum_retry_attempts: int = FOREVER
    bisect_batch_on_function_error: bool = False
    function_response_types: tuple[str, ...] = ()
    tumbling_window_in_seconds: int = 0
    on_trimmed: OnTrimmed = OnTrimmed.SKIP

    def __post_init__(self) -> None:
        """Raise ValidationException or InvalidParameterValueException for what Lambda refuses."""
        problems = [
            problem
            for name, member, low, high in _RANGES
            for problem in _out_of_range(getattr(self, name), member, low, high)
        ]
        problems += _unknown_response_types(self.function_response_types)
        if problems:
            plural = "s" if len(problems) > 1 else ""
            raise ValidationException(
                f"{len(problems)} validation error{plural} detected: " + "; ".join(problems)
            )
        if 0 <= self.maximum_record_age_in_seconds < _LEAST_RECORD_AGE:
            raise InvalidParameterValueException(
                "MaximumRecordAgeInSeconds must be -1 or between 60 and 604800."
            )
        if self.tumbling_window_in_seconds and self.parallelization_factor > 1:
            raise InvalidParameterValueException(
                "ParallelizationFactor must be 1 with TumblingWindowInSeconds."
            )

    @property
    def reports_item_failures(self) -> bool:
        """Whether what the function returns names the records that failed."""
        return REPORT_BATCH_ITEM_FAILURES in self.function_response_types


_LEAST_RECORD_AGE: Final = 60
_RANGES: Final = (
    ("batch_size", "batchSize", 1, 10_000),
    ("maximum_batching_window_in_seconds", "maximumBatchingWindowInSeconds", 0, 300),
    ("parallelization_factor", "parallelizationFactor", 1, 10),
    ("maximum_record_age_in_seconds", "maximumRecordAgeInSeconds", FOREVER, 604_800),
    ("maximum_retry_attempts", "maximumRetryAttempts", FOREVER, 10_000),
    ("tumbling_window_in_seconds", "tumblingWindowInSeconds", 0, 900),
)


def _out_of_range(value: int, member: str, low: int, high: int) -> list[str]:
    if low <= value <= high:
        return []
    bound = f"less than or equal to {high}" if value > high else f"greater than or equal to {low}"
    return [_violation(str(value), member, f"have value {bound}")]


def _unknown_response_types(types: tuple[str, ...]) -> list[str]:
    if all(name == REPORT_BATCH_ITEM_FAILURES for name in types):
        return []
    must = f"satisfy enum value set: [{REPORT_BATCH_ITEM_FAILURES}]"
    shown = f"[{', '.join(types)}]"
    return [_violation(shown, "functionResponseTypes", f"satisfy constraint: [Member must {must}]")]


def _violation(value: str, member: str, must: str) -> str:
    return f"Value '{value}' at '{member}' failed to satisfy constraint: Member must {must}"


class _AwsSettings(msgspec.Struct, rename="pascal", kw_only=True):
    """The members of CreateEventSourceMapping that concern delivery, as they come in JSON."""

    starting_position: str
    batch_size: int = 100
    maximum_batching_window_in_seconds: int = 0
    parallelization_factor: int = 1
    maximum_record_age_in_seconds: int = FOREVER
    maximum_retry_attempts: int = FOREVER
    bisect_batch_on_function_error: bool = False
    function_response_types: tuple[str, ...] = ()
    tumbling_window_in_seconds: int = 0


def settings_from_aws(request: dict[str, Any]) -> DeliverySettings:
    """Settings of a CreateEventSourceMapping request; members that are not about delivery are
    passed over. Raises as `DeliverySettings` does, and for a missing or unknown position."""
    if not request.get("StartingPosition"):
        raise InvalidParameterValueException(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy"
            " constraint: Member must not be null."
        )
    try:
        given = msgspec.convert(request, _AwsSettings)
    except msgspec.ValidationError as error:
        raise ValidationException(str(error)) from error
    try:
        position = StartingPosition(given.starting_position)
    except ValueError:
        must = "satisfy enum value set: [LATEST, TRIM_HORIZON]"
        problem = _violation(given.starting_position, "startingPosition", must)
        raise ValidationException(f"1 validation error detected: {problem}") from None
    values = msgspec.structs.asdict(given)
    values["starting_position"] = position
    return DeliverySettings(**values)
