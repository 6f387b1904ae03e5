"""What the rows of several replicas tell about each other, in words for people: for `status`, `health`, and raises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.core.clocks import APART_MAX
from stagedrollout.core.model import Store
from stagedrollout.core.units import duration_text
from stagedrollout.storage.highwater import BEHIND
from stagedrollout.storage.leases import NOTICES, LeaseRow
from stagedrollout.storage.presence import DaemonRow

STEERS, DOUBT, DOUBT_CODE, LINE = "steers", "doubt", "doubt_code", "line"
"""What a replica says of itself in its row: by what it steers (config/steering.py), why it takes the journal for no newest one
("": it does not), and why nothing is raised where somebody has stopped the line on its machine."""

UNREACHED = "unreached"
"""And which services do not answer it: each with how that shows (reach.py)."""

REMEMBERED = timedelta(days=1)
"""For how long one that fell silent is still spoken of: a place may never be used again."""


def unlike(mine: DaemonRow, other: DaemonRow) -> str:
    """Where the two steer by different configurations; "" where they do not."""
    here, there = mine.info.get(STEERS), other.info.get(STEERS)
    if here == there:
        return ""
    older = "that of an older version"
    return (
        f"{other.holder} runs on the same database with another configuration ({there or older}, and {mine.holder} has"
        f" {here or older}): give both the same one, or stop one of them"
    )


def doubting(other: DaemonRow) -> str:
    """Where a replica knows the journal for older than it was; "" where it does not. One that only lacks its own mark knows
    nothing of that. What one knew that has fallen silent since, or has ended, is still so: the journal is no newer for that."""
    if other.info.get(DOUBT_CODE) != BEHIND:
        return ""
    return f"{other.holder} says: {other.info.get(DOUBT)}"


def unreached(row: DaemonRow) -> Mapping[str, str]:
    """What does not answer that replica, by its own words."""
    found = row.info.get(UNREACHED)
    return found if isinstance(found, dict) else {}


def told_doubt(row: DaemonRow) -> dict[str, Any]:
    """What it has said of the journal."""
    return {key: row.info[key] for key in (DOUBT, DOUBT_CODE) if key in row.info}


NO_DOUBT: dict[str, Any] = {DOUBT: "", DOUBT_CODE: ""}


def apart(row: DaemonRow) -> str:
    """Where a replica's clock and the database's disagree; "" where they agree."""
    if abs(row.ahead) <= APART_MAX:
        return ""
    side = "ahead of" if row.ahead > timedelta(0) else "behind"
    return f"the clock of {row.holder} is {duration_text(abs(row.ahead))} {side} the database's: it raises nothing"


def problems(rows: tuple[DaemonRow, ...]) -> Iterator[str]:
    """Why nothing is raised, of the replicas that live; the one that was heard last is the first."""
    living = [row for row in rows if not (row.lapsed or row.stopped)]
    for other in living[1:]:
        if said := unlike(living[0], other):
            yield f"nothing is raised: {said}"
    gone = [row for row in rows if row.lapsed or row.stopped]
    yield from filter(None, map(doubting, (*living, *gone) if len(living) > 1 else gone))
    yield from filter(None, map(apart, living))
    yield from (
        f"nothing is raised: {row.holder} says: {row.info[LINE]}" for row in living if row.info.get(LINE)
    )


def unreaching(rows: tuple[DaemonRow, ...]) -> Iterator[tuple[str, bool]]:
    """What replicas that live do not reach, in words, and whether that leaves nobody who does. One that is alone tells it of
    each app."""
    living = [row for row in rows if not (row.lapsed or row.stopped)]
    if len(living) < 2:
        return
    for service in sorted({service for row in living for service in unreached(row)}):
        cut = [row for row in living if service in unreached(row)]
        words, name = unreached(cut[0])[service], _SERVICES.get(service, service)
        if len(cut) == len(living):
            yield f"no replica reaches {name}: {words}", True
        else:
            holders = ", ".join(row.holder for row in cut)
            yield f"{holders} cannot reach {name} ({words}): {_TAKEN.get(service, _APPS)}", False


_SERVICES = {Store.GOOGLE_PLAY.value: "Google Play", Store.APP_STORE.value: "the App Store", NOTICES: "Slack"}
_APPS = "its apps there go to a replica that can, once two looks have failed"
_TAKEN = {NOTICES: "another one tells people, once that has gone on for minutes"}


def silent(rows: Iterable[DaemonRow], newest: datetime) -> Iterator[str]:
    """Replicas that fell silent a short while ago. `newest`: when any was heard last, by the database's clock."""
    for row in rows:
        gone = newest - row.heard_at
        if row.lapsed and not row.stopped and gone < REMEMBERED:
            yield f"the replica {row.holder} has given no sign of life for {duration_text(gone)}: the others have its apps"


def replicas_document(rows: tuple[DaemonRow, ...], held: Iterable[LeaseRow]) -> list[dict[str, Any]]:
    """Each that is not over, and how many store apps it holds; one of them tells people."""
    holds: dict[int, list[str]] = {}
    for lease in held:
        holds.setdefault(lease.replica, []).append(lease.name)
    return [
        {
            "holder": row.holder,
            "heartbeat_at": row.heartbeat_at.isoformat(),
            "silent": row.lapsed,
            "apps": sum("/" in name for name in holds.get(row.epoch, ())),
            "tells_people": any("/" not in name for name in holds.get(row.epoch, ())),
            "version": row.info.get("version", ""),
            "configuration": row.info.get(STEERS, ""),
            "cannot_reach": dict(unreached(row)),
        }
        for row in rows
        if not row.stopped and not (row.lapsed and row.epoch not in holds)
    ]
