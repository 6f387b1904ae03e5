"""What became of an order that was taken up before the daemon died, told from the journal alone."""

from __future__ import annotations

from collections.abc import Iterable

from stagedrollout.core.facts import Commanded, Decided, Fact, Settled
from stagedrollout.core.model import Settlement
from stagedrollout.storage.commands import CommandResult

UNKNOWN = "taken up before the daemon restarted; history tells what became of it"
_BROUGHT_ABOUT = (Settlement.CONFIRMED, Settlement.ALREADY)


def became_of(order_id: str, history: Iterable[Fact]) -> tuple[CommandResult, str]:
    """Done, refused or failed, and the words for it: as the daemon would have answered had it lived."""
    said: Commanded | None = None
    intent, ended = "", None
    for fact in history:
        match fact:
            case Commanded(command=command) if command == order_id:
                said = fact
            case Decided(command=command) if command == order_id:
                intent = fact.intent
            case Settled() if intent and fact.intent == intent:
                ended = fact
    if said is None:
        return CommandResult.FAILED, UNKNOWN
    if not said.accepted:
        return CommandResult.REFUSED, said.text
    if not intent:
        return CommandResult.DONE, said.text
    if ended is None:
        return CommandResult.FAILED, f"{said.text}: {UNKNOWN}"
    done = ended.settlement in _BROUGHT_ABOUT
    told = (
        f"{said.text}: {ended.detail}" if done else f"{said.text}: {ended.settlement.value}: {ended.detail}"
    )
    return (CommandResult.DONE if done else CommandResult.FAILED), told
