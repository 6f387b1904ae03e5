"""Alarms, from a halt to whom it wakes and to its end, whatever ends it and whoever does not answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from stagedrollout.config.escalation import Escalation
from stagedrollout.core.errors import Rejected, Unreachable
from stagedrollout.core.lifecycle import Halt
from stagedrollout.core.model import DAEMON, RolloutKey
from stagedrollout.daemon.alone import Everything
from stagedrollout.daemon.errands import Rounds, Wishes
from stagedrollout.daemon.works import Beside
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.errands import ErrandTable
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.outbox import OutboxTable
from tests.core.builders import ANNA, HOUR, KEY, NOON, rolling

MINUTE = timedelta(minutes=1)
BY_MACHINE = Halt(DAEMON, "crashes", NOON, confirmed=True)


@dataclass
class Place:
    trouble: Exception | None = None
    tried: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, key, rollout, notice):
        self._tell("tell", key)

    def over(self, key, rollout, notice):
        self._tell("over", key)

    def _tell(self, what, key):
        self.tried += 1
        if self.trouble:
            raise self.trouble
        self.told.append((what, key.rsplit("/", 1)[1]))


class Alarms:
    """The rounds of one app, of which `rollouts` are known at the moment."""

    def __init__(self, engine):
        self.now, self.rollouts, self.unread = NOON, [], {}
        self.first, self.second = Place(), Place()
        self.rounds = Rounds(
            apps=(KEY.store_app,),
            recorder=self,
            outbox=OutboxTable(engine),
            table=ErrandTable(engine),
            places={"webhook": self.first, "pagerduty": self.second},
            clock=SimpleNamespace(now=lambda: self.now),
            wishes=Wishes(escalation=Escalation(channel="C0ONCALL")),
        )

    def load_all(self, _app):
        return [SimpleNamespace(rollout=each) for each in self.rollouts], {}

    def at(self, after, *rollouts):
        """A journal has gone on, and the round of that time is run."""
        self.now, self.rollouts = NOON + after, list(rollouts)
        self.rounds.looked = -1
        self.rounds.run()


@pytest.fixture
def alarms(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'state.db'}")
    upgrade(engine)
    yield Alarms(engine)
    engine.dispose()


HALTED = replace(rolling(), halt=BY_MACHINE)
SILENT = Unreachable("webhook", "telling the webhook", "no answer in time")


@pytest.mark.promise("R20")
@pytest.mark.parametrize(
    "after",
    [
        replace(HALTED, answered=NOON),
        rolling(),  # resumed in the console: nobody has answered here
        replace(HALTED, closed=True),
        replace(HALTED, halt=replace(BY_MACHINE, actor=ANNA)),
    ],
    ids=["answered", "resumed in the console", "closed", "a person's by now"],
)
def test_whatever_ends_a_halt_ends_its_alarm(alarms, after):
    alarms.at(15 * MINUTE, HALTED)
    assert alarms.second.told == [("tell", "unanswered")]
    alarms.at(20 * MINUTE, after)
    assert alarms.second.told == [("tell", "unanswered"), ("over", "unanswered")]
    alarms.at(30 * MINUTE, after)
    assert len(alarms.second.told) == 2


def test_what_cannot_be_read_ends_nothing(alarms):
    alarms.at(15 * MINUTE, HALTED)
    alarms.at(20 * MINUTE)
    assert alarms.second.told == [("tell", "unanswered")]


@pytest.mark.promise("R4", "R20")
def test_a_halt_that_the_store_shows_no_more_wakes_people_again(alarms):
    shown = replace(HALTED, answered=NOON)
    in_vain = replace(shown, halt=replace(BY_MACHINE, confirmed=False))
    for minutes, rollout in ((6, in_vain), (8, shown), (60, in_vain), (70, shown)):
        alarms.at(minutes * MINUTE, rollout)
    assert [what for what, _ in alarms.second.told] == ["tell", "over", "tell", "over"]


def test_an_end_that_was_not_told_before_it_began_anew_is_none(alarms):
    shown = replace(HALTED, answered=NOON)
    in_vain = replace(shown, halt=replace(BY_MACHINE, confirmed=False))
    alarms.at(6 * MINUTE, in_vain)
    alarms.second.trouble = SILENT
    alarms.at(8 * MINUTE, shown)
    alarms.second.trouble = None
    alarms.at(60 * MINUTE, in_vain)
    assert {what for what, _ in alarms.second.told} == {"tell"}


@pytest.mark.promise("R20")
def test_a_place_that_hangs_keeps_no_other_waiting(alarms):
    alarms.first.trouble = SILENT
    many = [replace(HALTED, key=RolloutKey(KEY.app, KEY.store, str(number))) for number in range(8)]
    alarms.at(15 * MINUTE, *many)
    assert (alarms.first.tried, len(alarms.second.told)) == (1, 8)
    assert "webhook does not take an alarm" in alarms.rounds.problem()
    alarms.first.trouble = None
    alarms.at(40 * MINUTE, *many)
    assert len(alarms.first.told) == 8
    assert alarms.rounds.problem() == ""


def test_what_a_place_takes_in_no_form_keeps_nothing_else_from_it(alarms):
    alarms.first.trouble = Rejected("webhook", "telling the webhook", "no (HTTP 400)")
    many = [replace(HALTED, key=RolloutKey(KEY.app, KEY.store, str(number))) for number in range(3)]
    alarms.at(15 * MINUTE, *many)
    assert alarms.first.tried == 3


def test_a_halt_from_a_clock_that_ran_ahead_wakes_people_at_once(alarms):
    alarms.at(-2 * HOUR, HALTED)
    assert alarms.second.told == [("tell", "unanswered")]
    alarms.at(-2 * HOUR + MINUTE, HALTED)
    assert len(alarms.second.told) == 1


def test_an_alarm_that_is_over_before_it_was_told_wakes_nobody(alarms):
    alarms.first.trouble = alarms.second.trouble = None
    alarms.at(14 * MINUTE, HALTED)
    alarms.at(16 * MINUTE, replace(HALTED, answered=NOON))
    assert alarms.second.told == []


def test_who_is_not_woken_shows_in_health():
    rows = []
    presence = SimpleNamespace(tell=lambda epoch, more: rows.append((epoch, more)))
    problem = SimpleNamespace(problem=lambda: "pagerduty does not take an alarm: 400")
    fine = SimpleNamespace(problem=lambda: "")
    beside = Beside()
    for errands in (fine, problem, problem, fine):
        works = SimpleNamespace(
            presence=presence, epoch=7, buttons=fine, errands=errands, leases=Everything()
        )
        beside.tell(works)
    assert [more["alarms_problem"] for _, more in rows] == ["pagerduty does not take an alarm: 400", ""]


def test_what_was_wrong_while_this_replica_told_people_is_not_told_for_ever_once_another_one_does():
    rows = []
    presence = SimpleNamespace(tell=lambda epoch, more: rows.append(more))
    wrong = SimpleNamespace(problem=lambda: "pagerduty does not take an alarm: 400")
    duty = iter((True, False))
    leases = SimpleNamespace(on_duty=lambda: next(duty), shared=False)
    beside = Beside()
    for _ in range(2):
        beside.tell(SimpleNamespace(presence=presence, epoch=7, buttons=wrong, errands=wrong, leases=leases))
    assert [more["alarms_problem"] for more in rows] == ["pagerduty does not take an alarm: 400", ""]
    assert rows[-1]["buttons_problem"] == ""
