"""Finding the handler a user named: `package.module:handler` or `path/to/file.py:handler`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tailrace.errors import ConfigurationError

__all__ = ["load_handler", "load_module"]

_FORM = "MODULE:HANDLER, e.g. app.functions:handler or functions/index.py:handler"


def load_handler(name: str, directory: Path | None = None) -> Callable[..., Any]:
    """The function behind a name. Modules are looked for in `directory` (the working directory by
    default) before everywhere else, and a file's own directory counts too, as on Lambda.

    Raises ConfigurationError for a name of another form, a module or attribute that is not there,
    something that cannot be called, and for what the module raises when it is imported.
    """
    where, _, attribute = name.rpartition(":")
    if not where or not attribute:
        raise ConfigurationError(f"{name!r} names no handler: write {_FORM}")
    found: Any = load_module(where, directory)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ConfigurationError(f"there is no {attribute!r} in {where}") from None
    if not callable(found):
        raise ConfigurationError(f"{attribute!r} in {where} is no function")
    return found


def load_module(name: str, directory: Path | None = None) -> ModuleType:
    """The module of a name, `package.module` or `path/to/file.py`, found and imported as
    `load_handler` does."""
    root = (directory or Path()).resolve()
    return _load_file(root / name) if name.endswith(".py") else _load_module(name, root)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigurationError(f"there is no file {path}")
    _search_first(path.parent)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Pickling and dataclasses look a function's module up by name.
    previous = sys.modules.get(path.stem)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        if previous is None:
            del sys.modules[path.stem]
        else:
            sys.modules[path.stem] = previous
        raise _not_imported(str(path), error) from error
    return module


def _load_module(name: str, root: Path) -> ModuleType:
    _search_first(root)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigurationError(
                f"there is no module {name!r} in {root} or on the path"
            ) from None
        raise _not_imported(name, error) from error
    except BaseException as error:
        raise _not_imported(name, error) from error


def _search_first(directory: Path) -> None:
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))


def _not_imported(name: str, error: BaseException) -> BaseException:
    if isinstance(error, KeyboardInterrupt):
        return error
    return ConfigurationError(f"importing {name} failed: {type(error).__name__}: {error}")
