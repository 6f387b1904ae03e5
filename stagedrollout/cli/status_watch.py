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

from stagedrollout.cli.status import OVER, look
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.storage.engine import Engine

LOOK_SECONDS = 1.0

_ENTER = "\x1b[?1049h\x1b[?25l"
"""A screen of its own, without a cursor; what stood there before is back afterwards."""
_LEAVE = "\x1b[?25h\x1b[?1049l"
_CLEAR = "\x1b[2J"
_REST_OF_LINE = "\x1b[K"


def watch_on(engine: Engine, named: dict[str, str], *, as_json: bool, everything: bool, long: bool) -> None:
    """Until Ctrl-C or SIGTERM, both of which are its usual end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    documents = _documents(engine, named)
    try:
        if as_json or not sys.stdout.isatty():
            _tell_changes(documents, as_json=as_json, everything=everything)
        else:
            _paint(documents, everything=everything, long=long)
    except KeyboardInterrupt:
        pass


def _documents(engine: Engine, named: dict[str, str]) -> Iterator[dict[str, Any]]:
    """A new one each second; while the database cannot be read the last one, with the `trouble`."""
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415

    last = look(engine, **named)
    while True:
        yield last
        time.sleep(LOOK_SECONDS)
        try:
            last = look(engine, **named)
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
    before: dict[str, Any] = {}
    for document in documents:
        now = _parts(document, everything=everything)
        for key, (part, words) in now.items():
            if key in before and _same(before[key][0], part):
                continue
            told = json.dumps({"at": document["now"], **part}) if as_json else _line(document["now"], words)
            click.echo(told)
        sys.stdout.flush()
        before = now


def _parts(document: dict[str, Any], *, everything: bool) -> dict[str, tuple[dict[str, Any], str]]:
    """Everything that may change, by its name: as a document, and in words."""
    from stagedrollout.cli.freshness import no_daemon  # noqa: PLC0415
    from stagedrollout.core.units import percent_text  # noqa: PLC0415

    running = document["daemon"]["running"]
    alive = "a daemon is running" if running else no_daemon(document)
    parts = {"daemon": ({"daemon": {"running": running}}, alive)}
    for what in ("trouble", "journal_problem", "notices_problem"):
        if document.get(what):
            parts[what] = ({what: document[what]}, f"{what.replace('_', ' ')}: {document[what]}")
    for row in document["rollouts"]:
        if everything or row["phase"] != OVER:
            key = f"{row['app']}/{row['store']}/{row['release_id']}"
            stands = f"{row['phase'].replace('_', ' ')} at {percent_text(row['exposure_ppm'])}"
            name = f"{row['app']} {row['store']} {row['release']}"
            parts[key] = ({"rollout": row}, f"{name}  {stands}: {row['reason']}")
    for row in document["passes"]:
        if row["problem"]:
            key, words = f"{row['app']}/{row['store']}", f"{row['app']} on {row['store']}: {row['problem']}"
            parts[key] = ({"problem": {name: row[name] for name in ("app", "store", "problem")}}, words)
    return parts


def _same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """What merely goes on counting is no change."""
    return _settled(before) == _settled(after)


def _settled(part: dict[str, Any]) -> dict[str, Any]:
    row = part.get("rollout")
    return (
        part if row is None else {name: row[name] for name in row if name not in ("pause_days", "updated_at")}
    )


def _line(now: str, words: str) -> str:
    return f"{now[:19]}  {one_line(words)}"
