"""What a message offers to press, and what is known again of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core import facts
from stagedrollout.core.fold import apply
from stagedrollout.core.lifecycle import Halt, Hold
from stagedrollout.core.model import DAEMON, Actor, ActorKind, CommandVerb
from stagedrollout.core.offer import SEALED_MAX, Offer, Press, Seal
from stagedrollout.core.offering import offers_of, unanswered
from tests.core.builders import KEY, rolling
from tests.core.builders import NOON as NOW

ANA = Actor(ActorKind.HUMAN, "Ana Lima")


def rollout(**changes):
    return replace(rolling(), **changes)


SEAL, ANOTHER = Seal(b"k" * 32), Seal(b"j" * 32)
BY_MACHINE = Halt(DAEMON, "crashes", NOW, confirmed=True)

OFFERS = st.builds(
    Offer,
    st.sampled_from(Press),
    st.just(KEY),
    st.integers(0, 1_000_000),
    st.booleans(),
    st.none() | st.datetimes().map(lambda at: at.replace(tzinfo=NOW.tzinfo)),
)


@pytest.mark.promise("R24")
@given(OFFERS)
def test_a_sealed_offer_is_known_again_and_fits_into_a_button(offer):
    value = SEAL.sealed(offer)
    assert SEAL.opened(value) == offer
    assert len(value) <= SEALED_MAX


@pytest.mark.promise("R24")
@given(OFFERS, st.integers(0, 10_000), st.characters())
def test_whoever_changes_a_value_has_none(offer, place, mark):
    value = SEAL.sealed(offer)
    place %= len(value)
    changed = value[:place] + mark + value[place + 1 :]
    assert changed == value or SEAL.opened(changed) is None
    assert ANOTHER.opened(value) is None


@pytest.mark.promise("R24")
@given(st.text())
def test_no_text_of_anybody_opens(text):
    assert SEAL.opened(text) is None


def test_a_seal_shows_nothing_of_its_key():
    assert "k" not in repr(SEAL).removeprefix("Seal")


def _presses(found):
    return [offer.press for offer in offers_of(found)]


def test_what_rolls_out_can_be_halted_and_held():
    assert _presses(rollout()) == [Press.HALT, Press.HOLD]


def test_what_is_held_by_a_person_can_be_resumed():
    assert _presses(rollout(hold=Hold(ANA, "lunch", None))) == [Press.HALT, Press.RESUME]


def test_a_halt_of_the_machine_asks_to_be_seen_and_one_of_a_person_does_not():
    assert _presses(rollout(halt=BY_MACHINE)) == [Press.ACKNOWLEDGE, Press.RESUME]
    assert _presses(rollout(halt=replace(BY_MACHINE, actor=ANA))) == [Press.RESUME]


def test_what_is_over_offers_nothing():
    assert _presses(rollout(superseded_by="6000")) == []
    assert _presses(rollout(closed=True)) == []


def test_who_has_seen_a_halt_has_seen_that_one_only():
    halted = rollout(halt=BY_MACHINE)
    seen = apply(halted, facts.Acknowledged(ANA, NOW), NOW)
    assert unanswered(halted)
    assert not unanswered(seen)
    assert unanswered(replace(seen, halt=replace(BY_MACHINE, at=NOW + timedelta(hours=1))))


@pytest.mark.parametrize("accepted", [True, False])
def test_an_order_that_was_taken_answers_a_halt_too(accepted):
    order = facts.Commanded("c1", CommandVerb.HOLD, ANA, "why", accepted=accepted, text="done")
    assert unanswered(apply(rollout(halt=BY_MACHINE), order, NOW)) is not accepted


def test_every_offer_but_the_acknowledgement_is_an_order():
    assert [press for press in Press if press.verb is None] == [Press.ACKNOWLEDGE]
    assert {press for press in Press if press.brakes} == {
        press for press in Press if press.verb and press.verb.brakes
    }
