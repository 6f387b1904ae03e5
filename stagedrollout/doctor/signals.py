"""Every other source of evidence: one read, as a pass would do it, and what came of it.

What a source says about a release is not judged here; that it can be asked and answers is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stagedrollout.core.errors import EdgeError
from stagedrollout.doctor.finding import Finding, Telling


@dataclass(frozen=True, slots=True)
class Source:
    """`declared`: what it says of itself (unit, lag), "" for nothing. `read` asks once and returns what it got, in
    words, one for each reading; "" is a reading with numbers. It raises EdgeError."""

    name: str
    read: Callable[[], Sequence[str]]
    declared: str = ""


def questions(tell: Telling, sources: Sequence[Source]) -> Iterator[Finding]:
    """One finding for each source: that one cannot be read says nothing about the next."""
    for source in sources:
        yield _read(tell, source)


def _read(tell: Telling, source: Source) -> Finding:
    of_it = f" ({source.declared})" if source.declared else ""
    try:
        gaps = [gap for gap in source.read() if gap]
    except EdgeError as error:
        return tell.failed(source.name, error)
    if gaps:
        return tell.note(source.name, f"it answers{of_it}, without numbers yet: {'; '.join(gaps)}")
    return tell.ok(source.name, f"asked as a pass asks it{of_it}, and answered")
