"""Every error a caller can be given: AWS's code and HTTP status on the class, the message on the
instance.

Codes and statuses are those of the botocore service models; the namespaces are those AWS puts
before the `#` in `__type`.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AccessDeniedException",
    "AwsError",
    "BackupInUseException",
    "BackupNotFoundException",
    "ConditionalCheckFailedException",
    "ConfigurationError",
    "ContinuousBackupsUnavailableException",
    "DryRunOperationException",
    "DuplicateItemException",
    "ExpiredIteratorException",
    "ExpiredNextTokenException",
    "ExportConflictException",
    "ExportNotFoundException",
    "GlobalTableAlreadyExistsException",
    "GlobalTableNotFoundException",
    "IdempotentParameterMismatchException",
    "ImportConflictException",
    "ImportNotFoundException",
    "IncompleteSignatureException",
    "InternalServerError",
    "InvalidArgumentException",
    "InvalidExportTimeException",
    "InvalidRestoreTimeException",
    "InvalidSignatureException",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "MissingAuthenticationTokenException",
    "PayloadTooLargeException",
    "PointInTimeRecoveryUnavailableException",
    "PolicyNotFoundException",
    "ProvisionedThroughputExceededException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "SerializationException",
    "TableAlreadyExistsException",
    "TableInUseException",
    "TableNotFoundException",
    "TailraceError",
    "ThrottlingException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TrimmedDataAccessException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationException",
]

_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
_CORAL_SERVICE = "com.amazon.coral.service#"
_CORAL_VALIDATE = "com.amazon.coral.validate#"


class TailraceError(Exception):
    """The root of everything Tailrace raises on purpose."""


class ConfigurationError(TailraceError):
    """Settings that cannot work together, or a data directory that cannot be opened as asked."""


class AwsError(TailraceError):
    """An error with a place in AWS's API.

    `fields` are further members of the error's JSON body, e.g. `Item` or `CancellationReasons`; a
    `msgspec.Raw` value is spliced in as it stands.
    """

    code: ClassVar[str] = "InternalServerError"
    status: ClassVar[int] = 500
    namespace: ClassVar[str] = _DYNAMODB
    message_member: ClassVar[str] = "message"

    def __init__(self, message: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class ValidationException(AwsError):
    code = "ValidationException"
    status = 400
    namespace = _CORAL_VALIDATE


class SerializationException(AwsError):
    code = "SerializationException"
    status = 400
    namespace = _CORAL_SERVICE
    message_member = "Message"


class UnknownOperationException(AwsError):
    code = "UnknownOperationException"
    status = 400
    namespace = _CORAL_SERVICE


class AccessDeniedException(AwsError):
    code = "AccessDeniedException"
    status = 400
    namespace = _CORAL_SERVICE
    message_member = "Message"


class MissingAuthenticationTokenException(AwsError):
    code = "MissingAuthenticationTokenException"
    status = 400
    namespace = _CORAL_SERVICE


class IncompleteSignatureException(AwsError):
    code = "IncompleteSignatureException"
    status = 400
    namespace = _CORAL_SERVICE


class InvalidSignatureException(AwsError):
    code = "InvalidSignatureException"
    status = 400
    namespace = _CORAL_SERVICE


class UnrecognizedClientException(AwsError):
    code = "UnrecognizedClientException"
    status = 400
    namespace = _CORAL_SERVICE


class PayloadTooLargeException(AwsError):
    """A body over the limit; AWS's front door answers it before any service sees it."""

    code = "RequestEntityTooLargeException"
    status = 413
    namespace = _CORAL_SERVICE


class ThrottlingException(AwsError):
    code = "ThrottlingException"
    status = 400
    namespace = _CORAL_SERVICE


class InternalServerError(AwsError):
    code = "InternalServerError"
    status = 500


class ResourceNotFoundException(AwsError):
    code = "ResourceNotFoundException"
    status = 400


class TableNotFoundException(AwsError):
    code = "TableNotFoundException"
    status = 400


class BackupNotFoundException(AwsError):
    code = "BackupNotFoundException"
    status = 400


class BackupInUseException(AwsError):
    code = "BackupInUseException"
    status = 400


class ResourceInUseException(AwsError):
    code = "ResourceInUseException"
    status = 400


class LimitExceededException(AwsError):
    code = "LimitExceededException"
    status = 400


class ConditionalCheckFailedException(AwsError):
    code = "ConditionalCheckFailedException"
    status = 400


class ProvisionedThroughputExceededException(AwsError):
    code = "ProvisionedThroughputExceededException"
    status = 400


class ItemCollectionSizeLimitExceededException(AwsError):
    code = "ItemCollectionSizeLimitExceededException"
    status = 400


class TransactionCanceledException(AwsError):
    code = "TransactionCanceledException"
    status = 400
    message_member = "Message"


class TransactionConflictException(AwsError):
    code = "TransactionConflictException"
    status = 400


class IdempotentParameterMismatchException(AwsError):
    code = "IdempotentParameterMismatchException"
    status = 400
    message_member = "Message"


class DuplicateItemException(AwsError):
    code = "DuplicateItemException"
    status = 400


class DryRunOperationException(AwsError):
    code = "DryRunOperationException"
    status = 400


class ExpiredNextTokenException(AwsError):
    code = "ExpiredNextTokenException"
    status = 400


class InvalidArgumentException(AwsError):
    """What Kinesis answers where DynamoDB has ValidationException."""

    code = "InvalidArgumentException"
    status = 400


class ExpiredIteratorException(AwsError):
    code = "ExpiredIteratorException"
    status = 400


class TrimmedDataAccessException(AwsError):
    code = "TrimmedDataAccessException"
    status = 400


class ContinuousBackupsUnavailableException(AwsError):
    code = "ContinuousBackupsUnavailableException"
    status = 400


class ExportConflictException(AwsError):
    code = "ExportConflictException"
    status = 400


class ExportNotFoundException(AwsError):
    code = "ExportNotFoundException"
    status = 400


class GlobalTableAlreadyExistsException(AwsError):
    code = "GlobalTableAlreadyExistsException"
    status = 400


class GlobalTableNotFoundException(AwsError):
    code = "GlobalTableNotFoundException"
    status = 400


class ImportConflictException(AwsError):
    code = "ImportConflictException"
    status = 400


class ImportNotFoundException(AwsError):
    code = "ImportNotFoundException"
    status = 400


class InvalidExportTimeException(AwsError):
    code = "InvalidExportTimeException"
    status = 400


class InvalidRestoreTimeException(AwsError):
    code = "InvalidRestoreTimeException"
    status = 400


class PointInTimeRecoveryUnavailableException(AwsError):
    code = "PointInTimeRecoveryUnavailableException"
    status = 400


class PolicyNotFoundException(AwsError):
    code = "PolicyNotFoundException"
    status = 400


class TableAlreadyExistsException(AwsError):
    code = "TableAlreadyExistsException"
    status = 400


class TableInUseException(AwsError):
    code = "TableInUseException"
    status = 400
