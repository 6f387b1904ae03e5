"""What the database tells about a daemon's health, for people and for whatever watches over them.

Ages of heartbeats are the machine's time. Passes and notices live by the daemon's clock; where that is an
emulator's, nobody outside knows it, and the end of the latest pass stands for it: no look can be too early then,
so what is called late is late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from stagedrollout.core.units import duration_text
from stagedrollout.daemon.health.replicas import problems, silent, unreaching
from stagedrollout.storage.outbox import Undelivered
from stagedrollout.storage.presence import DaemonRow, PassRow, RolloutRow, Statuses

UNDELIVERED_MAX = timedelta(minutes=10)
"""How long a notice may wait (promise R20)."""

_NOT_HALTED = "not_halted"


class About(StrEnum):
    """What a finding concerns."""

    DATABASE = "database"
    DAEMON = "daemon"
    HALT = "halt"
    LATE = "late"
    PROBLEM = "problem"
    NOTICES = "notices"
    ALARMS = "alarms"
    BUTTONS = "buttons"
    CONFIGURATION = "configuration"
    LINE = "line"
    REPLICAS = "replicas"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence. `ill` is False for what is worth knowing but no reason to wake anybody."""

    about: About
    said: str
    ill: bool = True


def passes_now(statuses: Statuses, now: datetime) -> datetime:
    """The time by the clock that passes and notices live by, or the latest that is known of it."""
    if statuses.daemon is None or not _rehearses(statuses.daemon):
        return now
    return max((row.finished_at for row in statuses.passes if row.finished_at), default=now)


def findings(
    statuses: Statuses, undelivered: Undelivered, now: datetime, max_age: timedelta
) -> tuple[Finding, ...]:
    """Everything there is to say, the gravest first; nothing: healthy.

    `now` is the machine's, `max_age` how old a heartbeat may be, and `undelivered` is as of `passes_now`.
    """
    found = (
        *_halts(statuses),
        *_daemon_and_passes(statuses, now, max_age),
        *_replicas(statuses),
        *_notices(undelivered),
    )
    return tuple(sorted(found, key=lambda finding: not finding.ill))


def _halts(statuses: Statuses) -> Iterator[Finding]:
    """What nobody watches any more is told, but no daemon can ever mend it: it wakes nobody."""
    for row in statuses.rollouts:
        if row.summary.phase == _NOT_HALTED:
            where = f"{row.rollout.app} on {row.rollout.store.value} {row.summary.label}"
            said = f"{where} is NOT HALTED: {row.summary.reason}"
            if _is_watched(statuses, row):
                yield Finding(About.HALT, said)
            else:
                yield Finding(About.HALT, f"{said} (as last seen; it is watched no more)", ill=False)


def _going_on(statuses: Statuses) -> tuple[DaemonRow, ...]:
    """The daemon that was heard last, and of its replicas those that live: nobody else does anything."""
    if statuses.daemon is None:
        return ()
    return (statuses.daemon, *(row for row in statuses.others if not (row.lapsed or row.stopped)))


def _is_watched(statuses: Statuses, row: RolloutRow) -> bool:
    """By any of them; one that does not say what it watches counts as watching everything."""
    watching = [daemon.info.get("watching") for daemon in _going_on(statuses)]
    return not watching or any(each is None or str(row.rollout.store_app) in each for each in watching)


def _daemon_and_passes(statuses: Statuses, now: datetime, max_age: timedelta) -> Iterator[Finding]:
    """A daemon that is dead has late passes as well; that goes without saying."""
    daemon = statuses.daemon
    if daemon is None:
        yield Finding(About.DAEMON, "no daemon has ever run on this database")
        return
    if absent := _absence(daemon, now, max_age):
        yield Finding(About.DAEMON, absent)
    else:
        yield from _beside(_going_on(statuses))
    for name, row in _watched(statuses).items():
        if (
            late := ""
            if absent
            else _late(_those_who_watch(statuses, name), row, now, passes_now(statuses, now))
        ):
            yield Finding(About.LATE, f"{name}: {late}")
        if row and row.problem:
            yield Finding(About.PROBLEM, f"{name}: {row.problem}")


