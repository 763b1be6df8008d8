"""The registry: every operation of the Lambda API that is answered."""

from __future__ import annotations

from typing import Final

from tailrace.api.functions.aliases import (
    CREATE_ALIAS,
    DELETE_ALIAS,
    GET_ALIAS,
    LIST_ALIASES,
    UPDATE_ALIAS,
)
from tailrace.api.functions.concurrency import (
    DELETE_FUNCTION_CONCURRENCY,
    GET_FUNCTION_CONCURRENCY,
    PUT_FUNCTION_CONCURRENCY,
)
from tailrace.api.functions.create_event_source_mapping import CREATE_EVENT_SOURCE_MAPPING
from tailrace.api.functions.create_function import CREATE_FUNCTION
from tailrace.api.functions.delete_function import DELETE_FUNCTION
from tailrace.api.functions.event_invoke_configs import (
    DELETE_FUNCTION_EVENT_INVOKE_CONFIG,
    GET_FUNCTION_EVENT_INVOKE_CONFIG,
    LIST_FUNCTION_EVENT_INVOKE_CONFIGS,
    PUT_FUNCTION_EVENT_INVOKE_CONFIG,
    UPDATE_FUNCTION_EVENT_INVOKE_CONFIG,
)
from tailrace.api.functions.fixed_settings import FIXED_SETTINGS
from tailrace.api.functions.get_event_source_mapping import (
    DELETE_EVENT_SOURCE_MAPPING,
    GET_EVENT_SOURCE_MAPPING,
)
from tailrace.api.functions.get_function import GET_FUNCTION
from tailrace.api.functions.get_function_configuration import GET_FUNCTION_CONFIGURATION
from tailrace.api.functions.invoke import INVOKE
from tailrace.api.functions.list_event_source_mappings import LIST_EVENT_SOURCE_MAPPINGS
from tailrace.api.functions.list_functions import LIST_FUNCTIONS
from tailrace.api.functions.list_versions_by_function import LIST_VERSIONS_BY_FUNCTION
from tailrace.api.functions.operation import AnyOperation
from tailrace.api.functions.permissions import ADD_PERMISSION, GET_POLICY, REMOVE_PERMISSION
from tailrace.api.functions.publish_version import PUBLISH_VERSION
from tailrace.api.functions.tags import LIST_TAGS, TAG_RESOURCE, UNTAG_RESOURCE
from tailrace.api.functions.update_event_source_mapping import UPDATE_EVENT_SOURCE_MAPPING
from tailrace.api.functions.update_function_code import UPDATE_FUNCTION_CODE
from tailrace.api.functions.update_function_configuration import UPDATE_FUNCTION_CONFIGURATION

__all__ = ["FUNCTIONS_OPERATIONS"]

FUNCTIONS_OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    ADD_PERMISSION,
    CREATE_ALIAS,
    CREATE_EVENT_SOURCE_MAPPING,
    CREATE_FUNCTION,
    DELETE_ALIAS,
    DELETE_EVENT_SOURCE_MAPPING,
    DELETE_FUNCTION,
    DELETE_FUNCTION_CONCURRENCY,
    DELETE_FUNCTION_EVENT_INVOKE_CONFIG,
    GET_ALIAS,
    GET_EVENT_SOURCE_MAPPING,
    GET_FUNCTION,
    GET_FUNCTION_CONCURRENCY,
    GET_FUNCTION_CONFIGURATION,
    GET_FUNCTION_EVENT_INVOKE_CONFIG,
    GET_POLICY,
    INVOKE,
    LIST_ALIASES,
    LIST_EVENT_SOURCE_MAPPINGS,
    LIST_FUNCTIONS,
    LIST_FUNCTION_EVENT_INVOKE_CONFIGS,
    LIST_TAGS,
    LIST_VERSIONS_BY_FUNCTION,
    PUBLISH_VERSION,
    PUT_FUNCTION_CONCURRENCY,
    PUT_FUNCTION_EVENT_INVOKE_CONFIG,
    REMOVE_PERMISSION,
    TAG_RESOURCE,
    UNTAG_RESOURCE,
    UPDATE_ALIAS,
    UPDATE_EVENT_SOURCE_MAPPING,
    UPDATE_FUNCTION_CODE,
    UPDATE_FUNCTION_CONFIGURATION,
    UPDATE_FUNCTION_EVENT_INVOKE_CONFIG,
    *FIXED_SETTINGS,
)
