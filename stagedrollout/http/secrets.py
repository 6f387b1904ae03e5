"""Reads a secret from where it stands: a file, the environment, or what systemd hands over (promises S1, R24).

Below the rooms that need one: the configuration says where a secret is, and whoever connects with it reads it then.
Nothing in this module ever puts a secret's content into words.
"""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from stagedrollout.http.held import HELD

BYTES_MAX = 64 * 1024
"""Bytes of one secret: a service account's key file has about two thousand."""

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what LoadCredential= names, for the service alone to read."""


class Secret:
    """A secret in memory. Shows as ***, cannot be pickled or copied, compares in constant time."""

    __slots__ = ("__value",)
    __hash__ = None  # type: ignore[assignment]  # a hash would tell something of the value

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value, for the one place that sends it."""
        return self.__value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, _how: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("a secret is not copied, pickled or stored")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Where a secret is: an environment variable, a file (relative to the configuration's folder), or what
    systemd hands over under that name."""

    env: str = ""
    file: str = ""
    credential: str = ""

    def __str__(self) -> str:
        if self.credential:
            return f"credential {self.credential}"
        return f"environment variable {self.env}" if self.env else f"file {self.file}"


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a reference gives no secret, in words without any content."""

    wrong: str
    right: str


def read_secret(ref: SecretRef, base_dir: Path, *, environ: Mapping[str, str]) -> Secret | Unusable:
    """The secret without the white space around it, or why there is none."""
    found = _found(ref, base_dir, environ)
    if isinstance(found, Unusable):
        return found
    if not found.strip():
        return Unusable(f"the {ref} is empty", "put the secret there")
    HELD.secret(found.strip())
    return Secret(found.strip())


def _found(ref: SecretRef, base_dir: Path, environ: Mapping[str, str]) -> str | Unusable:
    if ref.file:
        return _from_file(base_dir / ref.file, ref)
    if ref.credential:
        folder = environ.get(CREDENTIALS_DIRECTORY, "")
        if not folder:
            return Unusable(
                f"the {ref} is not there: {CREDENTIALS_DIRECTORY} is not set",
                f"write LoadCredential={ref.credential}:/path in the systemd unit",
            )
        return _from_file(Path(folder) / ref.credential, ref)
    if (value := environ.get(ref.env)) is None:
        return Unusable(f"the {ref} is not set", "set it for the daemon's process")
    return value


def _from_file(path: Path, ref: SecretRef) -> str | Unusable:
    try:
        # Not blocking: a named pipe must not hang the daemon before it is found to be no file.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        right = f"write LoadCredential={ref.credential}:/path in the systemd unit"
        if ref.file:
            right = "create it; its path is relative to this file's folder"
        return Unusable(f"the {ref} does not exist", right)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        return Unusable(
            f"the {ref} cannot be read: {why.lower()}", f"chown it to the daemon's user and {_chmod(ref)}"
        )
    if unsafe := _unsafe(os.fstat(handle), ref) or _exchangeable(path, ref):
        os.close(handle)
        return unsafe
    with os.fdopen(handle, "rb") as file:
        data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        return Unusable(
            f"the {ref} is larger than {BYTES_MAX // 1024} KiB", "name the file that holds the secret only"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return Unusable(f"the {ref} is not text", "name the file that holds the secret only")


def _unsafe(status: os.stat_result, ref: SecretRef) -> Unusable | None:
    """Checked on the open file, so that nobody can exchange it in between."""
    if not stat.S_ISREG(status.st_mode):
        return Unusable(f"the {ref} is no regular file", "name the file that holds the secret")
    # systemd hands over files of root that an access list opens to the service: its mask shows as the group's bits
    owners, others = ((os.geteuid(), 0), 0o037) if ref.credential else ((os.geteuid(),), 0o077)
    mode = f"(mode {stat.S_IMODE(status.st_mode):04o})"
    if status.st_uid not in owners:
        return Unusable(f"the {ref} belongs to another user", "chown it to the user the daemon runs as")
    if status.st_mode & others:
        return Unusable(f"others can read or write the {ref} {mode}", _chmod(ref))
    return None


def _exchangeable(path: Path, ref: SecretRef) -> Unusable | None:
    """Whoever may write a folder may put another file in place of ours: a link may lead into such a one."""
    for folder in dict.fromkeys((path.parent, path.resolve().parent)):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return Unusable(
                f"others can exchange the {ref}: they can write its folder {folder} (mode {mode:04o})",
                f"chmod o-w {folder}",
            )
    return None


def _chmod(ref: SecretRef) -> str:
    return f"chmod 600 {ref.file or ref.credential}"
