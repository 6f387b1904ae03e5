"""What a run has met, counted: a campaign that never met something has proven nothing about it.

Marks of the App Store begin with its name where Google Play has the same; those of a window tell what closed it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from stagedrollout.emulator.scenario import APP_STORE
from tests.simulation.run import Left

Body = Mapping[str, Any]


def marks_of(left: Left) -> Counter[str]:
    marks = Counter(left.marks)
    for record in left.evidence.ledger:
        marks.update(_of_truth(record))
    windows = _Windows()
    for entry in left.evidence.journal:
        on_apple = f"/{APP_STORE}/" in entry["rollout"]
        marks.update(_of_fact(entry["kind"], entry["body"], "app_store " if on_apple else ""))
        if on_apple:
            marks.update(windows.read(entry["rollout"], entry["kind"], entry["body"]))
    for row in left.evidence.rollouts:
        marks[f"{_on(row['store'])}end: {row['phase']}"] += 1
    return marks


def _of_truth(record: Body) -> Iterator[str]:
    match record["type"]:
        case "fault" | "outage" if record.get("begins", True):
            yield f"{record['type']}: {record['service']} {record['kind']}"
        case "console":
            yield f"{_on(record['store'])}console: {record['act']}{' refused' if 'refused' in record else ''}"
        case "phased" if record["cause"] == "apple":
            before, after = (record[when]["state"] for when in ("before", "after"))
            yield f"apple: {before} to {after}" if before != after else f"apple: day {record['after']['day']}"


def _of_fact(kind: str, body: Body, on: str) -> Iterator[str]:
    match kind:
        case "decided":
            yield f"decided: {body['decision']}{' and acted' if body.get('intent') else ''}"
            if body.get("intent"):
                yield f"{on}sent: {body['verb']} for {body['decision']}"
            for reason in body["reasons"]:
                yield f"because: {reason['code']}"
        case "settled":
            yield f"{on}settled: {body['verb']} {body['settlement']}"
        case "drifted":
            yield f"{on}drifted: {body['meaning']}"
        case "commanded":
            yield f"{on}order: {body['verb']} {'accepted' if body['accepted'] else 'refused'}"
            if body["verb"] == "halt" and "completed" in body["text"] and not body["accepted"]:
                yield "order: halt refused on COMPLETE"
        case "pause_warned":
            yield f"pause warned: {body['days']} days"
        case _:
            yield f"{on}fact: {kind}"


def _on(store: str) -> str:
    return "app_store " if store == APP_STORE else ""


class _Windows:
    """The windows that steps of ours or people's resumes open, and what closes each."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def read(self, rollout: str, kind: str, body: Body) -> Iterator[str]:
        if kind == "settled" and (body["verb"], body["settlement"]) == ("step", "confirmed"):
            self._open.add(rollout)
            yield "window opened by evidence"
        elif kind == "drifted" and body["meaning"] == "resumed":
            self._open.add(rollout)
            yield "window opened by a person"
        elif rollout in self._open and (closed := _closing(kind, body)):
            self._open.discard(rollout)
            yield f"window closed by {closed}"


def _closing(kind: str, body: Body) -> str:
    if kind == "drifted":
        return "a person"
    if kind != "decided" or body.get("verb") not in ("pause", "halt", "complete"):
        return ""
    codes = {reason["code"] for reason in body["reasons"]}
    if body["verb"] != "pause":
        return f"a {body['verb']}"
    if codes & {"stepped", "window_over"}:
        return "its rise" if "stepped" in codes else "time"
    return "doubt" if body["decision"] == "HOLD" else "the wait for data"
