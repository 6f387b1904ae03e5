"""Which rollout a person means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagedrollout.core import facts
from stagedrollout.core.addressing import addressee, nobody
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import CommandVerb, Release, RolloutKey, Store
from tests.core.builders import (
    COMPLETED,
    DRAFT,
    IN_REVIEW,
    NEWER,
    OLDER,
    UNKNOWN,
    halted,
    order,
    rolling,
    shown,
    waiting,
    with_facts,
)

HALT, START = CommandVerb.HALT, CommandVerb.START


def named(rollout: Rollout, release: Release) -> Rollout:
    return replace(rollout, release=release, key=RolloutKey("shop", Store.GOOGLE_PLAY, release.id))


LIVE = rolling()
NEXT_DRAFT = named(waiting(found=shown(DRAFT)), NEWER)
OVER = named(with_facts(rolling(), facts.Superseded("5.2.0")), OLDER)


@pytest.mark.parametrize("text", ["5020", "5.2.0", "5.2.0 (5020)", "5.2.0+5020"])
def test_a_release_may_be_named_in_several_ways(text: str) -> None:
    assert addressee(order(HALT, release=text), (LIVE, NEXT_DRAFT)) == LIVE


def test_without_a_name_the_one_that_is_going_on_is_meant() -> None:
    assert addressee(order(HALT), (OVER, LIVE)) == LIVE
    assert addressee(order(HALT), (LIVE, OVER)) == LIVE


@pytest.mark.parametrize("verb", [verb for verb in CommandVerb if verb is not START])
def test_a_draft_of_the_next_release_does_not_draw_orders_away_from_the_one_people_get(
    verb: CommandVerb,
) -> None:
    """`stagedrollout halt shop` in the middle of the night must stop what is out there."""
    assert addressee(order(verb), (LIVE, NEXT_DRAFT)) == LIVE


def test_start_means_what_is_not_started_yet() -> None:
    assert addressee(order(START), (LIVE, NEXT_DRAFT)) == NEXT_DRAFT


def test_a_halted_release_is_meant_before_the_next_draft() -> None:
    stopped = halted(rolling())
    assert addressee(order(CommandVerb.RESUME), (stopped, NEXT_DRAFT)) == stopped


def test_a_release_that_was_rolled_out_in_the_console_can_be_halted_without_a_name() -> None:
    assert addressee(order(HALT), (waiting(), NEXT_DRAFT)) == waiting()


def test_a_halt_means_what_is_staged_in_a_status_nobody_knows_before_what_everybody_has() -> None:
    """Play halts nothing that it has nothing to serve instead of: the halt would never come true, and who ordered it
    looked at the release that began to go out."""
    everybody = named(rolling(shown(COMPLETED, 100)), OLDER)
    review = shown(UNKNOWN, 1, review=IN_REVIEW)
    assert addressee(order(HALT), (everybody, waiting(found=review))) == waiting(found=review)
    without_a_share = waiting(found=shown(UNKNOWN, 0, review=IN_REVIEW))
    assert addressee(order(HALT), (everybody, without_a_share)) == everybody
    staged = named(rolling(), OLDER)
    assert addressee(order(HALT), (staged, waiting(found=review))) == staged


def test_a_draft_is_meant_when_there_is_nothing_else() -> None:
    assert addressee(order(HALT), (OVER, NEXT_DRAFT)) == NEXT_DRAFT


def test_the_newer_of_two_builds_of_a_version_is_meant() -> None:
    rebuilt = named(rolling(), Release("5021", "5.2.0", "5021"))
    assert addressee(order(HALT, release="5.2.0"), (rebuilt, LIVE)) == rebuilt


def test_what_nobody_knows_is_refused_with_the_names_that_are_known() -> None:
    asked = order(HALT, release="6.0")
    assert addressee(asked, (LIVE, NEXT_DRAFT)) is None
    words = nobody(asked, (LIVE, NEXT_DRAFT))
    assert all(part in words for part in ("6.0", "5.2.0 (5020)", "5.3.0 (5030)"))
    assert "none" in nobody(order(HALT), ())
