"""What a notice or a board looks like in Slack: a text for notifications, and blocks within Slack's limits.

Every word may be foreign (a release name, an operator's reason, a store's refusal) and stays data: `&`, `<`
and `>` are escaped, so that no mention or link can be smuggled in, and `:x:` is kept from becoming a picture;
control characters and format marks, those of direction among them, are dropped. Line breaks become spaces; only a fact keeps its lines, each of them
quoted with `>` (a review, a stack of words), so that no line of a value can pose as another fact.
Emoji are ours alone and stand in the header only. Limits: slack.md sections 2 and 5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stagedrollout.core.notice import Board, Fact, Notice, NoticeKind
from stagedrollout.core.offer import Seal
from stagedrollout.core.plain import one_line
from stagedrollout.notify.offers import ON_BOARD, ON_NOTICE, buttons

TEXT_MAX = 4_000
HEADER_MAX = 150
SECTION_MAX = 3_000
FIELD_MAX = 2_000
FIELDS_MAX = 10
BLOCKS_MAX = 50

FACT_BLOCKS_MAX = BLOCKS_MAX - 3
"""What is left of the blocks beside the header, a long headline and the context; buttons take one more."""

FACT_NAME_MAX = 100
LINK_MAX = 300
FACTS_CHARACTERS_MAX = 12_000
"""All facts of a message together: Slack splits or refuses much larger ones (slack.md sections 2 and 3)."""

QUOTED_LINES_MAX = 20
QUOTE_MAX = SECTION_MAX - 200
"""Of a fact with several lines: what is left of a section beside the fact's name."""

_READ_MAX = 20_000
"""More of a single text is not even looked at."""

_EMOJI_CODE = re.compile(r":(?![0-9]{2}:[0-9]{2})(?=[\w+'-]{1,100}:)")
"""The colon that begins an emoji's code; one in a time of day does not. Slack knows no escape for it."""

_NO_CODE = "\N{MODIFIER LETTER COLON}"
"""Reads like a colon, and begins nothing."""

_LINK = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/[A-Za-z0-9._~/?#&=%+-]*")
"""Nothing that could end it early, or begin something else."""

_QUOTE = "> "
"""Ours alone: a `>` of the text's own is escaped."""

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

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
    NoticeKind.PAUSE_BUDGET: ":hourglass_flowing_sand:",
    NoticeKind.SUPERSEDED: ":fast_forward:",
    NoticeKind.COMMAND: ":bust_in_silhouette:",
    NoticeKind.NEW_ISSUES: ":beetle:",
    NoticeKind.REMINDER: ":bell:",
    NoticeKind.DIGEST: ":newspaper:",
    NoticeKind.ESCALATION: ":rotating_light:",
}

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """`text` says everything without blocks too (at most 4,000 characters); `blocks` show it well."""

    text: str
    blocks: tuple[Block, ...]


def notice_message(notice: Notice, seal: Seal | None = None) -> Message:
    """With what can be pressed, where there is a seal for it."""
    headline = one_line(notice.headline) or notice.kind.value
    pressable = buttons(notice.offers, seal, ON_NOTICE)
    return _message(headline, f"{EMOJI[notice.kind]} ", notice.facts, notice.footer, pressable)


def board_message(board: Board, seal: Seal | None = None) -> Message:
    pressable = buttons(board.offers, seal, ON_BOARD)
    return _message(one_line(board.headline) or "rollout", "", board.facts, board.footer, pressable)


def escaped(text: str, length_max: int) -> str:
    """The text on one line as Slack takes it; what does not fit ends in "…", never inside an escape."""
    plain = _EMOJI_CODE.sub(_NO_CODE, one_line(text))
    whole = plain.translate(_ESCAPES)
    if len(whole) <= length_max:
        return whole
    kept, room = [], length_max - 1
    for piece in (mark.translate(_ESCAPES) for mark in plain):
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def lines_of(text: str) -> list[str]:
    """The text's own lines as printable data, without empty ones; "…" stands for those left out."""
    lines = [line for raw in text[:_READ_MAX].splitlines() if (line := one_line(raw))]
    return lines if len(lines) <= QUOTED_LINES_MAX else [*lines[: QUOTED_LINES_MAX - 1], "…"]


