"""What only the whole configuration can tell of a team's own signals: their names, access to their services, and whether
the app's policy fits them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from stagedrollout.config.problems import Problem
from stagedrollout.config.yaml_tree import Document, Path
from stagedrollout.core.model import Store
from stagedrollout.core.play_reports import RATINGS_LAG, Period, window_min
from stagedrollout.core.policy import Policy
from stagedrollout.core.units import duration_text

_STORES = ("google_play", "app_store")
_SERVICES = ("prometheus", "grafana", "new_relic")
_OF_COUNTS = ("total", "counts_query")
"""The keys by which a source of ours brings counts."""

_OF_PLAY = ("vitals", "ratings_csv")
"""The sources that know apps on Google Play only."""


def signal_problems(document: Document, policies: Mapping[str, Policy]) -> Iterator[Problem]:
    """Names that are there twice, services without access, and gates of an app's policy that do not fit its signals."""
    for listing in _listings(document):
        first: dict[str, Path] = {}
        for place in _signals_of(document, listing):
            name = document.get(*place, "name")
            if not isinstance(name, str):
                continue
            if name in first:
                line = document.values[(*first[name], "name")][0]
                yield document.problem(
                    (*place, "name"), "another signal of this app has this name", f"see line {line}"
                )
            first.setdefault(name, place)
            yield from _access(document, place)
            yield from _elsewhere(document, place, listing[-1])
        yield from _unfit(document, listing, first, policies)


def signal_places(document: Document) -> Iterator[Path]:
    """Where each of the apps' own signals is written."""
    for listing in _listings(document):
        yield from _signals_of(document, listing)


def _access(document: Document, place: Path) -> Iterator[Problem]:
    for service in _SERVICES:
        if document.get(*place, service) is not None and document.get(service) is None:
            right = f"add a section `{service}:` at the top"
            yield document.problem((*place, service), f"there is no access to {service}", right)


def _elsewhere(document: Document, place: Path, store: object) -> Iterator[Problem]:
    for source in _OF_PLAY:
        if store != Store.GOOGLE_PLAY and document.get(*place, source) is not None:
            wrong = f"{source} knows apps on Google Play only"
            yield document.problem((*place, source), wrong, "move it under google_play.signals")


def _unfit(
    document: Document, listing: Path, signals: Mapping[str, Path], policies: Mapping[str, Policy]
) -> Iterator[Problem]:
    """Gates of the app's policy on signals that it does not have, and on signals of the other kind. What a package
    brings shows only when the daemon starts."""
    here, store = (*listing[:2], "policy"), listing[-1]
    policy = policies.get(str(document.get(*here)))
    for gate in policy.signals if policy else ():
        if gate.signal not in signals:
            wrong = f"this policy has a gate on the signal {gate.signal}, which the app has not on {store}"
            yield document.problem(here, wrong, f"add it under {store}.signals, or name another policy")
            continue
        counts = _counts(document, signals[gate.signal])
        if counts is not None and counts is not gate.by_evidence:
            wrong, right = OTHER_KIND[counts]
            yield document.problem(here, f"its gate on {gate.signal} does not fit: {wrong}", right)
            continue
        least = _window_min(document, signals[gate.signal])
        if least is not None and gate.window < least:
            wrong = f"its gate on {gate.signal} looks back {duration_text(gate.window)}, and Play's reports are late"
            right = f"give the gate a window of {duration_text(least)} or more: no shorter one is sure to hold any"
            yield document.problem(here, wrong, right)


OTHER_KIND = {
    True: ("the signal brings counts, which the evidence judges", "leave worse_by and limit out of the gate"),
    False: ("the signal brings a value", "give the gate worse_by, limit or both"),
}
"""What is wrong with a gate that does not fit, and what would be right, by whether its signal brings counts."""


def _counts(document: Document, place: Path) -> bool | None:
    """Whether a signal brings counts; None where only its package knows."""
    for source in (*_SERVICES, "http_json", *_OF_PLAY):
        section = document.get(*place, source)
        if isinstance(section, dict):
            return any(section.get(key) for key in _OF_COUNTS)
    return None


def _window_min(document: Document, place: Path) -> timedelta | None:
    """The shortest window in which a report of Play is sure to have anything; None for all other sources."""
    if isinstance(document.get(*place, "ratings_csv"), dict):
        return window_min(RATINGS_LAG, timedelta(days=1))
    if not isinstance(document.get(*place, "vitals"), dict):
        return None
    period = Period.HOURLY if document.get(*place, "vitals", "period") == Period.HOURLY else Period.DAILY
    return window_min(period.lag, period.length)


def _listings(document: Document) -> Iterator[Path]:
    apps = document.get("apps")
    for index in range(len(apps)) if isinstance(apps, list) else ():
        for store in _STORES:
            if isinstance(document.get("apps", index, store), dict):
                yield ("apps", index, store)


def _signals_of(document: Document, listing: Path) -> Iterator[Path]:
    written = document.get(*listing, "signals")
    for index in range(len(written)) if isinstance(written, list) else ():
        if isinstance(document.get(*listing, "signals", index), dict):
            yield (*listing, "signals", index)
