"""What is said where somebody asks for the past, of which a part has left the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.storage.engine import Engine


def left(engine: Engine, app: str = "", store: str = "") -> list[dict[str, Any]]:
    """The rollouts that were retired, of one app or store or of all, in the order in which they left. Raises StorageError."""
    from stagedrollout.storage.retired import all_retired  # noqa: PLC0415

    return [
        {
            "rollout": each.rollout,
            "entries": each.entries,
            "seq": each.seq,
            "head": each.head,
            "retired_at": each.at.isoformat(),
            "archive": each.archive,
        }
        for each in all_retired(engine)
        if app in ("", each.rollout.split("/")[0]) and store in ("", each.rollout.split("/")[1])
    ]


def say_left(rows: list[dict[str, Any]]) -> None:
    """To stderr, so that what is asked for stays alone on stdout. Nothing where nothing has left."""
    if not rows:
        return
    what = "1 rollout has" if len(rows) == 1 else f"{len(rows)} rollouts have"
    said = f"{what} left the database and {'is' if len(rows) == 1 else 'are'} not told; the newest archive: {rows[-1]['archive']}"
    click.echo(one_line(said), err=True)
