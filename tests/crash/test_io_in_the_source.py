"""New input and output in the product's source is met here, by whatever call it is done: it passes a point, or it stands
outside of what a pass does and says why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import stagedrollout

ROOT = Path(stagedrollout.__file__).parent
NOT_THE_DAEMON = ("cli", "doctor", "emulator", "rehearsal")
"""Rooms that no pass enters: commands of people, and the emulated world."""

PASSES_A_POINT = {
    "http/client.py": {"httpx", "socket", "ssl"},
    "http/deadline.py": {"socket"},
    "http/idle.py": {"select", "socket"},
    "http/lines.py": {"httpx", "socket"},
    "notify/slack_answer.py": {"http.client", "socket", "ssl"},
    "notify/slack_wire.py": {"http.client", "socket", "ssl", "urllib.request"},
    "storage/commands.py": {".execute()"},
    "storage/engine.py": {"sqlite3"},
    "storage/errands.py": {".execute()"},
    "storage/journal.py": {".execute()"},
    "storage/ledger.py": {".execute()"},
    "storage/outbox.py": {".execute()"},
    "storage/numbers.py": {".execute()"},
    "storage/leases.py": {".execute()"},
    "storage/presence.py": {".execute()"},
    "storage/shown.py": {".execute()"},
    "storage/sqlite.py": {".execute()", "os.fchmod", "os.open", "sqlite3"},
    "stores/google_play/api.py": {".execute()", "http.client"},
    "stores/google_play/wire.py": {"http.client", "socket", "ssl"},
}
"""Requests go through the doors of the simulation, statements through the haunted engine."""

FILES = {
    "storage/brakes.py": {".mkdir()", "os.open"},
    "storage/durable_file.py": {
        ".chmod()",
        ".mkdir()",
        ".unlink()",
        "os.fdopen",
        "os.fsync",
        "os.open",
        "os.replace",
        "os.unlink",
        "os.write",
    },
    "storage/highwater.py": {".execute()"},
}
"""Whoever of the daemon's uses these is met by the audit hook of files.py, and its statements by the engine."""

OUTSIDE = {
    "calendars/apart.py": (
        {"subprocess"},
        "works out what repeats, beside passes, and leaves nothing; a simulation does it without a process",
    ),
    "calendars/sources.py": ({"os.fdopen", "os.open"}, "reads a calendar's file, beside passes"),
    "config/fingerprint.py": ({".open()"}, "reads the configuration, to tell which it is"),
    "config/yaml_source.py": ({".open()"}, "reads the configuration, before anything starts"),
    "daemon/allowed.py": ({"socket", "urllib.request"}, "forbids look-ups, and makes none"),
    "daemon/claiming.py": ({"socket"}, "asks for the machine's name only"),
    "daemon/hardening.py": ({"ctypes"}, "forbids memory dumps, before anything starts"),
    "daemon/health/errors.py": ({"sentry_sdk"}, "tells mistakes to Sentry, whose own thread sends them"),
    "daemon/health/heartbeat.py": (
        {".mkdir()", ".replace()", ".unlink()", "os.fdopen", "os.open"},
        "the scheduler's, beside passes; its file is replaced whole",
    ),
    "daemon/health/service_manager.py": (
        {"socket"},
        "tells whoever started the process, from the loop that waits for signals; no pass waits for it",
    ),
    "daemon/picturing.py": (
        {"subprocess", "tempfile"},
        "a follower's: a picture is told or not, nothing waits for it",
    ),
    "daemon/watched/door.py": (
        {"socket"},
        "answers whoever watches, on threads of its own; no pass waits for it",
    ),
    "http/secrets.py": ({"os.fdopen", "os.open"}, "reads keys, before anything starts"),
    "storage/retired.py": (
        {".execute()"},
        "a person's command, or a timer's: takes out what is over, in a transaction of its own",
    ),
    "storage/backup.py": (
        {".execute()", ".replace()", ".unlink()", "os.open", "sqlite3"},
        "a person's command: copies, and puts back while no daemon runs",
    ),
    "storage/messages.py": (
        {".execute()"},
        "looked up for who presses what is none of ours; changes nothing but a wish",
    ),
    "storage/lock.py": (
        {"fcntl", "os.ftruncate", "os.open", "os.pwrite"},
        "the process's; the kernel frees it",
    ),
    "storage/migrate.py": ({".execute()"}, "before the daemon starts, in one transaction"),
    "storage/migrations/versions/0020_numbers_of_a_server.py": ({".execute()"}, "as migrate"),
    "storage/migrations/versions/0021_replicas.py": ({".execute()"}, "as migrate"),
    "storage/server_clock.py": ({".execute()"}, "asks a server for its time; no run has one"),
    "storage/migrations/versions/0022_long_journals.py": ({".execute()"}, "as migrate"),
    "storage/postgres.py": ({".execute()"}, "a server's, which no run has: transactions begin with it"),
    "storage/roles.py": ({".execute()"}, "a person's command"),
    "storage/private.py": ({".chmod()"}, "closes what is open to others, before the daemon starts"),
    "storage/verifying.py": ({".execute()"}, "reads, for people"),
    "storage/glances.py": ({".execute()"}, "reads, for people"),
}

