"""SIGHUP: the configuration is read anew and taken as one, or the old one stays and says why (promise R23).

- Reading and opening happen on a thread of their own; passes and halts go on by the old configuration meanwhile, and the
  scheduler exchanges everything at once between two turns. What was under way ends as it began.
- Nothing is taken of a configuration that has a problem anywhere, that changes while it is read, or that would change
  what cannot be changed under a running daemon (FIXED). That is logged, told in the channel once, and shown by `status`
  and `health`.
- Any number of requests while one is served are one request, served after it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

from stagedrollout.config.fingerprint import fingerprint
from stagedrollout.config.load import Loaded, load_with_secrets
from stagedrollout.config.problems import Problem, refusal
from stagedrollout.config.settings import Settings
from stagedrollout.config.steering import steering
from stagedrollout.config.yaml_source import read_document
from stagedrollout.core.errors import StagedRolloutError, StorageError, WrongConfiguration
from stagedrollout.core.model import StoreApp
from stagedrollout.core.notice import Fact, Notice, NoticeKind
from stagedrollout.core.plain import one_line
from stagedrollout.daemon.allowed import Claim, Net, hosts_of
from stagedrollout.daemon.health.replicas import STEERS
from stagedrollout.daemon.in_force import InForce
from stagedrollout.daemon.retiring import Retiring, close
from stagedrollout.daemon.scheduler import Scheduler
from stagedrollout.daemon.works import Bounds, Works
from stagedrollout.storage.outbox import OutboxTable
from stagedrollout.storage.private import loose, tighten

log = logging.getLogger(__name__)

Rewire = Callable[[Loaded, Works], Works]

Configured = Callable[[Loaded, InForce], None]
"""Told which configuration is in force, at the beginning and whenever that changes or a newer one is refused. Raises
nothing."""


def _nobody(_loaded: Loaded, _in_force: InForce) -> None:
    """For whom nobody has to be told."""


FIXED = ("database", "clock", "emulator")
"""Keys that hold for a daemon's whole life: what it knows, and what time it is, hang on them."""

READS_MAX = 5
"""So often a configuration is read that changes meanwhile."""

TOLD_MAX = 5
"""Problems that a notice names; the log has all."""


class Reloading:
    """`rewire` opens everything by another configuration. Requests come from one thread, and return at once."""

    def __init__(  # noqa: PLR0913 - what is in force, what takes it over, and who is told
        self,
        loaded: Loaded,
        scheduler: Scheduler,
        outbox: OutboxTable,
        *,
        rewire: Rewire,
        net: Net | None,
        configured: Configured = _nobody,
    ) -> None:
        self._loaded = loaded
        self._scheduler = scheduler
        self._outbox = outbox
        self._rewire = rewire
        self._configured = configured
        self._net = net or Net(None)  # without one, nobody is kept from anything
        self._claim = self._net.first
        self._guard = threading.Lock()
        self._wanted = self._working = False
        self._ended = threading.Event()
        self._retiring = Retiring()
        works = scheduler.works
        self._in_force = InForce.at(loaded.path, loaded.folders, works.wall.now())
        self._tell_row(self._in_force.told)
        self._configured(loaded, self._in_force)

    def ask(self) -> None:
        """Read the configuration anew, soon. Ignored once the daemon ends."""
        with self._guard:
            self._wanted = not self._ended.is_set()
            if self._working or not self._wanted:
                return
            self._working = True
        try:
            threading.Thread(target=self._serve, name="reload", daemon=True).start()
        except RuntimeError as error:  # no thread to be had
            self._working = False
            log.error("the configuration cannot be read now: %s", error)  # noqa: TRY400

    def end(self) -> None:
        """From now on everything stays as it is."""
        self._ended.set()

    def close(self) -> None:
        """What was replaced and may still have been finishing is over."""
        self.end()
        self._retiring.close()

    def _serve(self) -> None:
        while True:
            with self._guard:
                if not self._wanted or self._ended.is_set():
                    self._working = False
                    return
                self._wanted = False
            try:
                self._reload()
            except Exception:  # the verdict: whichever is in force stays, and the next request is served
                log.exception("a reload broke off")

    def _reload(self) -> None:
        """Whatever happens here, a configuration is in force afterwards."""
        before, claim = self._scheduler.works, None
        try:
            loaded = self._read()
            claim = self._net.widen(hosts_of(loaded))  # before anything is opened, which may ask them already
            works = self._rewire(loaded, before)
        except StagedRolloutError as error:
            self._refuse(_problems(error))
        except Exception as mistake:
            log.exception("the configuration could not be taken")
            before.report.stumbled("reloading", mistake)
            self._refuse((f"internal error: {type(mistake).__name__}",))
        else:
            if self._take(loaded, works, claim):
                return
        if claim is not None:
            self._net.drop(claim)

    def _read(self) -> Loaded:
        """The configuration, every byte of it as it was at one time. Raises WrongConfiguration."""
        path, folders = self._loaded.path, self._loaded.folders
        for _ in range(READS_MAX):
            before = fingerprint(path, folders)
            try:
                loaded = load_with_secrets(path, environ=os.environ)
            except WrongConfiguration:
                if fingerprint(path, folders) == before:
                    raise
                continue
            if loaded.folders == folders and fingerprint(path, folders) == before:
                if problems := list(_fixed(self._loaded.settings, loaded)):
                    raise refusal(problems)
                return loaded
            folders = loaded.folders
        raise WrongConfiguration(f"{path}: it changes while it is read; send SIGHUP again when it is written")

    def _take(self, loaded: Loaded, works: Works, claim: Claim) -> bool:
        """False: the scheduler ended before."""
        before, was = self._scheduler.works, self._in_force
        tighten(loose(loaded.settings.database, *filter(None, [loaded.heartbeat_file])))
        renewal = self._scheduler.renew(works, Bounds.of(loaded.settings.limits))
        under_way = self._taken(renewal.taken)
        if under_way is None:
            close(works)
            return False
        before.buttons.stop()
        works.buttons.go_on_from(before.buttons)
        works.buttons.start()
        self._loaded = loaded
        old, self._claim = self._claim, claim
        self._retire(before, under_way, old)
        self._in_force = InForce.at(loaded.path, loaded.folders, works.wall.now())
        log.warning("%s", _taken_text(self._in_force, before, works))
        self._tell_row({**watched(loaded.settings), STEERS: steering(loaded), **self._in_force.told})
        self._configured(loaded, self._in_force)
        if was.refused:
            self._announce(_taken_again(self._in_force, works.epoch))
        return True

    def _retire(self, works: Works, under_way: list[Future[Any]], claim: Claim) -> None:
        """What began by the old works ends by them, with their hosts, and a picture has its time."""
        try:
            self._retiring.add(works, under_way, lambda: self._net.drop(claim))
        except RuntimeError as error:
            log.warning("what was replaced is let go later: %s", error)

    def _taken(self, taken: Future[list[Future[Any]]]) -> list[Future[Any]] | None:
        """What was under way when the scheduler took the works over; None: it ended before."""
        while not self._ended.is_set():
            if wait([taken], timeout=0.1).done:
                return taken.result()
        return taken.result() if taken.done() else None

    def _refuse(self, problems: tuple[str, ...]) -> None:
        """The old one stays; said in the log, in the daemon's row and, once, in the channel."""
        works, found = self._scheduler.works, self._in_force
        log.error(
            "the configuration was NOT taken, the one of %s (%s) stays in force:\n%s",
            f"{found.since:%Y-%m-%d %H:%M} UTC",
            found.fingerprint,
            "\n".join(problems),
        )
        there = fingerprint(self._loaded.path, self._loaded.folders)
        self._in_force = found.refusing(there, works.wall.now(), problems)
        self._tell_row(self._in_force.told)
        self._configured(self._loaded, self._in_force)
        self._announce(_refused(self._in_force, works.epoch, problems))

    def _tell_row(self, more: dict[str, Any]) -> None:
        works = self._scheduler.works
        try:
            works.presence.tell(works.epoch, more)
        except StorageError as error:
            log.warning("which configuration is in force cannot be noted: %s", error)

    def _announce(self, notice: Notice) -> None:
        works = self._scheduler.works
        try:
            self._outbox.announce(notice, works.clock.now())
        except StorageError as error:
            log.warning("nobody can be told of the configuration: %s", error)


