"""Which of an app's stores a plain `halt` means: those where something is going on that can be halted.

A release that reached everybody long ago is no rollout any more; it must not be halted because the app's other
store has trouble. But nothing is left out on a mere guess: what cannot be read is halted everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagedrollout.core.model import Command
    from stagedrollout.storage.presence import RolloutRow

_OVER = ("completed", "superseded")
"""Phases without anything to halt; one this version does not know counts as going on."""


def where_to_halt(database: str, commands: list[Command]) -> list[Command]:
    """Of orders to several stores those to stores where the app, or the named release, is going on.

    All of them where it is going on nowhere, or where that cannot be read. Raises nothing.
    """
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415
    from stagedrollout.storage.shown import Which  # noqa: PLC0415
    from stagedrollout.storage.wording import UNREADABLE  # noqa: PLC0415

    if len(commands) == 1:
        return commands
    try:
        engine = open_readonly(database)
        check(engine)
        rows = Presence(engine).statuses(Which()).rollouts
    except UNREADABLE:
        return commands  # some row, of whatever app, cannot be read: no reason to halt less
    return [command for command in commands if _going_on(command, rows)] or commands


def _going_on(command: Command, rows: Iterable[RolloutRow]) -> bool:
    ours = [row for row in rows if (row.rollout.app, row.rollout.store) == (command.app, command.store)]
    return any(row.summary.phase not in _OVER and _meant(command, row) for row in ours)


def _meant(command: Command, row: RolloutRow) -> bool:
    """As in core.model.Release.answers_to, from the names that a rollout's row has."""
    label = row.summary.label
    version, _, build = label.removesuffix(")").partition(" (")
    names = (row.rollout.release_id, label, version, build or version, f"{version}+{build}")
    return not command.release or command.release in names
