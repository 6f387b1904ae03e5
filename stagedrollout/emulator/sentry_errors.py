"""How Sentry says no: `{"detail": text}`, with the texts of sentry.md sections 2.5 and 7."""

from __future__ import annotations

from stagedrollout.emulator.request import Reply


class SentryError(Exception):
    """Sentry's refusal of one request."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

    def reply(self) -> Reply:
        return Reply(self.status, {"detail": self.detail})


def bad(detail: str) -> SentryError:
    return SentryError(400, detail)


def bad_range(why: str) -> SentryError:
    return SentryError(400, f"Invalid date range: {why}")


def no_such_thing() -> SentryError:
    return SentryError(404, "The requested resource does not exist")


def forbidden() -> SentryError:
    return SentryError(403, "You do not have permission to perform this action.")


QUERY_TIMEOUT = (
    "Query timeout. Please try again. If the problem persists try a smaller date range or fewer projects."
)

_DETAILS = {
    401: "Invalid token",
    403: "You do not have permission to perform this action.",
    409: "Conflict",
    500: "Internal error. Please try again.",
    503: "Internal error. Please try again.",
}


def refused(status: int) -> Reply:
    """The answer to a request that a fault refuses. A 429 is JSON that calls itself HTML (section 7)."""
    if status == 502:
        return Reply(502, text="<html><head><title>502 Bad Gateway</title></head></html>")
    if status == 429:
        text = (
            '{"detail":"You are attempting to use this endpoint too frequently. Limit is 40 requests in 1 '
            'seconds"}'
        )
        return Reply(429, text=text)
    return Reply(status, {"detail": _DETAILS[status]})
