"""The first message of a rollout's thread shows where the rollout stands, and holds up nothing."""

from datetime import timedelta
from typing import Any

import pytest

from stagedrollout.core.errors import EdgeError
from tests.notify.fakes import (
    CHANNEL,
    CHAT,
    MAPS,
    NOW,
    SHOP,
    board,
    first_line,
    notice,
    refused,
    unreachable,
)
from tests.notify.world import World, denied, throttled, times


def test_the_first_message_shows_where_the_rollout_stands_now(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0: rolling out"))
    world.rows.enqueue(SHOP, notice("1"))
    world.relay.deliver_due()
    for headline in ("5.2.0: held", "5.2.0: HALTED"):
        world.rows.want(SHOP, board(headline))
    calls = world.workspace.calls
    world.relay.deliver_due()
    assert [first_line(head) for head in world.workspace.heads()] == ["5.2.0: HALTED"]
    assert world.workspace.calls == calls + 1, "only the latest board is shown"
    assert world.relay.next_due() is None


def test_a_board_without_any_notice_opens_its_thread_and_comes_to_rest(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0: waiting"))
    world.relay.deliver_due()
    assert [first_line(head) for head in world.workspace.heads()] == ["5.2.0: waiting"]
    assert world.relay.next_due() is None


@pytest.mark.parametrize("error", [unreachable(), denied(), refused("some_new_word"), throttled(20)])
def test_a_board_that_cannot_be_updated_holds_up_no_reply(world: World, error: EdgeError) -> None:
    world.rows.want(SHOP, board("5.2.0: rolling out"))
    world.rows.enqueue(SHOP, notice("1"))
    world.relay.deliver_due()
    world.workspace.trouble = lambda method, payload: error if method == "chat.update" else None
    world.rows.want(SHOP, board("5.2.0: HALTED"))
    world.rows.enqueue(SHOP, notice("2"), notice("3"))
    assert world.relay.deliver_due() == 2
    assert world.relay.problem() == str(error)
    assert world.waits() > timedelta(0)
    world.workspace.trouble = lambda method, payload: None
    world.goes_on()
    assert [first_line(head) for head in world.workspace.heads()] == ["5.2.0: HALTED"]
    assert world.relay.problem() == ""


@pytest.mark.parametrize("word", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_a_deleted_first_message_is_replaced_and_the_story_goes_on_below_it(world: World, word: str) -> None:
    world.workspace.deduplicates = True
    world.rows.want(SHOP, board("5.2.0: rolling out"))
    world.rows.enqueue(SHOP, notice("1"))
    world.relay.deliver_due()
    gone = world.workspace.heads()[0]["ts"]
    world.workspace.trouble = lambda method, payload: refused(word) if payload.get("ts") == gone else None
    world.rows.want(SHOP, board("5.2.0: HALTED"))
    world.relay.deliver_due()
    world.rows.enqueue(SHOP, notice("2"))
    world.relay.deliver_due()
    new = world.workspace.heads()[1]
    assert first_line(new) == "5.2.0: HALTED"
    assert world.workspace.told(new["ts"]) == ["2"]
    assert world.relay.next_due() is None


def test_a_halt_is_told_even_if_no_thread_can_be_opened(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0: HALTED"))
    world.rows.enqueue(SHOP, notice("HALTED", broadcast=True))
    world.workspace.trouble = lambda method, payload: None if "metadata" in payload else refused("no_text")
    assert world.relay.deliver_due() == 1
    assert world.workspace.told() == ["HALTED"]


def test_no_notice_goes_before_its_thread_when_slack_is_down(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0"))
    world.rows.enqueue(SHOP, notice("1"))
    world.workspace.trouble = times(2, unreachable())
    world.goes_on()
    [head] = world.workspace.heads()
    assert world.workspace.told(head["ts"]) == ["1"]


def test_another_channel_gets_a_thread_of_its_own(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0"))
    world.rows.enqueue(SHOP, notice("1"))
    world.relay.deliver_due()
    world.restart(channel="C0ELSEWHERE")
    world.rows.enqueue(SHOP, notice("2"))
    world.relay.deliver_due()
    old, new = world.workspace.heads()
    assert (old["channel"], new["channel"]) == (CHANNEL, "C0ELSEWHERE")
    assert world.workspace.told(new["ts"]) == ["2"]


def test_boards_wait_their_turn_too(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0"))
    world.workspace.trouble = times(3, unreachable())
    waits = []
    for _ in range(3):
        world.relay.deliver_due()
        waits.append(world.waits().total_seconds())
        world.clock.at += world.waits()
    assert waits == [5, 10, 20]
    world.relay.deliver_due()
    assert [first_line(head) for head in world.workspace.heads()] == ["5.2.0"]


def below(thread: str, word: str) -> Any:
    return lambda method, payload: refused(word) if payload.get("thread_ts") == thread else None


@pytest.mark.parametrize(
    "word",
    [
        *("cannot_reply_to_message", "thread_not_found", "message_not_found"),
        "restricted_action_thread_locked",
    ],
)
def test_a_halt_whose_thread_is_gone_begins_a_new_one_that_the_story_goes_on_in(
    world: World, word: str
) -> None:
    world.workspace.deduplicates = True
    world.rows.want(SHOP, board("5.2.0: rolling out"))
    world.rows.enqueue(SHOP, notice("1"))
    world.relay.deliver_due()
    gone = world.workspace.heads()[0]["ts"]
    world.workspace.trouble = below(gone, word)
    world.rows.enqueue(SHOP, notice("HALTED", broadcast=True), notice("3"))
    assert world.relay.deliver_due() == 2
    new = world.workspace.heads()[1]["ts"]
    assert world.workspace.told(new) == ["HALTED", "3"]
    halt = next(m for m in world.workspace.messages if first_line(m) == "HALTED")
    assert halt["reply_broadcast"] is True
    assert "sent again" not in halt["text"]
    assert len(world.workspace.heads()) == 2


def test_where_no_thread_takes_a_reply_notices_stand_at_the_top_level_without_ever_more_threads(
    world: World,
) -> None:
    world.rows.want(SHOP, board("5.2.0"))
    world.rows.enqueue(SHOP, *(notice(str(n)) for n in range(5)))
    world.workspace.trouble = lambda method, payload: (
        refused("cannot_reply_to_message") if "thread_ts" in payload else None
    )
    world.relay.deliver_due()
    told = [m for m in world.workspace.messages if "metadata" in m]
    assert [first_line(m) for m in told if "thread_ts" not in m] == list("01234")
    assert len(world.workspace.heads()) == 2


def test_a_channel_that_takes_no_threads_gets_one_board_and_every_notice(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0"))
    world.rows.enqueue(SHOP, notice("1"), notice("2"))
    world.workspace.trouble = lambda method, payload: (
        refused("restricted_action_non_threadable_channel") if "thread_ts" in payload else None
    )
    world.relay.deliver_due()
    assert world.workspace.told() == ["1", "2"]
    assert len(world.workspace.heads()) == 1


def test_a_new_thread_that_must_wait_is_begun_later_and_the_old_one_is_not_asked_again(world: World) -> None:
    world.rows.want(SHOP, board("5.2.0"))
    world.rows.enqueue(SHOP, notice("1"))
    world.relay.deliver_due()
    gone = world.workspace.heads()[0]["ts"]
    world.rows.enqueue(SHOP, notice("2"))
    asked: list[str] = []

    def trouble(method: str, payload: dict[str, Any]) -> EdgeError | None:
        if payload.get("thread_ts") == gone:
            asked.append(gone)
            return refused("thread_not_found")
        return throttled(20) if len(asked) == 1 and world.clock.at == NOW else None

    world.workspace.trouble = trouble
    assert world.relay.deliver_due() == 0
    world.goes_on()
    assert world.workspace.told(world.workspace.heads()[1]["ts"]) == ["2"]
    assert asked == [gone]


def test_a_limit_on_updates_holds_up_every_board_and_no_notice(world: World) -> None:
    for rollout in (SHOP, CHAT, MAPS):
        world.rows.want(rollout, board(rollout.app))
    world.relay.deliver_due()
    world.workspace.trouble = lambda method, payload: throttled(60) if method == "chat.update" else None
    for rollout in (SHOP, CHAT, MAPS):
        world.rows.want(rollout, board(f"{rollout.app}: HALTED"))
    calls = world.workspace.calls
    for _ in range(10):
        world.relay.deliver_due()
    assert world.workspace.calls == calls + 1, "Slack asked to wait"
    world.rows.enqueue(CHAT, notice("HALTED", broadcast=True))
    assert world.relay.deliver_due() == 1
    world.workspace.trouble = lambda method, payload: None
    world.goes_on()
    assert [first_line(head) for head in world.workspace.heads()] == [
        "shop: HALTED",
        "chat: HALTED",
        "maps: HALTED",
    ]
