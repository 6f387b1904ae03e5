"""By what time a token is signed when the machine's clock is wrong."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from stagedrollout.http.signing_time import TRUSTED_SECONDS, SigningTime

TRUE = 1_772_431_200.0
DAY = 86_400.0


class Machine:
    """Its wall clock is `wrong`; the other one counts."""

    def __init__(self, wrong: float) -> None:
        self.wrong, self.passed = wrong, 7.0

    @property
    def true(self) -> float:
        return TRUE + self.passed - 7.0

    def wall(self) -> float:
        return self.true + self.wrong

    def steady(self) -> float:
        return self.passed

    @property
    def date(self) -> str:
        return formatdate(self.true, usegmt=True)


def of(machine: Machine) -> SigningTime:
    return SigningTime(machine.wall, machine.steady)


@pytest.mark.parametrize("wrong", [-2 * DAY, -3_600.0, 3_600.0, 2 * DAY, -TRUE])
def test_a_refusal_tells_the_time_which_then_goes_on(wrong):
    machine = Machine(wrong)
    time = of(machine)
    assert time.now() == machine.wall()
    assert time.refused(machine.date)
    machine.passed += 600
    machine.wrong = 5 * DAY
    assert time.now() == machine.true


def test_nobody_goes_by_a_told_time_for_ever():
    machine = Machine(2 * DAY)
    time = of(machine)
    time.refused(machine.date)
    machine.passed += TRUSTED_SECONDS
    machine.wrong = 0.0
    assert time.now() == machine.true


@pytest.mark.parametrize(
    "date", ["", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_a_date_that_is_none_changes_nothing(date):
    machine = Machine(0.0)
    time = of(machine)
    assert not time.refused(date)
    assert time.now() == machine.true


def test_a_token_refused_at_the_right_time_is_refused_for_another_reason():
    machine = Machine(3.0)
    assert not of(machine).refused(machine.date)


def test_a_date_that_is_not_true_is_believed_once():
    machine = Machine(0.0)
    time, lie = of(machine), formatdate(TRUE + 2 * DAY, usegmt=True)
    assert time.refused(lie)
    assert not time.refused(lie)
    assert time.now() == machine.true
