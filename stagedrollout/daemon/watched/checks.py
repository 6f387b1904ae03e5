"""Whether the daemon lives (/healthz) and whether it may raise (/readyz), each with its reasons in words.

/healthz is red where a restart may help: turns stand still, or a pass does not end. A store that cannot be read makes no
pass late and is no reason to restart anything. /readyz is red while nothing can be raised of any app; halts go on then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from stagedrollout.core.plain import one_line
from stagedrollout.core.units import duration_text
from stagedrollout.daemon.watched.seen import Seen

SILENT_AFTER = timedelta(seconds=45)
"""A turn gives a sign of life every ten seconds; the command `health` waits as long."""

UNREAD_AFTER = timedelta(seconds=60)
"""The database is read every ten seconds, and gives up on its own after a few."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    said: str


def alive(seen: Seen) -> tuple[Check, ...]:
    return (_turns(seen), _passes(seen))


def ready(seen: Seen) -> tuple[Check, ...]:
    return (_turns(seen), _lease(seen), _database(seen), _configuration(seen), *_barred(seen))


def all_well(checks: tuple[Check, ...]) -> bool:
    return all(check.ok for check in checks)


def _turns(seen: Seen) -> Check:
    ago = duration_text(seen.turn_age)
    if seen.turn_age > SILENT_AFTER:
        return Check("turns", ok=False, said=f"no turn has ended for {ago}: the daemon hangs")
    return Check("turns", ok=True, said=f"they go on, the last sign of it is {ago} old")


def _passes(seen: Seen) -> Check:
    """As Rounds has it: late is what ends a poll after it was due, so that it shows within two polls."""
    late = {app: by for app, by in seen.lateness.items() if by > seen.poll}
    if late:
        app = max(late, key=lambda one: late[one])
        more = f" (and {len(late) - 1} more)" if len(late) > 1 else ""
        return Check("passes", ok=False, said=f"{app}: its pass is {duration_text(late[app])} late{more}")
    count = len(seen.lateness)
    return Check(
        "passes", ok=True, said=f"each of {count} is in time, or due for less than {duration_text(seen.poll)}"
    )


def _lease(seen: Seen) -> Check:
    if seen.lost:
        return Check("lease", ok=False, said="another daemon has claimed the database: this one stops")
    ago = duration_text(seen.written_age)
    if seen.written_age > SILENT_AFTER:
        said = f"whether epoch {seen.epoch} is still ours has not been confirmed for {ago}"
        return Check("lease", ok=False, said=said)
    known = f"confirmed {ago} ago" if seen.written else "claimed just now"
    return Check("lease", ok=True, said=f"epoch {seen.epoch} is ours, {known}")


def _database(seen: Seen) -> Check:
    if seen.problem:
        return Check("database", ok=False, said=one_line(seen.problem))
    if seen.sample_age > UNREAD_AFTER:
        said = f"it has not been read for {duration_text(seen.sample_age)}: it fails or hangs"
        return Check("database", ok=False, said=said)
    return Check("database", ok=True, said="it is written and read")


def _configuration(seen: Seen) -> Check:
    """One that was refused is told: the older one is in force, and works."""
    found = seen.in_force
    if found is None:
        return Check("configuration", ok=False, said="none is in force yet")
    said = f"{found.fingerprint} is in force since {found.since:%Y-%m-%d %H:%M} UTC"
    if found.refused:
        said = f"{said}; a newer one was refused at {found.refused.at:%H:%M} UTC, see `stagedrollout status`"
    return Check("configuration", ok=True, said=said)


def _barred(seen: Seen) -> Iterator[Check]:
    barred = seen.sample.barred if seen.sample else ()
    for reason in barred:
        yield Check(reason.code, ok=False, said=one_line(reason.text))
    if not barred:
        yield Check("barred", ok=True, said="nothing keeps every app from being raised")
