"""What people press in Slack, wired: the socket, the desk, the answers and the windows, each on a thread of its own.

It ends from the outside in: nothing is received any more, then what was received is dealt with, then its answers are told.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, Protocol

from stagedrollout.buttons.asking import Asking
from stagedrollout.buttons.claims import Claims
from stagedrollout.buttons.desk import Desk
from stagedrollout.buttons.following import Following
from stagedrollout.buttons.pressed import Pressed, read_heard
from stagedrollout.buttons.roster import Group, Roster
from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import SlackAccess
from stagedrollout.core.errors import StorageError
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
from stagedrollout.notify.slack import Call
from stagedrollout.notify.window import REASON
from stagedrollout.storage.engine import Engine, beside_database, is_server
from stagedrollout.storage.messages import show_anew, told_by
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.seal_file import seal_key

if TYPE_CHECKING:
    from stagedrollout.buttons.socket import Arrived

log = logging.getLogger(__name__)

QUEUE_MAX = 100
"""Presses that wait; what comes on top is not acknowledged, and its person sees that."""

SEALED_BY = "buttons_sealed_by"
"""In the daemon's row: which seal the messages' buttons have, as a mark from which it cannot be told."""

LOOK_SECONDS = 0.25
CLOSING_SECONDS = 2.0
HANGING_UP_SECONDS = 4.0
"""A quiet socket looks once a second whether it is to end, and closes within another."""


def open_seal(loaded: Loaded, engine: Engine) -> Seal | None:
    """None where no buttons are wanted. Raises StorageError."""
    access = loaded.settings.slack
    if access is None or not access.buttons:
        return None
    key = seal_key(beside_database(engine))
    HELD.secret(key)
    return Seal(bytes.fromhex(key))


def open_roster(loaded: Loaded, call: Call | None = None) -> Roster:
    """Everybody whom the configuration lists; with buttons, members of Slack groups too. `call`: see Doors.slack.

    Raises WrongConfiguration.
    """
    people, access = People(loaded.settings.people), loaded.settings.slack
    if access is None or not access.buttons or not access.user_groups:
        return Roster(people, (), None, elapsed)
    groups = tuple(Group(each.id, each.groups, each.rights) for each in access.user_groups)
    return Roster(people, groups, call or slack_call(loaded, access), elapsed)


@dataclass(frozen=True, slots=True)
class _Journals:
    recorder: Recorder
    engine: Engine

    def rollout(self, key: RolloutKey) -> Rollout:
        return self.recorder.load(key).rollout

    def note(self, key: RolloutKey, news: tuple[Fact, ...], at: datetime) -> object:
        return self.recorder.note(key, news, at)

    def told_by(self, channel: str, ts: str) -> RolloutKey | None:
        return told_by(self.engine, channel, ts)


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages with buttons. Those of another seal, or of none, are written anew, once: nothing on them is valid."""

    engine: Engine
    seal: Seal
    shared: bool = False
    """Whether another replica, with a seal of its own, may have written them since this one did."""

    def anew(self) -> None:
        """Raises nothing."""
        presence, mark = Presence(self.engine), hashlib.sha256(self.seal.key).hexdigest()[:16]
        try:
            row = presence.current()
            if row is None or (row.info.get(SEALED_BY) == mark and not self.shared):
                return
            count = show_anew(self.engine)
            presence.tell(row.epoch, {SEALED_BY: mark})
        except StorageError as error:
            log.warning("the messages with buttons cannot be written anew: %s", error)
            return
        if count:
            log.info("%s messages get buttons that are valid", count)


class Line(Protocol):
    """Puts what was pressed into the queue: see buttons/socket.py."""

    def run(self) -> None: ...

    def stop(self) -> None: ...

    def problem(self) -> str: ...


