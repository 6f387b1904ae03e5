"""Buttons of several replicas: pressed at the one that tells people, and told where they cannot be."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.daemon import at_the_desk
from stagedrollout.daemon.at_the_desk import AtTheDesk
from tests.acceptance.processes import eventually


class Presses:
    """Buttons that note what becomes of them."""

    def __init__(self, log: list[str], name: str, trouble: list[Exception]) -> None:
        self.log, self.name, self._trouble = log, name, trouble

    def start(self) -> None:
        if self._trouble:
            raise self._trouble[0]
        self.log.append(f"{self.name} starts")

    def go_on_from(self, before: object) -> None:
        self.log.append(f"{self.name} after {getattr(before, 'name', 'nobody')}")

    def problem(self) -> str:
        return ""

    def stop(self) -> None:
        self.log.append(f"{self.name} stops")


class Desk:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.trouble: list[Exception] = []
        self.on_duty = threading.Event()
        self.made = 0
        self.buttons = self.opens()

    def opens(self) -> AtTheDesk:
        return AtTheDesk(self._made, self.on_duty.is_set)

    def _made(self) -> Presses:
        self.made += 1
        return Presses(self.log, f"b{self.made}", self.trouble)

    def says(self, *told: str) -> None:
        eventually(lambda: self.log[-len(told) :] == list(told), within=10, what=str(told))


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(at_the_desk, "LOOK_SECONDS", 0.01)
    found = Desk()
    yield found
    found.buttons.stop()


def test_they_are_listened_for_only_while_this_replica_tells_people(desk: Desk) -> None:
    desk.buttons.start()
    desk.on_duty.set()
    desk.says("b1 after nobody", "b1 starts")
    desk.on_duty.clear()
    desk.says("b1 stops")
    desk.on_duty.set()
    desk.says("b2 after b1", "b2 starts")
    desk.buttons.stop()
    assert desk.log[-1] == "b2 stops"


def test_who_waits_for_an_answer_is_known_to_those_of_the_next_configuration(desk: Desk) -> None:
    desk.on_duty.set()
    desk.buttons.start()
    desk.says("b1 starts")
    desk.buttons.stop()
    after = desk.opens()
    after.go_on_from(desk.buttons)
    desk.buttons = after
    after.start()
    desk.says("b2 after b1", "b2 starts")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(StorageError("the database is away"), "away"), (OSError("?"), "internal error: OSError")],
)
def test_what_keeps_them_from_being_listened_for_is_told_and_tried_again(
    desk: Desk, trouble: Exception, words: str
) -> None:
    desk.trouble.append(trouble)
    desk.on_duty.set()
    desk.buttons.start()
    assert words in eventually(desk.buttons.problem, within=10, what="the problem")
    desk.trouble.clear()
    eventually(lambda: desk.log[-1].endswith("starts"), within=10, what="another try")
    assert desk.buttons.problem() == ""
