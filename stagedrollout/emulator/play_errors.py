"""How Google Play says no. Rows E1-E27 are those of google-play.md section 6.

The texts are the anchors that clients match on; the body has the v2 format.
"""

from __future__ import annotations

from typing import Any

from stagedrollout.emulator.request import Reply

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    410: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_REASON = {
    400: "badRequest",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "concurrentUpdate",
    429: "rateLimitExceeded",
    500: "backendError",
    503: "backendError",
}


class PlayError(Exception):
    """Play's refusal of one call."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: str = "",
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _STATUS[code]
        self.details = details

    def document(self) -> dict[str, Any]:
        reason = _REASON.get(self.code, "badRequest")
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "errors": [{"message": self.message, "domain": "global", "reason": reason}],
            "status": self.status,
        }
        if self.details:
            error["details"] = self.details
        return {"error": error}

    def reply(self) -> Reply:
        return Reply(self.code, self.document(), applied=False)


class OldEditDeleted(PlayError):
    """E1 as it was told before about 2020: 410, domain androidpublisher, no status."""

    def __init__(self) -> None:
        super().__init__(410, "This Edit has been deleted.")

    def document(self) -> dict[str, Any]:
        detail = {"domain": "androidpublisher", "reason": "editDeleted", "message": self.message}
        return {"error": {"code": 410, "message": self.message, "errors": [detail]}}


def edit_deleted(variant: str) -> PlayError:  # E1
    if variant == "gone_410":
        return OldEditDeleted()
    return PlayError(400, "This Edit has been deleted.", status=variant)


def edit_expired() -> PlayError:  # E2
    return PlayError(400, "This edit has expired.", status="FAILED_PRECONDITION")


def edit_committed() -> PlayError:  # E3
    text = "This edit has already been successfully committed, please create a new Edit."
    return PlayError(400, text, status="FAILED_PRECONDITION")


def edit_unknown() -> PlayError:
    return PlayError(404, "Edit not found.")


def not_sent_automatically() -> PlayError:  # E5
    return PlayError(
        400,
        "Changes cannot be sent for review automatically. Please set the query parameter "
        "changesNotSentForReview to true. Once committed, the changes in this edit can be sent for review "
        "from the Google Play Console UI.",
    )


def flag_not_needed() -> PlayError:  # E6
    return PlayError(
        400,
        "Changes are sent for review automatically. The query parameter changesNotSentForReview must not "
        "be set.",
    )


def already_in_review() -> PlayError:  # E7
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "CHANGES_ALREADY_IN_REVIEW",
        "domain": "googleapis.com",
    }
    return PlayError(
        400,
        "You already have changes in review. Cancel this review or wait until it has finished.",
        status="FAILED_PRECONDITION",
        details=[info],
    )


def fraction_out_of_range(fraction: float) -> PlayError:  # E8
    if fraction >= 1:
        return PlayError(400, "User fraction must be lower than one.")
    return PlayError(400, "Rollout fraction must be greater than 0.0 and less than 1.")


def fraction_rule(status: str, *, needed: bool) -> PlayError:  # E9
    word = {"inProgress": "IN_PROGRESS"}.get(status, status.upper())
    return PlayError(400, f"{word} release must {'' if needed else 'not '}have fraction.")


def two_completed() -> PlayError:  # E10
    return PlayError(400, "Only one completed release is allowed.")


def two_staged() -> PlayError:  # E11
    return PlayError(400, "Too many staged releases specified.")


def nothing_to_halt() -> PlayError:  # E12
    return PlayError(400, "Cannot halt release, no matching in progress release found.")


def halt_and_complete() -> PlayError:  # E13
    return PlayError(
        400,
        "You can't halt a fully rolled out release and create a new fully rolled out release in a single "
        "edit.",
    )


def internal() -> PlayError:  # E14
    return PlayError(500, "Internal error encountered.")


def draft_app() -> PlayError:  # E15
    return PlayError(400, "Only releases with status draft may be created on draft app.")


def first_not_staged() -> PlayError:  # E16
    return PlayError(400, "The first release on a track cannot be staged.")


def completed_not_staged() -> PlayError:  # E17
    return PlayError(400, "Fully released can not be staged.")


def no_upgrade() -> PlayError:  # E18
    return PlayError(
        403,
        "You cannot rollout this release because it does not allow any existing users to upgrade to the "
        "newly added APKs.",
    )


def precondition() -> PlayError:  # E25
    return PlayError(400, "Precondition check failed.", status="FAILED_PRECONDITION")


def package_not_found(package: str) -> PlayError:  # E23
    return PlayError(404, f"Package not found: {package}.")


def codes_not_found(codes: list[int]) -> PlayError:  # E23
    return PlayError(404, f"APK version codes could not be found: [{', '.join(map(str, codes))}]")


def track_not_found() -> PlayError:  # E23
    return PlayError(404, "Track not found.")


def track_empty() -> PlayError:  # E23
    return PlayError(404, "Track empty.")


def rollout_track() -> PlayError:  # E24
    return PlayError(400, "Releases in ROLLOUT track is not supported.")


def countries_not_allowed() -> PlayError:
    """Section 3: only for staged releases on production. The words are ours; Play's are not known."""
    return PlayError(400, "Country targeting is only supported for staged releases on production.")


def too_many_queries() -> PlayError:
    return PlayError(429, "Quota exceeded for quota metric 'Queries' and limit 'Queries per second'.")


def vitals_do_not_fit() -> PlayError:
    return PlayError(400, "The requested metrics, dimensions and aggregation_period cannot be used together.")


def beyond_freshness(latest: str) -> PlayError:
    return PlayError(400, f"'timeline_spec.end_date' field should be at most the current freshness {latest}")


def invalid(message: str) -> PlayError:
    return PlayError(400, message)


def unauthenticated() -> PlayError:  # E26
    return PlayError(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential.",
    )


def insufficient_scope() -> PlayError:
    return PlayError(403, "Request had insufficient authentication scopes.")


def not_permitted() -> PlayError:  # E19
    return PlayError(403, "The caller does not have permission")


def not_enabled(api: str) -> PlayError:  # E21
    return PlayError(403, f"{api} has not been used in project 1 before or it is disabled.")


def refused(kind: str, status: int) -> Reply:
    """The answer to a request that a fault refuses (E4, E14, E19-E21, E26, E27, edge errors)."""
    if status == 502:
        text = "<html><title>502 Server Error</title><h1>Error: Server Error</h1></html>"
        return Reply(502, text=text)
    texts = {
        "401": unauthenticated().message,
        "403": not_permitted().message,
        "403_unauthorized": "Unauthorized",
        "403_api_disabled": not_enabled("Google Play Android Developer API").message,
        "409": "The object is being updated by another request.",
        "429": "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.",
        "503": "The service is currently unavailable.",
    }
    return Reply(status, PlayError(status, texts.get(kind, internal().message)).document())
