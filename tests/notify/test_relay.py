"""Notices arrive at least once and in order, whatever happens to Slack or to the daemon (promise R20)."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from stagedrollout.core.errors import EdgeError, Faulty
from stagedrollout.core.model import RolloutKey
from stagedrollout.notify.relay import FAILURES_MAX, NOTICES_MAX, Relay
from stagedrollout.notify.slack import Slack
from tests.notify.fakes import (
    CHANNEL,
    CHAT,
    MAPS,
    NOW,
    SHOP,
    Crash,
    Workspace,
    board,
    first_line,
    notice,
    refused,
    unreachable,
)
from tests.notify.world import World, about, denied, throttled, times


def test_a_rollouts_story_is_told_in_one_thread_and_in_order(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0: rolling out"))
    world.rows.enqueue(SHOP, notice("1"), notice("2"), notice("3", broadcast=True))
    assert world.relay.deliver_due() == 3
    [head] = world.workspace.heads()
    assert first_line(head) == "5.2.0: rolling out"
    assert world.workspace.told(head["ts"]) == ["1", "2", "3"]
    assert world.rows.states() == ["sent", "sent", "sent"]
    assert [row.message_id for row in world.rows.rows.values()] == [
        m["ts"] for m in world.workspace.messages[1:]
    ]
    assert world.relay.next_due() is None


def test_each_rollout_has_a_thread_of_its_own(world: World) -> None:
    for rollout in (SHOP, CHAT):
        world.rows.want(rollout, board(rollout.app))
        world.rows.enqueue(rollout, notice(f"{rollout.app} 1"), notice(f"{rollout.app} 2"))
    assert world.relay.deliver_due() == 4
    for head in world.workspace.heads():
        app = first_line(head)
        assert world.workspace.told(head["ts"]) == [f"{app} 1", f"{app} 2"]


def test_a_rollout_without_a_board_is_told_at_the_top_level(world: World) -> None:
    world.rows.enqueue(SHOP, notice("1"))
    world.relay.deliver_due()
    assert world.workspace.told() == ["1"]
    assert "thread_ts" not in world.workspace.messages[0]


@pytest.mark.promise("R20")
@pytest.mark.parametrize(
    "error",
    [unreachable(), Faulty("slack", "x", "an HTML page"), throttled(3), denied(), refused("is_archived")],
    ids=["unreachable", "faulty", "throttled", "denied", "rejected"],
)
@pytest.mark.parametrize("failures", [1, 2, 5, 9])
def test_order_survives_failures_of_every_kind(world: World, error: EdgeError, failures: int) -> None:
    world.rows.enqueue(SHOP, notice("1"), notice("2"), notice("3"))
    world.rows.enqueue(CHAT, notice("a"), notice("b"))
    world.workspace.trouble = times(failures, error)
    world.goes_on()
    assert [told for told in world.workspace.told() if told in "123"] == ["1", "2", "3"]
    assert [told for told in world.workspace.told() if told in "ab"] == ["a", "b"]
    assert set(world.rows.states()) == {"sent"}
    assert world.relay.problem() == ""


def test_one_rollout_whose_notices_fail_does_not_hold_up_the_others(world: World) -> None:
    for rollout in (SHOP, CHAT, MAPS):
        world.rows.enqueue(rollout, notice(f"{rollout.app} 1"), notice(f"{rollout.app} 2"))
    world.workspace.trouble = about(SHOP, unreachable())
    assert world.relay.deliver_due() == 4
    assert world.workspace.told() == ["chat 1", "maps 1", "chat 2", "maps 2"]
    assert world.rows.states()[:2] == ["sending", "pending"]


@pytest.mark.parametrize("word", ["channel_not_found", "no_text"])
def test_a_notice_slack_refuses_for_ever_does_not_hold_up_the_others(world: World, word: str) -> None:
    world.rows.enqueue(SHOP, notice("shop 1"))
    world.rows.enqueue(CHAT, notice("chat 1"))
    world.workspace.trouble = about(SHOP, refused(word))
    world.relay.deliver_due()
    assert "chat 1" in world.workspace.told()


def test_no_answer_is_waited_for_ever_longer_up_to_five_minutes(world: World) -> None:
    world.rows.enqueue(SHOP, notice("1"))
    world.workspace.trouble = lambda method, payload: unreachable()
    waits = []
    for _ in range(9):
        world.relay.deliver_due()
        waits.append(world.waits().total_seconds())
        world.clock.at += world.waits()
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_nothing_is_sent_before_its_time(world: World) -> None:
    world.rows.enqueue(SHOP, notice("1"))
    world.workspace.trouble = times(1, unreachable())
    world.relay.deliver_due()
    world.clock.passes(seconds=4.9)
    assert world.relay.deliver_due() == 0
    world.clock.passes(seconds=0.1)
    assert world.relay.deliver_due() == 1


def test_slack_is_left_alone_as_long_as_it_asks(world: World) -> None:
    world.rows.enqueue(SHOP, notice("1"), notice("2"))
    world.rows.enqueue(CHAT, notice("a"))
    world.workspace.trouble = times(1, throttled(30))
    assert world.relay.deliver_due() == 0
    assert world.workspace.calls == 1
    assert world.waits() == timedelta(seconds=30)
    world.clock.passes(seconds=29)
    assert world.relay.deliver_due() == 0
    assert world.workspace.calls == 1
    world.clock.passes(seconds=1)
    assert world.relay.deliver_due() == 3
    assert world.workspace.told() == ["1", "a", "2"]


def test_one_message_a_second_still_tells_everything(world: World) -> None:
    """The emulator's limit, by a clock that stands still meanwhile."""
    last: list[datetime] = []

    def one_a_second(method: str, payload: dict[str, Any]) -> EdgeError | None:
        if last and last[-1] == world.clock.now():
            return throttled(1)
        last.append(world.clock.now())
        return None

    world.workspace.trouble = one_a_second
    world.rows.want(SHOP, board("5.2.0"))
    world.rows.enqueue(SHOP, *(notice(str(n)) for n in range(6)))
    world.goes_on()
    assert world.workspace.told() == list("012345")
    assert world.clock.at == NOW + timedelta(seconds=6)


