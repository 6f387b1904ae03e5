"""What there is to say: one sentence about one thing, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from stagedrollout.core.errors import Denied, EdgeError, Rejected
from stagedrollout.core.plain import one_line


class State(StrEnum):
    """How it stands with one thing.

    NOTE: worth knowing, and nothing to do; also what nobody can tell by looking. WARNING: it works, and somebody
    should think about it. UNKNOWN: it should be known and could not be looked at.
    """

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"

    @property
    def ill(self) -> bool:
        """Whether it keeps everything from being well."""
        return self in (State.PROBLEM, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject`: a store app ("acme/google_play") or a service; `about`: what of it, in a word or two.

    `said` is one sentence, `right` what would help, "" where nothing needs to be done.
    """

    subject: str
    about: str
    state: State
    said: str
    right: str = ""

    def __post_init__(self) -> None:
        for name in ("said", "right"):
            object.__setattr__(self, name, one_line(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class Telling:
    """Makes findings about one subject."""

    subject: str

    def ok(self, about: str, said: str) -> Finding:
        return Finding(self.subject, about, State.OK, said)

    def note(self, about: str, said: str, right: str = "") -> Finding:
        return Finding(self.subject, about, State.NOTE, said, right)

    def warning(self, about: str, said: str, right: str = "") -> Finding:
        return Finding(self.subject, about, State.WARNING, said, right)

    def problem(self, about: str, said: str, right: str = "") -> Finding:
        return Finding(self.subject, about, State.PROBLEM, said, right)

    def unknown(self, about: str, said: str, right: str = "") -> Finding:
        return Finding(self.subject, about, State.UNKNOWN, said, right)

    def failed(self, about: str, error: EdgeError, right: str = "") -> Finding:
        """A refusal is a problem; anything else leaves open how things are."""
        if isinstance(error, (Denied, Rejected)):
            return self.problem(about, f"{error.service} refuses ({error.doing}): {error.told}", right)
        said = f"{error.service} could not be asked ({error.doing}): {error.detail}"
        return self.unknown(
            about, said, right or "try again; if it stays so, look at network, proxy and address"
        )


def exit_code(findings: Iterable[Finding]) -> int:
    return 1 if any(finding.state.ill for finding in findings) else 0
