"""`status --watch`: what changes, as it changes.

In a terminal only lines that became others are written again, in place, so nothing flickers. Over a pipe each change
is one line; with `--json` one JSON document on a line. A database that cannot be read for a moment ends nothing.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.pulled import pulled_words
from stagedrollout.cli.status import OVER, look
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from stagedrollout.storage.engine import Engine

LOOK_SECONDS = 1.0

_ENTER = "\x1b[?1049h\x1b[?25l"
"""A screen of its own, without a cursor; what stood there before is back afterwards."""
_LEAVE = "\x1b[?25h\x1b[?1049l"
_CLEAR = "\x1b[2J"
_REST_OF_LINE = "\x1b[K"


def watch_on(engine: Engine, config: Path, named: dict[str, str], *, as_json: bool, **shown: bool) -> None:
    """Until Ctrl-C or SIGTERM, both of which are its usual end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lines = as_json or not sys.stdout.isatty()
    documents = _documents(engine, config, named, everything=shown["everything"], follows=lines)
    try:
        if lines:
            _tell_changes(documents, as_json=as_json, everything=shown["everything"])
        else:
            _paint(documents, **shown)
    except KeyboardInterrupt:
        pass


def _documents(
    engine: Engine, config: Path, named: dict[str, str], *, everything: bool, follows: bool
) -> Iterator[dict[str, Any]]:
    """A new one each second; while the database cannot be read the last one, with the `trouble`. What people have pulled
    beside the configuration needs no database. `follows`: what was shown once stays, also when it is over."""
    from stagedrollout.cli.pulled import read_pulled  # noqa: PLC0415
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415

    last = look(engine, **named, everything=everything)
    while True:
        yield last | read_pulled(config)
        time.sleep(LOOK_SECONDS)
        also = frozenset(map(_name, last["rollouts"])) if follows else frozenset()
        try:
            last = look(engine, **named, everything=everything, also=also)
        except StorageError as error:
            last = {**last, "trouble": str(error)}


def _paint(documents: Iterator[dict[str, Any]], *, everything: bool, long: bool) -> None:
    from stagedrollout.cli.status_table import lines  # noqa: PLC0415

    screen, told = Screen(), list[str]()
    sys.stdout.write(_ENTER)
    try:
        for document in documents:
            width, height = shutil.get_terminal_size()
            told = lines(document, width, terminal=True, everything=everything, long=long)
            sys.stdout.write(screen.painted([*told, "", _foot(document)], width, height))
            sys.stdout.flush()
    finally:
        sys.stdout.write(_LEAVE)
        click.echo("\n".join(told), color=True)


def _foot(document: dict[str, Any]) -> str:
    return click.style(f"as of {document['now'][:19]} UTC; Ctrl-C ends this", dim=True)


class Screen:
    """What stands on the terminal, line by line: a new picture costs only the lines that differ."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._size = (0, 0)

    def painted(self, told: list[str], width: int, height: int) -> str:
        """What to write so that the terminal shows `told`, as much of it as fits."""
        fits = (
            told if len(told) <= height else [*told[: height - 1], f"… {len(told) - height + 1} more lines"]
        )
        written = []
        if (width, height) != self._size:
            self._shown, self._size = [], (width, height)
            written.append(_CLEAR)
        for row in range(max(len(fits), len(self._shown))):
            line = fits[row] if row < len(fits) else ""
            if row >= len(self._shown) or self._shown[row] != line:
                written.append(f"\x1b[{row + 1};1H{line}{_REST_OF_LINE}")
        self._shown = fits
        return "".join(written)


def _tell_changes(documents: Iterator[dict[str, Any]], *, as_json: bool, everything: bool) -> None:
    """At first all that goes on; then whatever is another one than a second ago, also what is over by it."""
    before: dict[str, Any] | None = None
    for document in documents:
        now = _parts(document)
        for key, part in now.items():
            known = before is not None and key in before
            if (known and _same(before[key], part)) if before else (_quiet(part) and not everything):
                continue
            told = json.dumps({"at": document["now"], **part}) if as_json else _line(document["now"], part)
            click.echo(told)
        sys.stdout.flush()
        before = now


def _parts(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Everything that may change, by its name."""
    parts: dict[str, dict[str, Any]] = {"daemon": {"daemon": {"running": document["daemon"]["running"]}}}
    for what in ("trouble", "journal_problem", "notices_problem"):
        parts[what] = {what: document.get(what, "")}
    parts["pulled"] = {"nothing_raised": list(pulled_words(document))}
    for row in document["rollouts"]:
        parts[_name(row)] = {"rollout": row}
    for row in document["passes"]:
        problem = {name: row[name] for name in ("app", "store", "problem")}
        parts[f"{row['app']}/{row['store']}"] = {"problem": problem}
    return parts


def _name(row: dict[str, Any]) -> str:
    return f"{row['app']}/{row['store']}/{row['release_id']}"


def _quiet(part: dict[str, Any]) -> bool:
    """Not worth a line as long as nothing happens to it."""
    (what, value), *_ = part.items()
    match what:
        case "rollout":
            return bool(value["phase"] == OVER)
        case "problem":
            return not value["problem"]
        case "daemon":
            return False
        case _:
            return not value


def _words(part: dict[str, Any]) -> str:
    from stagedrollout.core.units import percent_text  # noqa: PLC0415

    (what, value), *_ = part.items()
    match what:
        case "rollout":
            stands = f"{value['phase'].replace('_', ' ')} at {percent_text(value['exposure_ppm'])}"
            return f"{value['app']} {value['store']} {value['release']} {stands}: {value['reason']}"
        case "problem":
            return f"{value['app']} on {value['store']}: {value['problem'] or 'no trouble any more'}"
        case "daemon":
            return "a daemon is running" if value["running"] else "NO DAEMON is running"
        case "nothing_raised":
            return "; ".join(value) or "the line is not stopped, and no halt waits for a daemon any more"
        case _:
            return f"{what.replace('_', ' ')}: {value or 'none any more'}"


def _same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """What merely goes on counting is no change."""
    return _settled(before) == _settled(after)


def _settled(part: dict[str, Any]) -> dict[str, Any]:
    row = part.get("rollout")
    return (
        part if row is None else {name: row[name] for name in row if name not in ("pause_days", "updated_at")}
    )


def _line(now: str, part: dict[str, Any]) -> str:
    return f"{now[:19]}  {one_line(_words(part))}"
