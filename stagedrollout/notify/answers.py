"""What becomes of a press, shown where it was pressed: below the message in place of its buttons, and to the presser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from stagedrollout.core.errors import Rejected
from stagedrollout.core.offer import Offer
from stagedrollout.notify.blocks import BLOCKS_MAX, SECTION_MAX, TEXT_MAX, escaped
from stagedrollout.notify.offers import ON_NOTICE
from stagedrollout.notify.slack import Call
from stagedrollout.notify.slack_answer import SERVICE
from stagedrollout.notify.window import Origin, window

LINE_MAX = 290
"""Ten lines, each of them beside the others, fit into one block (3,000 characters)."""

LINES_MAX = 10
WHISPER_MAX = 600


class Message(Origin, Protocol):
    """The message that was pressed on, as Slack shows it, and by whom."""

    @property
    def user(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def blocks(self) -> tuple[dict[str, Any], ...]: ...
    @property
    def trigger(self) -> str: ...


class SlackAnswers:
    def __init__(self, call: Call) -> None:
        self._call = call

    def ask(self, pressed: Message, offer: Offer) -> None:
        """A window in which the presser says why. Raises EdgeError."""
        if not pressed.trigger:
            raise Rejected(SERVICE, "views.open", "a press without a trigger, which opens no window")
        self._call("views.open", {"trigger_id": pressed.trigger, "view": window(pressed, offer)})

    def whisper(self, pressed: Message, text: str) -> None:
        """Raises EdgeError."""
        told = {"channel": pressed.channel, "user": pressed.user, "text": escaped(text, WHISPER_MAX)}
        self._call("chat.postEphemeral", told)

    def rewrite(self, pressed: Message, said: tuple[str, ...], *, gone: frozenset[str] | None) -> None:
        """Only a notice: a rollout's first message is kept current by the relay, and may show something else by now. Nor
        one of which nothing is known but its place: it would become empty. Raises EdgeError."""
        if pressed.block_id != ON_NOTICE or not pressed.blocks:
            return
        lines = [escaped(line, LINE_MAX) for line in said]
        whole = [*(line for line in _said_before(pressed) if line not in lines), *lines][-LINES_MAX:]
        kept = list(_kept(pressed, gone))[: BLOCKS_MAX - 1]
        words = {"type": "mrkdwn", "text": "\n".join(whole)[:SECTION_MAX], "verbatim": True}
        told = "\n".join(lines)
        payload = {
            "channel": pressed.channel,
            "ts": pressed.ts,
            "text": f"{pressed.text[: TEXT_MAX - len(told) - 1]}\n{told}",
            "blocks": [*kept, {"type": "context", "block_id": _SAID, "elements": [words]}],
            "parse": "none",
        }
        self._call("chat.update", payload)


_SAID = "stagedrollout.said"


def _said_before(pressed: Message) -> Iterator[str]:
    """What stands below the message already, as Slack takes it: said by a daemon that has ended since, say."""
    for block in pressed.blocks:
        elements = block.get("elements")
        if block.get("block_id") == _SAID and isinstance(elements, list):
            for element in elements:
                text = element.get("text") if isinstance(element, dict) else None
                yield from (line for line in text.split("\n") if line) if isinstance(text, str) else ()


def _kept(pressed: Message, gone: frozenset[str] | None) -> Iterator[dict[str, Any]]:
    """What stays of the message: all but what we have said below it, and the buttons that are gone."""
    for block in pressed.blocks:
        if block.get("block_id") == _SAID:
            continue
        if block.get("type") != "actions":
            yield block
        elif gone is not None and (rest := _others(block, gone)):
            yield {**block, "elements": rest}


def _others(block: dict[str, Any], gone: frozenset[str]) -> list[Any]:
    elements = block.get("elements")
    found = elements if isinstance(elements, list) else []
    return [each for each in found if isinstance(each, dict) and each.get("value") not in gone]
