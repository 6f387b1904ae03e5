"""Where the emulator, or we, knowingly differ from a description, and which section of which fact sheet says so.

Everything else that differs is a fault. An entry that nothing needs any more is one too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stagedrollout.emulator.faults import AFTER
from tests.contracts.description import Finding
from tests.contracts.exchange import Exchange

APP_STORE, GOOGLE_PLAY, SENTRY = "app_store", "google_play", "sentry"
PLAY_REPORTS = ("play_reporting", "play_bucket")


@dataclass(frozen=True, slots=True)
class Deviation:
    """`operation`, `status` ("" for requests) and `text` are patterns for whole findings; `what` in our words."""

    service: str
    what: str
    sheet: str
    text: str
    status: str = "2.."
    operation: str = ".*"

    def covers(self, service: str, finding: Finding) -> bool:
        status = str(finding.status) if finding.status else ""
        return (
            service == self.service
            and re.fullmatch(self.status, status) is not None
            and re.fullmatch(self.operation, finding.operation) is not None
            and re.fullmatch(self.text, finding.text, re.DOTALL) is not None
        )


_NULL = r"None is not of type '\w+'"

DEVIATIONS = (
    Deviation(
        GOOGLE_PLAY,
        "a PUT without releases is answered with nothing",
        "google-play.md section 3, tracks.update",
        "the body calls itself .*|the body is no JSON",
        operation=r"androidpublisher\.edits\.tracks\.update",
    ),
    Deviation(
        GOOGLE_PLAY,
        "until about 2020 an edit that is gone was told with 410 and without `status`",
        "google-play.md section 6, E1",
        r"\$\.error: 'status' is a required property",
        status="410",
    ),
    Deviation(
        GOOGLE_PLAY,
        "a 502 is a page of Google's edge",
        "google-play.md section 6, retryable by status; of the page itself the sheet says nothing",
        "the body calls itself text/html|the body is no JSON",
        status="502",
    ),
    *(
        Deviation(
            service,
            "a 502 is a page of Google's edge",
            "google-play.md section 6, retryable by status; of the page itself the sheet says nothing",
            "the body calls itself text/html|the body is no JSON",
            status="502",
        )
        for service in PLAY_REPORTS
    ),
    Deviation(
        APP_STORE,
        "a request for the next page takes `cursor`, for it is the link that Apple gave",
        "app-store-connect.md sections 3 and 9",
        r"\?cursor is no parameter",
        status="",
    ),
    Deviation(
        APP_STORE,
        "a to-one relation or resource with nothing behind it is null",
        "app-store-connect.md section 3, the last item",
        rf"\$\.data(\[\]\.relationships\.\w+\.data)?: {_NULL}",
    ),
    Deviation(
        APP_STORE,
        "attributes that have nothing to say are null",
        "app-store-connect.md sections 5 and 9",
        rf"\$\.(data|included)(\[\])?\.attributes\.(copyright|earliestReleaseDate|usesIdfa|releaseDate|startDate): {_NULL}",
    ),
    Deviation(
        APP_STORE,
        "every relation carries its links, also those for which the description has data only",
        "app-store-connect.md section 9",
        r"\$\.(data|included)(\[\])?\.relationships\.\w+: Additional properties are not allowed \('links' was unexpected\)",
    ),
    Deviation(
        APP_STORE,
        "5xx are not described",
        "app-store-connect.md section 8; specs/README.md, known differences",
        "the status is not described",
        status="50[0234]",
    ),
    Deviation(
        APP_STORE,
        "a missing agreement has a link to where it is signed",
        "app-store-connect.md section 8, FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
        r"\$\.errors\[\]\.links: Additional properties are not allowed \('see' was unexpected\)",
        status="403",
    ),
    Deviation(
        APP_STORE,
        "a phased release that has begun cannot be deleted",
        "app-store-connect.md section 4, row 9",
        "the status is not described",
        status="409",
        operation="appStoreVersionPhasedReleases_deleteInstance",
    ),
    Deviation(
        APP_STORE,
        "`detail` can be missing in an error, though it is required",
        "app-store-connect.md section 5, error item",
        r"\$\.errors\[\]: 'detail' is a required property",
        status="4..",
    ),
    Deviation(
        SENTRY,
        "a 429 is JSON that calls itself HTML",
        "sentry.md section 7; specs/SENTRY-README.md",
        "the body calls itself text/html",
        status="429",
    ),
    Deviation(
        SENTRY,
        "502, 503 and 504 come from the edge and are not described",
        "sentry.md section 7",
        "the status is not described",
        status="50[234]",
    ),
    Deviation(
        SENTRY,
        "of an organization or a project only what a daemon reads is told: names, ids, the region",
        "sentry.md section 10 item 1",
        r"\$(\[\])?(\.links)?: '\w+' is a required property",
        operation="getOrganization|getProject|listOrganizationProjects",
    ),
)

BENT = {
    **dict.fromkeys(AFTER, "spoilt on its way: nothing that the service said"),
    **dict.fromkeys(("extra_fields", "unknown_state", "unknown_status"), "what the service may say one day"),
    "day_missing": "what the service has been seen to leave out (app-store-connect.md section 5)",
}
"""Faults whose answers are wrong on purpose, and why; those answers are not judged."""

CONFLICT = "409"
"""A fault that all emulated services share. Of reading, neither Apple nor Sentry says it; that is not judged either."""


def judged(exchange: Exchange) -> bool:
    """Whether an answer is what a service says."""
    reading = exchange.request.method == "GET" and exchange.service not in (GOOGLE_PLAY, *PLAY_REPORTS)
    return exchange.fault not in BENT and not (exchange.fault == CONFLICT and reading)


def deviation(service: str, finding: Finding) -> Deviation | None:
    """The entry that covers a finding."""
    return next((one for one in DEVIATIONS if one.covers(service, finding)), None)
