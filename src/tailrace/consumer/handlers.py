"""Functions of changes as receivers of batches."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast

from tailrace import limits
from tailrace.consumer.changes import Change, StreamRecord, typed
from tailrace.delivery.leases.lease import Prepared
from tailrace.delivery.leases.worker import GroupRunner
from tailrace.delivery.ports import Batch, Failure
from tailrace.errors import TailraceError
from tailrace.runtimes.context import LambdaContext
from tailrace.runtimes.inprocess import InProcessFunction

__all__ = ["ChangeHandler", "Checkpoint"]

PREPARE_TIMEOUT_S: Final = 60.0


class Checkpoint:
    """The checkpoint at the end of a batch, for handlers that announce it before it is made.

    A handler whose effects are not idempotent first announces what it is about to do (`prepare`),
    then does it, then returns, which makes the checkpoint. Should it die in between, whoever gets
    the records again finds in `pending` what had been announced. For plain functions, on the thread
    they run on; async ones use `prepare_async`.
    """

    def __init__(self, runner: GroupRunner, batch: Batch, loop: asyncio.AbstractEventLoop) -> None:
        self.shard_id = batch.shard_id
        self.sequence = batch.records[-1].sequence
        self.attempt = batch.attempt
        self._runner = runner
        self._loop = loop

    @property
    def pending(self) -> Prepared | None:
        """What was announced for this shard and did not become a checkpoint."""
        return self._runner.prepared(self.shard_id)

    async def prepare_async(self, state: bytes = b"") -> None:
        """Announce the checkpoint, with what is needed to recognise it; durable when this returns.
        Raises TailraceError when the shard went to another worker: nothing may be done then."""
        await self._runner.prepare(self.shard_id, self.sequence, state)

    def prepare(self, state: bytes = b"") -> None:
        """As `prepare_async`, from a thread."""
        work = self.prepare_async(state)
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PREPARE_TIMEOUT_S)


class ChangeHandler:
    """A sink that calls `handler(changes)`, or `handler(changes, checkpoint)` when it takes two
    arguments, with the changes of each batch.

    Plain functions run on threads, async ones on the event loop. One that raises, or takes longer
    than `timeout_s`, failed; one that returns changes says that these could not be handled: those
    before the first of them count as done. `reconcile(upto)` is called when a table was read again
    because records were lost: what was made by a change up to that number is not in the table.
    """

    def __init__(
        self,
        handler: Callable[..., Any],
        *,
        name: str | None = None,
        timeout_s: float = limits.HANDLER_TIMEOUT_S,
        concurrency: int = 1,
        reconcile: Callable[[int], Any] | None = None,
    ) -> None:
        self.runner: GroupRunner | None = None
        self._reconcile = reconcile
        self._handler = handler
        self._wants_checkpoint = _parameters(handler) > 1
        self._batches: dict[str, Batch] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        is_async = inspect.iscoroutinefunction(handler)
        self._function = InProcessFunction(
            self._call_async if is_async else self._call,
            name=name or getattr(handler, "__name__", type(handler).__name__),
            timeout_s=timeout_s,
            concurrency=concurrency,
            report_item_failures=True,
        )

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Call the handler; the changes that it gave back as failures."""
        self._loop = asyncio.get_running_loop()
        self._batches[batch.request_id] = batch
        try:
            return await self._function.write(batch)
        finally:
            del self._batches[batch.request_id]

    async def reconcile(self, upto: int) -> int:
        """Tell whoever wants to know that the table was read again; what that answers, if it is a
        number."""
        if self._reconcile is None:
            return 0
        if inspect.iscoroutinefunction(self._reconcile):
            answer = await self._reconcile(upto)
        else:
            answer = await asyncio.to_thread(self._reconcile, upto)
        return answer if isinstance(answer, int) else 0

    async def close(self) -> None:
        """End idle threads."""
        await self._function.close()

    def _call(self, event: Any, context: LambdaContext) -> Any:
        return _failures(self._handler(*self._arguments(event, context)))

    async def _call_async(self, event: Any, context: LambdaContext) -> Any:
        return _failures(await self._handler(*self._arguments(event, context)))

    def _arguments(self, event: Any, context: LambdaContext) -> list[Any]:
        batch = self._batches[context.aws_request_id]
        arguments: list[Any] = [list(map(typed, batch.records, event["Records"]))]
        if self._wants_checkpoint:
            if self.runner is None or self._loop is None:
                raise TailraceError("there is no group whose checkpoint could be prepared")
            arguments.append(Checkpoint(self.runner, batch, self._loop))
        return arguments


def _parameters(handler: Callable[..., Any]) -> int:
    required = [
        parameter
        for parameter in inspect.signature(handler).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return len(required)


def _failures(answer: Any) -> dict[str, Any] | None:
    if answer is None:
        return None
    if not isinstance(answer, Iterable) or isinstance(answer, (str, bytes, dict)):
        raise TypeError(f"a handler returns nothing, or changes that failed, not {answer!r:.100}")
    failed = list(cast("Iterable[Any]", answer))
    if not all(isinstance(change, (Change, StreamRecord)) for change in failed):
        raise TypeError("a handler returns nothing, or changes that failed")
    return {"batchItemFailures": [{"itemIdentifier": str(c.sequence)} for c in failed]}
