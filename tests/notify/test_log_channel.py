"""Without Slack, the log is where people are told."""

import logging

import pytest

from stagedrollout.core.notice import Fact, Notice, NoticeKind
from stagedrollout.notify.log_channel import LogChannel
from stagedrollout.notify.relay import Relay
from tests.notify.fakes import SHOP, Clock, Rows, board, notice


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_every_notice_is_one_line_in_order(log: pytest.LogCaptureFixture) -> None:
    rows = Rows()
    rows.want(SHOP, board("5.2.0: rolling out"))
    rows.enqueue(SHOP, notice("1", "5.2.0 is raised"), notice("2", "5.2.0 HALTED", broadcast=True))
    relay = Relay(rows, LogChannel(), Clock())
    assert relay.deliver_due() == 2
    assert [(record.levelname, record.getMessage()) for record in log.records] == [
        ("INFO", "[raised] 5.2.0 is raised | Sample: 12 000 | policy standard"),
        ("WARNING", "[halted] 5.2.0 HALTED | Sample: 12 000 | policy standard"),
    ]
    assert rows.states() == ["sent", "sent"]
    assert relay.next_due() is None


def test_a_board_that_changes_comes_to_rest(log: pytest.LogCaptureFixture) -> None:
    rows = Rows()
    relay = Relay(rows, LogChannel(), Clock())
    for headline in ("5.2.0: rolling out", "5.2.0: held"):
        rows.want(SHOP, board(headline))
        relay.deliver_due()
        assert relay.next_due() is None


def test_foreign_words_make_no_lines_of_their_own(log: pytest.LogCaptureFixture) -> None:
    told = Notice(
        "k", NoticeKind.DRIFT, False, "5.2.0\nERROR forged", (Fact("Why", "\x1b[2J\r%s" + "x" * 9_000),)
    )
    LogChannel().post(told, None, rollout=SHOP)
    [record] = log.records
    assert record.getMessage().startswith("[drift] 5.2.0 ERROR forged | Why: [2J %sxxx")
    assert record.getMessage().isprintable()
    assert len(record.getMessage()) == 4_000
