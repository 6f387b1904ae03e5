"""What waits on a person, and since when; whom to wake for it, and what a day's digest says. Renderings and rules, no IO.

Everything has a key that names the cause, so that it is told once, whoever tells it and however often they look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from stagedrollout.core.fold_acts import ON_PEOPLE
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.notice import Fact, Notice, NoticeKind
from stagedrollout.core.offering import offers_of, unanswered
from stagedrollout.core.telling import console_hint, override, title
from stagedrollout.core.units import duration_text, percent_text
from stagedrollout.core.wording import board

AHEAD_MAX = timedelta(minutes=1)
"""So far two machines' clocks may lie apart."""

LATE_DIGEST = timedelta(hours=6)
"""A digest that could not be told for longer than this is left out: the next one is nearer."""


@dataclass(frozen=True, slots=True)
class Wait:
    """`cause` in a word, `text` for people."""

    cause: str
    text: str
    since: datetime


def waits_on_people(rollout: Rollout) -> Wait | None:
    if rollout.finished or rollout.ignored:
        return None
    if rollout.halt and unanswered(rollout):
        return Wait("halted", f"halted, and nobody has answered: {rollout.halt.reason}", rollout.halt.at)
    if rollout.halt or rollout.last is None:
        return None
    reason = next((r for r in rollout.last.reasons if r.code in ON_PEOPLE), None)
    return Wait(reason.code, reason.text, rollout.asks_since or rollout.changed_at) if reason else None


def reminder(rollout: Rollout, every: timedelta, most: int, now: datetime) -> Notice | None:
    """Due now, as far as it has not been told: one for each `every` that has passed, the newest only."""
    waits = waits_on_people(rollout)
    turn = _turns(waits, every, now) if waits else 0
    if waits is None or turn < 1 or turn > most:
        return None
    headline = f"{title(rollout)} still waits on a person, for {duration_text(every * turn)} now"
    key = f"{rollout.key}/reminder/{waits.cause}/{waits.since.isoformat()}/{turn}"
    what = Fact("What for", waits.text)
    return Notice(
        key, NoticeKind.REMINDER, broadcast=False, headline=headline, facts=(what,), offers=offers_of(rollout)
    )


def next_reminder(rollout: Rollout, every: timedelta, most: int, now: datetime) -> datetime | None:
    waits = waits_on_people(rollout)
    turn = max(_turns(waits, every, now), 0) + 1 if waits else 0
    return waits.since + every * turn if waits and turn <= most else None


def _turns(waits: Wait, every: timedelta, now: datetime) -> int:
    return int((now - waits.since) / every)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Somebody is to be woken at `due`, of the halt that began at `since`."""

    key: str
    due: datetime
    since: datetime
    notice: Notice

    def is_due(self, now: datetime) -> bool:
        """Nobody knows how long a halt has stood that began after now: the clock was set back, and that is too long."""
        return self.due <= now or self.since - now > AHEAD_MAX


def alarms(rollout: Rollout, unanswered_after: timedelta, not_halted_after: timedelta) -> tuple[Alarm, ...]:
    """What becomes an alarm unless something changes, due or not yet: whatever else was told is over."""
    halt = rollout.halt
    if halt is None or rollout.finished:
        return ()
    about = f"{rollout.key}/{halt.at.isoformat()}"
    found = list[Alarm]()
    at = percent_text(rollout.exposure_ppm)
    if not halt.confirmed and not rollout.final:
        told = (Fact("Why", halt.reason), Fact("To stop it by hand", console_hint(rollout.key.store)))
        headline = f"{title(rollout)} is NOT HALTED: for {duration_text(not_halted_after)} the store has not shown the halt"
        found.append(_alarm(f"{about}/not_halted", halt.at, not_halted_after, headline, told))
    if unanswered(rollout):
        told = (Fact("Why", halt.reason), Fact("To resume", override(rollout, "resume")))
        headline = f"{title(rollout)} was halted at {at} {duration_text(unanswered_after)} ago, and nobody has answered"
        found.append(_alarm(f"{about}/unanswered", halt.at, unanswered_after, headline, told))
    return tuple(found)


def _alarm(key: str, since: datetime, after: timedelta, headline: str, told: tuple[Fact, ...]) -> Alarm:
    notice = Notice(key, NoticeKind.ESCALATION, broadcast=True, headline=headline, facts=told)
    return Alarm(key, since + after, since, notice)


def digest_times(at: time, time_zone: str, now: datetime) -> tuple[datetime | None, datetime]:
    """When the newest digest was due, if it still is to be told, and when the next one is."""
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    yesterdays, due, tomorrows = (_instant(today + timedelta(days=n), at, zone) for n in (-1, 0, 1))
    newest, following = (yesterdays, due) if now < due else (due, tomorrows)
    return (newest if now - newest <= LATE_DIGEST else None), following


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def digest(rollouts: Iterable[Rollout], due: datetime) -> Notice:
    """Where everything stands that is not over, what waits on people first."""
    going_on = sorted((r for r in rollouts if not (r.finished or r.ignored)), key=_waiting_first)
    told = tuple(Fact(title(rollout), _stands(rollout)) for rollout in going_on)
    waiting = sum(waits_on_people(rollout) is not None for rollout in going_on)
    wait = f", {waiting} waiting on a person" if waiting else ""
    headline = f"Today: {len(going_on)} rollouts{wait}" if going_on else "Today: nothing is rolling out"
    return Notice(
        f"digest/{due.isoformat()}", NoticeKind.DIGEST, broadcast=False, headline=headline, facts=told
    )


def _waiting_first(rollout: Rollout) -> tuple[bool, str]:
    return waits_on_people(rollout) is None, str(rollout.key)


def _stands(rollout: Rollout) -> str:
    return "; ".join(fact.text for fact in board(rollout).facts if fact.name in ("State", "Exposure", "Why"))
