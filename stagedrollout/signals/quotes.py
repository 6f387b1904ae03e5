"""Foreign words made fit to be shown: one line, bounded, nothing invisible in it, in any script.

What people write in a store reaches Slack, the journal, terminals and browsers. Whoever shows it escapes what
is special there; here goes what is dangerous or unreadable everywhere: control characters, line breaks, marks
that turn the direction of the text around them, halves of characters that no encoding can carry.
"""

from __future__ import annotations

import unicodedata

from stagedrollout.core.observation import TEXT_MAX

_RAW_MAX = 20 * TEXT_MAX
"""Of a longer text the rest is not even looked at."""

_JOINERS = "\u200c\u200d"
"""Invisible, and yet part of words in Persian and of Hindi's and emoji's spelling."""


def quoted(text: str) -> str:
    """`text` in one line of at most 280 characters, "…" at its end if there was more."""
    line = " ".join("".join(_shown(mark) for mark in text[:_RAW_MAX]).split())
    if len(line) <= TEXT_MAX and len(text) <= _RAW_MAX:
        return line
    return line[: TEXT_MAX - 1].rstrip() + "…"


def titled(title: str, body: str) -> str:
    """A review's title and body as one quote; either may be empty."""
    return quoted(": ".join(part for part in (title.strip(), body.strip()) if part))


def _shown(mark: str) -> str:
    if mark in _JOINERS:
        return mark
    match unicodedata.category(mark):
        case "Cc" | "Zl" | "Zp" | "Zs":
            return " "
        case "Cf":
            return ""
        case "Cs":
            return "\ufffd"
        case _:
            return mark
