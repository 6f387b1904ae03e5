"""What becomes of a press, shown where it was pressed: below the message in place of its buttons, and to the presser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from stagedrollout.notify.blocks import BLOCKS_MAX, TEXT_MAX, escaped
from stagedrollout.notify.offers import ON_NOTICE
from stagedrollout.notify.slack import Call

LINE_MAX = 600


class Message(Protocol):
    """The message that was pressed on, as Slack shows it, and by whom."""

    @property
    def user(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def ts(self) -> str: ...
    @property
    def block_id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def blocks(self) -> tuple[dict[str, Any], ...]: ...
    @property
    def value(self) -> str: ...


class SlackAnswers:
    def __init__(self, call: Call) -> None:
        self._call = call

    def whisper(self, pressed: Message, text: str) -> None:
        """Raises EdgeError."""
        told = {"channel": pressed.channel, "user": pressed.user, "text": escaped(text, LINE_MAX)}
        self._call("chat.postEphemeral", told)

    def rewrite(self, pressed: Message, said: tuple[str, ...], *, keeps: bool) -> None:
        """Only a notice: a rollout's first message is kept current by the relay, and may show something else by now.
        Raises EdgeError."""
        if pressed.block_id != ON_NOTICE:
            return
        lines = [escaped(line, LINE_MAX) for line in said]
        kept = list(_kept(pressed, keeps=keeps))[: BLOCKS_MAX - 1]
        words = {"type": "mrkdwn", "text": "\n".join(lines), "verbatim": True}
        payload = {
            "channel": pressed.channel,
            "ts": pressed.ts,
            "text": "\n".join((pressed.text, *lines))[:TEXT_MAX],
            "blocks": [*kept, {"type": "context", "block_id": _SAID, "elements": [words]}],
            "parse": "none",
        }
        self._call("chat.update", payload)


_SAID = "stagedrollout.said"


def _kept(pressed: Message, *, keeps: bool) -> Iterator[dict[str, Any]]:
    """What stays of the message: all but its buttons, or but the one that was pressed, and what we have said below it."""
    for block in pressed.blocks:
        if block.get("block_id") == _SAID:
            continue
        if block.get("type") != "actions":
            yield block
        elif keeps and (rest := _others(block, pressed.value)):
            yield {**block, "elements": rest}


def _others(block: dict[str, Any], value: str) -> list[Any]:
    elements = block.get("elements")
    found = elements if isinstance(elements, list) else []
    return [each for each in found if isinstance(each, dict) and each.get("value") != value]
