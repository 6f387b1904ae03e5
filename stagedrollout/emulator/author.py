"""Who changed something in a store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Author:
    """`cause` is start, api, console, store or apple (Apple's own step); `request` the API call, if any."""

    cause: str
    account: str
    request: int | None = None


START = Author("start", "story")
BY_STORE = Author("store", "store")
