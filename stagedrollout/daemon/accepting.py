"""A person goes on with a journal that may lack its end: written into the journals first, then into the mark.

In this order a crash in between leaves everything closed, and the command is simply given again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.clocks import APART_MAX
from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import Actor, RolloutKey
from stagedrollout.daemon.health.replicas import NO_DOUBT, doubting
from stagedrollout.daemon.recorder import Recorder, no_lease
from stagedrollout.storage.engine import Engine, reading
from stagedrollout.storage.highwater import (
    Acceptance,
    Mark,
    accepted,
    doubt_of,
    latest_instant,
    lost,
    mark_file,
    newest,
    read_mark,
    write_mark,
)
from stagedrollout.storage.instants import instant_or_none
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.presence import Presence


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was lost, in words; in which rollouts' journals that stands now, and where it could not be written."""

    lost: str
    rollouts: tuple[RolloutKey, ...]
    problems: tuple[str, ...]


def accept(engine: Engine, actor: Actor, reason: str, now: datetime) -> Accepted | None:
    """Take the journal as it is; None where there is nothing to accept. Raises StorageError."""
    path, doubt, said = mark_file(engine), doubt_of(engine), _said_by_the_silent(engine)
    if path is None or (doubt is None and not said and not _ahead_of(engine, now)):
        return None
    mark = _mark(engine)
    with reading(engine) as connection:
        have = newest(connection)
    if doubt is None and said:
        gone = "; ".join(said.values())
    elif doubt is None:
        gone = "nothing: entries of the journal lie in the future, and are older than they say"
    elif mark is not None:
        gone = lost(have, mark)
    else:
        gone = f"not known: the high-water file is gone, and the journal ends at entry {have.seq}"
    told, problems = _told(engine, facts.JournalAccepted(actor, reason, gone), now)
    with reading(engine) as connection:
        have = newest(connection)
    write_mark(path, accepted(have, mark, Acceptance(now, str(actor), reason, gone, have.seq)))
    for epoch in said:
        Presence(engine).tell(epoch, NO_DOUBT)
    return Accepted(gone, told, problems)


def _said_by_the_silent(engine: Engine) -> dict[int, str]:
    """What replicas say of the journal that live no more: by their numbers. One that comes back says so again if it is so."""
    rows = Presence(engine).replicas()
    return {row.epoch: words for row in rows if (row.lapsed or row.stopped) and (words := doubting(row))}


def _ahead_of(engine: Engine, now: datetime) -> bool:
    """Whether entries that nobody has accepted yet say they were written later than now."""
    mark = _mark(engine)
    with reading(engine) as connection:
        found = instant_or_none(latest_instant(connection, mark.accepted_seq if mark else 0))
    return found is not None and found - now > APART_MAX


def _mark(engine: Engine) -> Mark | None:
    path = mark_file(engine)
    try:
        return read_mark(path) if path else None
    except StorageError:
        return None  # what cannot be read is replaced: that is what the person was asked about


def _told(engine: Engine, fact: facts.Fact, now: datetime) -> tuple[tuple[RolloutKey, ...], tuple[str, ...]]:
    """In the journals of the rollouts that are not over, or of the newest one."""
    journal = Journal(engine)
    recorder = Recorder(journal, LedgerTable(engine), no_lease)
    keys = journal.rollout_keys()
    told, problems = list[RolloutKey](), list[str]()
    for key in tuple(key for key in keys if _going_on(recorder, key)) or keys[-1:]:
        try:
            recorder.note(key, (fact,), now)
            told.append(key)
        except StorageError as error:
            problems.append(f"{key}: {error}")
    return tuple(told), tuple(problems)


def _going_on(recorder: Recorder, key: RolloutKey) -> bool:
    try:
        return not recorder.load(key).rollout.finished
    except StorageError:
        return True  # it will be told that it cannot be written there
