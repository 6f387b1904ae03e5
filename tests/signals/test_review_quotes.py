"""Foreign words in one short line: nothing invisible, nothing that turns text around, every script intact."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.signals.quotes import quoted, titled


@pytest.mark.parametrize(
    "text",
    [
        "Crashes on start",
        "Stürzt seit dem Update ständig ab, schade",
        "最高。毎日使っています",
        "कक्षा बहुत अच्छी है",
        "می‌خواهم برگردد",
        "تطبيق رائع",
        "מצוין",
        "👩‍👩‍👧 ❤️ 👍🏽",
        "<!channel> *bold* <https://example.com|click>",
    ],
)
def test_words_of_any_script_stay_as_they_are(text):
    assert quoted(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("line\nby\r\nline\u2028and\u2029more", "line by line and more"),
        ("  wide\t\u3000 \u00a0 open  ", "wide open"),
        ("bell\x07 escape\x1b[31m null\x00", "bell escape [31m null"),
        ("next\x85line", "next line"),
        ("\u202eevil\u202c\u2066ly\u2069\u200e\u200f\u061c", "evilly"),
        ("zero\u200bwidth\ufeff\u00adsoft", "zerowidthsoft"),
        ("half \ud83d of one", "half \ufffd of one"),
        ("\u2028\n\t", ""),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_or_carried_is_taken_out(text, shown):
    assert quoted(text) == shown


def test_a_long_text_is_cut_and_says_so():
    assert quoted("x" * 280) == "x" * 280
    assert quoted("x" * 281) == "x" * 279 + "…"
    assert quoted("word " * 100) == ("word " * 56).rstrip()[:279].rstrip() + "…"
    assert quoted("x" + " " * 10_000 + "y") == "x…"


def test_a_title_and_a_body_are_one_quote():
    assert titled("Crash", "at once") == "Crash: at once"
    assert titled(" ", "at once") == "at once"
    assert titled("Crash", "\n") == "Crash"


@given(st.text(max_size=600) | st.text(alphabet=st.characters(categories=["Cs", "Cf", "Cc", "Zs"])))
def test_any_text_becomes_one_short_line_that_can_be_carried(text):
    shown = quoted(text)
    assert len(shown) <= 280
    assert len(shown.splitlines()) <= 1
    assert shown == quoted(shown)
    assert json.loads(json.dumps(shown, ensure_ascii=False).encode()) == shown
