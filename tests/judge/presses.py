"""What people pressed in Slack, as Slack has it, and what the value of a button says: read here once more, not by the
daemon's own means. Whether a value is one of ours Slack tells, for it has the messages that we sent."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.judge.evidence import Evidence, Record
from tests.judge.ledger import Key, instant

SAME_CLICK = timedelta(seconds=10)
"""Of one button by one hand: that is one wish."""


IN_WORDS = ("resume", "approve")
"""What is an order only once its person has said why."""


@dataclass(frozen=True, slots=True)
class Press:
    """`at`: when it was pressed, `arrived`: when it came; `seen`: the release as the message showed it, which is what two
    people have in common who look at the same thing. `asked`: whether a window for a reason was opened, `said`: when a reason
    was sent from it. `acknowledged`: whether Slack was told of any payload of it that it has arrived."""

    user: str
    verb: str
    value: str
    at: datetime
    arrived: datetime
    key: Key
    exposure_ppm: int
    seen: tuple[object, ...]
    times: int
    asked: bool
    said: tuple[datetime, ...]
    acknowledged: bool

    @property
    def wanted(self) -> tuple[datetime, ...]:
        """When it was meant: at once, or whenever it was said why; never, if that was not."""
        return self.said if self.verb in IN_WORDS else (self.at,)


def pressed(evidence: Evidence) -> Iterator[Press]:
    """Those of real buttons, oldest first."""
    windows, acknowledged = _windows(evidence), _acknowledged(evidence)
    for record in evidence.ledger:
        if record["type"] != "slack_press" or not record.get("shown"):
            continue
        offer = _offer(str(record["value"]))
        rollout = offer["rollout"]
        seen = tuple(str(offer.get(name)) for name in ("exposure_ppm", "halted", "halted_at"))
        window = windows.get((record["user"], record["value"], record["stamp"]), [])
        key = Key(rollout["app"], rollout["store"], rollout["release_id"])
        yield Press(
            user=record["user"],
            verb=offer["press"],
            value=record["value"],
            at=datetime.fromtimestamp(float(record["stamp"]), UTC),
            arrived=instant(record["at"]),
            key=key,
            exposure_ppm=int(offer["exposure_ppm"]),
            seen=(key, *seen),
            times=len(record["envelopes"]),
            asked=any(each["state"] == "opened" for each in window),
            said=tuple(instant(each["at"]) for each in window if each.get("reason", "").strip()),
            acknowledged=any(envelope in acknowledged for envelope in record["envelopes"]),
        )


def _windows(evidence: Evidence) -> dict[tuple[str, str, str], list[Record]]:
    """What became of each press's window."""
    found: dict[tuple[str, str, str], list[Record]] = {}
    for record in evidence.ledger:
        if record["type"] == "slack_view":
            found.setdefault((record["user"], record["value"], record["stamp"]), []).append(record)
    return found


def _acknowledged(evidence: Evidence) -> frozenset[str]:
    return frozenset(record["envelope"] for record in evidence.ledger if record["type"] == "slack_ack")


def wishes(presses: list[Press]) -> list[list[Press]]:
    """Presses that are one wish: the same button by the same hand, within seconds."""
    found: list[list[Press]] = []
    for press in sorted(presses, key=lambda each: each.at):
        same = next(
            (
                wish
                for wish in reversed(found)
                if (wish[0].user, wish[0].value) == (press.user, press.value)
                and press.at - wish[0].at <= SAME_CLICK
            ),
            None,
        )
        if same:
            same.append(press)
        else:
            found.append([press])
    return found


def _offer(value: str) -> Mapping[str, Any]:
    offer: Mapping[str, Any] = json.loads(urlsafe_b64decode(value.partition(".")[0]))
    return offer
