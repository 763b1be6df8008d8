"""The pytest plugin: a Tailrace for tests, without a container, an account or a wait.

`pip install tailrace` is enough; pytest finds the plugin by itself. Nothing of Tailrace is imported
before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tailrace.app import Tailrace
    from tailrace.testing.controls import Controls

__all__ = ["tailrace_controls", "tailrace_endpoint", "tailrace_server", "tailrace_session"]

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}
_ENDPOINTS = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS")


@pytest.fixture
def tailrace_server() -> Iterator[Tailrace]:
    """An empty Tailrace in memory, for one test, with test controls; stopped at the end."""
    from tailrace.app import Tailrace
    from tailrace.settings import Settings

    with Tailrace(Settings(port=0, test_controls=True)) as running:
        yield running


@pytest.fixture(scope="session")
def tailrace_session() -> Iterator[Tailrace]:
    """A Tailrace in memory that all tests share: they keep apart by their tables' names."""
    from tailrace.app import Tailrace
    from tailrace.settings import Settings

    with Tailrace(Settings(port=0, test_controls=True)) as running:
        yield running


@pytest.fixture
def tailrace_endpoint(tailrace_server: Tailrace, monkeypatch: pytest.MonkeyPatch) -> str:
    """The endpoint of `tailrace_server`; boto3 clients made in the test go there by themselves."""
    for name in _ENDPOINTS:
        monkeypatch.setenv(name, tailrace_server.endpoint_url)
    for name, value in _ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return tailrace_server.endpoint_url


@pytest.fixture
def tailrace_controls(tailrace_server: Tailrace) -> Controls:
    """The test controls of `tailrace_server`."""
    from tailrace.testing.controls import Controls

    return Controls(tailrace_server.endpoint_url)
