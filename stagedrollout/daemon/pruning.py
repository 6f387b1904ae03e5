"""Which rollouts a database may let go, and what keeps the others: read whole from their journals, never from `status`.

A person's command, and a timer's. The daemon itself deletes nothing: of a server it could not, and what can delete the
record of a halt should not run all day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.core import facts
from stagedrollout.core.errors import StorageError
from stagedrollout.core.fold import fold
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.retirement import kept_because
from stagedrollout.daemon.spool import read_spool, spool_file
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import Engine, beside_database, reading
from stagedrollout.storage.highwater import doubt_of, newest
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.retired import busy
from stagedrollout.storage.wording import UNREADABLE


@dataclass(frozen=True, slots=True)
class Plan:
    """`meant`: what may be retired, the oldest first. `kept`: how many others were last written before the time that is
    kept, by what keeps them. `problems`: what could not be read, and so stays with all of its app."""

    meant: tuple[RolloutKey, ...]
    kept: Counter[str] = field(default_factory=Counter)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    """A rollout as its journal tells it: how another one took its place the last time, and when it was written last."""

    rollout: Rollout
    superseded: facts.Superseded | None
    ended: datetime


def plan(engine: Engine, keep: timedelta, now: datetime) -> Plan:
    """What was over before `now` less `keep`. Raises StorageError, also where the journal is not the newest one: what a
    person has to look at first is not made smaller."""
    if doubt := doubt_of(engine):
        raise StorageError(f"nothing is retired: {doubt.words}")
    journal, before = Journal(engine), now - keep
    waiting = _waiting(engine)
    with reading(engine) as connection:
        marked = newest(connection).rollout
    apps: dict[str, list[RolloutKey]] = {}
    for key in journal.rollout_keys():
        apps.setdefault(key.app, []).append(key)
    meant, kept, problems = list[tuple[datetime, RolloutKey]](), Counter[str](), list[str]()
    for app, keys in apps.items():
        old = [key for key in keys if journal.newest(key) < before]
        if not old:
            continue
        if app in waiting:
            kept["an order or a halt of its app waits"] += len(old)
            continue
        try:
            read = [_read(journal, key) for key in keys]
        except UNREADABLE as error:
            problems.append(f"{app}: nothing of it is retired: {error}")
            continue
        for each, because in _judged(engine, read, old, before):
            why = because or ("it has the newest entry of all" if str(each.rollout.key) == marked else "")
            if why:
                kept[why] += 1
            else:
                meant.append((each.ended, each.rollout.key))
    meant.sort(key=lambda each: (each[0], str(each[1])))
    return Plan(tuple(key for _, key in meant), kept, tuple(problems))


def _waiting(engine: Engine) -> frozenset[str]:
    """The apps of orders that wait, and of halts that wait for the journal."""
    found = {order.app for order in CommandBox(engine).waiting()}
    database = beside_database(engine)
    if database is None or not database.parent.is_dir():
        return frozenset(found)
    try:
        kept, unreadable = read_spool(spool_file(database))
    except (OSError, ValueError) as error:
        raise StorageError(f"whether a halt waits for the journal cannot be read: {error}") from error
    if unreadable:
        raise StorageError(
            "whether a halt waits for the journal cannot be read: see `stagedrollout db check`"
        )
    return frozenset(found | {each.rollout.app for each in kept})


def _read(journal: Journal, key: RolloutKey) -> _Read:
    told = tuple((facts.read(recorded.entry), recorded.entry.at) for recorded in journal.history(key))
    rollout = fold(key, told)
    if rollout is None:
        raise StorageError(f"the journal knows no rollout {key}")
    places = (fact for fact, _ in reversed(told) if isinstance(fact, facts.Superseded))
    return _Read(rollout, next(places, None), max(at for _, at in told))


def _judged(
    engine: Engine, read: list[_Read], old: list[RolloutKey], before: datetime
) -> Iterator[tuple[_Read, str]]:
    everyone = tuple(each.rollout for each in read)
    for each in read:
        key = each.rollout.key
        if key not in old:
            continue
        others = tuple(other for other in everyone if other.key != key)
        why = kept_because(each.rollout, each.superseded, each.ended, before, others)
        if not why and busy(engine, key):
            why = "a change, a notice or an alarm of it is still under way"
        if not why and LedgerTable(engine).verify(key) is not None:
            why = "its counts are not as they were written"
        yield each, why
