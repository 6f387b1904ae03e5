"""A page token of a list of opinions: which moment is paged through, and how far one is.

Later pages show the moment of the first one, so that paging neither loses an entry nor tells it twice
while the clock goes on.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

_TOKEN_MOST = 200


@dataclass(frozen=True, slots=True)
class PageToken:
    """A page begins `skip` entries into what was to be seen at `at`, in seconds since 1970."""

    at: float
    skip: int = 0

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.at, self.skip]).encode()).decode()

    def after(self, entries: int) -> PageToken:
        """The token of the page behind one of so many entries."""
        return PageToken(self.at, self.skip + entries)


def read_token(text: str | None, now: float) -> PageToken:
    """The place a token stands for; without one the beginning, as seen now. Raises ValueError."""
    if not text:
        return PageToken(now)
    try:
        written = json.loads(base64.b64decode(text[:_TOKEN_MOST], altchars=b"-_", validate=True))
    except RecursionError:
        raise ValueError("no page token") from None
    match written:
        case [float() | int() as at, int() as skip] if 0 <= at <= now and skip >= 0:
            return PageToken(at, skip)
        case _:
            raise ValueError("no page token")
