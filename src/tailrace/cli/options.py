"""Reading what options name."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Final

from tailrace.errors import ConfigurationError

__all__ = ["DEFAULT_DATA", "read_credentials", "read_key"]

DEFAULT_DATA: Final = Path("tailrace-data")


def read_key(path: Path) -> bytes:
    """The content of a key file, without the line end that editors add."""
    try:
        key = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise ConfigurationError(f"cannot read the key file {path}: {error.strerror}") from error
    if not key:
        raise ConfigurationError(f"the key file {path} is empty")
    return key


def read_credentials(path: Path) -> dict[str, str]:
    """Secret keys by access key, from all profiles of a file in the form of
    `~/.aws/credentials`."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text())
        found = {
            parser[profile]["aws_access_key_id"]: parser[profile]["aws_secret_access_key"]
            for profile in parser.sections()
        }
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the credentials file {path}: {error.strerror}"
        ) from error
    except (configparser.Error, KeyError) as error:
        raise ConfigurationError(
            f"the credentials file {path} is not in AWS's form: {error}"
        ) from error
    if not found:
        raise ConfigurationError(f"the credentials file {path} holds no keys")
    return found
