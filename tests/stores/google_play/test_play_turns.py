"""Conversations about one package never end each other's edits; only a halt does, and it waits for nobody."""

from __future__ import annotations

import threading

import pytest
from play_desk import Desk, Wire
from play_fake import HTML, NEW, OLD, PACKAGE, FakePlay, client_of, free, store

from stagedrollout.core.errors import Conflict
from stagedrollout.core.model import Change, Settlement, Verb
from stagedrollout.daemon.retrying import persistently
from stagedrollout.stores.google_play import turns
from stagedrollout.stores.google_play.edits import Edits
from stagedrollout.stores.google_play.turns import Turn
from tests.emulator.calls import completed, served, world_at

RAISE = Change(Verb.RAISE, "5020", 50_000)
PATIENT = 5.0
CONVERSATION = ["edits.insert", "tracks.get", "tracks.update", "edits.validate", "edits.commit"]


class Held:
    """Holds a conversation at one of its requests until told to go on."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.there, self.go_on = threading.Event(), threading.Event()

    def __call__(self, operation: str) -> None:
        if operation == self.operation and not self.there.is_set():
            self.there.set()
            assert self.go_on.wait(PATIENT)


class Working:
    """Work on a thread of its own; `result` waits for it and gives what it came to, errors included."""

    def __init__(self, work) -> None:
        self._came_to: list[object] = []
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()

    def _run(self, work) -> None:
        try:
            self._came_to.append(work())
        except Exception as error:  # noqa: BLE001 - for the test to look at
            self._came_to.append(error)

    def result(self):
        self._thread.join(PATIENT)
        assert not self._thread.is_alive()
        return self._came_to[0]


@pytest.fixture
def desk():
    """5.2.0 is out at 1 % on production, 5.3.0 to all on beta: two rollouts of one package."""
    world = world_at(5)
    desk = Desk(world)
    theirs = desk.theirs
    edit = theirs.insert()
    theirs.put(edit, completed(5010), track="beta")
    theirs.commit(edit)
    return desk


def waiting(desk: Desk, monkeypatch) -> threading.Event:
    """Set as soon as somebody has to wait for a turn."""
    waits = threading.Event()
    turn = desk.client.turns.of("com.acme.app")
    usual = turn._wait

    def wait(free_now, seconds):
        if not free_now():
            waits.set()
        return usual(free_now, seconds)

    monkeypatch.setattr(turn, "_wait", wait)
    return waits


def held_raise(desk: Desk, operation: str) -> tuple[Held, Working]:
    held = Held(operation)
    store = desk.store()
    seen = store.read().fingerprint
    desk.wire.calls.clear()
    desk.wire.before = held
    raising = Working(lambda: persistently(lambda: store.apply(RAISE, seen, free)))
    assert held.there.wait(PATIENT)
    return held, raising


@pytest.mark.parametrize("operation", ["tracks.update", "edits.validate", "edits.commit"])
def test_a_look_at_another_track_of_the_package_does_not_end_the_edit_of_a_raise(
    desk, monkeypatch, operation
):
    waits = waiting(desk, monkeypatch)
    held, raising = held_raise(desk, operation)
    looking = Working(desk.store("beta").read)
    assert waits.wait(PATIENT)
    held.go_on.set()
    assert raising.result().settlement is Settlement.CONFIRMED
    assert looking.result().find("5010")
    look = ["edits.insert", "tracks.get", "edits.delete", "releases.list"]
    assert desk.wire.calls == [*CONVERSATION, "edits.insert", "tracks.get", *look]


def test_two_raises_of_one_package_come_one_after_the_other(desk, monkeypatch):
    """Two apps of the configuration with one package and a track each."""
    theirs = desk.theirs
    edit = theirs.insert()
    theirs.put(edit, {"versionCodes": ["5030"], "status": "draft"}, completed(5010), track="beta")
    theirs.commit(edit)
    other = desk.store("beta")
    seen = other.read().fingerprint
    waits = waiting(desk, monkeypatch)
    held, raising = held_raise(desk, "edits.commit")
    starting = Working(lambda: other.apply(Change(Verb.START, "5030", 10_000), seen, free))
    assert waits.wait(PATIENT)
    held.go_on.set()
    assert raising.result().settlement is Settlement.CONFIRMED
    assert starting.result().settlement is Settlement.CONFIRMED
    assert desk.wire.calls == [*CONVERSATION, "edits.insert", "tracks.get"] * 2


@pytest.mark.parametrize("track", ["production", "beta"])
@pytest.mark.parametrize(
    "operation", ["edits.insert", "tracks.get", "tracks.update", "edits.validate", "edits.commit"]
)
def test_a_halt_takes_the_package_over_at_once_and_the_raise_sends_nothing_more(desk, operation, track):
    code = 5020 if track == "production" else 5010
    if track == "beta":  # something that can be halted there
        edit = desk.theirs.insert()
        desk.theirs.put(edit, completed(5030), track="beta")
        desk.theirs.commit(edit)
        desk.world.timeline.advance(desk.world.timeline.now + desk.world.scenario.apps[0].review)
        code = 5030
    held = Held(operation)
    store = desk.store()
    seen = store.read().fingerprint
    desk.wire.before = held
    raising = Working(lambda: store.apply(RAISE, seen, free))
    assert held.there.wait(PATIENT)
    desk.wire.calls.clear()
    halt = desk.halts(code, track)  # while the raise is at its request
    assert halt.settlement is Settlement.CONFIRMED
    assert len(desk.wire.calls) == 7
    held.go_on.set()
    assert isinstance(raising.result(), Conflict)
    assert len(desk.wire.calls) == 8  # the request it was at, and no other
    assert desk.releases()[5020]["status"] == ("halted" if track == "production" else "inProgress")
    assert desk.releases()[5020]["userFraction"] == 0.01


def test_a_raise_that_was_committed_when_the_halt_came_does_not_read_back_into_its_edit(desk):
    held = Held("edits.insert")
    store = desk.store()
    seen = store.read().fingerprint
    committed = threading.Event()

    def before(operation):
        if operation == "edits.commit":
            committed.set()
        elif committed.is_set():
            held(operation)

    desk.wire.before = before
    raising = Working(lambda: store.apply(RAISE, seen, free))
    assert held.there.wait(PATIENT)  # committed, about to open the edit that reads back
    desk.wire.calls.clear()
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    held.go_on.set()
    assert raising.result().settlement is Settlement.IN_DOUBT  # the next look settles it
    assert len(desk.wire.calls) == 8  # the request it was at, and no other
    assert served(desk.world, 5020)["status"] == "halted"


def test_a_look_that_a_halt_overtook_is_made_again_after_it(desk):
    held = Held("tracks.get")
    desk.wire.before = held
    looking = Working(lambda: persistently(desk.store().read))
    assert held.there.wait(PATIENT)
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    held.go_on.set()
    assert looking.result().find("5020").stopped


def test_a_look_on_behalf_of_a_halt_does_not_wait_for_a_raise(desk):
    held, raising = held_raise(desk, "edits.commit")
    assert desk.store("beta").glance().find("5010")
    held.go_on.set()
    assert raising.result().settlement is Settlement.CONFIRMED  # begun afresh
    assert desk.releases()[5020]["userFraction"] == 0.05


def test_a_halt_that_failed_is_not_read_back_from_its_own_edit_although_a_raise_was_about_to_write():
    """Play may hand the halt's own edit out again: it shows the wish, and people still get the release."""
    fake = FakePlay(NEW, OLD)
    fake.same_edit_twice = True
    fake.fails("commit", HTML)
    client = client_of(fake)

    def taken_over() -> None:
        raise Conflict("google_play", "talking to Play", "a halt of this package took over")

    def a_raise_arrives(step):
        if step == "commit":
            with pytest.raises(Conflict):
                Edits(client, PACKAGE, "production", taken_over).write("its own edit", {})

    fake.before_step = a_raise_arrives
    halt = store(fake, client=client).halt("5020")
    assert fake.deployed(5020)["status"] == "inProgress"
    assert halt.settlement is Settlement.IN_DOUBT


def test_nobody_begins_while_a_halt_is_under_way(desk, monkeypatch):
    waits = waiting(desk, monkeypatch)
    held = Held("edits.commit")
    desk.wire.before = held
    halting = Working(lambda: desk.halts(5020))
    assert held.there.wait(PATIENT)
    looking = Working(desk.store().read)
    assert waits.wait(PATIENT)
    held.go_on.set()
    assert halting.result().settlement is Settlement.CONFIRMED
    assert looking.result().find("5020").stopped


def test_two_halts_of_one_package_wait_for_each_other_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(turns, "HALT_PATIENCE_SECONDS", 0.01)
    turn = Turn()
    with turn.at_once():
        done = Working(lambda: turn.at_once().__enter__())
        assert done.result() is None


def test_a_turn_that_does_not_come_is_a_conflict_in_words(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.01)
    turn = Turn()
    with turn.patient(), pytest.raises(Conflict, match="takes too long"):
        turn.patient().__enter__()


def test_packages_do_not_wait_for_each_other():
    desk = Desk(world_at(5), Wire(world_at(5)))
    with desk.client.turns.of("com.acme.other").patient():
        assert desk.seen().releases