def watched(settings: Settings) -> dict[str, Any]:
    """What a daemon says of its apps in its row."""
    return {
        "poll_seconds": int(settings.poll.total_seconds()),
        "watching": [str(StoreApp(app.name, store)) for app in settings.apps for store in app.stores],
    }


def _fixed(now: Settings, loaded: Loaded) -> Iterator[Problem]:
    """A problem for each key that only another start can change."""
    document, _ = read_document(loaded.path)
    for key in FIXED:
        was, would_be = getattr(now, key), getattr(loaded.settings, key)
        if document is not None and was != would_be:
            right = (
                f"leave {key}: {was}, or stop the daemon and start it again"
                if was
                else "remove it, or restart"
            )
            yield document.problem((key,), "this cannot change while the daemon runs", right)


def _problems(error: StagedRolloutError) -> tuple[str, ...]:
    return tuple(str(error).splitlines()) or (type(error).__name__,)


def _taken_text(found: InForce, before: Works, now: Works) -> str:
    """With what is watched from now on, and what no more."""
    new = ", ".join(str(app) for app in now.listings if app not in before.listings)
    gone = ", ".join(str(app) for app in before.listings if app not in now.listings)
    parts = [f"the configuration {found.fingerprint} is in force"]
    parts += [f"now watching {new}"] if new else []
    parts += [f"no longer watching {gone}: nothing of it is raised or halted any more"] if gone else []
    return "; ".join(parts)


def _refused(found: InForce, epoch: int, problems: tuple[str, ...]) -> Notice:
    """Its key: of this daemon, this configuration in force and these problems, so that it is told once."""
    whole = hashlib.sha256("\n".join((found.since.isoformat(), *problems)).encode()).hexdigest()[:16]
    more = len(problems) - TOLD_MAX
    facts = [Fact("Wrong", one_line(problem)) for problem in problems[:TOLD_MAX]]
    facts += [Fact("And", f"{more} more, in the log")] if more > 0 else []
    headline = (
        f"The new configuration was refused: the one of {found.since:%Y-%m-%d %H:%M} UTC stays in force"
    )
    footer = "a restart would refuse it too; stagedrollout check tells what is wrong"
    key = f"configuration/{epoch}/refused/{whole}"
    return Notice(
        key, NoticeKind.REFUSED, broadcast=True, headline=headline, facts=tuple(facts), footer=footer
    )


def _taken_again(found: InForce, epoch: int) -> Notice:
    headline = f"The new configuration ({found.fingerprint}) is in force"
    key = f"configuration/{epoch}/taken/{found.since.isoformat()}"
    return Notice(key, NoticeKind.COMMAND, broadcast=True, headline=headline)
