"""What becomes of a press at the desk: one wish is one order, and everybody hears what came of theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagedrollout.buttons.desk import FRESH_REASON, SAY_WHY
from stagedrollout.buttons.pressed import Dismissed, Said
from stagedrollout.buttons.roster import Group
from stagedrollout.core import facts
from stagedrollout.core.errors import Rejected, Throttled, Unreachable
from stagedrollout.core.model import CommandVerb
from stagedrollout.core.offer import Press
from stagedrollout.core.people import People, Person, Right
from tests.buttons.desks import ANA, BEN, BY_MACHINE, EVE, PLACE, Around
from tests.core.builders import KEY, rolling

SILENT = Unreachable("slack", "chat.update", "no answer in time")


@pytest.fixture
def around():
    return Around()


@pytest.fixture
def rolls():
    """What rolls out and can be halted or held."""
    return Around(rollout=rolling())


def test_a_resume_is_an_order_once_its_person_has_said_why(around):
    pressed = around.press(Press.RESUME)
    around.takes(pressed)
    assert around.told() == []
    assert around.answers.windows == [(ANA, Press.RESUME)]
    assert around.orders.put_in == []
    assert around.says(pressed, " <!channel> & all is well ") == ""
    (order,) = around.orders.put_in
    assert (order.verb, order.reason) == (CommandVerb.RESUME, "<!channel> & all is well")


def test_nothing_but_white_space_is_no_reason(around):
    pressed = around.press(Press.RESUME)
    around.takes(pressed)
    assert around.says(pressed, " \n ") == SAY_WHY
    assert around.orders.put_in == []
    assert around.says(pressed, "repaired") == ""
    assert len(around.orders.put_in) == 1


@pytest.mark.promise("R11")
def test_ten_replays_of_a_reason_are_one_order_and_one_answer(around):
    pressed = around.press(Press.RESUME)
    around.takes(*[pressed] * 10)
    for _ in range(10):
        around.says(pressed)
        around.told()
    around.orders.ends()
    around.says(pressed)
    assert len(around.orders.put_in) == len(around.told()) == len(around.answers.windows) == 1


@pytest.mark.parametrize("press", [Press.HALT, Press.HOLD])
def test_a_brake_waits_for_no_typing(rolls, press):
    rolls.takes(rolls.press(press))
    assert [order.verb.value for order in rolls.orders.put_in] == [press.value]
    assert rolls.answers.windows == []


def test_who_closes_the_window_orders_nothing_and_may_press_again(around):
    pressed = around.press(Press.RESUME)
    around.takes(pressed, Dismissed(pressed))
    around.wall.passes(seconds=3)
    around.takes(around.press(Press.RESUME))
    around.told()
    around.told()
    assert len(around.answers.windows) == 2
    assert around.orders.put_in == []


def test_a_double_click_opens_one_window(around):
    around.takes(around.press(Press.RESUME), around.press(Press.RESUME, age=-0.3))
    around.told()
    around.told()
    assert len(around.answers.windows) == 1


def test_a_window_that_slack_does_not_open_is_told_and_can_be_asked_for_again(around):
    around.answers.trouble["ask"] = Rejected("slack", "views.open", "expired_trigger_id")
    around.takes(around.press(Press.RESUME))
    ((user, said),) = around.told()
    assert (user, "did not open the window" in said) == (ANA, True)
    around.answers.trouble.clear()
    around.wall.passes(seconds=2)
    around.takes(around.press(Press.RESUME))
    around.told()
    assert around.answers.windows == [(ANA, Press.RESUME)]


@pytest.mark.promise("R22")
def test_a_reason_that_comes_much_later_is_refused(around):
    pressed = around.press(Press.RESUME)
    around.takes(pressed)
    around.wall.passes(seconds=FRESH_REASON.total_seconds() + 1)
    around.says(pressed)
    assert around.orders.put_in == []
    assert "took too long" in around.told()[-1][1]


@pytest.mark.promise("R22")
@pytest.mark.parametrize("user", [EVE, BEN])
def test_a_reason_counts_for_whoever_has_typed_it(around, user):
    pressed = around.press(Press.RESUME)
    around.takes(pressed)
    around.desk.take(Said(replace(pressed, user=user), "mine now"))
    assert [order.actor.name for order in around.orders.put_in] == ([] if user == EVE else [BEN])


def test_of_two_reasons_at_once_one_is_an_order_and_the_other_one_hears_of_it(around):
    first, second = around.press(Press.RESUME), around.press(Press.RESUME, BEN)
    around.takes(first, second)
    around.says(first)
    around.says(second)
    assert [order.actor.name for order in around.orders.put_in] == [ANA]
    assert next(said for user, said in around.told() if user == BEN).startswith("Refused: Ana Lima has just")


def test_after_a_restart_a_reason_is_an_order_and_its_message_stays_as_it_is(around):
    pressed = around.press(Press.RESUME)
    around.takes(pressed)
    around.desk = around.another()
    around.says(pressed)
    assert len(around.orders.put_in) == 1


def test_a_reload_forgets_nobody_who_waits_for_an_answer(around):
    pressed, eve = around.press(Press.RESUME), around.press(Press.RESUME, EVE)
    around.takes(pressed, eve)
    around.says(pressed)
    before, around.desk = around.desk, around.another()
    around.desk.go_on_from(before)
    around.orders.ends()
    around.says(pressed)
    assert [user for user, _ in around.told()] == [EVE, ANA]
    assert len(around.orders.put_in) == 1


def test_a_refused_press_leaves_the_buttons_to_the_others(around):
    pressed = around.press(Press.RESUME)
    around.takes(pressed)
    around.says(pressed)
    around.orders.ends("refused", "Ana Lima has no right to raise")
    around.told()
    ((said, gone),) = around.answers.messages
    assert (said[0].endswith("no right to raise"), gone) == (True, frozenset())


def test_an_approval_leaves_its_button_to_the_next_person_and_a_hold_the_halt():
    for press, left in ((Press.APPROVE, True), (Press.HOLD, True), (Press.HALT, False)):
        around = Around(rollout=rolling())
        pressed = around.press(press)
        around.takes(pressed)
        if press is Press.APPROVE:
            around.says(pressed)
        around.orders.ends()
        around.told()
        assert (around.answers.messages[0][1] is not None) is left


def test_who_pressed_in_vain_may_press_again_at_once(rolls):
    rolls.takes(rolls.press(Press.HALT))
    rolls.orders.ends("refused", "not now")
    rolls.told()
    rolls.wall.passes(seconds=2)
    rolls.takes(rolls.press(Press.HALT))
    assert len(rolls.orders.put_in) == 2


@pytest.mark.promise("R11")
def test_a_press_that_cannot_be_written_down_stands_in_nobodys_way(around):
    around.orders.broken = True
    pressed = around.press(Press.RESUME)
    around.takes(pressed)
    around.says(pressed)
    assert "NOT DONE" in around.told()[0][1]
    around.orders.broken = False
    second = around.press(Press.RESUME, BEN)
    around.takes(second)
    around.says(second)
    assert [order.actor.name for order in around.orders.put_in] == [BEN]


def test_whoever_insists_on_a_hold_has_it(rolls):
    pressed = rolls.press(Press.RESUME)
    rolls.takes(pressed)
    rolls.says(pressed)
    rolls.takes(rolls.press(Press.HOLD, BEN))
    assert len(rolls.orders.put_in) == 1
    rolls.wall.passes(seconds=11)
    rolls.takes(rolls.press(Press.HOLD, BEN))
    assert [order.verb.value for order in rolls.orders.put_in] == ["resume", "hold"]


def test_ten_replays_of_an_acknowledgement_are_one_line(around):
    pressed = around.press(Press.ACKNOWLEDGE)
    around.takes(*[pressed] * 10, around.press(Press.ACKNOWLEDGE, age=-1))
    assert len(around.told()) == len(around.book.notes) == 1
    ((said, gone),) = around.answers.messages
    assert (len(said), gone) == (1, frozenset({pressed.value}))


@pytest.mark.promise("R22")
def test_a_strangers_acknowledgement_stands_in_the_journal(around):
    around.takes(around.press(Press.ACKNOWLEDGE, EVE))
    ((key, fact),) = around.book.notes
    assert (key, type(fact), fact.press, fact.actor.name) == (KEY, facts.PressRefused, "acknowledge", EVE)
    assert around.book.found.answered is None


@pytest.mark.promise("R22")
def test_a_forged_value_stands_in_the_journal_of_the_message_without_its_words(around):
    around.takes(*(around.press(Press.HALT, value=f"forged {n}") for n in range(3)))
    ((key, fact),) = around.book.notes
    assert (key, fact.press) == (KEY, "")
    assert "forged" not in str(fact)
    around.book.messages.clear()
    around.wall.passes(minutes=11)
    around.takes(around.press(Press.HALT, value="forged again"))
    assert len(around.book.notes) == 1


def test_who_cannot_be_looked_up_is_not_called_a_stranger():
    group = Group("S0RELEASE", (), tuple(Right))
    around = Around(People(), (group,))
    around.takes(around.press(Press.RESUME, EVE))
    assert "cannot be looked up" in around.told()[0][1]


def test_what_slack_does_not_take_is_told_again(around):
    around.answers.trouble["whisper"] = around.answers.trouble["rewrite"] = SILENT
    around.takes(around.press(Press.ACKNOWLEDGE))
    assert around.told() == []
    around.answers.trouble.clear()
    assert around.told() == []
    around.wall.passes(seconds=3)
    assert len(around.told()) == len(around.answers.messages) == 1


def test_nobody_is_told_for_ever(around):
    around.answers.trouble["whisper"] = SILENT
    around.takes(around.press(Press.HALT, EVE))
    for _ in range(50):
        around.told()
        around.wall.passes(minutes=2)
    around.answers.trouble.clear()
    assert around.told() == []


def test_a_message_that_is_gone_keeps_nobody_from_hearing(around):
    around.answers.trouble["rewrite"] = Rejected("slack", "chat.update", "message_not_found")
    around.takes(around.press(Press.ACKNOWLEDGE))
    assert len(around.told()) == 1


def test_being_asked_to_wait_puts_off_what_would_do_the_same(around):
    around.answers.trouble["whisper"] = Throttled(
        "slack", "chat.postEphemeral", "ratelimited", wait_seconds=20
    )
    around.takes(around.press(Press.HALT, EVE))
    around.told()
    around.answers.trouble.clear()
    around.wall.passes(seconds=19)
    assert around.told() == []
    around.wall.passes(seconds=2)
    assert len(around.told()) == 1


def test_the_message_keeps_every_line_and_loses_no_button_twice(around):
    around.takes(around.press(Press.ACKNOWLEDGE))
    pressed = around.press(Press.RESUME, BEN)
    around.takes(pressed)
    around.says(pressed)
    around.orders.ends()
    around.told()
    said, gone = around.answers.messages[-1]
    assert (len(said), gone) == (2, None)
    assert BY_MACHINE.at == around.desk.book.rollout(KEY).answered
    assert (pressed.channel, pressed.ts) == PLACE


def test_ten_replays_of_what_is_refused_are_told_once(around):
    forged, stranger = around.press(Press.HALT, value="forged"), around.press(Press.HALT, EVE)
    around.takes(*[forged] * 10, *[stranger] * 10)
    assert [user for user, _ in around.told()] == [ANA, EVE]


@pytest.mark.promise("R11")
def test_nobody_types_a_reason_for_what_is_not_theirs_to_order():
    around = Around(People((Person(name="Ben Ode", slack=BEN, rights=(Right.APPROVE,)),)))
    around.takes(around.press(Press.RESUME, BEN))
    assert around.told() == [(BEN, "Refused: Ben Ode has no right to raise (people: rights).")]
    ((_, fact),) = around.book.notes
    assert (fact.verb, fact.accepted) == (CommandVerb.RESUME, False)
    around.takes(around.press(Press.APPROVE, BEN))
    around.told()
    assert around.answers.windows == [(BEN, Press.APPROVE)]