class Pressing:
    """Runs from `start` to `stop`. Whatever goes wrong in it concerns nothing else in the daemon."""

    def __init__(
        self,
        receiver: Line,
        queue: Queue[Arrived],
        desk: Desk,
        roster: Roster,
        messages: Messages | None = None,
    ) -> None:
        self._receiver = receiver
        self._messages = messages
        self._queue = queue
        self.desk = desk
        self.roster = roster
        self._hung_up = threading.Event()
        self._taken = threading.Event()
        self._socket = threading.Thread(target=receiver.run, name="slack-socket", daemon=True)
        self.desks = threading.Thread(target=self._take_all, name="slack-presses", daemon=True)
        self._tellers = [
            threading.Thread(target=self._tell_all, name="slack-answers", daemon=True),
            threading.Thread(target=self._ask_all, name="slack-windows", daemon=True),
        ]

    def start(self) -> None:
        if self._messages:
            self._messages.anew()
        for thread in (self._socket, self.desks, *self._tellers):
            thread.start()

    def go_on_from(self, before: Buttons) -> None:
        if isinstance(before, Pressing):
            self.desk.go_on_from(before.desk)
            self.roster.go_on_from(before.roster)

    def problem(self) -> str:
        return self._receiver.problem() or self.roster.problem()

    def stop(self) -> None:
        """May be called twice, and before `start`."""
        self._receiver.stop()
        _ended(self._socket, HANGING_UP_SECONDS)
        self._hung_up.set()
        _ended(self.desks, CLOSING_SECONDS)
        self._taken.set()
        for thread in self._tellers:
            _ended(thread, CLOSING_SECONDS)

    def _take_all(self) -> None:
        """Also what waits when nothing more arrives: it was acknowledged."""
        while True:
            try:
                arrived = self._queue.get(timeout=LOOK_SECONDS)
            except Empty:
                if self._hung_up.is_set():
                    return
                continue
            try:
                arrived.answer = self.take(arrived.payload)
            except Exception:
                log.exception("a press in Slack could not be taken")
            finally:
                arrived.dealt_with.set()

    def take(self, payload: Any) -> dict[str, Any] | None:
        """One payload, by one thread; what Slack is told of it at once: what is wrong with what was typed, shown beside the
        field. Raises nothing but a mistake of ours."""
        heard = read_heard(payload)
        if heard is None:
            log.warning("slack sent something that is no press of a button: nothing is done")
            return None
        if isinstance(heard, Pressed) and not heard.value:
            return None
        wrong = self.desk.take(heard)
        return {"response_action": "errors", "errors": {REASON: wrong}} if wrong else None

    def _tell_all(self) -> None:
        while not self._taken.wait(LOOK_SECONDS):
            self._told(looks=True)
        self._told(looks=False)

    def _told(self, *, looks: bool) -> None:
        try:
            self.tell(looks=looks)
        except Exception:
            log.exception("what became of a press in Slack could not be told")

    def tell(self, *, looks: bool = True) -> bool:
        """Whatever is to be told by now, by one thread; whether somebody still waits to hear something. `looks`: who is in
        Slack's groups is looked up too, where it is time. Raises nothing but a mistake of ours."""
        if looks:
            self.roster.look()
        self.desk.following.tell()
        return self.desk.following.waits

    def _ask_all(self) -> None:
        while not self._taken.is_set():
            try:
                self.ask(LOOK_SECONDS)
            except Exception:
                log.exception("nobody could be asked for a reason in Slack")

    def ask(self, seconds: float) -> bool:
        """Open the next window for a reason, by one thread; False where there is none within this time."""
        return self.desk.asking.serve(seconds)


def _ended(thread: threading.Thread, seconds: float) -> None:
    if thread.is_alive():
        thread.join(seconds)


def open_pressing(
    loaded: Loaded, engine: Engine, passes: AppPasses, roster: Roster, call: Call | None = None
) -> Buttons:
    """Sends nothing yet. `call`: see Doors.slack. Raises WrongConfiguration, StorageError."""
    access = loaded.settings.slack
    seal = open_seal(loaded, engine)
    if access is None or seal is None:
        return NoButtons()
    queue: Queue[Arrived] = Queue(QUEUE_MAX)
    answers = SlackAnswers(call or slack_call(loaded, access))
    following = Following(passes.commands, answers, passes.wall)
    desk = Desk(
        seal=seal,
        roster=roster,
        orders=passes.commands,
        book=_Journals(passes.recorder, engine),
        following=following,
        asking=Asking(answers, following),
        wall=passes.wall,
        clock=passes.clock,
        claims=Claims(),
        noted={},
    )
    return Pressing(
        _receiver(loaded, access, queue),
        queue,
        desk,
        roster,
        Messages(engine, seal, shared=is_server(engine)),
    )


def _receiver(loaded: Loaded, access: SlackAccess, queue: Queue[Arrived]) -> Line:
    from stagedrollout.buttons.socket import Receiver  # noqa: PLC0415 - websockets only where it is used

    call = slack_app_call(loaded, access)
    return Receiver(lambda: call(OPENING, {}), slack_endpoint(access), queue, elapsed)
