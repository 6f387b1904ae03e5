"""What a run has met, counted: a campaign that never met something has proven nothing about it.

Marks of the App Store begin with its name where Google Play has the same; those of a window tell what closed it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from stagedrollout.daemon.put_back import LACKS, WHOLE
from stagedrollout.emulator.scenario import APP_STORE
from stagedrollout.emulator.slack import SECOND_CHANNEL
from tests.simulation.plan import Plan
from tests.simulation.run import Left

Body = Mapping[str, Any]

_EDIT_GONE = ("edit_invalidated", "edit_expired")

_A_PASS = timedelta(seconds=30)
"""Requests of one pass follow each other within that."""

_ZONE, _AUTUMN = ZoneInfo("Europe/Berlin"), 7
"""Of the only policy here with a calendar."""


def marks_of(left: Left) -> Counter[str]:
    marks = Counter(left.marks)
    asked = {request["seq"]: request for request in left.evidence.requests}
    for record in left.evidence.ledger:
        marks.update(_of_truth(record))
        marks.update(_of_the_place(record, asked))
    marks.update(_of_what_came_between(left))
    marks.update(_of_refusals(left))
    marks.update(_of_long_outages(left))
    windows, outcomes = _Windows(), _Outcomes(left.evidence.deaths)
    marks.update(_of_presses(left))
    marks.update(_of_alarms(left))
    marks.update(_of_what_was_put_back(left))
    for entry in left.evidence.journal:
        on_apple = f"/{APP_STORE}/" in entry["rollout"]
        marks.update(_of_fact(entry["kind"], entry["body"], "app_store " if on_apple else ""))
        marks.update(outcomes.read(entry))
        if on_apple:
            marks.update(windows.read(entry["rollout"], entry["kind"], entry["body"]))
    marks.update(f"told: {notice['kind']}" for notice in left.evidence.notices)
    for row in left.evidence.rollouts:
        marks[f"{_on(row['store'])}end: {row['phase']}"] += 1
        marks[f"phase: {row['phase']}"] += 1
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
            days = record["after"]["day"] - record["before"]["day"]
            if days > 1:
                yield "apple: two days at once"
            if before == after == "PAUSED" and days:
                yield "apple: a step in a pause"


def _of_the_place(record: Body, asked: Mapping[int, Body]) -> Iterator[str]:
    """Faults of the requests that change a store."""
    request = asked.get(record.get("request") or 0) if record["type"] == "fault" else None
    if request is None:
        return
    if record["kind"] in _EDIT_GONE and _begins_anew(record, asked):
        yield "google_play: an edit begun anew"
    if request["path"].endswith(":commit"):
        yield f"fault: google_play {record['kind']} at commit"
    elif request["method"] == "PATCH" and record["service"] == APP_STORE:
        yield f"fault: app_store {record['kind']} at patch"


def _begins_anew(record: Body, asked: Mapping[int, Body]) -> bool:
    """Whether another edit was opened right after this one was gone."""
    at = datetime.fromisoformat(record["at"])
    return any(
        request["path"].endswith("/edits") and at <= datetime.fromisoformat(request["at"]) <= at + _A_PASS
        for request in asked.values()
    )


def _of_what_came_between(left: Left) -> Iterator[str]:
    """What people and Apple did while a pass was under way: with requests of ours shortly before and after it."""
    asked = sorted(datetime.fromisoformat(request["at"]) for request in left.evidence.requests)
    for record in left.evidence.ledger:
        if record["type"] == "console" and "refused" not in record:
            mark = f"{_on(record['store'])}console: in the middle of a pass"
        elif record["type"] == "phased" and record["cause"] == "apple":
            mark = "apple: a step in the middle of a pass"
        else:
            continue
        at = datetime.fromisoformat(record["at"])
        place = bisect_left(asked, at)
        if 0 < place < len(asked) and asked[place] - asked[place - 1] <= _A_PASS:
            yield mark


def _of_refusals(left: Left) -> Iterator[str]:
    for request in left.evidence.requests:
        told = request["path"].endswith(":commit") and request["status"] == 400 and not request["fault"]
        if told and "CHANGES_ALREADY_IN_REVIEW" in str(request["response"]):
            yield "refused: in review"


def _of_long_outages(left: Left) -> Iterator[str]:
    begun: dict[str, datetime] = {}
    for record in left.evidence.ledger:
        if record["type"] == "outage":
            at = datetime.fromisoformat(record["at"])
            since = (
                begun.setdefault(record["service"], at)
                if record["begins"]
                else begun.pop(record["service"], at)
            )
            if at - since >= timedelta(days=3):
                yield f"outage: {record['service']} for three days"


def marks_of_plan(plan: Plan) -> Counter[str]:
    """What lay in the plan, and needs nothing more to have been met."""
    story = plan.scenario
    marks = Counter[str]()
    for machine in plan.pair.sides if plan.pair else (plan,):
        if machine.clock:
            marks["clock: stepped"] += bool(machine.clock.step)
            marks["clock: drifts"] += bool(machine.clock.drift)
        marks["process: stands still"] += bool(machine.stops)
    for app in story.apps:
        bad = [r for r in app.releases if r.stars_onset and not r.onset]
        marks["sources: only the stars fall"] += len(bad)
    if story.policy == "office":
        for hour in range(int((story.ends - story.start) / timedelta(hours=1))):
            before, after = (story.start + timedelta(hours=h) for h in (hour, hour + 1))
            moved = after.astimezone(_ZONE).utcoffset() != before.astimezone(_ZONE).utcoffset()
            if moved:
                marks[f"clock: a {'gap' if after.month < _AUTUMN else 'fold'} under a calendar"] += 1
    return +marks


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
            yield f"settlement: {body['settlement']}"
        case "drifted":
            yield f"{on}drifted: {body['meaning']}"
        case "commanded":
            yield f"{on}order: {body['verb']} {'accepted' if body['accepted'] else 'refused'}"
            yield from _of_answer(body)
            if body["verb"] == "halt" and "completed" in body["text"] and not body["accepted"]:
                yield "order: halt refused on COMPLETE"
        case "pause_warned":
            yield f"pause warned: {body['days']} days"
        case _:
            yield f"{on}fact: {kind}"


def _of_alarms(left: Left) -> Iterator[str]:
    """Who was woken, and where."""
    for record in left.evidence.ledger:
        match record["type"]:
            case "pagerduty":
                yield f"alarm: pagerduty {record['action']}"
            case "webhook":
                yield f"alarm: webhook {(record['said'] or {}).get('event')}"
            case "slack" if record["channel"] == SECOND_CHANNEL:
                yield "alarm: in the other channel"


def _of_what_was_put_back(left: Left) -> Iterator[str]:
    """What came of it while the journal lacked its end, and after a person had taken it as it is."""
    known, lost = left.evidence.put_back, frozenset(left.evidence.lost)
    if not known:
        return
    begun, ended = min(span["from"] for span in known), max(span["until"] for span in known)
    for notice in left.evidence.notices:
        if notice["key"].startswith(LACKS):
            yield "put back: the channel is told"
        if notice["key"].startswith(WHOLE):
            yield "put back: told that it is settled"
    for entry in left.evidence.journal:
        body, later = entry["body"], entry["seq"] not in lost and entry["at"] >= begun
        if entry["kind"] == "drifted" and body.get("untold"):
            yield "put back: nobody can tell by whom"
        if entry["kind"] == "settled" and body["settlement"] == "confirmed" and later:
            over = entry["at"] >= ended
            if body["verb"] == "halt" and not over:
                yield "put back: halted meanwhile"
            elif body["verb"] not in ("halt", "pause") and over:
                yield "put back: raised again"


_PRESSES = {
    "when that was ordered, and is": "press refused: stale",
    "not listed as somebody who may press": "press refused: nobody listed",
    "pressed too long before it arrived": "press refused: too late",
    "has just pressed": "press refused: another was first",
}
"""By what the journal says of a press that came to nothing."""


def _of_presses(left: Left) -> Iterator[str]:
    """What became of buttons: in the journal, and in what Slack showed to whoever pressed."""
    for entry in left.evidence.journal:
        body = entry["body"]
        if entry["kind"] == "commanded" and body["command"].startswith("slack"):
            yield f"pressed: {body['verb']} {'accepted' if body['accepted'] else 'refused'}"
            yield from (mark for words, mark in _PRESSES.items() if words in body["text"])
    for record in left.evidence.ledger:
        match record["type"]:
            case "slack_ephemeral" if "not valid any more" in record["text"]:
                yield "press refused: none of ours"
            case "slack_ephemeral" if "did not open the window" in record["text"]:
                yield "window: not opened"
            case "slack_view":
                yield f"window: {record['state']}"
            case "slack_ack" if record["payload"]:
                yield "window: nothing typed"


_ANSWERS = {
    "when that was ordered, and is": "order: refused as stale",
    "nothing is skipped": "order: refused for another stage",
    "not listed under people": "order: refused, nobody listed",
    "has no right to": "order: refused, not their right",
    " asks for ": "order: refused for want of approvals",
    "is in none of these": "order: refused, not of the groups",
    "completing needs two persons": "order: waits for a second person",
    "the line is stopped by": "order: refused on a stopped line",
}
"""By what an answer says, whether it was refused or not."""


def _of_answer(body: Body) -> Iterator[str]:
    for words, mark in _ANSWERS.items():
        if words in body["text"]:
            yield mark


def _on(store: str) -> str:
    return "app_store " if store == APP_STORE else ""


class _Outcomes:
    """How requests ended of which more than one pass had to find out: the ways back."""

    def __init__(self, deaths: Sequence[str]) -> None:
        self._deaths = [datetime.fromisoformat(death) for death in deaths]
        self._sent: dict[str, datetime] = {}
        self._in_doubt: set[str] = set()

    def read(self, entry: Body) -> Iterator[str]:
        body, at = entry["body"], datetime.fromisoformat(entry.get("true_at", entry["at"]))
        if entry["kind"] == "decided" and body.get("intent"):
            self._sent[body["intent"]] = at
        if entry["kind"] != "settled":
            return
        intent, settlement = body["intent"], body["settlement"]
        if intent in self._in_doubt:
            yield f"in doubt, then {settlement}"
        began = self._sent.pop(intent, at)
        if any(began <= death <= at for death in self._deaths):
            yield f"settled after a death: {settlement}"
        if settlement == "in_doubt":
            self._in_doubt.add(intent)
        else:
            self._in_doubt.discard(intent)


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
