"""The documents of `calendar` for people: a row for each day, colour only on terminals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from stagedrollout.core.model import STORE_NAMES, Store
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import percent_text

Document = dict[str, Any]

_COLUMN = 34
_MIDNIGHT = "00:00"


def show(documents: list[Document], trouble: str) -> None:
    if trouble:
        click.secho(one_line(f"No rollouts are shown: {trouble}"), fg="yellow", err=True)
    for number, document in enumerate(documents):
        if number:
            click.echo()
        for line in _lines(document):
            click.echo(line)


def _lines(document: Document) -> Iterator[str]:
    zone = ZoneInfo(document["time_zone"])
    yield click.style(one_line(_head(document)), bold=True)
    if document["waits"]:
        yield f"  waits for: {one_line(document['waits'])}{_at(document['waits_until'], zone)}"
    if document["follows_apple"]:
        yield "  Apple steps by its own clock, in whatever hours; only a freeze or another hold pauses it"
    for frozen in document["frozen_now"]:
        yield click.style(f"  {one_line(frozen['text'])}", fg="yellow")
    yield from (_row(day, zone) for day in document["days"])
    yield from _later(document)


def _head(document: Document) -> str:
    store = STORE_NAMES[Store(document["store"])]
    where = document["title"] or f"{document['app']} on {store}, no rollout: if one started as soon as it may"
    at = f" at {percent_text(document['exposure_ppm'])}" if document["exposure_ppm"] else ""
    return f"{where}{at}; policy {document['policy']}, times in {document['time_zone']}"


def _at(instant: str | None, zone: ZoneInfo) -> str:
    return f", {datetime.fromisoformat(instant).astimezone(zone):%a %d %b %H:%M}" if instant else ""


def _row(day: dict[str, Any], zone: ZoneInfo) -> str:
    tiers, frozen = _alike(day["open"]), day["frozen"]
    shut = not any(tier["from_to"] for tier in tiers)
    alone = len(tiers) == 1
    hours = "frozen" if frozen and shut else "; ".join(_tier(tier, zone, alone=alone) for tier in tiers)
    style = "yellow" if frozen else None if shut else "green"
    told = [
        *(_step(step, zone) for step in day["steps"]),
        *(_why(each, zone) for each in frozen if each["ends"]),
    ]
    text = click.style(f"{hours:<{_COLUMN}}" if told else hours, fg=style)
    return f"  {_date(day['date'])}  {text}{'  ' if told else ''}{'; '.join(told)}"


def _alike(tiers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Shares with the same hours on this day, told as one."""
    found: list[dict[str, Any]] = []
    for tier in tiers:
        if found and found[-1]["from_to"] == tier["from_to"]:
            found[-1] = {**tier, "shares_ppm": [*found[-1]["shares_ppm"], *tier["shares_ppm"]]}
        else:
            found.append(tier)
    return found


def _tier(tier: dict[str, Any], zone: ZoneInfo, *, alone: bool) -> str:
    if not tier["from_to"]:
        return "closed" if alone else f"{_shares(tier)} closed"
    spans = ", ".join(_span(begin, end, zone) for begin, end in tier["from_to"])
    return f"open {spans}" if alone else f"{_shares(tier)} {spans}"


def _span(begin: str, end: str, zone: ZoneInfo) -> str:
    first, last = _clock(begin, zone), _clock(end, zone)
    if first == last == _MIDNIGHT:
        return "all day"
    return f"{first}-{'24:00' if last == _MIDNIGHT else last}"


def _shares(tier: dict[str, Any]) -> str:
    shares = tier["shares_ppm"]
    first, last = percent_text(shares[0]), percent_text(shares[-1])
    return f"{first}:" if first == last else f"{first.removesuffix(' %')}-{last}:"


def _step(step: dict[str, Any], zone: ZoneInfo) -> str:
    note = f" ({step['note']})" if step["note"] else ""
    return click.style(
        f"{percent_text(step['exposure_ppm'])} from {_clock(step['earliest'], zone)}{note}", bold=True
    )


def _why(frozen: dict[str, Any], zone: ZoneInfo) -> str:
    """Where it does not take whole days, also from when until when."""
    if not frozen["ends"]:
        return one_line(frozen["reason"])
    begins, ends = (datetime.fromisoformat(frozen[key]).astimezone(zone) for key in ("begins", "ends"))
    whole = begins.time() == ends.time() == datetime.min.time()
    hours = "" if whole else f" ({begins:%a %H:%M}-{ends:%a %H:%M})"
    return one_line(f"{frozen['reason']}{hours}")


def _later(document: Document) -> Iterator[str]:
    """The steps that no row shows."""
    last = document["days"][-1]["date"]
    for step in document["steps"]:
        to = percent_text(step["exposure_ppm"])
        if step["local"] is None:
            yield f"  {to}: nobody knows when: {one_line(step['note'])}"
        elif step["local"][:10] > last:
            note = f" ({step['note']})" if step["note"] else ""
            yield f"  {to} later: from {datetime.fromisoformat(step['local']):%a %d %b %Y %H:%M}{note}"


def _clock(instant: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(zone):%H:%M}"


def _date(iso: str) -> str:
    return f"{date.fromisoformat(iso):%a %d %b}"
