"""What nobody has asked for at the moment: alarms for halts that nobody answers, reminders, the daily digest.

Looked for whenever a journal has gone on or something comes due; written down first, then sent, each once. It runs on a
thread of its own: a pager that does not answer holds up neither the notices nor anything else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from stagedrollout.config.escalation import Digest, Escalation, Reminders
from stagedrollout.core.errors import EdgeError, Rejected
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import StoreApp
from stagedrollout.core.plain import one_line
from stagedrollout.core.ports import Clock
from stagedrollout.core.waiting import Alarm, alarms, digest, digest_times, next_reminder, reminder
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.notify.places import Place
from stagedrollout.notify.waits import wait_after
from stagedrollout.storage.errands import Errand, ErrandTable
from stagedrollout.storage.outbox import OutboxTable

log = logging.getLogger(__name__)

PAST = timedelta(days=365 * 100)


class Errands(Protocol):
    @property
    def wanted(self) -> bool:
        """Whether there is ever anything to do."""
        ...

    def run(self) -> None:
        """Raises StorageError and EdgeError."""
        ...

    def next_due(self) -> datetime | None:
        """When `run` has something to do; None: when a journal goes on. Raises StorageError."""
        ...

    def problem(self) -> str:
        """Why somebody is not woken, in words; "" while nothing is wrong."""
        ...


class NoErrands:
    wanted = False

    def run(self) -> None:
        pass

    def next_due(self) -> datetime | None:
        return None

    def problem(self) -> str:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the configuration asks for."""

    escalation: Escalation | None = None
    reminders: Reminders | None = None
    digest: Digest | None = None


@dataclass(slots=True, kw_only=True)
class Rounds:
    """One thread runs it; `next_due` is asked by another."""

    apps: tuple[StoreApp, ...]
    recorder: Recorder
    outbox: OutboxTable
    table: ErrandTable
    places: Mapping[str, Place]
    clock: Clock
    wishes: Wishes
    may_tell: Callable[[], bool] = lambda: True
    problems: dict[str, str] = field(default_factory=dict)
    looked: int = -1
    comes_due: datetime | None = None
    wanted: bool = True

    def run(self) -> None:
        now, head = self.clock.now(), self.table.head()
        if head != self.looked or (self.comes_due and self.comes_due <= now):
            self._look(now)
            self.looked = head
        silent: dict[str, EdgeError] = {}
        for errand in self.table.due(now):
            if not self.may_tell():
                return
            if (
                errand.place in silent
            ):  # what does not answer keeps no other place waiting, errand after errand
                self._later(errand, silent[errand.place], now)
            elif (error := self._send(errand, now)) and not isinstance(error, Rejected):
                silent[errand.place] = error

    def next_due(self) -> datetime | None:
        now = self.clock.now()
        if self.table.head() != self.looked:
            return now - PAST
        return min((at for at in (self.comes_due, self.table.next_due(now)) if at), default=None)

    def _look(self, now: datetime) -> None:
        rollouts = tuple(self._rollouts())
        dues = [*self._alarms(rollouts, now), *self._reminders(rollouts, now), *self._digest(rollouts, now)]
        self.comes_due = min((due for due in dues if due > now), default=None)

    def _rollouts(self) -> Iterator[Rollout]:
        """Those whose journals can be read: of the others passes tell."""
        for app in self.apps:
            known, _ = self.recorder.load_all(app)
            yield from (each.rollout for each in known)

    def _alarms(self, rollouts: tuple[Rollout, ...], now: datetime) -> Iterator[datetime]:
        terms = self.wishes.escalation
        if terms is None:
            return
        found = [(rollout, alarm) for rollout in rollouts for alarm in self._alarms_of(rollout, terms)]
        self._end_what_is_over({alarm.key for _, alarm in found}, {str(each.key) for each in rollouts})
        for rollout, alarm in found:
            if alarm.is_due(now):
                self.table.put(alarm.key, self.places, rollout.key, alarm.notice, now)
            else:
                yield alarm.due

    def _alarms_of(self, rollout: Rollout, terms: Escalation) -> tuple[Alarm, ...]:
        return alarms(rollout, terms.unanswered_after, terms.not_halted_after)

    def _end_what_is_over(self, needed: set[str], read: set[str]) -> None:
        """Whatever has ended it, an order or somebody in the console. A journal that cannot be read ends nothing."""
        standing = self.table.standing()
        self.table.end([key for key, rollout in standing if rollout in read and key not in needed])

    def _reminders(self, rollouts: tuple[Rollout, ...], now: datetime) -> Iterator[datetime]:
        terms = self.wishes.reminders
        for rollout in rollouts if terms else ():
            assert terms  # noqa: S101 - for the type checker
            if notice := reminder(rollout, terms.every, terms.most, now):
                self.outbox.tell(rollout.key, notice, now)
            if due := next_reminder(rollout, terms.every, terms.most, now):
                yield due

    def _digest(self, rollouts: tuple[Rollout, ...], now: datetime) -> Iterator[datetime]:
        terms = self.wishes.digest
        if terms is None:
            return
        due, following = digest_times(terms.at, terms.time_zone, now)
        if due:
            self.outbox.announce(digest(rollouts, due), now)
        yield following

    def problem(self) -> str:
        """Which place does not take an alarm, and why, in words; "" while nothing is wrong."""
        return next((f"{place} does not take an alarm: {why}" for place, why in self.problems.items()), "")

    def _send(self, errand: Errand, now: datetime) -> EdgeError | None:
        """What kept it from being told, if anything."""
        place = self.places.get(errand.place)
        if place is None:  # the configuration names it no more
            self.table.told(errand)
            return None
        self.table.trying(errand.id)
        try:
            tell = place.over if errand.over else place.tell
            tell(errand.key, errand.rollout, errand.notice)
        except EdgeError as error:
            self._put_off(errand, error, now)
            return error
        self.problems.pop(errand.place, None)
        self.table.told(errand)
        return None

    def _put_off(self, errand: Errand, error: EdgeError, now: datetime) -> None:
        if self.problems.get(errand.place) != str(error):
            level = logging.WARNING if errand.over else logging.CRITICAL
            log.log(level, "%s is not told by %s: %s", one_line(errand.notice.headline), errand.place, error)
        self.problems[errand.place] = str(error)
        self._later(errand, error, now)

    def _later(self, errand: Errand, error: EdgeError, now: datetime) -> None:
        self.table.retry_at(errand.id, now + wait_after(error, errand.attempts), str(error))