def _message(
    headline: str, emoji: str, facts: tuple[Fact, ...], footer: str, pressable: tuple[Block, ...]
) -> Message:
    sections, left_out = _sections(facts, FACT_BLOCKS_MAX - len(pressable))
    blocks = (*_head(headline, emoji), *sections, *_foot(footer, left_out), *pressable)
    return Message(_text(headline, facts, footer), blocks)


def _text(headline: str, facts: tuple[Fact, ...], footer: str) -> str:
    """The headline first, because a notification shows only the beginning."""
    shown: list[str] = []
    room = TEXT_MAX
    for mark, line in (("", headline), *(told for fact in facts for told in _told(fact)), ("", footer)):
        words = escaped(line, room - len(mark)) if room > len(mark) else ""
        if words:
            shown.append(mark + words)
            room -= len(shown[-1]) + 1
    return "\n".join(shown)


def _told(fact: Fact) -> Iterator[tuple[str, str]]:
    """The fact in plain text: what stands before each of its lines, and the line."""
    lines = lines_of(fact.text)
    if len(lines) > 1:
        yield "", f"{fact.name}:"
        yield from ((_QUOTE, line) for line in lines)
    else:
        yield "", f"{fact.name}: {''.join(lines)}" + (f" {fact.link}" if _plain_link(fact.link) else "")


def _head(headline: str, emoji: str) -> Iterator[Block]:
    """The header; a headline it cannot hold follows in full."""
    shown = escaped(headline, HEADER_MAX - len(emoji))
    yield {"type": "header", "text": {"type": "plain_text", "text": emoji + shown, "emoji": True}}
    whole = escaped(headline, SECTION_MAX)
    if shown != whole:
        yield {"type": "section", "text": _words(whole)}


def _sections(facts: tuple[Fact, ...], blocks_max: int) -> tuple[list[Block], int]:
    """The facts in their order, as many as a message may hold, and how many were left out.

    Short ones stand side by side, ten to a section; one with several lines has a section of its own.
    """
    blocks: list[Block] = []
    room = FACTS_CHARACTERS_MAX
    for number, fact in enumerate(facts):
        lines = lines_of(fact.text)
        text = _quoted(fact, lines) if len(lines) > 1 else _field(fact, "".join(lines))
        beside = len(lines) <= 1 and _room_beside(blocks)
        room -= len(text)
        if room < 0 or (len(blocks) == blocks_max and not beside):
            return blocks, len(facts) - number
        if not text:
            continue
        if beside:
            blocks[-1]["fields"].append(_words(text))
        else:
            blocks.append({"type": "section", **_placed(text, alone=len(lines) > 1)})
    return blocks, 0


def _room_beside(blocks: list[Block]) -> bool:
    return bool(blocks) and "fields" in blocks[-1] and len(blocks[-1]["fields"]) < FIELDS_MAX


def _placed(text: str, *, alone: bool) -> Block:
    return {"text": _words(text)} if alone else {"fields": [_words(text)]}


def _field(fact: Fact, line: str) -> str:
    title = _title(fact)
    return title + escaped(line, FIELD_MAX - len(title))


def _quoted(fact: Fact, lines: list[str]) -> str:
    """At most QUOTE_MAX characters beside the name; a line that does not fit ends in "…"."""
    shown: list[str] = []
    room = QUOTE_MAX
    for line in lines:
        if room <= len(_QUOTE):
            break
        shown.append(_QUOTE + escaped(line, room - len(_QUOTE)))
        room -= len(shown[-1]) + 1
    return _title(fact) + "\n".join(shown)


def _title(fact: Fact) -> str:
    shown = escaped(fact.name, FACT_NAME_MAX)
    if shown and _plain_link(fact.link):
        shown = f"<{fact.link.replace('&', '&amp;')}|{shown}>"
    return f"*{shown}*\n" if shown else ""


def _plain_link(link: str) -> bool:
    """Whether Slack takes it for a link and for nothing else. Whose address it is was checked where it was read."""
    return len(link) <= LINK_MAX and bool(_LINK.fullmatch(link))


def _foot(footer: str, left_out: int) -> Iterator[Block]:
    more = f"{left_out} more facts: see `stagedrollout history`" if left_out else ""
    elements = [_words(text) for text in (escaped(footer, SECTION_MAX), more) if text]
    if elements:
        yield {"type": "context", "elements": elements}


def _words(text: str) -> Block:
    """verbatim: Slack makes no links or mentions of its own out of the words."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