def test_a_clock_that_is_set_back_does_not_keep_slack_waiting(world: World) -> None:
    world.rows.enqueue(SHOP, notice("1"))
    world.workspace.trouble = times(1, throttled(30))
    world.relay.deliver_due()
    world.clock.passes(days=-2)
    world.rows.rows[1] = world.rows.rows[1].__class__(1, SHOP, notice("1"), due_at=world.clock.at)
    assert world.relay.deliver_due() == 1


@pytest.mark.parametrize("error", [denied(), refused("is_archived")], ids=["denied", "rejected"])
def test_what_only_a_human_can_mend_is_shown_and_tried_every_ten_minutes(
    world: World, error: EdgeError
) -> None:
    world.rows.enqueue(SHOP, notice("1"))
    world.workspace.trouble = lambda method, payload: error
    for _ in range(50):
        world.relay.deliver_due()
        assert world.relay.problem() == str(error)
        assert world.waits() == timedelta(minutes=10)
        world.clock.passes(minutes=10)
    world.workspace.trouble = lambda method, payload: None
    assert world.relay.deliver_due() == 1
    assert world.relay.problem() == ""


def test_the_same_problem_everywhere_is_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    for rollout in (SHOP, CHAT):
        world.rows.enqueue(rollout, notice(rollout.app))
    world.workspace.trouble = lambda method, payload: denied()
    for _ in range(3):
        world.relay.deliver_due()
        world.clock.passes(minutes=10)
    assert world.relay.problem() == "slack: chat.postMessage: invalid_auth"
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 2
    world.workspace.trouble = about(SHOP, unreachable())
    world.relay.deliver_due()
    assert world.relay.problem() == "slack: chat.postMessage: no answer in time"


def test_a_message_no_form_of_which_is_taken_is_logged_and_the_halt_after_it_is_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.rows.enqueue(SHOP, notice("unspeakable"), notice("HALTED", broadcast=True))
    world.workspace.trouble = lambda method, payload: (
        refused("no_text") if payload["client_msg_id"] == _identity("unspeakable") else None
    )
    assert world.relay.deliver_due() == 1
    assert world.workspace.told() == ["HALTED"]
    assert world.rows.states() == ["failed", "sent"]
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        "shop/google_play/412: given up: slack: chat.postMessage: no_text; it said: unspeakable"
    ]


def _identity(key: str) -> str:
    seen = Workspace()
    Slack(seen, CHANNEL).post(notice(key), None, rollout=SHOP)
    identity: str = seen.messages[0]["client_msg_id"]
    return identity


@pytest.mark.promise("R20")
@pytest.mark.parametrize("where", ["mark_sending", "mark_sent", "set_thread"])
def test_a_crash_at_any_step_loses_no_notice_and_no_order(world: World, where: str) -> None:
    world.rows.want(SHOP, board("5.2.0"))
    world.rows.enqueue(SHOP, notice("1"), notice("2"))
    world.rows.crash_at = where
    with pytest.raises(Crash):
        world.relay.deliver_due()
    world.restart()
    world.goes_on()
    told = world.workspace.told()
    assert list(dict.fromkeys(told)) == ["1", "2"]
    assert told.count("1") == (2 if where == "mark_sent" else 1)
    assert world.rows.states() == ["sent", "sent"]