_MODULES = {
    "asyncio", "ctypes", "dbm", "fcntl", "ftplib", "http.client", "httpx", "mmap", "multiprocessing", "requests", "select",
    "selectors", "sentry_sdk", "shelve", "shutil", "signal", "smtplib", "socket", "sqlite3", "ssl", "subprocess", "tempfile",
    "urllib.request", "urllib3",
}  # fmt: skip
_OF_OS = {
    "chmod", "execv", "execve", "fchmod", "fdatasync", "fdopen", "fork", "fsync", "ftruncate", "kill", "link", "makedirs",
    "mkdir", "mkfifo", "open", "popen", "posix_spawn", "pwrite", "remove", "removedirs", "rename", "renames", "replace",
    "rmdir", "sendfile", "symlink", "system", "truncate", "unlink", "utime", "write", "writev",
}  # fmt: skip
_METHODS = {
    "chmod", "exec_driver_sql", "execute", "executemany", "executescript", "hardlink_to", "mkdir", "rename", "rmdir",
    "symlink_to", "touch", "unlink", "write_bytes", "write_text",
}  # fmt: skip


def test_all_input_and_output_of_the_daemon_is_known() -> None:
    known = {**PASSES_A_POINT, **FILES, **{name: calls for name, (calls, _) in OUTSIDE.items()}}
    assert dict(_found()) == known


def test_the_search_finds_what_it_looks_for() -> None:
    source = """
import socket, os
from subprocess import Popen
from urllib import request
from os import fsync, sep
def f(path, text):
    open(path); path.open("w"); path.write_text(text); os.replace(path, text); path.replace(text)
    text.replace("a", "b"); os.environ.get("x"); connection.execute(text)
"""
    expected = {
        "socket",
        "subprocess",
        "urllib.request",
        "os.fsync",
        "open()",
        ".open()",
        ".write_text()",
        "os.replace",
        ".replace()",
        ".execute()",
    }
    assert set(_calls(ast.parse(source))) == expected


def _found() -> Iterator[tuple[str, set[str]]]:
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT)
        if name.parts[0] not in NOT_THE_DAEMON and (found := set(_calls(ast.parse(path.read_text("utf-8"))))):
            yield name.as_posix(), found


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in _MODULES)
            case ast.ImportFrom(module=str(module), names=names):
                yield from _imported(module, [alias.name for alias in names])
            case ast.Call(func=ast.Name(id="open")):
                yield "open()"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr=attr)):
                yield from [f"os.{attr}"] if attr in _OF_OS else []
            case ast.Call(func=ast.Attribute(attr=attr)) if attr in _METHODS:
                yield f".{attr}()"
            case ast.Call(func=ast.Attribute(attr="replace"), args=[_], keywords=[]):  # a text's takes two
                yield ".replace()"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="path"), attr="open")):
                yield ".open()"


def _imported(module: str, names: list[str]) -> Iterator[str]:
    whole = (module, *(f"{module}.{name}" for name in names))
    yield from (name for name in whole if name in _MODULES)
    yield from (f"os.{name}" for name in names if module == "os" and name in _OF_OS)
