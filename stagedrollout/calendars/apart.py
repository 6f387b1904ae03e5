"""Works out what repeats in a process of its own, which can be stopped: `python -m stagedrollout.calendars.apart`.

A rule that never comes true ("on every 31 February") is looked for until the year 9999, and a thread cannot be ended:
each reading would leave one more that takes its time from passes and halts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date, datetime

from stagedrollout.calendars.entries import worked_out
from stagedrollout.calendars.oddities import NoCalendar
from stagedrollout.core.freezing import Entry

SECONDS_MAX = 10.0
"""For one calendar; 200 entries that repeat weekly take one or two."""

_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
_COMMAND = (sys.executable, "-m", "stagedrollout.calendars.apart")


def worked_out_apart(content: bytes, now: datetime, *, seconds: float = SECONDS_MAX) -> tuple[Entry, ...]:
    """Raises NoCalendar; after `seconds` too."""
    try:
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            [*_COMMAND, now.isoformat()],
            input=content,
            capture_output=True,
            timeout=seconds,
            env=_surroundings(os.environ),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoCalendar(f"what repeats in it was not worked out within {seconds:g} s") from None
    except (OSError, RuntimeError) as error:
        raise NoCalendar(f"what repeats in it cannot be worked out: {error}") from None
    if done.returncode:
        raise NoCalendar(f"working out what repeats in it ended with {done.returncode}")
    return _taken(json.loads(done.stdout))


def _surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """What Python needs to start. Whoever reads foreign text gets none of the daemon's secrets."""
    return {
        name: value for name, value in environ.items() if name in _KEPT or name.startswith(("PYTHON", "LC_"))
    }


def answer(content: bytes, now: datetime) -> str:
    """What the process says."""
    try:
        found = worked_out(content, now)
    except NoCalendar as why:
        return json.dumps({"why": str(why)})
    rows = [(entry.reason, entry.begins.isoformat(), entry.ends.isoformat()) for entry in found]
    return json.dumps({"entries": rows})


def _taken(answered: Mapping[str, object]) -> tuple[Entry, ...]:
    rows = answered.get("entries")
    if not isinstance(rows, list):
        raise NoCalendar(str(answered.get("why")))
    return tuple(Entry(reason, _date(begins), _date(ends)) for reason, begins, ends in rows)


def _date(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


if __name__ == "__main__":
    sys.stdout.write(answer(sys.stdin.buffer.read(), datetime.fromisoformat(sys.argv[1])))
