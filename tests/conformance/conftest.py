"""Endpoints for the conformance tests: Tailrace in memory and on SQLite, or any other by `--url`.

pytest tests/conformance                                 both engines
pytest tests/conformance --url http://127.0.0.1:8000     whatever answers there
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings
from tests.conformance.client import Client, Json
from tests.conformance.shapes import definitions, index, keys
from tests.conformance.statements import Statements

Refuses = Callable[..., None]

SHARED = ("simple", "composite", "numeric", "binary")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--url", help="the endpoint to hold against the conformance tests")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "endpoint" in metafunc.fixturenames:
        url = metafunc.config.getoption("--url", default=None)
        params = [url] if url else ["memory", "sqlite"]
        metafunc.parametrize(
            "endpoint",
            params,
            ids=lambda param: param.partition(":")[0],
            indirect=True,
            scope="session",
        )


@pytest.fixture(scope="session")
def endpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address under test."""
    if request.param not in ("memory", "sqlite"):
        yield request.param
        return
    data: Path | None = None
    if request.param == "sqlite":
        data = tmp_path_factory.mktemp("conformance") / "data"
    with Tailrace(Settings(port=0, data=data)) as running:
        yield running.endpoint_url


@pytest.fixture(scope="session")
def db(endpoint: str) -> Iterator[Client]:
    """A client whose tables go when the tests end."""
    client = Client(endpoint)
    yield client
    client.close()


@pytest.fixture
def fill(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Puts the names of the shared tables into requests and messages: `@simple` and its kin."""
    known: dict[str, str] = {}

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            for name in SHARED:
                if f"@{name}" in value:
                    known[name] = known.get(name) or request.getfixturevalue(name)
                    value = value.replace(f"@{name}", known[name])
            return value
        if isinstance(value, dict):
            return {filled(name): filled(content) for name, content in value.items()}
        return [filled(content) for content in value] if isinstance(value, list) else value

    return filled


@pytest.fixture
def refuses(db: Client, fill: Callable[[Any], Any]) -> Refuses:
    """`refuses(operation, body, message, code)`: the request must be refused with exactly that."""

    def check(operation: str, body: Json, message: str, code: str = "ValidationException") -> None:
        answer = db.send(operation, fill(body))
        assert (answer.status, answer.code, answer.message) == (400, code, fill(message))

    return check


@pytest.fixture
def sql(db: Client, fill: Callable[[Any], Any]) -> Statements:
    """PartiQL statements, in which `@simple` and its kin name the shared tables."""
    return Statements(db, fill)


@pytest.fixture(scope="session")
def simple(db: Client) -> str:
    """A table with the partition key `a`, a string. Tests use keys of their own."""
    return db.new_table(AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"))


@pytest.fixture(scope="session")
def composite(db: Client) -> str:
    """A table with the key (`a`, `b`) of strings, and indexes over the strings `c` and `d`.

    Local: `local_all` (a, c), `local_some` (a, d) including c. Global: `global_all` (c) and
    `global_some` (c, d) including e.
    """
    return db.new_table(
        AttributeDefinitions=definitions(("a", "S"), ("b", "S"), ("c", "S"), ("d", "S")),
        KeySchema=keys("a", "b"),
        LocalSecondaryIndexes=[
            index("local_all", "a", "c"),
            index("local_some", "a", "d", included=["c"]),
        ],
        GlobalSecondaryIndexes=[
            index("global_all", "c"),
            index("global_some", "c", "d", included=["e"]),
        ],
    )


@pytest.fixture(scope="session")
def numeric(db: Client) -> str:
    """A table with the key (`a`, `n`): a string and a number."""
    return db.new_table(
        AttributeDefinitions=definitions(("a", "S"), ("n", "N")), KeySchema=keys("a", "n")
    )


@pytest.fixture(scope="session")
def binary(db: Client) -> str:
    """A table with the key (`h`, `r`) of binaries, and the global index `by_g` over a binary."""
    return db.new_table(
        AttributeDefinitions=definitions(("h", "B"), ("r", "B"), ("g", "B")),
        KeySchema=keys("h", "r"),
        GlobalSecondaryIndexes=[index("by_g", "g")],
    )
