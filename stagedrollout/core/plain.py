"""Foreign words as plain data: a release's name, a store's refusal, an operator's reason.

They reach terminals, logs and Slack, and none of them may do there what only our own words should: move the
cursor, write to the clipboard, begin a line that poses as another entry, or turn the direction of writing.
"""

from __future__ import annotations

import unicodedata

_READ_MAX = 20_000
"""Characters. More of a single text is not even looked at."""

_JOINERS = "\u200c\u200d"
"""Invisible, and yet part of words in Persian and of the spelling of emoji; they turn nothing around."""


def one_line(text: str) -> str:
    """The text as printable data on one line, of at most 20,000 characters.

    Space of any kind becomes one blank; control characters and format marks (escape sequences lose their
    beginning, marks of direction are among these) are dropped; half a character, which no UTF-8 can carry,
    is replaced.
    """
    read = text[:_READ_MAX]
    if (
        read.isascii() and read.isprintable()
    ):  # nearly every text is, and has nothing to be looked at one by one
        return " ".join(read.split())
    return " ".join("".join(map(_kept, read)).split())


def _kept(mark: str) -> str:
    if mark.isspace():
        return " "
    if mark in _JOINERS:
        return mark
    match unicodedata.category(mark):
        case "Cc" | "Cf":
            return ""
        case "Cs":
            return "\N{REPLACEMENT CHARACTER}"
        case _:
            return mark
