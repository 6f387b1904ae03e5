"""Everything that our adapters ask in the stories, and everything that the emulator answers, in one place.

Stories are told once per process, for they are what takes time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from stagedrollout.emulator.faults import STATUS_AFTER, STATUS_BEFORE
from tests.contracts import (
    app_store_cases,
    discovery,
    doctor_cases,
    openapi,
    play_cases,
    play_report_cases,
    sentry_cases,
    specs,
)
from tests.contracts.description import Description, Finding
from tests.contracts.deviations import deviation, judged
from tests.contracts.exchange import Exchange
from tests.contracts.passing import Line, passing
from tests.contracts.sites import sites
from tests.contracts.stand import Stand

STORIES = (
    *play_cases.ALL,
    *play_report_cases.ALL,
    *app_store_cases.ALL,
    *sentry_cases.ALL,
    *doctor_cases.ALL,
)
"""A further adapter is one more file of stories here."""

DESCRIPTIONS: dict[str, Callable[[], Description]] = {
    "google_play": lambda: discovery.described("androidpublisher.v3"),
    "play_reporting": lambda: discovery.described("playdeveloperreporting.v1beta1"),
    "play_bucket": lambda: discovery.described("storage.v1"),
    "app_store": lambda: openapi.described(specs.folder() / specs.APP_STORE),
    "sentry": lambda: openapi.described(specs.folder() / specs.SENTRY),
}
"""By the emulator's name of a service, how it is described. Those of a folder skip the test without it."""

_OF_ALL = (*STATUS_BEFORE, *STATUS_AFTER)
_OF_ITS_OWN = {
    "app_store": ("504", "504_after", "agreement", "membership", "no_detail", "late_write"),
    "play_reporting": ("no_data",),
    "play_bucket": ("no_data", "not_utf16"),
    "sentry": ("query_timeout", "no_data", "negative", "frozen"),
}


@dataclass(frozen=True)
class Told:
    """`lines`: what our code passed while it was told."""

    exchanges: tuple[Exchange, ...]
    lines: frozenset[Line]

    def of(self, service: str) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.service == service]


@cache
def told() -> Told:
    exchanges: list[Exchange] = []
    refused: set[tuple[str, str]] = set()
    with passing({site.file for site in sites()}) as lines:
        stands = [story() for story in STORIES]
    for stand in stands:
        for exchange in list(stand.exchanges):
            which = (exchange.service, exchange.operation)
            if which not in refused and 200 <= exchange.status < 300:
                refused.add(which)
                _refuse(stand, exchange)
        exchanges += stand.exchanges
    return Told(tuple(exchanges), frozenset(lines))


@cache
def wrong_in_stories(service: str) -> frozenset[Finding]:
    """What is wrong with what was told, deviations included."""
    return frozenset(findings(service, told().of(service)))


def findings(service: str, exchanges: Iterable[Exchange]) -> Iterator[Finding]:
    """What is wrong, deviations included."""
    description = DESCRIPTIONS[service]()
    for exchange in exchanges:
        for finding in description.findings(exchange):
            if finding.side == "request" or judged(exchange):
                yield finding


def unexplained(service: str, wrong: Iterable[Finding]) -> list[str]:
    """What is wrong beyond the deviations, each once."""
    return sorted({str(one) for one in wrong if deviation(service, one) is None})


def unexplained_answer(service: str, exchanges: Iterable[Exchange]) -> list[str]:
    """What is wrong with the last answer of a service, whatever it was asked."""
    last = [exchange for exchange in exchanges if exchange.service == service][-1:]
    return unexplained(service, (one for one in findings(service, last) if one.side == "answer"))


def _refuse(stand: Stand, exchange: Exchange) -> None:
    """The same request again, with every refusal that there is."""
    for kind in (*_OF_ALL, *_OF_ITS_OWN.get(exchange.service, ())):
        stand.fault(exchange.service, kind, exchange.operation)
        stand.again(exchange)
        stand.world.faults.clear()
