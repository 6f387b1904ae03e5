"""Google Play's refusals as they are recorded: status, headers and body, by the row of google-play.md section 6.

Where a row has two forms both are here: the current one (v2, with `status`) and the one from before about 2020
(`domain: androidpublisher`, a telling `reason`, no `status`). `EMULATED` names those which the emulator answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from play_fake import E7_DETAILS, Answer, error, old_error

INVALID, CONDITION, DENIED, MISSING = (
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "PERMISSION_DENIED",
    "NOT_FOUND",
)


@dataclass(frozen=True)
class Recording:
    """`row` is E1..E27, with a word where a row has several forms."""

    row: str
    answer: Answer


def _v2(
    row: str, code: int, message: str, status: str, reason: str = "badRequest", details: Any = None
) -> Recording:
    return Recording(row, error(code, message, status=status, reason=reason, details=details))


def _old(row: str, code: int, message: str, reason: str) -> Recording:
    return Recording(row, old_error(code, message, reason))


GONE = "This Edit has been deleted."
HELD_BACK = (
    "Changes cannot be sent for review automatically. Please set the query parameter changesNotSentForReview to"
    " true. Once committed, the changes in this edit can be sent for review from the Google Play Console UI."
)
BY_ITSELF = (
    "Changes are sent for review automatically. The query parameter changesNotSentForReview must not be set."
)
NOTHING_TO_HALT = "Cannot halt release, no matching in progress release found."
DRAFT_APP = "Only releases with status draft may be created on draft app."
IN_REVIEW = "You already have changes in review. Cancel this review or wait until it has finished."
TWO_EDITS = (
    "You can't halt a fully rolled out release and create a new fully rolled out release in a single edit."
)
NO_UPGRADE = "You cannot rollout this release because it does not allow any existing users to upgrade to the newly added APKs."
CREDENTIAL = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
    " authentication credential."
)
DISABLED = "Google Play Android Developer API has not been used in project 1 before or it is disabled."
COMMITTED = "This edit has already been successfully committed, please create a new Edit."

RECORDINGS = {
    one.row: one
    for one in (
        _v2("E1", 400, GONE, CONDITION),
        _v2("E1 invalid", 400, GONE, INVALID),
        _old("E1 old", 410, GONE, "editDeleted"),
        _v2("E2", 400, "This edit has expired.", CONDITION),
        _v2("E3", 400, COMMITTED, CONDITION),
        _v2("E4", 409, "The object is being updated by another request.", "ABORTED", "concurrentUpdate"),
        _v2("E5", 400, HELD_BACK, INVALID),
        _v2("E6", 400, BY_ITSELF, INVALID),
        _v2("E7", 400, IN_REVIEW, CONDITION, details=E7_DETAILS),
        _v2("E8 above", 400, "User fraction must be lower than one.", INVALID),
        _v2("E8 below", 400, "Rollout fraction must be greater than 0.0 and less than 1.", INVALID),
        _old("E8 old", 400, "Rollout fraction out of range", "validateAppMessageRolloutFractionOutOfRange"),
        _v2("E9 needed", 400, "HALTED release must have fraction.", INVALID),
        _v2("E9 forbidden", 400, "HALTED release must not have fraction.", INVALID),
        _v2("E10", 400, "Only one completed release is allowed.", INVALID),
        _v2("E11", 400, "Too many staged releases specified.", INVALID),
        _v2("E12", 400, NOTHING_TO_HALT, INVALID),
        _old("E12 old", 400, "Cannot halt release", "releaseToHaltNotFound"),
        _v2("E13", 400, TWO_EDITS, INVALID),
        _v2("E14", 500, "Internal error encountered.", "INTERNAL", "backendError"),
        _v2("E15", 400, DRAFT_APP, INVALID),
        _old("E15 old", 400, "Rollout not permitted", "rolloutNotPermittedOnDraftApp"),
        _v2("E16", 400, "The first release on a track cannot be staged.", INVALID),
        _v2("E17", 400, "Fully released can not be staged.", INVALID),
        _v2("E18", 403, NO_UPGRADE, DENIED, "forbidden"),
        _v2("E19", 403, "The caller does not have permission", DENIED, "forbidden"),
        _v2("E20", 403, "Unauthorized", DENIED, "forbidden"),
        _v2("E21", 403, DISABLED, DENIED, "forbidden"),
        _v2("E22", 403, "There are issues with your account.", DENIED, "forbidden"),
        _v2("E22 400", 400, "You must let us know whether your app uses the AD_ID permission.", INVALID),
        _v2("E22 countries", 403, "This release is targeting no countries.", DENIED, "forbidden"),
        _v2("E23 package", 404, "Package not found: com.acme.app.", MISSING, "notFound"),
        _old("E23 package old", 404, "No application was found", "applicationNotFound"),
        _v2("E23 codes", 404, "APK version codes could not be found: [9999]", MISSING, "notFound"),
        _v2("E23 track", 404, "Track not found.", MISSING, "notFound"),
        _v2("E23 empty", 404, "Track empty.", MISSING, "notFound"),
        _v2("E24", 400, "Releases in ROLLOUT track is not supported.", INVALID),
        _old("E24 old", 400, "Releases in ROLLOUT track is not supported", "releasesRolloutTrackNotAllowed"),
        _v2("E25", 400, "Precondition check failed.", CONDITION),
        _v2("E26", 401, CREDENTIAL, "UNAUTHENTICATED", "authError"),
        _v2(
            "E27",
            429,
            "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.",
            "RESOURCE_EXHAUSTED",
            "rateLimitExceeded",
        ),
        _v2("E27 403", 403, "Rate Limit Exceeded", DENIED, "rateLimitExceeded"),
        _v2("E27 user", 403, "User Rate Limit Exceeded", DENIED, "userRateLimitExceeded"),
    )
}

NOT_EMULATED = frozenset(
    {
        "E8 old",  # formats from before 2020, but for E1
        "E12 old",
        "E15 old",
        "E23 package old",
        "E24 old",
        "E22",  # what an account or a policy declaration lacks
        "E22 400",
        "E22 countries",
        "E27 403",  # the emulator throttles with 429
        "E27 user",
    }
)
EMULATED = tuple(row for row in RECORDINGS if row not in NOT_EMULATED)


def said(row: str) -> Answer:
    """The recorded answer of a row."""
    return RECORDINGS[row].answer
