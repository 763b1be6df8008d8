"""From a call to its reply: look the operation up, decode, run, commit what it asks for, word what
went wrong.

`respond` is called exactly once, on the thread that `dispatch` was called on, or for commits on the
one that the engine reports outcomes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tailrace import limits
from tailrace.api.controls import run_control
from tailrace.api.operation import (
    Altered,
    Committed,
    Context,
    Later,
    Operation,
    Result,
    Service,
)
from tailrace.errors import (
    AwsError,
    SerializationException,
    ThrottlingException,
    UnknownOperationException,
)
from tailrace.model.values import Malformed
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Outcome
from tailrace.tables.transitions import settled_first
from tailrace.wire.call import Call, Reply
from tailrace.wire.decode import Decoder
from tailrace.wire.faults import fault

__all__ = ["Dispatcher", "Respond"]

Respond: TypeAlias = Callable[[Reply], None]
_OK = 200
_log = logging.getLogger("tailrace.api")


class _Route:
    """An operation with its decoder."""

    __slots__ = ("decode", "decoder", "run")

    def __init__(self, operation: Operation[Any], service: str) -> None:
        self.run = operation.run
        self.decoder = Decoder(service, operation.name, operation.input)
        self.decode = self.decoder.decode

    def run_leniently(self, context: Context, body: bytes) -> Result:
        """Run the operation on a body whose attribute values are not in the usual shape: it is
        mended, or refused in AWS's words."""
        try:
            return self.run(context, self.decoder.decode_leniently(body))
        except Malformed:
            raise SerializationException from None


class Dispatcher:
    """Answers calls. `operations` maps an `X-Amz-Target` to its operation, `services` a target's
    prefix to its service model."""

    def __init__(
        self,
        service: Service,
        operations: Mapping[str, Operation[Any]],
        services: Mapping[str, str],
    ) -> None:
        self.service = service
        self._operations = operations
        self._services = services
        self._routes: dict[str, _Route] = {}
        # Calls that are answered in steps and not answered yet.
        self._continued = 0

    def dispatch(self, call: Call, respond: Respond) -> None:
        """Answer one call. Never raises."""
        route = self._routes.get(call.target) or self._new_route(call.target)
        if route is None:
            respond(fault(UnknownOperationException()))
            return
        faults = self.service.faults
        if faults.active:
            refusal = faults.refusal(route.decoder.operation)
            if refusal is not None:
                respond(fault(refusal))
                return
        context = Context(self.service, call.scope)
        try:
            result = _run(route, context, call.body)
        except Exception as error:
            respond(_failed(call, error))
        else:
            if isinstance(result, bytes):
                respond(Reply(_OK, result))
            else:
                self._finish(call, result, respond)

    def _new_route(self, target: str) -> _Route | None:
        """The route of a target on its first call; None for what is no operation."""
        operation = self._operations.get(target)
        if operation is None:
            return None
        route = _Route(operation, self._services[target.partition(".")[0]])
        self._routes[target] = route
        return route

    def control(self, call: Call, respond: Respond) -> None:
        """Carry out a test control; the target is its name. Never raises."""
        try:
            result = run_control(Context(self.service, call.scope), call.target, call.body)
        except Exception as error:
            respond(_failed(call, error))
        else:
            self._finish(call, result, respond)

    def _finish(self, call: Call, result: Result, respond: Respond) -> None:
        engine = self.service.engine
        if isinstance(result, bytes):
            respond(Reply(_OK, result))
        elif isinstance(result, Committed):
            if len(result.units) == 1:
                engine.submit(result.units[0], _Single(self, call, result.reply, respond))
                return
            gathering = _Gathering(self, call, result, respond)
            for place, unit in enumerate(result.units):
                engine.submit(unit, gathering.slot(place))
        elif isinstance(result, Altered):
            reply = result.reply
            decide = settled_first(result.decide, self.service.clock.now_us())
            engine.alter(decide, lambda done: self._altered(call, reply, done, respond))
        elif isinstance(result, Later):
            self._wait(call, result, respond)
        elif self._continued < limits.CALLS_CONTINUED:
            self._continued += 1
            self._continue(call, result.step, respond)
        else:
            respond(fault(ThrottlingException("Too many searches are under way; slow down")))

    def _wait(self, call: Call, later: Later, respond: Respond) -> None:
        def go_on(waited_s: float) -> None:
            self.go_on(call, lambda: later.again(waited_s), respond)

        if not self.service.later(later.most_s, later.shard_ids, go_on):
            respond(Reply(_OK, later.body))

    def _continue(self, call: Call, step: Callable[[], Result | None], respond: Respond) -> None:
        """Go through the steps of a call, with turns for others in between."""
        soon = self.service.soon
        while True:
            try:
                result = step()
            except Exception as error:
                self._continued -= 1
                respond(_failed(call, error))
                return
            if result is not None:
                self._continued -= 1
                self._finish(call, result, respond)
                return
            if soon(lambda: self._continue(call, step, respond)):
                return

    def _altered(
        self,
        call: Call,
        reply: Callable[[Catalog], Result],
        done: Catalog | AwsError,
        respond: Respond,
    ) -> None:
        if isinstance(done, AwsError):
            respond(fault(done))
        else:
            self.go_on(call, lambda: reply(done), respond)

    def go_on(self, call: Call, reply: Callable[[], Result], respond: Respond) -> None:
        """Answer with what `reply` makes, or do what it asks for before that."""
        try:
            result = reply()
        except Exception as error:
            respond(_failed(call, error))
        else:
            self._finish(call, result, respond)


def _run(route: _Route, context: Context, body: bytes) -> Result:
    try:
        return route.run(context, route.decode(body))
    except Malformed:
        pass
    except AwsError as error:
        raise route.decoder.overruled(body, error) from None
    return route.run_leniently(context, body)


class _Single:
    """Goes on when the only unit of a call is settled."""

    __slots__ = ("_call", "_dispatcher", "_reply", "_respond")

    def __init__(
        self,
        dispatcher: Dispatcher,
        call: Call,
        reply: Callable[[Sequence[Outcome]], Result],
        respond: Respond,
    ) -> None:
        self._dispatcher = dispatcher
        self._call = call
        self._reply = reply
        self._respond = respond

    def __call__(self, outcome: Outcome) -> None:
        reply = self._reply
        self._dispatcher.go_on(self._call, lambda: reply((outcome,)), self._respond)


class _Gathering:
    """Goes on when the last unit of a call is settled. Outcomes come one at a time."""

    def __init__(
        self, dispatcher: Dispatcher, call: Call, committed: Committed, respond: Respond
    ) -> None:
        self._dispatcher = dispatcher
        self._call = call
        self._committed = committed
        self._respond = respond
        self._outcomes: list[Outcome] = [()] * len(committed.units)
        self._missing = len(committed.units)
        if not self._missing:
            self._answer()

    def slot(self, place: int) -> Callable[[Outcome], None]:
        """What takes the outcome of the unit at `place`."""

        def settle(outcome: Outcome) -> None:
            self._outcomes[place] = outcome
            self._missing -= 1
            if not self._missing:
                self._answer()

        return settle

    def _answer(self) -> None:
        outcomes, reply = self._outcomes, self._committed.reply
        self._dispatcher.go_on(self._call, lambda: reply(outcomes), self._respond)


def _failed(call: Call, error: Exception) -> Reply:
    """The fault of an error; one that is none of AWS's is ours, and is logged."""
    if not isinstance(error, AwsError):
        _log.error("%s failed", call.target, exc_info=error)
    return fault(error)
