"""A message reaches the channel in whatever form Slack still takes it."""

from typing import Any

import pytest

from stagedrollout.core.errors import EdgeError, Faulty, Rejected
from stagedrollout.notify.ports import MessageGone, ThreadGone, Unsendable
from stagedrollout.notify.slack import Slack
from tests.notify.fakes import CHANNEL, SHOP, Workspace, board, first_line, notice, refused, unreachable

HALT = notice("shop/halted/1", "5.2.0 HALTED at 20 %", broadcast=True)
RAISE = notice("shop/raised/1", "5.2.0 is raised to 20 %")


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture
def slack(workspace: Workspace) -> Slack:
    return Slack(workspace, CHANNEL)


def refuses(word: str, *where: str) -> Any:
    """Slack says `word` as long as the payload has any of these arguments."""

    def trouble(method: str, payload: dict[str, Any]) -> EdgeError | None:
        return refused(word) if any(payload.get(name) for name in where) else None

    return trouble


def test_a_halt_in_a_thread_is_shown_in_the_whole_channel(workspace: Workspace, slack: Slack) -> None:
    parent = slack.open_thread(board("5.2.0: rolling out"), key="shop/thread")
    ts = slack.post(HALT, parent, rollout=SHOP)
    assert ts == workspace.messages[1]["ts"]
    assert workspace.messages[1] == {
        "channel": CHANNEL,
        "text": "5.2.0 HALTED at 20 %\nSample: 12 000\npolicy standard",
        "blocks": workspace.messages[1]["blocks"],
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
        "client_msg_id": workspace.messages[1]["client_msg_id"],
        "metadata": {
            "event_type": "stagedrollout_notice",
            "event_payload": {"key": "shop/halted/1", "kind": "halted", "rollout": "shop/google_play/412"},
        },
        "thread_ts": parent,
        "reply_broadcast": True,
        "ts": ts,
    }
    assert workspace.messages[1]["blocks"][0]["text"]["text"] == ":octagonal_sign: 5.2.0 HALTED at 20 %"


def test_an_ordinary_notice_stays_in_its_thread(workspace: Workspace, slack: Slack) -> None:
    slack.post(RAISE, slack.open_thread(board("5.2.0"), key="k"), rollout=SHOP)
    assert workspace.messages[1]["reply_broadcast"] is False


def test_a_notice_sent_again_after_a_restart_is_recognisable(workspace: Workspace) -> None:
    for again in (HALT, HALT, RAISE):
        Slack(workspace, CHANNEL).post(again, None, rollout=SHOP)
    first, second, other = (message["client_msg_id"] for message in workspace.messages)
    assert first == second != other
    assert first == "b23b7130-c559-5d31-8ddc-3cfcdde619b4"


def test_a_key_that_no_utf8_can_carry_is_told_all_the_same(workspace: Workspace, slack: Slack) -> None:
    slack.post(notice("shop/\ud800", "5.2.0"), None, rollout=SHOP)
    assert workspace.told() == ["5.2.0"]


@pytest.mark.parametrize(
    ("word", "argument"),
    [
        ("invalid_blocks", "blocks"),
        ("invalid_blocks_format", "blocks"),
        ("msg_blocks_too_long", "blocks"),
        ("metadata_too_large", "metadata"),
        ("invalid_metadata_format", "metadata"),
        ("invalid_metadata_schema", "metadata"),
    ],
)
def test_a_halt_whose_layout_is_refused_arrives_as_plain_text(
    workspace: Workspace, slack: Slack, word: str, argument: str
) -> None:
    workspace.trouble = refuses(word, argument)
    slack.post(HALT, "1.1", rollout=SHOP)
    [message] = workspace.messages
    assert message["text"] == "5.2.0 HALTED at 20 %\nSample: 12 000\npolicy standard"
    assert message["thread_ts"] == "1.1"
    assert message["reply_broadcast"] is True
    assert "blocks" not in message
    assert workspace.calls == 2


def test_when_even_the_text_is_refused_people_learn_where_to_look(workspace: Workspace, slack: Slack) -> None:
    workspace.trouble = lambda method, payload: (
        refused("msg_too_long") if "HALTED" in payload["text"] else None
    )
    slack.post(HALT, None, rollout=SHOP)
    assert [first_line(m) for m in workspace.messages] == [
        "Slack refused the text of this message; `stagedrollout history` has it."
    ]


def test_a_message_refused_in_every_form_is_unsendable(workspace: Workspace, slack: Slack) -> None:
    workspace.trouble = lambda method, payload: refused("no_text")
    with pytest.raises(Unsendable, match="no_text"):
        slack.post(HALT, None, rollout=SHOP)
    assert workspace.calls == 3


