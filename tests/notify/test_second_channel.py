"""An urgent notice that does not get through where it belongs is told elsewhere within ten minutes (R20)."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from stagedrollout.core.errors import EdgeError
from stagedrollout.notify.log_channel import LogChannel
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.second_channel import NOTICES_MAX, SecondChannel
from stagedrollout.notify.slack import Slack
from tests.notify.fakes import (
    CHANNEL,
    CHAT,
    SHOP,
    Rows,
    board,
    first_line,
    notice,
    refused,
    unreachable,
)
from tests.notify.world import World, denied, throttled

ONCALL = "C0ONCALL"
ARCHIVED = refused("is_archived")


def in_channel(channel: str, error: EdgeError) -> Any:
    """Trouble with one channel only."""
    return lambda method, payload: error if payload["channel"] == channel else None


class Watched(World):
    """A daemon with a second channel."""

    second: SecondChannel

    def __init__(self) -> None:
        super().__init__()
        self.rows = Rows(self.clock)
        self.restart()

    def restart(self, channel: str = CHANNEL) -> None:
        self.second = SecondChannel(self.rows, Slack(self.workspace, ONCALL), self.clock, first=channel)
        self.relay = Relay(self.rows, Slack(self.workspace, channel), self.clock, second=self.second)

    def told_in(self, channel: str) -> list[str]:
        return [first_line(m) for m in self.workspace.messages if m["channel"] == channel and "metadata" in m]

    def waits_for(self, **span: float) -> None:
        """As the daemon does, until that much time has passed."""
        until = self.clock.at + timedelta(**span)
        for _ in range(500):
            self.relay.deliver_due()
            due = self.relay.next_due()
            if due is None or due > until:
                self.clock.at = until
                return
            assert due >= self.clock.at or self.rows.due(self.clock.at), "time must go on"
            self.clock.at = max(due, self.clock.at)
        raise AssertionError("the relay finds no rest")


@pytest.fixture
def watched() -> Watched:
    return Watched()


def halt(key: str = "HALTED") -> Any:
    return notice(key, broadcast=True)


@pytest.mark.parametrize("error", [ARCHIVED, refused("restricted_action"), refused("new_word"), denied()])
def test_a_halt_the_channel_refuses_is_told_in_the_fallback_at_once(
    watched: Watched, error: EdgeError
) -> None:
    watched.rows.want(SHOP, board("5.2.0: HALTED"))
    watched.rows.enqueue(SHOP, halt())
    watched.workspace.trouble = in_channel(CHANNEL, error)
    watched.relay.deliver_due()
    [message] = watched.workspace.messages
    assert (message["channel"], first_line(message)) == (ONCALL, "HALTED")
    assert "Told here because: it is not delivered yet where it belongs: C0RELEASE" in message["text"]
    assert "thread_ts" not in message
    assert watched.relay.problem() == str(error)


def test_a_halt_behind_a_refused_notice_is_told_in_the_fallback_and_waits_its_turn_in_the_channel(
    watched: Watched,
) -> None:
    watched.rows.enqueue(SHOP, notice("raised to 20 %"))
    watched.workspace.trouble = in_channel(CHANNEL, ARCHIVED)
    watched.relay.deliver_due()
    watched.clock.passes(minutes=1)
    watched.rows.enqueue(SHOP, halt())
    watched.relay.deliver_due()
    assert watched.told_in(ONCALL) == ["HALTED"]
    watched.workspace.trouble = lambda method, payload: None
    watched.goes_on()
    assert watched.told_in(CHANNEL) == ["raised to 20 %", "HALTED"]
    assert watched.told_in(ONCALL) == ["HALTED"]
    assert watched.relay.problem() == ""


def test_another_rollouts_halt_goes_where_it_belongs(watched: Watched) -> None:
    watched.rows.enqueue(SHOP, halt("shop HALTED"))
    watched.rows.enqueue(CHAT, halt("chat HALTED"))
    watched.workspace.trouble = lambda method, payload: (
        ARCHIVED if payload["channel"] == CHANNEL and "shop" in payload["text"] else None
    )
    watched.waits_for(hours=1)
    assert watched.told_in(CHANNEL) == ["chat HALTED"]
    assert watched.told_in(ONCALL) == ["shop HALTED"]


@pytest.mark.promise("R20")
@pytest.mark.parametrize("error", [unreachable(), throttled(3_000)], ids=["unreachable", "throttled"])
def test_a_halt_undelivered_for_ten_minutes_is_told_in_the_fallback(
    watched: Watched, error: EdgeError
) -> None:
    watched.rows.enqueue(SHOP, halt())
    watched.workspace.trouble = in_channel(CHANNEL, error)
    watched.waits_for(minutes=9, seconds=59)
    watched.relay.deliver_due()
    assert watched.told_in(ONCALL) == []
    watched.waits_for(seconds=1)
    watched.relay.deliver_due()
    assert watched.told_in(ONCALL) == ["HALTED"]
    watched.waits_for(hours=12)
    assert watched.told_in(ONCALL) == ["HALTED"], "once is enough"


def test_the_daemon_wakes_when_ten_minutes_are_over_though_slack_asks_for_an_hour(watched: Watched) -> None:
    watched.rows.enqueue(SHOP, halt())
    watched.workspace.trouble = in_channel(CHANNEL, throttled(3_600))
    watched.relay.deliver_due()
    assert watched.waits() == timedelta(minutes=10)


def test_an_ordinary_notice_is_not_told_in_the_fallback(watched: Watched) -> None:
    watched.rows.enqueue(SHOP, notice("raised to 20 %"))
    watched.workspace.trouble = in_channel(CHANNEL, ARCHIVED)
    watched.waits_for(hours=3)
    assert watched.workspace.messages == []


def test_a_halt_that_arrives_is_not_told_in_the_fallback(watched: Watched) -> None:
    watched.rows.enqueue(SHOP, halt())
    watched.workspace.trouble = in_channel(CHANNEL, unreachable())
    watched.relay.deliver_due()
    watched.workspace.trouble = lambda method, payload: None
    watched.waits_for(hours=3)
    assert (watched.told_in(CHANNEL), watched.told_in(ONCALL)) == (["HALTED"], [])


def test_a_fallback_that_fails_too_leaves_the_halt_in_the_log_and_is_tried_again(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.rows.enqueue(SHOP, halt())
    watched.workspace.trouble = lambda method, payload: denied("token_revoked")
    watched.waits_for(hours=2)
    critical = [r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL]
    why = "Told here because: it is not delivered yet where it belongs: C0RELEASE"
    assert critical == [f"[halted] HALTED | {why} | Sample: 12 000 | policy standard"]
    assert "(and 1 more)" in watched.relay.problem()
    watched.workspace.trouble = in_channel(CHANNEL, denied("token_revoked"))
    watched.waits_for(minutes=11)
    assert watched.told_in(ONCALL) == ["HALTED"]
    watched.workspace.trouble = lambda method, payload: None
    watched.goes_on()
    assert watched.told_in(CHANNEL) == ["HALTED"]
    assert watched.relay.problem() == ""


def test_a_halt_the_fallback_takes_in_no_form_does_not_keep_the_next_one_back(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.rows.enqueue(SHOP, halt("unspeakable"))
    watched.rows.enqueue(CHAT, halt("chat HALTED"))
    unspeakable: set[str] = set()

    def trouble(method: str, payload: dict[str, Any]) -> EdgeError | None:
        if payload["channel"] == CHANNEL:
            return ARCHIVED
        if "unspeakable" in payload["text"]:
            unspeakable.add(payload["client_msg_id"])
        return refused("no_text") if payload["client_msg_id"] in unspeakable else None

    watched.workspace.trouble = trouble
    watched.waits_for(hours=1)
    assert watched.told_in(ONCALL) == ["chat HALTED"]
    assert any("unspeakable" in r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL)


@pytest.mark.promise("R20")
def test_a_restart_may_tell_the_fallback_again_but_loses_nothing(watched: Watched) -> None:
    watched.workspace.deduplicates = True
    watched.rows.enqueue(SHOP, halt())
    watched.workspace.trouble = in_channel(CHANNEL, ARCHIVED)
    watched.relay.deliver_due()
    watched.restart()
    watched.waits_for(hours=1)
    assert watched.told_in(ONCALL) == ["HALTED"]


def test_many_halts_are_told_a_few_at_a_time(watched: Watched) -> None:
    watched.rows.enqueue(SHOP, *(halt(str(n)) for n in range(NOTICES_MAX + 5)))
    watched.workspace.trouble = in_channel(CHANNEL, ARCHIVED)
    watched.relay.deliver_due()
    assert len(watched.told_in(ONCALL)) == NOTICES_MAX
    watched.relay.deliver_due()
    assert watched.told_in(ONCALL) == [str(n) for n in range(NOTICES_MAX + 5)]


def test_without_a_fallback_an_urgent_notice_is_critical_in_the_log(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    second = SecondChannel(watched.rows, LogChannel(logging.CRITICAL), watched.clock, first=CHANNEL)
    watched.relay = Relay(watched.rows, Slack(watched.workspace, CHANNEL), watched.clock, second=second)
    watched.rows.enqueue(SHOP, notice("raised"), halt())
    watched.workspace.trouble = in_channel(CHANNEL, ARCHIVED)
    watched.waits_for(hours=3)
    critical = [r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL]
    assert [line.split(" | ")[0] for line in critical] == ["[halted] HALTED"]


def test_the_same_halt_in_two_channels_is_two_messages_to_slack(watched: Watched) -> None:
    watched.workspace.deduplicates = True
    watched.rows.enqueue(SHOP, halt())
    watched.workspace.trouble = in_channel(CHANNEL, ARCHIVED)
    watched.relay.deliver_due()
    watched.workspace.trouble = lambda method, payload: None
    watched.goes_on()
    assert (watched.told_in(ONCALL), watched.told_in(CHANNEL)) == (["HALTED"], ["HALTED"])


def test_a_channel_that_takes_notices_again_is_given_its_time_again(watched: Watched) -> None:
    watched.rows.enqueue(SHOP, notice("raised"))
    watched.workspace.trouble = in_channel(CHANNEL, ARCHIVED)
    watched.relay.deliver_due()
    watched.workspace.trouble = lambda method, payload: None
    watched.waits_for(minutes=11)
    watched.rows.enqueue(CHAT, notice("chat"))
    watched.workspace.trouble = lambda method, payload: throttled(30)
    watched.relay.deliver_due()
    watched.rows.enqueue(SHOP, halt())
    watched.workspace.trouble = lambda method, payload: None
    watched.relay.deliver_due()
    assert watched.told_in(ONCALL) == []
    watched.waits_for(minutes=1)
    assert sorted(watched.told_in(CHANNEL)) == ["HALTED", "chat", "raised"]


# ---- what the first channel takes in no form


@pytest.mark.parametrize("word", ["msg_too_long", "no_text"])
def test_a_halt_the_channel_takes_in_no_form_is_told_in_the_fallback_before_it_is_given_up(
    watched: Watched, word: str
) -> None:
    watched.rows.enqueue(SHOP, notice("raised"), halt(), notice("later"))
    watched.workspace.trouble = in_channel(CHANNEL, refused(word))
    watched.waits_for(hours=3)
    assert watched.told_in(ONCALL) == ["HALTED"]
    assert watched.rows.states() == ["failed"] * 3
    [message] = watched.workspace.messages
    assert "Told here because: it is taken in no form where it belongs: C0RELEASE" in message["text"]


def test_a_halt_no_channel_takes_in_any_form_is_critical_in_the_log(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.rows.enqueue(SHOP, halt())
    watched.workspace.trouble = lambda method, payload: refused("no_text")
    watched.waits_for(hours=3)
    critical = [r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL]
    assert [line.split(" | ")[0] for line in critical] == ["[halted] HALTED"]
    assert watched.rows.states() == ["failed"]


def test_without_any_second_channel_a_halt_that_is_given_up_is_critical_in_the_log(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.relay = Relay(watched.rows, Slack(watched.workspace, CHANNEL), watched.clock)
    watched.rows.enqueue(SHOP, notice("raised"), halt())
    watched.workspace.trouble = lambda method, payload: refused("no_text")
    watched.waits_for(hours=3)
    critical = [r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL]
    assert [line.rsplit("it said: ", 1)[1] for line in critical] == ["HALTED"]
