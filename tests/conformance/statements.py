"""PartiQL statements on the shared tables, run one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.client import Answer, Client, Json

__all__ = ["Statements"]

Fill = Callable[[Any], Any]


class Statements:
    """Runs statements in which `@composite` and its kin stand for the shared tables."""

    def __init__(self, db: Client, fill: Fill) -> None:
        self._db = db
        self._fill = fill

    def send(self, statement: str, *parameters: Json, **more: Any) -> Answer:
        """The answer, whatever it is."""
        given = {"Parameters": list(parameters)} if parameters else {}
        body = self._fill({"Statement": statement, **given, **more})
        return self._db.send("ExecuteStatement", body)

    def run(self, statement: str, *parameters: Json, **more: Any) -> Json:
        """The answer to a statement that must succeed."""
        answer = self.send(statement, *parameters, **more)
        assert answer.status == 200, answer.body
        return answer.body

    def items(self, statement: str, *parameters: Json, **more: Any) -> list[Json]:
        """What a statement answers with."""
        return self.run(statement, *parameters, **more)["Items"]

    def refuses(
        self,
        statement: str,
        message: str,
        *parameters: Json,
        code: str = "ValidationException",
        **more: Any,
    ) -> None:
        """The statement must be refused with exactly that."""
        answer = self.send(statement, *parameters, **more)
        assert (answer.status, answer.code, answer.message) == (400, code, self._fill(message))