@pytest.mark.parametrize(
    "word",
    [
        "cannot_reply_to_message",
        "restricted_action_thread_locked",
        "thread_not_found",
        "message_not_found",
    ],
)
def test_a_thread_that_is_gone_is_told_apart(workspace: Workspace, slack: Slack, word: str) -> None:
    workspace.trouble = refuses(word, "thread_ts")
    with pytest.raises(ThreadGone, match=word):
        slack.post(HALT, "1.1", rollout=SHOP)
    assert workspace.messages == []


def test_where_there_are_no_threads_a_halt_is_told_at_the_top_level(
    workspace: Workspace, slack: Slack
) -> None:
    workspace.trouble = refuses("restricted_action_non_threadable_channel", "thread_ts")
    slack.post(HALT, "1.1", rollout=SHOP)
    [message] = workspace.messages
    assert not {"thread_ts", "reply_broadcast"} & set(message)
    assert message["blocks"]


@pytest.mark.parametrize("word", ["duplicate_message_not_found", "invalid_arg_name"])
def test_a_refused_message_id_does_not_keep_a_notice_back(
    workspace: Workspace, slack: Slack, word: str
) -> None:
    workspace.trouble = refuses(word, "client_msg_id")
    slack.post(HALT, None, rollout=SHOP)
    assert workspace.told() == ["5.2.0 HALTED at 20 %"]


def test_a_message_refused_for_everything_at_once_still_arrives(workspace: Workspace, slack: Slack) -> None:
    def trouble(method: str, payload: dict[str, Any]) -> EdgeError | None:
        for name, word in (
            ("thread_ts", "restricted_action_non_threadable_channel"),
            ("blocks", "invalid_blocks"),
            ("client_msg_id", "duplicate_channel_not_found"),
        ):
            if name in payload:
                return refused(word)
        return None

    workspace.trouble = trouble
    slack.post(HALT, "1.1", rollout=SHOP)
    assert [first_line(message) for message in workspace.messages] == ["5.2.0 HALTED at 20 %"]


@pytest.mark.parametrize("word", ["channel_not_found", "is_archived", "not_in_channel", "some_new_word"])
def test_a_channel_that_takes_nothing_is_asked_once(workspace: Workspace, slack: Slack, word: str) -> None:
    workspace.trouble = lambda method, payload: refused(word)
    with pytest.raises(Rejected) as caught:
        slack.post(HALT, "1.1", rollout=SHOP)
    assert caught.value.detail == word
    assert not isinstance(caught.value, (Unsendable, MessageGone))
    assert workspace.calls == 1


def test_a_board_is_shown_in_place(workspace: Workspace, slack: Slack) -> None:
    ts = slack.open_thread(board("5.2.0: rolling out"), key="k")
    slack.update(board("5.2.0: HALTED"), ts)
    [message] = workspace.messages
    assert first_line(message) == "5.2.0: HALTED"
    assert message["blocks"][0]["text"]["text"] == "5.2.0: HALTED"


def test_a_board_whose_layout_is_refused_is_shown_as_plain_text(workspace: Workspace, slack: Slack) -> None:
    ts = slack.open_thread(board("5.2.0: rolling out"), key="k")
    workspace.trouble = refuses("invalid_blocks", "blocks")
    slack.update(board("5.2.0: HALTED"), ts)
    assert first_line(workspace.messages[0]) == "5.2.0: HALTED"


@pytest.mark.parametrize(
    "word",
    ["message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "block_mismatch"],
)
def test_a_board_that_is_gone_is_told_apart(workspace: Workspace, slack: Slack, word: str) -> None:
    workspace.trouble = lambda method, payload: refused(word)
    with pytest.raises(MessageGone, match=word):
        slack.update(board("5.2.0"), "1.1")


def test_a_lost_answer_is_nothing_to_try_in_another_form(workspace: Workspace, slack: Slack) -> None:
    workspace.lost = lambda method, payload: unreachable()
    with pytest.raises(EdgeError, match="no answer in time"):
        slack.post(HALT, "1.1", rollout=SHOP)
    assert workspace.calls == 1


@pytest.mark.parametrize("ts", [None, "", 1763892000.1, ["1"]])
def test_a_message_without_its_id_is_no_answer(ts: object) -> None:
    slack = Slack(lambda method, payload: {"ok": True, "ts": ts}, CHANNEL)
    with pytest.raises(Faulty):
        slack.post(HALT, None, rollout=SHOP)
