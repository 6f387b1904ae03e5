"""What the judge found wrong, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is the word under which the document counts it; `at` is ISO-8601 or "" (the whole run)."""

    check: str
    at: str
    app: str
    text: str