def _beside(daemons: tuple[DaemonRow, ...]) -> Iterator[Finding]:
    """Nobody is woken, or nothing can be pressed. Whoever cannot press has the command line. Any of them may be the one that
    tells people, so each is believed."""
    for about, key, ill in (
        (About.ALARMS, "alarms_problem", True),
        (About.BUTTONS, "buttons_problem", False),
    ):
        said = dict.fromkeys(str(daemon.info[key]) for daemon in daemons if daemon.info.get(key))
        yield from (Finding(about, words, ill=ill) for words in said)


def _absence(daemon: DaemonRow, now: datetime, max_age: timedelta) -> str:
    age = now - daemon.last_sign
    if "stopped_at" in daemon.info:
        return f"the daemon was stopped at {daemon.info['stopped_at'][:19]} UTC: nothing is watched"
    if age > max_age:
        return f"no heartbeat for {duration_text(age)}: the daemon is dead or hangs, and nothing is watched"
    if -age > max_age:
        return f"the last heartbeat is {duration_text(-age)} in the future: two clocks differ"
    return ""


def _watched(statuses: Statuses) -> dict[str, PassRow | None]:
    """Every store app that any of them watches; others may have been watched by an earlier one."""
    known = {str(row.store_app): row for row in statuses.passes}
    names = dict.fromkeys(name for each in _going_on(statuses) for name in each.info.get("watching", known))
    return {name: known.get(name) for name in names}


def _those_who_watch(statuses: Statuses, name: str) -> list[DaemonRow]:
    return [each for each in _going_on(statuses) if name in each.info.get("watching", (name,))]


def _late(daemons: list[DaemonRow], row: PassRow | None, now: datetime, passes_now: datetime) -> str:
    """In words, by the one that has been there longest: one that begins again and again excuses no other's silence."""
    first = min(daemons, key=lambda daemon: daemon.started_at)
    return _unfinished(first, row, now) or _overdue(first, row, passes_now)


def _unfinished(daemon: DaemonRow, row: PassRow | None, now: datetime) -> str:
    """In words, once a store app's first pass has not ended for a poll of the machine's time."""
    begun = now - daemon.started_at
    if (row and row.next_due_at) or begun <= _poll(daemon):
        return ""
    return f"no pass has ended since the daemon began {duration_text(begun)} ago"


def _overdue(daemon: DaemonRow, row: PassRow | None, now: datetime) -> str:
    """In words, once a pass has been due for a poll. What was due while no daemon ran is due from its start."""
    if row is None or row.next_due_at is None:
        return ""
    due = row.next_due_at if _rehearses(daemon) else max(row.next_due_at, daemon.started_at)
    return f"its pass is {duration_text(now - due)} late" if now - due > _poll(daemon) else ""


def _poll(daemon: DaemonRow) -> timedelta:
    return timedelta(seconds=daemon.info.get("poll_seconds", 0))


def _rehearses(daemon: DaemonRow) -> bool:
    return daemon.info.get("clock") == "emulator"


def _replicas(statuses: Statuses) -> Iterator[Finding]:
    """Where there are several. One that is gone wakes nobody, for the others do its work."""
    if statuses.daemon is None or not statuses.others:
        return
    rows = (statuses.daemon, *statuses.others)
    yield from (Finding(About.REPLICAS, said) for said in problems(rows))
    yield from (Finding(About.REPLICAS, said, ill=nobody) for said, nobody in unreaching(rows))
    yield from (Finding(About.REPLICAS, said, ill=False) for said in silent(rows, statuses.daemon.heard_at))


def _notices(undelivered: Undelivered) -> Iterator[Finding]:
    if undelivered.oldest is not None and undelivered.oldest > UNDELIVERED_MAX:
        count = _notices_are(undelivered.waiting)
        yield Finding(About.NOTICES, f"{count} not delivered for {duration_text(undelivered.oldest)}")
    if undelivered.lost:
        count = _notices_are(undelivered.lost).replace("notice", "urgent notice")
        where = "look in the second channel and the log, for what is critical there"
        yield Finding(About.NOTICES, f"{count} given up: Slack took them in no form; {where}")
    if others := undelivered.failed - undelivered.lost:
        said = f"{_notices_are(others)} given up: Slack took them in no form, the log has them"
        yield Finding(About.NOTICES, said, ill=False)


def _notices_are(count: int) -> str:
    return "1 notice is" if count == 1 else f"{count} notices are"
