"""Running the functions of a program, `@app.on_change`, and again whenever it is saved."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tailrace.cli.lag import duration
from tailrace.consumer.application import ConsumerApp
from tailrace.delivery.progress import Progress
from tailrace.errors import ConfigurationError
from tailrace.runtimes.load import load_module
from tailrace.runtimes.reload import CodeDirectory
from tailrace.sources.http_caller import is_local

__all__ = [
    "LOG_FORMAT",
    "code_directory",
    "find_app",
    "progress_table",
    "run_and_reload",
    "run_app",
    "set_environment",
]

LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_log = logging.getLogger("tailrace.triggers")
_REFRESH_S: Final = 0.25
_JSON_EVERY_S: Final = 1.0
_LOOK_S: Final = 0.2
# A program that was told to stop has this long to finish its batches.
_STOP_S: Final = 60.0


def set_environment(endpoint_url: str | None, region: str | None, profile: str | None) -> None:
    """Have the program, and the clients its functions make, find endpoint, region and credentials
    as boto3 finds them. An endpoint on this machine needs neither region nor credentials."""
    given = {"AWS_ENDPOINT_URL": endpoint_url, "AWS_REGION": region, "AWS_PROFILE": profile}
    os.environ.update({name: value for name, value in given.items() if value is not None})
    if region is not None:
        os.environ["AWS_DEFAULT_REGION"] = region
    if endpoint_url is None or not is_local(endpoint_url):
        return
    import botocore.session  # pyright: ignore[reportMissingTypeStubs]

    session: Any = botocore.session.Session()
    if session.get_config_variable("region") is None:
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    if session.get_credentials() is None:
        os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "tailrace"


def find_app(name: str) -> ConsumerApp:
    """The app that `path/to/file.py`, `package.module` or either with `:app` means. Raises
    ConfigurationError when there is none, or more than one and none is named."""
    where, _, attribute = name.partition(":")
    with _only_loading():
        module = load_module(where)
    if attribute:
        found = getattr(module, attribute, None)
        if not isinstance(found, ConsumerApp):
            raise ConfigurationError(f"there is no ConsumerApp {attribute!r} in {where}")
        return found
    return _only_app(module, where)


@contextlib.contextmanager
def _only_loading() -> Generator[None]:
    """Programs end with `app.run()`, which here is for later: while they are imported, it does
    nothing."""
    run = ConsumerApp.run

    def later(self: ConsumerApp) -> None:
        del self

    ConsumerApp.run = later
    try:
        yield
    finally:
        ConsumerApp.run = run


def code_directory(name: str) -> Path:
    """The directory that a program's code is in. Raises ConfigurationError for a file that is not
    there."""
    where = name.partition(":")[0]
    if not where.endswith(".py"):
        return Path()
    path = Path(where)
    if not path.is_file():
        raise ConfigurationError(f"there is no file {path}")
    return path.parent


def _only_app(module: ModuleType, where: str) -> ConsumerApp:
    apps = {name: each for name, each in vars(module).items() if isinstance(each, ConsumerApp)}
    different = {id(app): app for app in apps.values()}
    if len(different) == 1:
        return next(iter(different.values()))
    if not different:
        raise ConfigurationError(f"there is no ConsumerApp in {where}")
    raise ConfigurationError(f"{where} has the apps {', '.join(sorted(apps))}: write {where}:APP")


async def run_app(app: ConsumerApp, *, once: bool, json: bool) -> dict[str, Progress]:
    """Run an app until it is interrupted, or with `once` until all that is there now is handled,
    and tell how it goes; where each function stood at the end."""
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":  # asyncio handles no signals there
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, app.stop)
    running = asyncio.create_task(app.run_async())
    beside = [asyncio.create_task(_show(app, json=json))]
    if once:
        beside.append(asyncio.create_task(_finish(app)))
    try:
        await running
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    return app.progress()


async def _finish(app: ConsumerApp) -> None:
    while True:
        if app.consumers and all(each.has_begun for each in app.consumers):
            break
        await asyncio.sleep(_LOOK_S / 10)
    for consumer in app.consumers:
        await consumer.runner.started.wait()
    await asyncio.gather(*(consumer.caught_up() for consumer in app.consumers))
    app.stop()


async def _show(app: ConsumerApp, *, json: bool) -> None:
    console = Console(stderr=True)
    if json:
        while True:
            await asyncio.sleep(_JSON_EVERY_S)
            typer.echo(msgspec.json.encode(app.progress()))
            sys.stdout.flush()
    if not console.is_terminal:
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            live.update(progress_table(app.progress()))
            await asyncio.sleep(_REFRESH_S)


def progress_table(functions: dict[str, Progress]) -> Table:
    """Where each function stands."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("function@table")
    for name in ("shards", "records", "errors", "given up", "age"):
        table.add_column(name, justify="right")
    table.add_column("last error", overflow="ellipsis", no_wrap=True)
    for name, progress in functions.items():
        table.add_row(
            name,
            str(progress.shards_running),
            f"{progress.records:,}",
            Text(f"{progress.errors:,}", "yellow" if progress.errors else ""),
            Text(f"{progress.discarded:,}", "red" if progress.discarded else ""),
            duration(progress.behind_ms),
            Text(progress.error, "red"),
        )
    return table


# Again whenever it is saved ----------------------------------------------------------------------


def run_and_reload(command: list[str], directory: Path) -> int:
    """Run a program, and start it anew whenever a Python file in a directory was saved, until
    interrupted; its last exit status. A program that ended by itself waits for the next save."""
    sources = CodeDirectory(directory, ".py")
    console = Console(stderr=True, highlight=False)
    with _interruptions() as stopped:
        process = _start(command)
        ended = False
        while not stopped.wait(_LOOK_S):
            if sources.changed():
                _stop(process)
                console.print("Saved: starting anew.", style="dim")
                process, ended = _start(command), False
            elif not ended and process.poll() is not None:
                ended = True
                console.print(
                    f"It ended with status {process.returncode}; waiting for a change.",
                    style="yellow",
                )
        return _stop(process)


@contextlib.contextmanager
def _interruptions() -> Generator[threading.Event]:
    """An event that is set by the signals that interrupt."""
    stopped = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        stopped.set()

    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield stopped
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C is for us, who then stop it in good order.
    return subprocess.Popen(command, start_new_session=True)


def _stop(process: subprocess.Popen[bytes]) -> int:
    """Have the program finish its batches and give its leases back; kill it when that takes too
    long."""
    if process.poll() is None:
        process.terminate()
        began = time.monotonic()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            _log.warning("the program did not stop within %g s", time.monotonic() - began)
            process.kill()
            process.wait()
    return process.returncode
