"""Holds this room together: opens the door that the configuration names, and makes what it answers.

Beside it a thread reads every ten seconds what only the database and files know: a database that hangs makes that old,
which is told, and holds up nobody who asks.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from http import HTTPStatus

from stagedrollout.config.load import Loaded
from stagedrollout.core.errors import StorageError
from stagedrollout.daemon.elapsed import elapsed
from stagedrollout.daemon.in_force import InForce
from stagedrollout.daemon.scheduler import Scheduler
from stagedrollout.daemon.watched.checks import Check, alive, all_well, ready
from stagedrollout.daemon.watched.door import Answer, Door
from stagedrollout.daemon.watched.figures import Figure, figures
from stagedrollout.daemon.watched.page import CONTENT_TYPE, NoPage, Page
from stagedrollout.daemon.watched.seen import Sample, Seen
from stagedrollout.http.held import HELD
from stagedrollout.http.tally import CALLS
from stagedrollout.storage.outbox import OutboxTable

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 10.0


class Watching:
    """`configured` and `close` are called by one thread at a time; what is answered, by many."""

    def __init__(self, scheduler: Scheduler, outbox: OutboxTable) -> None:
        self._scheduler = scheduler
        self._outbox = outbox
        self._address = ""
        self._door: Door | None = None
        self._sampler: threading.Thread | None = None
        self._closed = threading.Event()
        self._sample: Sample | None = None
        self._in_force: InForce | None = None
        self._poll = timedelta(0)
        self._page = Page(self._figures)

    def configured(self, loaded: Loaded, in_force: InForce) -> None:
        """A configuration is in force, or a newer one was refused. Raises nothing: who is not watched runs all the same."""
        self._in_force, self._poll = in_force, loaded.settings.poll
        address = loaded.settings.health.listen
        if address == self._address or self._closed.is_set():
            return
        self._close_door()
        self._address = address
        if not address:
            return
        answers = {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}
        door = Door(address, answers)
        try:
            door.open()
            self._begin_sampling()
        except RuntimeError as error:
            log.error("nobody can be answered at %s: %s", address, error)  # noqa: TRY400
        self._door = door

    def close(self) -> None:
        self._closed.set()
        self._close_door()

    def seen(self) -> Seen:
        works, now = self._scheduler.works, elapsed()
        memory, sample = works.memory, self._sample
        beat, clock_now = memory.beat, works.clock.now()
        written = memory.written_at
        lateness = beat.rounds.lateness(clock_now) if beat else {}
        watched, epochs = set(lateness), works.leases.epochs()
        return Seen(
            now=clock_now,
            epoch=works.epoch,
            poll=self._poll,
            lost=self._scheduler.lost,
            turn_age=_span(now - (beat.at if beat else memory.begun)),
            written_age=_span(now - (memory.begun if written is None else written)),
            written=written is not None,
            problem=beat.problem if beat else "",
            lateness=lateness,
            problems={app: said for app, said in memory.problems.copy().items() if app in watched},
            passes={key: count for key, count in memory.passes.copy().items() if key[0] in watched},
            looks={key: look for key, look in memory.looks.copy().items() if key.store_app in watched},
            sample=sample,
            sample_age=_span(now - (sample.at if sample else memory.begun)),
            in_force=self._in_force,
            epochs={app: epochs[str(app)] for app in works.listings if str(app) in epochs},
            tells_people=works.leases.may_tell(),
        )

    def _healthz(self) -> Answer:
        return _document(alive(self.seen()))

    def _readyz(self) -> Answer:
        return _document(ready(self.seen()))

    def _metrics(self) -> Answer:
        try:
            return Answer(HTTPStatus.OK, self._page.content(), CONTENT_TYPE)
        except NoPage as why:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{why}\n".encode(), "text/plain; charset=utf-8")

    def _figures(self) -> Iterator[Figure]:
        return figures(self.seen(), CALLS.calls())

    def _close_door(self) -> None:
        door, self._door = self._door, None
        if door:
            door.close()

    def _begin_sampling(self) -> None:
        if self._sampler is None:
            self._sampler = threading.Thread(target=self._sample_on, name="sample", daemon=True)
            self._sampler.start()

    def _sample_on(self) -> None:
        while not self._closed.is_set():
            try:
                self._sample = self._read()
            except StorageError as error:  # that its age grows is what tells it
                log.debug("what is undelivered cannot be read: %s", error)
            except Exception:
                log.exception("what the database knows cannot be told to who watches")
            self._closed.wait(SAMPLE_SECONDS)

    def _read(self) -> Sample:
        """Raises StorageError."""
        works = self._scheduler.works
        now, footing = works.clock.now(), works.passes.reconciler.footing
        undelivered = self._outbox.undelivered(now)
        line = works.brakes.line()
        return Sample(
            at=elapsed(),
            waiting=undelivered.waiting,
            oldest=None if undelivered.oldest is None else now - undelivered.oldest,
            lost=undelivered.lost,
            barred=(*footing.reasons(now), *((line,) if line else ())),
            clocks=footing.clocks(),
        )


def _document(checks: tuple[Check, ...]) -> Answer:
    ok = all_well(checks)
    wrong = [check.said for check in checks if not check.ok]
    said = "; ".join(wrong) if wrong else "all is well"
    document = HELD.document({"ok": ok, "said": said, "checks": [asdict(check) for check in checks]})
    content = json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
    return Answer(HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE, content)


def _span(seconds: float) -> timedelta:
    return timedelta(seconds=max(seconds, 0.0))
