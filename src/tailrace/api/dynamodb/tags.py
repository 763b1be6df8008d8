"""TagResource, UntagResource and ListTagsOfResource: the tags of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.replies import EMPTY, body_of
from tailrace.api.dynamodb.resources import Resource, find_resource, parse_resource
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import AccessDeniedException, ValidationException
from tailrace.model.schema import Table
from tailrace.tables import life
from tailrace.tables.busy import check_settled
from tailrace.tables.catalog import Catalog

__all__ = [
    "LIST_TAGS_OF_RESOURCE",
    "TAG_RESOURCE",
    "UNTAG_RESOURCE",
    "ListTagsOfResourceInput",
    "TagResourceInput",
    "UntagResourceInput",
    "checked_tags",
    "tags_setting",
]

TAGS: Final = "Tags"
# Letters, white space and digits of any script, and these (Tagging.html).
_ALLOWED: Final = re.compile(r"[\w\s+\-=.:/@]*")


class TagResourceInput(msgspec.Struct, rename="pascal", frozen=True):
    resource_arn: str
    tags: list[parts.Tag]


class UntagResourceInput(msgspec.Struct, rename="pascal", frozen=True):
    resource_arn: str
    tag_keys: list[str]


class ListTagsOfResourceInput(msgspec.Struct, rename="pascal", frozen=True):
    resource_arn: str
    next_token: str | None = None


def checked_tags(tags: Iterable[parts.Tag]) -> dict[str, str]:
    """Tags by key. Raises ValidationException for keys and values that no tag has."""
    found: dict[str, str] = {}
    for tag in tags:
        if tag.key in found:
            raise ValidationException(
                f"Duplicate Tag Keys provided as input: Duplicate Tag Key found {tag.key}"
            )
        _check_key(tag.key)
        if not _ALLOWED.fullmatch(tag.value):
            raise ValidationException(f"The Tag Value provided is invalid, Value: {tag.value}")
        found[tag.key] = tag.value
    return found


def tags_setting(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags in the API's form, as a table's settings keep them. Raises ValidationException for too
    many."""
    if len(tags) > limits.TAGS:
        raise ValidationException(
            "Number of Tags exceed the current limit for the provided ResourceArn"
        )
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_resource(context: Context, request: TagResourceInput) -> Altered:
    resource = _resource(context, request.resource_arn)
    if not request.tags:
        raise ValidationException("Atleast one Tag needs to be provided as Input.")
    added = checked_tags(request.tags)
    return _changed(context, resource, lambda tags: {**tags, **added})


def untag_resource(context: Context, request: UntagResourceInput) -> Altered:
    resource = _resource(context, request.resource_arn)
    if not request.tag_keys:
        raise ValidationException("Atleast one Tag Key needs to be provided as Input.")
    gone = set(request.tag_keys)
    return _changed(
        context,
        resource,
        lambda tags: {key: value for key, value in tags.items() if key not in gone},
    )


def list_tags_of_resource(context: Context, request: ListTagsOfResourceInput) -> bytes:
    resource = _resource(context, request.resource_arn)
    table = find_resource(context, resource, _absent(resource))
    return body_of({"Tags": table.settings.get(TAGS, [])})


def _check_key(key: str) -> None:
    if not _ALLOWED.fullmatch(key):
        raise ValidationException(f"The Tag Key provided is invalid, Key: {key}")
    if key.lower().startswith("aws:"):
        raise ValidationException(f"Tag Key cannot be prefixed with aws:, Key: {key}")


def _resource(context: Context, arn: str) -> Resource:
    resource = parse_resource(arn)
    if resource.region != context.scope.region:
        raise ValidationException(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    if resource.account != context.scope.account:
        raise AccessDeniedException(
            f"User is not authorized to perform this operation on resource: {arn}"
        )
    return resource


def _absent(resource: Resource) -> str:
    # Spelled as the service spells it.
    return f"Requested resource not found: ResourcArn: {resource.arn} not found"


def _tags_of(table: Table) -> dict[str, str]:
    return {
        tag.key: tag.value for tag in msgspec.convert(table.settings.get(TAGS, []), list[parts.Tag])
    }


def _changed(
    context: Context, resource: Resource, change: Callable[[dict[str, str]], dict[str, str]]
) -> Altered:
    found = find_resource(context, resource, _absent(resource))
    check_settled(found)

    def retag(table: Table, next_id: int) -> tuple[Table, int]:
        tags = tags_setting(change(_tags_of(table)))
        settings = {**table.settings, TAGS: tags}
        return msgspec.structs.replace(table, settings=settings), next_id

    def reply(catalog: Catalog) -> bytes:
        del catalog
        return EMPTY

    scope = (found.account, found.region, found.name)
    return Altered(life.update_table(scope, retag, None, context.service.clock.now_us()), reply)


TAG_RESOURCE = Operation("TagResource", TagResourceInput, tag_resource)
UNTAG_RESOURCE = Operation("UntagResource", UntagResourceInput, untag_resource)
LIST_TAGS_OF_RESOURCE = Operation(
    "ListTagsOfResource", ListTagsOfResourceInput, list_tags_of_resource
)
