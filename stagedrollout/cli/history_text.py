"""The story of `history`: a heading for each day, the time, how the exposure changed, and a sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.instants import day_words
from stagedrollout.cli.wrapping import wrapped
from stagedrollout.core import facts
from stagedrollout.core.chronicle import Line, Told, chronicle
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.fold import fold
from stagedrollout.core.model import STORE_NAMES, RolloutKey
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import percent_text
from stagedrollout.storage.journal import Journal

if TYPE_CHECKING:
    from stagedrollout.core.events import Recorded
    from stagedrollout.core.lifecycle import Rollout
    from stagedrollout.storage.engine import Engine
    from stagedrollout.storage.glances import Page

_CHANGE = 16
"""The width of "99.5 % -> 100 %" and a blank."""


def tell(engine: Engine, page: Page, begin: datetime | None) -> None:
    """The entries of a page, all written at `begin` or later; what was before is still needed to know what the exposure
    was. Entries that were written in one breath are told together, also where the page begins among them. Raises
    StorageError."""
    earlier = _earlier(engine, page.entries)
    told = [*map(_told, page.entries)]
    while earlier and told and _told(earlier[-1])[:2] == told[0][:2]:
        told.insert(0, _told(earlier.pop()))
    names = _names([*map(_told, earlier), *told])
    lines = list(chronicle(told, _folded(earlier)))
    if not lines:
        click.echo(
            "Nothing happened." if begin is None else f"Nothing happened since {begin:%Y-%m-%d %H:%M} UTC."
        )
        return
    if len(names) == 1:
        click.secho(next(iter(names.values())), bold=True)
    day: date | None = None
    for line in lines:
        if line.at.astimezone(UTC).date() != day:
            day = line.at.astimezone(UTC).date()
            click.secho(f"\n{day_words(day)} (UTC)", bold=True)
        _say(line, names[line.rollout] if len(names) > 1 else "")
    if page.before is not None:
        click.secho(f"\nthere is more before it: --before {page.before}", dim=True)


def _earlier(engine: Engine, entries: tuple[Recorded, ...]) -> list[Recorded]:
    """What the rollouts among these have before the first of them, in the order of the journal."""
    journal, keys = Journal(engine), dict.fromkeys(each.rollout for each in entries)
    found = (each for key in keys for each in journal.history(key) if each.seq < entries[0].seq)
    return sorted(found, key=lambda each: each.seq)


def _folded(earlier: list[Recorded]) -> dict[RolloutKey, Rollout]:
    told: dict[RolloutKey, list[tuple[facts.Fact, datetime]]] = {}
    for each in earlier:
        told.setdefault(each.rollout, []).append((facts.read(each.entry), each.entry.at))
    rollouts = ((key, fold(key, tuple(its))) for key, its in told.items())
    return {key: rollout for key, rollout in rollouts if rollout is not None}


def _told(recorded: Recorded) -> Told:
    return recorded.rollout, recorded.entry.at, facts.read(recorded.entry)


def _names(told: list[Told]) -> dict[RolloutKey, str]:
    """Each rollout as people call it; the newest name of its release counts."""
    names: dict[RolloutKey, str] = {}
    for key, _, fact in told:
        if isinstance(fact, (facts.Discovered, facts.Identified)):
            names[key] = one_line(f"{key.app} on {STORE_NAMES[key.store]} {fact.release.label}")
        names.setdefault(key, one_line(str(key)))
    return names


def _say(line: Line, name: str) -> None:
    """`name`: whose line it is, where there are several rollouts; then there is no room for a column of changes."""
    change, time = _change(line), f"{line.at.astimezone(UTC):%H:%M}  "
    lead = f"{name}: {change and change + ': '}" if name else change.ljust(_CHANGE)
    indent = len(time) if name else len(time + lead)
    text = lead + one_line(line.text)
    for number, part in enumerate(wrapped(time + text, indent)):
        shown = part[len(time + lead) :] if not number else part
        click.echo((time + lead if not number else "") + click.style(shown, **_style(line.fact)))


def _change(line: Line) -> str:
    if line.before_ppm == line.after_ppm:
        return ""
    return f"{percent_text(line.before_ppm)} -> {percent_text(line.after_ppm)}"


def _style(fact: facts.Fact) -> dict[str, Any]:
    """What people should not read past."""
    if isinstance(fact, facts.Decided) and fact.decision is DecisionKind.HALT:
        return {"fg": "red", "bold": True}
    if isinstance(fact, facts.Commanded):
        return {"fg": "cyan"}
    if isinstance(fact, (facts.Drifted, facts.Held, facts.WentBlind)):
        return {"fg": "yellow"}
    return {}
