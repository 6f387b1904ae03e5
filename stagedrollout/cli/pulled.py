"""What people have pulled beside the configuration, for whoever reads how things stand. Needs no database."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from stagedrollout.core.plain import one_line


def read_pulled(config: Path) -> dict[str, Any]:
    """Whether the line is stopped, and the halts that no daemon has taken over yet. Raises nothing."""
    from stagedrollout.core.codec import encode  # noqa: PLC0415
    from stagedrollout.storage.brakes import beside  # noqa: PLC0415

    folder, now = beside(config), datetime.now(UTC)
    line = folder.line()
    reason = line.reason(now)
    return {
        "line_stopped": encode(line.standing(now)),
        "line": reason.text if reason else "",
        "halts_waiting": [
            {
                "file": str(left.path),
                "problem": left.wrong,
                "halt": encode(left.marker) if left.marker else None,
                "words": left.words,
            }
            for left in folder.halts()
        ],
    }


def pulled_words(pulled: dict[str, Any]) -> tuple[str, ...]:
    """One sentence for each."""
    line = (f"NOTHING IS RAISED: {pulled['line']}",) if pulled.get("line") else ()
    return (*line, *(f"NOTHING IS RAISED there: {halt['words']}" for halt in pulled.get("halts_waiting", ())))


def warn_of_pulled(pulled: dict[str, Any]) -> None:
    """To stderr, so that what is asked for stays alone on stdout: the journal, which is told there, need not know it."""
    for words in pulled_words(pulled):
        click.secho(one_line(words), fg="red", bold=True, err=True, color=sys.stderr.isatty())
