"""What people press in Slack, wired: the socket, the desk, and the answers, each on a thread of its own."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Queue
from typing import Any, Protocol

from stagedrollout.buttons.claims import Claims
from stagedrollout.buttons.desk import Desk
from stagedrollout.buttons.following import Following
from stagedrollout.buttons.pressed import read_pressed
from stagedrollout.buttons.roster import Group, Roster
from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import SlackAccess
from stagedrollout.core.facts import Fact
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.offer import Seal
from stagedrollout.core.people import People
from stagedrollout.daemon.app_pass import AppPasses
from stagedrollout.daemon.channels import OPENING, slack_app_call, slack_call, slack_endpoint
from stagedrollout.daemon.elapsed import elapsed
from stagedrollout.daemon.pressed import Buttons, NoButtons
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.http.held import HELD
from stagedrollout.notify.answers import SlackAnswers
from stagedrollout.storage.engine import Engine, beside_database
from stagedrollout.storage.seal_file import seal_key

log = logging.getLogger(__name__)

QUEUE_MAX = 100
"""Presses that wait; what comes on top is not acknowledged, and its person sees that."""

LOOK_SECONDS = 0.25
CLOSING_SECONDS = 2.0


def open_seal(loaded: Loaded, engine: Engine) -> Seal | None:
    """None where no buttons are wanted. Raises StorageError."""
    access = loaded.settings.slack
    if access is None or not access.buttons:
        return None
    key = seal_key(beside_database(engine))
    HELD.secret(key)
    return Seal(bytes.fromhex(key))


def open_roster(loaded: Loaded) -> Roster:
    """Everybody whom the configuration lists; with buttons, members of Slack groups too. Raises WrongConfiguration."""
    people, access = People(loaded.settings.people), loaded.settings.slack
    if access is None or not access.buttons or not access.user_groups:
        return Roster(people, (), None, elapsed)
    groups = tuple(Group(each.id, each.groups, each.rights) for each in access.user_groups)
    return Roster(people, groups, slack_call(loaded, access), elapsed)


@dataclass(frozen=True, slots=True)
class _Journals:
    recorder: Recorder

    def rollout(self, key: RolloutKey) -> Rollout:
        return self.recorder.load(key).rollout

    def note(self, key: RolloutKey, news: tuple[Fact, ...], at: datetime) -> object:
        return self.recorder.note(key, news, at)


class Line(Protocol):
    """Puts what was pressed into the queue: see buttons/socket.py."""

    def run(self) -> None: ...

    def stop(self) -> None: ...


class Pressing:
    """Runs from `start` to `stop`. Whatever goes wrong in it concerns nothing else in the daemon."""

    def __init__(self, receiver: Line, queue: Queue[Any], desk: Desk, roster: Roster) -> None:
        self._receiver = receiver
        self._queue = queue
        self._desk = desk
        self._roster = roster
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._receiver.run, name="slack-socket", daemon=True),
            threading.Thread(target=self._take, name="slack-presses", daemon=True),
            threading.Thread(target=self._tell, name="slack-answers", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """May be called twice, and before `start`."""
        self._stopping.set()
        self._receiver.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(CLOSING_SECONDS)

    def _take(self) -> None:
        while not self._stopping.is_set():
            try:
                payload = self._queue.get(timeout=LOOK_SECONDS)
            except Empty:
                continue
            try:
                self._take_one(payload)
            except Exception:
                log.exception("a press in Slack could not be taken")

    def _take_one(self, payload: Any) -> None:
        while self._desk.following.without_effect:
            self._desk.claims.drop(self._desk.following.without_effect.popleft())
        pressed = read_pressed(payload)
        if pressed is None:
            log.warning("slack sent something that is no press of a button: nothing is done")
        elif pressed.value:
            self._desk.take(pressed)

    def _tell(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self._roster.look()
                self._desk.following.tell()
            except Exception:
                log.exception("what became of a press in Slack could not be told")


def open_pressing(loaded: Loaded, engine: Engine, passes: AppPasses, roster: Roster) -> Buttons:
    """Sends nothing yet. Raises WrongConfiguration, StorageError."""
    access = loaded.settings.slack
    seal = open_seal(loaded, engine)
    if access is None or seal is None:
        return NoButtons()
    queue: Queue[Any] = Queue(QUEUE_MAX)
    following = Following(passes.commands, SlackAnswers(slack_call(loaded, access)), passes.wall)
    desk = Desk(
        seal=seal,
        roster=roster,
        orders=passes.commands,
        book=_Journals(passes.recorder),
        following=following,
        wall=passes.wall,
        clock=passes.clock,
        claims=Claims(),
        noted={},
    )
    return Pressing(_receiver(loaded, access, queue), queue, desk, roster)


def _receiver(loaded: Loaded, access: SlackAccess, queue: Queue[Any]) -> Line:
    from stagedrollout.buttons.socket import Receiver  # noqa: PLC0415 - websockets only where it is used

    call = slack_app_call(loaded, access)
    return Receiver(lambda: call(OPENING, {}), slack_endpoint(access), queue)
