"""What people see in Slack, whatever the words are that somebody else wrote."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from stagedrollout.core.notice import Board, Fact, Notice, NoticeKind
from stagedrollout.emulator.slack_blocks import blocks_fit
from stagedrollout.notify.blocks import EMOJI, Message, board_message, escaped, notice_message

RAW_MARKUP = re.compile(r"<|&(?!amp;|lt;|gt;)|(?<!^)>|^>(?! )", re.MULTILINE)
"""Anything Slack would read as its own, but for the sign of a quoted line."""


def halted(headline: str = "Rollout halted", *facts: Fact, footer: str = "") -> Message:
    return notice_message(Notice("key", NoticeKind.HALTED, True, headline, facts, footer))


def field(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def texts(value: Any) -> list[str]:
    """Every string shown, wherever it stands."""
    if isinstance(value, dict):
        return [text for name, part in value.items() if name != "type" for text in texts(part)]
    if isinstance(value, (list, tuple)):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def shown(message: Message) -> list[str]:
    return [message.text, *texts(message.blocks)]


def fields(message: Message) -> list[str]:
    return [part["text"] for block in message.blocks for part in block.get("fields", ())]


def sections(message: Message) -> list[str]:
    """What stands in sections of its own."""
    return [block["text"]["text"] for block in message.blocks[1:] if "text" in block]


def test_a_halt_shows_stage_reason_baseline_and_sample_at_a_glance() -> None:
    message = halted(
        "Rollout halted - Acme Android 7.4.0",
        Fact("Stage", "20 % (was going to 50 %)"),
        Fact("Reason", "crash-free users 96.14 % < 99.0 %"),
        Fact("Baseline 7.3.2", "99.70 % (61 210 users)"),
        footer="store state: halted, confirmed 11:02:07 | policy default-v3",
    )
    assert list(message.blocks) == [
        {
            "type": "header",
            "text": {
                "type": "plain_text",
                "text": ":octagonal_sign: Rollout halted - Acme Android 7.4.0",
                "emoji": True,
            },
        },
        {
            "type": "section",
            "fields": [
                field("*Stage*\n20 % (was going to 50 %)"),
                field("*Reason*\ncrash-free users 96.14 % &lt; 99.0 %"),
                field("*Baseline 7.3.2*\n99.70 % (61 210 users)"),
            ],
        },
        {
            "type": "context",
            "elements": [field("store state: halted, confirmed 11:02:07 | policy default-v3")],
        },
    ]
    assert message.text.splitlines() == [
        "Rollout halted - Acme Android 7.4.0",
        "Stage: 20 % (was going to 50 %)",
        "Reason: crash-free users 96.14 % &lt; 99.0 %",
        "Baseline 7.3.2: 99.70 % (61 210 users)",
        "store state: halted, confirmed 11:02:07 | policy default-v3",
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        "<!channel>",
        "<!everyone|all fine>",
        "<@U0ADMIN>",
        "<https://evil.example|Resume>",
        "&lt;!here&gt;",
        "<#C1>",
    ],
)
def test_a_mention_or_link_in_foreign_words_is_only_text(hostile: str) -> None:
    told = Notice(hostile, NoticeKind.HALTED, True, hostile, (Fact(hostile, hostile),), hostile)
    for message in (notice_message(told), board_message(Board(hostile, told.facts, hostile))):
        assert not [text for text in shown(message) if RAW_MARKUP.search(text)]


def test_bare_links_and_names_are_not_made_clickable() -> None:
    message = halted("x" * 200, Fact("Reason", "see https://evil.example @channel #general"), footer="now")
    spoken = [part for block in message.blocks for part in _mrkdwn(block)]
    assert len(spoken) == 3
    assert all(part["verbatim"] is True for part in spoken)


def _mrkdwn(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        here = [value] if value.get("type") == "mrkdwn" else []
        return here + [part for each in value.values() for part in _mrkdwn(each)]
    return [part for each in value for part in _mrkdwn(each)] if isinstance(value, list) else []


def test_a_reason_cannot_pose_as_another_fact() -> None:
    message = halted("halted", Fact("Reason", "bad\n*Store*\r\n\x85\n> not halted\u2028all\tfine"))
    assert sections(message) == ["*Reason*\n> bad\n> *Store*\n> &gt; not halted\n> all fine"]
    assert message.text.splitlines() == [
        "halted",
        "Reason:",
        "> bad",
        "> *Store*",
        "> &gt; not halted",
        "> all fine",
    ]


@pytest.mark.parametrize("where", ["headline", "name", "footer"])
def test_only_a_facts_text_has_lines(where: str) -> None:
    hostile = "5.2.0\n*Store*\u2028not halted"
    told = {"headline": "x", "name": "x", "footer": "x"} | {where: hostile}
    message = halted(told["headline"], Fact(told["name"], "y"), footer=told["footer"])
    assert len(message.text.splitlines()) == 3
    assert "5.2.0 *Store* not halted" in "".join(shown(message))


def test_a_review_is_quoted_line_by_line_between_the_facts_around_it() -> None:
    review = Fact("1 star, Germany", "Crashes on start\n\n  since the update <!channel>\n")
    message = halted("5.2.0", Fact("Stage", "20 %"), Fact("Sample", "9"), review, Fact("Policy", "hotfix"))
    assert [block.get("fields") and len(block["fields"]) for block in message.blocks] == [None, 2, None, 1]
    assert message.blocks[2]["text"] == field(
        "*1 star, Germany*\n> Crashes on start\n> since the update &lt;!channel&gt;"
    )
    assert message.text.splitlines()[3:6] == [
        "1 star, Germany:",
        "> Crashes on start",
        "> since the update &lt;!channel&gt;",
    ]


def test_a_text_with_one_line_that_says_something_is_no_quote() -> None:
    assert fields(halted("5.2.0", Fact("Reason", "\n\n typo \r\n"))) == ["*Reason*\ntypo"]


def test_a_text_of_endless_lines_ends() -> None:
    message = halted("5.2.0", Fact("Review", "\n".join(f"line {n} " + "&" * 90 for n in range(900))))
    [section] = sections(message)
    assert len(section) <= 3_000
    assert section.endswith("…")
    short = sections(halted("5.2.0", Fact("Review", "\n".join(map(str, range(900))))))[0].splitlines()
    assert short[1:3] + short[-2:] == ["> 0", "> 1", "> 18", "> …"]


def test_more_quotes_than_a_message_may_hold_are_counted() -> None:
    message = halted("5.2.0", *(Fact(f"Review {n}", "good\nbad") for n in range(60)))
    assert len(sections(message)) == 47
    assert message.blocks[-1]["elements"][-1]["text"] == "13 more facts: see `stagedrollout history`"


def test_invisible_marks_do_not_change_what_people_read() -> None:
    message = halted("5.2.0\x00\x1b[31m \u202eevil\u202c\x07 \ud800", Fact("Reason\x08", "a\tb\x7fc"))
    assert first(message) == ":octagonal_sign: 5.2.0[31m evil \N{REPLACEMENT CHARACTER}"
    assert fields(message) == ["*Reason*\na bc"]
    assert all(text.encode("utf-8") for text in shown(message))


def first(message: Message) -> str:
    text: str = message.blocks[0]["text"]["text"]
    return text


def test_more_than_ten_facts_go_on_in_further_sections() -> None:
    message = halted("halted", *(Fact(f"gate {n}", "failing") for n in range(23)))
    assert [len(block.get("fields", ())) for block in message.blocks] == [0, 10, 10, 3]
    assert fields(message)[22] == "*gate 22*\nfailing"


def test_facts_left_out_of_a_huge_message_are_counted() -> None:
    message = halted("halted", *(Fact(f"gate {n}", "x" * 5_000) for n in range(12)), footer="policy standard")
    assert len(fields(message)) == 6
    assert [part["text"] for part in message.blocks[-1]["elements"]] == [
        "policy standard",
        "6 more facts: see `stagedrollout history`",
    ]


def test_a_headline_too_long_for_the_header_is_still_told_in_full() -> None:
    headline = "5.2.0 & " * 30 + "is NOT HALTED"
    message = halted(headline)
    assert first(message).endswith("…")
    assert message.blocks[1]["text"]["text"] == headline.replace("&", "&amp;")


def test_a_shortened_text_never_ends_inside_an_escape() -> None:
    assert escaped("a&&&", 10) == "a&amp;…"
    assert escaped("a&&", 11) == "a&amp;&amp;"


def test_a_message_without_any_words_still_says_its_kind() -> None:
    message = notice_message(Notice("key", NoticeKind.IN_DOUBT, False, "\x00 "))
    assert message.text == "in_doubt"
    assert first(message) == ":grey_question: in_doubt"
    assert board_message(Board("")).text == "rollout"


def test_every_kind_of_notice_has_its_sign_and_only_in_the_header() -> None:
    assert set(EMOJI) == set(NoticeKind)
    for kind, emoji in EMOJI.items():
        message = notice_message(Notice("key", kind, False, "5.2.0", (Fact("a", "b"),), "c"))
        assert [text for text in shown(message) if emoji in text] == [f"{emoji} 5.2.0"]


words = st.one_of(
    st.text("a&<>\n\r\u2028\x0b `*", max_size=300).map(lambda text: text * 12),
    st.text(max_size=300),
    st.text(st.characters(), max_size=60).map(lambda text: text * 90),
    st.text("&<>\ud800\u202e\x00 a", max_size=400),
)
facts = st.lists(st.builds(Fact, words, words), max_size=25).map(tuple)
many_facts = st.integers(0, 700).map(lambda n: tuple(Fact("a", "b") for _ in range(n)))
notices = st.builds(
    Notice, words, st.sampled_from(NoticeKind), st.booleans(), words, facts | many_facts, words
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(notices)
def test_slack_takes_whatever_a_notice_says(told: Notice) -> None:
    for message in (notice_message(told), board_message(Board(told.headline, told.facts, told.footer))):
        blocks = list(message.blocks)
        assert blocks_fit(blocks)
        for block in Block.parse_all(blocks):
            block.validate_json()
        assert 1 <= len(message.text) <= 4_000
        assert sum(len(text) for text in (*fields(message), *sections(message))) <= 15_000
        for text in shown(message):
            assert not RAW_MARKUP.search(text)
            assert all(
                mark == "\n" or mark.isprintable() or mark.isalnum() or ord(mark) > 0x9F for mark in text
            )
            text.encode("utf-8")


@pytest.mark.parametrize("mark", "\u200b\u200e\u200f\u061c\u2066\u202e\ufeff\u00ad")
def test_no_invisible_mark_turns_what_people_read(mark: str) -> None:
    message = halted(f"5.2.0{mark} x", Fact("Reason", f"a{mark}b"))
    assert not any(mark in text for text in shown(message))


def test_marks_that_belong_to_words_stay() -> None:
    assert fields(halted("5.2.0", Fact("Reason", "\u0645\u06cc\u200c\u0631")))[0].endswith(
        "\u0645\u06cc\u200c\u0631"
    )


def test_foreign_words_cannot_pose_as_our_signs() -> None:
    message = halted("5.2.0 :white_check_mark::x: +1:+1:", Fact("Reason", ":100: at 10:30:45, ratio 1:2"))
    assert first(message).count(":") == 2 + 3, "our own sign's, and those that end what begins nothing"
    assert not re.search(r":(white_check_mark|x|\+1|100):", "".join(shown(message)))
    assert "at 10:30:45, ratio 1:2" in fields(message)[0]


def issue(link: str, name: str = "SHOP-1F") -> Message:
    told = (Fact(name, "it broke (3 users)", link),)
    return notice_message(Notice("key", NoticeKind.NEW_ISSUES, False, "1 new crash", told))


def test_an_issue_leads_to_where_it_is_told() -> None:
    message = issue("https://acme.sentry.io/issues/1/?a=1&b=2")
    assert fields(message) == ["*<https://acme.sentry.io/issues/1/?a=1&amp;b=2|SHOP-1F>*\nit broke (3 users)"]
    assert "https://acme.sentry.io/issues/1/?a=1&amp;b=2" in message.text
    assert blocks_fit(list(message.blocks))


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://a.example",
        "javascript:alert(1)",
        "https://a.example/x|Resume>",
        "https://a.example/<!channel>",
        "https://a.example/ x",
        "https://a.example/\n",
        "https://a@b.example/",
        "https://a.example/" + "x" * 300,
    ],
)
def test_what_is_no_plain_link_is_left_out(link: str) -> None:
    message = issue(link)
    assert fields(message) == ["*SHOP-1F*\nit broke (3 users)"]
    assert not [text for text in shown(message) if RAW_MARKUP.search(text)]


def test_a_name_cannot_end_its_own_link() -> None:
    (told,) = fields(issue("https://acme.sentry.io/1/", "x|y> <!channel>"))
    assert told.startswith("*<https://acme.sentry.io/1/|x|y&gt; &lt;!channel&gt;>*\n")
