"""Our own errors. Every foreign exception is turned into one of these at the edge where it appears.

    StagedRolloutError
     +-- WrongConfiguration       the user's files; every problem at once, with its place
     +-- StorageError             the database could not be read or written
     |    +-- StaleJournal        somebody recorded something since the rollout was read
     |    |    +-- HaltShown      namely that the store shows halted what was to be halted
     |    |    +-- OrderTaken     namely that this very order was taken up by somebody else
     |    |    +-- LetGoOn        namely that a person lets go on what the daemon was to halt
     |    |    +-- CountedOn      namely what was counted for it
     |    +-- LostLease           another daemon has taken over
     |    +-- Unfounded           what a raise stands on cannot be trusted, or is so no more, so nothing is raised on it
     +-- Preempted                a halt took the package over; this raise sends nothing more
     +-- EdgeError                a service, classified by what may be done about it
          +-- Unreachable         no usable reply; whether it acted is unknown
          +-- Throttled           the service asks us to wait
          +-- Faulty              the service itself failed (5xx, HTML, an answer that does not parse)
          +-- Conflict            our edit was overtaken: look again, then start afresh
          +-- Denied              credentials or permissions: a human must act
          +-- Rejected            the request was understood and refused

The edge only classifies. Whether and when to try again is decided in one place (daemon/retrying.py).
"""

from __future__ import annotations


class StagedRolloutError(Exception):
    """Base of everything this package raises on purpose."""


class WrongConfiguration(StagedRolloutError):
    """The configuration or a policy is wrong; the message lists every problem with its place."""


class StorageError(StagedRolloutError):
    """The database could not be read or written."""


class StaleJournal(StorageError):
    """The journal of this rollout has grown since it was read, so the decision is void."""


class HaltShown(StaleJournal):
    """The halt that was to be sent again was seen in the store meanwhile, so there is nothing to send."""


class OrderTaken(StaleJournal):
    """The very order was taken up by another thread meanwhile: it came in two ways, and is carried out once."""


class LetGoOn(StaleJournal):
    """A person has let the release go on since it was found to be failing: what they knew is judged anew."""


class CountedOn(StaleJournal):
    """The ledger has grown since it was read: what was weighed by it would come out otherwise."""


class LostLease(StorageError):
    """Another daemon holds the lease now; this one may not raise anything."""


class Unfounded(StorageError):
    """What a raise stands on cannot be trusted: the journal may not be the newest, or the clocks disagree; or it is so
    no more: a linked store's journal has changed."""


class Preempted(StagedRolloutError):
    """A halt took over the store app; nothing more is sent for this raise."""


class EdgeError(StagedRolloutError):
    """A conversation with a service failed.

    `service` is the vendor ("google_play"), `doing` what was attempted, `detail` the vendor's words
    (shortened, without secrets), `status` the HTTP status, or 0 when there was none, `hint` what a person can
    do about it in our words ("" where we know nothing better than the vendor).
    """

    again = False
    """Whether the same conversation may be repeated from its start without harm."""

    def __init__(self, service: str, doing: str, detail: str, *, status: int = 0, hint: str = "") -> None:
        self.service = service
        self.doing = doing
        self.detail = detail
        self.status = status
        self.hint = hint
        super().__init__(f"{service}: {doing}: {self.told}")

    @property
    def told(self) -> str:
        """The vendor's words, and what can be done about it."""
        return f"{self.detail} ({self.hint})" if self.hint else self.detail


class Unreachable(EdgeError):
    """No usable reply came: refused, reset, timed out. A write may or may not have been applied."""

    again = True


class Throttled(EdgeError):
    """The service asks us to wait `wait_seconds` (0: it does not say how long)."""

    again = True

    def __init__(
        self, service: str, doing: str, detail: str, *, status: int = 429, wait_seconds: float = 0.0
    ) -> None:
        super().__init__(service, doing, detail, status=status)
        self.wait_seconds = wait_seconds


class Faulty(EdgeError):
    """The service failed on its side, or answered something that cannot be read."""

    again = True


class Conflict(EdgeError):
    """What we were editing was overtaken by somebody else; nothing of ours was applied."""

    again = True


class Denied(EdgeError):
    """The credentials are refused or lack a permission; only a human can mend that."""


class Rejected(EdgeError):
    """The service understood the request and refuses it; repeating it changes nothing."""
