"""The coming days of one store app: what is open when, what is frozen and why, and which share may come when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from stagedrollout.core.calendar import EVERY_DAY, Calendar
from stagedrollout.core.freezing import Frozen
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.core.phasing import FIRST_SHARE_PPM, WINDOW, Pacing
from stagedrollout.core.policy import Policy
from stagedrollout.core.schedule import allowed_day, endless, frozen_during, hours_of, thaw
from stagedrollout.core.telling import title
from stagedrollout.core.units import PPM_ALL
from stagedrollout.explaining.ahead import Ahead, Course, follows_apple, shares_ahead
from stagedrollout.explaining.upcoming import stands_still

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class _Tier:
    """Shares that the calendar treats alike. `apples_day`: the day after must allow raises too."""

    shares: tuple[int, ...]
    calendar: Calendar
    apples_day: bool


def fortnight(
    app: StoreApp, policy: Policy, rollout: Rollout | None, now: datetime, days: int
) -> dict[str, Any]:
    """One document of plain values; instants are ISO 8601 in UTC, dates those of the calendar's time zone."""
    share = rollout.exposure_ppm if rollout and rollout.live_since else 0
    waits = stands_still(rollout, policy) if rollout else None
    begins = max(now, waits.at or now) if waits else now
    endless_wait = waits is not None and waits.at is None
    steps = () if endless_wait else tuple(_steps(policy, app.store, rollout, begins))
    tiers, today = _tiers(policy, app.store, share), now.astimezone(policy.calendar.zone).date()
    return {
        "app": app.app,
        "store": app.store.value,
        "policy": policy.name,
        "time_zone": policy.calendar.time_zone,
        "now": now.isoformat(),
        "title": title(rollout) if rollout else None,
        "exposure_ppm": share if rollout else None,
        "waits": waits.what if waits else None,
        "waits_until": _iso(waits.at) if waits else None,
        "follows_apple": follows_apple(policy, app.store, share),
        "frozen_now": [_told(each) for each in frozen_during(policy.calendar, now, now)],
        "steps": [_step(step, policy.calendar) for step in steps],
        "days": [_day(policy.calendar, tiers, today + timedelta(days=n), steps, now) for n in range(days)],
    }


def _steps(policy: Policy, store: Store, rollout: Rollout | None, now: datetime) -> Iterator[Ahead]:
    """Where nothing has begun yet: what would come if somebody started it as soon as that is possible."""
    if rollout and rollout.live_since:
        yield from Course(policy, store, now).after(rollout.exposure_ppm, rollout.live_since)
        return
    first = FIRST_SHARE_PPM if store is Store.APP_STORE else policy.stages[0].exposure_ppm
    begins = thaw(policy.calendar, now)
    if begins is None:
        freeze = endless(policy.calendar, now)
        yield Ahead(first, None, freeze.text if freeze else "")
        return
    yield Ahead(first, begins)
    yield from Course(policy, store, now).after(first, begins)


def _tiers(policy: Policy, store: Store, share: int) -> tuple[_Tier, ...]:
    def alike(target: int) -> tuple[Calendar, bool]:
        calendar = policy.calendar.for_share(target)
        if follows_apple(policy, store, share):
            calendar = replace(calendar, weekdays=EVERY_DAY, hours=None)
        guarded = store is Store.APP_STORE and policy.app_store.mode is Pacing.GUARDED
        return replace(calendar, shares=()), guarded and target != PPM_ALL

    grouped = groupby(shares_ahead(policy, store, share), key=alike)
    return tuple(_Tier(tuple(shares), *what) for what, shares in grouped)


def _day(
    calendar: Calendar, tiers: tuple[_Tier, ...], day: date, steps: tuple[Ahead, ...], now: datetime
) -> dict[str, Any]:
    begins, ends = hours_of(replace(calendar, hours=None), day)
    frozen = frozen_during(calendar, begins, ends - timedelta(microseconds=1))
    return {
        "date": day.isoformat(),
        "weekday": f"{day:%a}".lower(),
        "open": [
            {
                "shares_ppm": list(tier.shares),
                "from_to": [[_iso(a), _iso(b)] for a, b in _open(tier, day, now)],
            }
            for tier in tiers
        ],
        "frozen": [_told(each) for each in frozen],
        "steps": [_step(s, calendar) for s in steps if s.at and begins <= s.at < ends],
    }


def _open(tier: _Tier, day: date, now: datetime) -> list[Span]:
    """The hours of the day in which a raise may begin, without what is past and what is frozen."""
    calendar, tomorrow = tier.calendar, day + timedelta(days=1)
    if not allowed_day(calendar, day) or (tier.apples_day and not allowed_day(calendar, tomorrow)):
        return []
    opens, closes = hours_of(calendar, day)
    spans = [(max(opens, now), closes)]
    lasts = WINDOW if tier.apples_day else timedelta(0)
    for freeze in frozen_during(calendar, opens, closes + lasts):
        spans = [part for span in spans for part in _without(span, freeze, lasts)]
    return [span for span in spans if span[0] < span[1]]


def _without(span: Span, freeze: Frozen, lasts: timedelta) -> Iterator[Span]:
    """What begins in the span and lasts so long, and touches no instant of the freeze."""
    begin, end = span
    shut = freeze.begins - lasts if freeze.begins > begin - WINDOW else begin
    yield begin, min(end, shut)
    if freeze.ends is not None:
        yield max(begin, freeze.ends), end


def _step(step: Ahead, calendar: Calendar) -> dict[str, Any]:
    local = step.at.astimezone(calendar.zone).isoformat() if step.at else None
    return {"exposure_ppm": step.exposure_ppm, "earliest": _iso(step.at), "local": local, "note": step.note}


def _told(frozen: Frozen) -> dict[str, Any]:
    begins = None if frozen.ends is None else _iso(frozen.begins)
    told = {"cause": frozen.cause.value, "reason": frozen.reason, "text": frozen.text}
    return {**told, "begins": begins, "ends": _iso(frozen.ends)}


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