@pytest.mark.parametrize("where", ["mark_sent", "set_thread"])
def test_where_slack_knows_message_ids_a_crash_doubles_nothing(world: World, where: str) -> None:
    world.workspace.deduplicates = True
    world.rows.want(SHOP, board("5.2.0"))
    world.rows.enqueue(SHOP, notice("1"), notice("2"))
    world.rows.crash_at = where
    with pytest.raises(Crash):
        world.relay.deliver_due()
    world.restart()
    world.goes_on()
    [head] = world.workspace.heads()
    assert world.workspace.told(head["ts"]) == ["1", "2"]


@pytest.mark.promise("R20")
def test_a_lost_answer_is_sent_again_as_ambiguous(world: World) -> None:
    world.rows.enqueue(SHOP, notice("1"), notice("2"))
    world.workspace.lost = times(1, unreachable())
    world.relay.deliver_due()
    assert world.rows.rows[1].ambiguous
    world.goes_on()
    assert world.workspace.told() == ["1", "1", "2"]
    first, second, other = world.workspace.messages
    assert first["client_msg_id"] == second["client_msg_id"]
    said = "policy standard | sent again: this may have been told before"
    assert [m["text"].splitlines()[-1] == said for m in (first, second, other)] == [False, True, False]


def test_a_notice_that_never_left_does_not_say_it_is_sent_again(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0"))
    world.rows.enqueue(SHOP, notice("1"))
    world.workspace.trouble = times(1, unreachable())
    world.goes_on()
    assert not any("sent again" in m["text"] for m in world.workspace.messages)


@pytest.mark.parametrize("error", [throttled(3), denied(), refused("is_archived")])
def test_what_surely_did_not_arrive_is_not_ambiguous(world: World, error: EdgeError) -> None:
    world.rows.enqueue(SHOP, notice("1"))
    world.workspace.trouble = times(1, error)
    world.relay.deliver_due()
    assert not world.rows.rows[1].ambiguous


def test_what_may_have_arrived_stays_ambiguous_until_it_did(world: World) -> None:
    world.rows.enqueue(SHOP, notice("1"))
    world.workspace.lost = times(1, unreachable())
    world.relay.deliver_due()
    world.clock.passes(seconds=5)
    world.workspace.trouble = times(1, throttled(3))
    world.relay.deliver_due()
    assert world.rows.rows[1].ambiguous


def test_a_slack_that_is_down_costs_a_few_timeouts_not_one_per_rollout(world: World) -> None:
    for number in range(20):
        key = RolloutKey(f"app{number}", SHOP.store, "1")
        world.rows.want(key, board("x"))
        world.rows.enqueue(key, notice(str(number)))
    world.workspace.trouble = lambda method, payload: unreachable()
    world.relay.deliver_due()
    assert world.workspace.calls == FAILURES_MAX
    world.workspace.trouble = lambda method, payload: None
    world.goes_on()
    assert sorted(world.workspace.told(), key=int) == [str(number) for number in range(20)]


def test_one_delivery_ends_and_the_next_goes_on(world: World) -> None:
    world.rows.enqueue(SHOP, *(notice(str(n)) for n in range(NOTICES_MAX + 10)))
    assert world.relay.deliver_due() == NOTICES_MAX
    assert world.waits() <= timedelta(0)
    assert world.relay.deliver_due() == 10


def test_a_second_caller_does_not_tell_twice(world: World) -> None:
    world.rows.enqueue(SHOP, notice("1"))
    inner: list[int] = []

    def meanwhile(method: str, payload: dict[str, Any]) -> None:
        inner.append(world.relay.deliver_due())

    world.workspace.lost = meanwhile
    assert world.relay.deliver_due() == 1
    assert inner == [0]
    assert world.workspace.told() == ["1"]


def test_a_broken_database_is_not_taken_for_a_delivery(world: World) -> None:
    world.rows.enqueue(SHOP, notice("1"))
    world.rows.crash_at = "mark_sent"
    with pytest.raises(Crash):
        world.relay.deliver_due()
    assert world.relay.deliver_due() == 1, "the relay can be called again"


def test_whether_slack_answers_is_told_to_whoever_judges_if_another_replica_had_better_tell(
    world: World,
) -> None:
    met: list[EdgeError | None] = []
    relay = Relay(world.rows, Slack(world.workspace, CHANNEL), world.clock, met=met.append)
    world.rows.enqueue(SHOP, notice("1"))
    silence = unreachable()
    world.workspace.trouble = times(1, silence)
    assert relay.deliver_due() == 0
    assert met == [silence]
    world.clock.passes(minutes=10)
    assert relay.deliver_due() == 1
    assert met == [silence, None]
