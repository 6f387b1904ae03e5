"""Sentences on a terminal: broken between words, never in one."""

from __future__ import annotations

import shutil
import sys
import textwrap

WIDTH_MAX = 120
"""Longer lines are hard to read, however wide the terminal."""


def wrapped(text: str, indent: int) -> list[str]:
    """The lines for a terminal, all but the first one indented; what is no terminal gets the whole sentence."""
    if not sys.stdout.isatty():
        return [text]
    width = max(min(shutil.get_terminal_size().columns, WIDTH_MAX), indent + 20)
    return textwrap.wrap(text, width, subsequent_indent=" " * indent) or [text]
