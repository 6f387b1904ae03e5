"""What a notice or a board looks like in Slack: a text for notifications, and blocks within Slack's limits.

Every word may be foreign (a release name, an operator's reason, a store's refusal) and stays data: `&`, `<`
and `>` are escaped, so that no mention or link can be smuggled in; control characters and marks that turn
the direction of writing are dropped; line breaks become spaces, so that a value cannot pose as another fact.
Emoji are ours alone and stand in the header only. Limits: slack.md sections 2 and 5.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stagedrollout.core.notice import Board, Fact, Notice, NoticeKind

TEXT_MAX = 4_000
HEADER_MAX = 150
SECTION_MAX = 3_000
FIELD_MAX = 2_000
FIELDS_MAX = 10
BLOCKS_MAX = 50

FACTS_MAX = (BLOCKS_MAX - 3) * FIELDS_MAX
"""What is left of the blocks beside the header, a long headline and the context."""

FACT_NAME_MAX = 100
FACTS_CHARACTERS_MAX = 12_000
"""All facts of a message together: Slack splits or refuses much larger ones (slack.md sections 2 and 3)."""

_READ_MAX = 20_000
"""More of a single text is not even looked at."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})

EMOJI = {
    NoticeKind.NEW_RELEASE: ":new:",
    NoticeKind.STARTED: ":rocket:",
    NoticeKind.RAISED: ":chart_with_upwards_trend:",
    NoticeKind.HELD: ":double_vertical_bar:",
    NoticeKind.RESUMED: ":arrow_forward:",
    NoticeKind.COMPLETED: ":white_check_mark:",
    NoticeKind.HALTED: ":octagonal_sign:",
    NoticeKind.NOT_HALTED: ":rotating_light:",
    NoticeKind.FAILING: ":rotating_light:",
    NoticeKind.REFUSED: ":no_entry:",
    NoticeKind.IN_DOUBT: ":grey_question:",
    NoticeKind.DRIFT: ":twisted_rightwards_arrows:",
    NoticeKind.REVIEW: ":mag:",
    NoticeKind.SUPERSEDED: ":fast_forward:",
    NoticeKind.COMMAND: ":bust_in_silhouette:",
}

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """`text` says everything without blocks too (at most 4,000 characters); `blocks` show it well."""

    text: str
    blocks: tuple[Block, ...]


def notice_message(notice: Notice) -> Message:
    headline = one_line(notice.headline) or notice.kind.value
    return _message(headline, f"{EMOJI[notice.kind]} ", notice.facts, notice.footer)


def board_message(board: Board) -> Message:
    return _message(one_line(board.headline) or "rollout", "", board.facts, board.footer)


def one_line(text: str) -> str:
    """The text as printable data on one line."""
    return " ".join("".join(_kept(mark) for mark in text[:_READ_MAX]).split())


def escaped(text: str, length_max: int) -> str:
    """The text on one line as Slack takes it; what does not fit ends in "…", never inside an escape."""
    pieces = [_ESCAPES.get(mark, mark) for mark in one_line(text)]
    if sum(map(len, pieces)) <= length_max:
        return "".join(pieces)
    kept, room = [], length_max - 1
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def _kept(mark: str) -> str:
    if mark.isspace():
        return " "
    category = unicodedata.category(mark)
    if category == "Cs":  # half a character: no UTF-8 can carry it
        return "\N{REPLACEMENT CHARACTER}"
    return "" if category == "Cc" or unicodedata.bidirectional(mark) in _TURNING else mark


def _message(headline: str, emoji: str, facts: tuple[Fact, ...], footer: str) -> Message:
    fields, left_out = _fields(facts)
    sections = (
        {"type": "section", "fields": fields[start : start + FIELDS_MAX]}
        for start in range(0, len(fields), FIELDS_MAX)
    )
    blocks = (*_head(headline, emoji), *sections, *_foot(footer, left_out))
    return Message(_text(headline, facts, footer), blocks)


def _text(headline: str, facts: tuple[Fact, ...], footer: str) -> str:
    """The headline first, because a notification shows only the beginning."""
    lines: list[str] = []
    room = TEXT_MAX
    for line in (headline, *(f"{fact.name}: {fact.text}" for fact in facts), footer):
        if room < 1:
            break
        shown = escaped(line, room)
        if shown:
            lines.append(shown)
            room -= len(shown) + 1
    return "\n".join(lines)


def _head(headline: str, emoji: str) -> Iterator[Block]:
    """The header; a headline it cannot hold follows in full."""
    shown = escaped(headline, HEADER_MAX - len(emoji))
    yield {"type": "header", "text": {"type": "plain_text", "text": emoji + shown, "emoji": True}}
    whole = escaped(headline, SECTION_MAX)
    if shown != whole:
        yield {"type": "section", "text": _words(whole)}


def _fields(facts: tuple[Fact, ...]) -> tuple[list[Block], int]:
    """One field per fact, as many as a message may hold, and how many facts were left out."""
    fields: list[Block] = []
    room = FACTS_CHARACTERS_MAX
    for number, fact in enumerate(facts):
        name = escaped(fact.name, FACT_NAME_MAX)
        title = f"*{name}*\n" if name else ""
        field = title + escaped(fact.text, FIELD_MAX - len(title))
        room -= len(field)
        if room < 0 or len(fields) == FACTS_MAX:
            return fields, len(facts) - number
        if field:
            fields.append(_words(field))
    return fields, 0


def _foot(footer: str, left_out: int) -> Iterator[Block]:
    more = f"{left_out} more facts: see `stagedrollout history`" if left_out else ""
    elements = [_words(text) for text in (escaped(footer, SECTION_MAX), more) if text]
    if elements:
        yield {"type": "context", "elements": elements}


def _words(text: str) -> Block:
    """verbatim: Slack makes no links or mentions of its own out of the words."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
