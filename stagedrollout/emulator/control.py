"""The door behind the stage, /_emulator/: move time, break things, act in the console, read the truth.

Nothing that happens here appears in the log of requests.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stagedrollout.emulator.clock import instant, iso
from stagedrollout.emulator.errors import CannotAct, ScenarioError
from stagedrollout.emulator.faults import fault_from
from stagedrollout.emulator.idlers import Idlers
from stagedrollout.emulator.pace import ANSWER_SECONDS, pace_from
from stagedrollout.emulator.request import Reply, Request
from stagedrollout.emulator.scenario import usual_store
from stagedrollout.emulator.scenario_people import act_from
from stagedrollout.emulator.yaml_section import Findings, Section

if TYPE_CHECKING:
    from stagedrollout.emulator.world import World

PREFIX = "/_emulator/"
LONGEST_STEP = timedelta(days=366)


class Control:
    """Answers requests under PREFIX for one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held_back: datetime | None = None
        self._idlers = Idlers(world.wall)
        self._answers: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "clock"): self._read_clock,
            ("POST", "idle"): self._idle,
            ("DELETE", "idle"): self._forget,
            ("POST", "advance"): self._advance,
            ("GET", "pace"): lambda _: self._pace(),
            ("POST", "pace"): self._set_pace,
            ("GET", "ledger"): self._ledger,
            ("GET", "world"): lambda _: self._world.picture(),
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "console"): self._console,
            ("GET", "switches"): lambda _: self._world.switches_document(),
            ("POST", "switches"): self._turn,
            ("POST", "slack/press"): self._press,
            ("POST", "slack/window"): lambda request: self._world.slack.people.finish(_object(request)),
            ("POST", "slack/group"): lambda request: self._world.slack.people.join(_object(request)),
            ("POST", "slack/disconnect"): self._disconnect,
            ("POST", "orders"): self._orders,
        }

    def answer(self, request: Request) -> Reply:
        answer = self._answers.get((request.method, request.path.removeprefix(PREFIX)))
        if answer is None:
            known = ", ".join(f"{method} {PREFIX}{name}" for method, name in self._answers)
            return Reply(404, {"error": f"there is only: {known}"})
        try:
            told = answer(request)
            return told if isinstance(told, Reply) else Reply(document=told)
        except (ValueError, ScenarioError) as wrong:
            return Reply(400, {"error": str(wrong)})
        except CannotAct as cannot:
            return Reply(409, {"error": str(cannot)})

    def _clock(self) -> dict[str, Any]:
        now, until = self._world.timeline.now, self._world.scenario.ends
        shared = {"shared": True} if self._idlers.several else {}
        return {"now": iso(now), "until": iso(until), "finished": now >= until, **shared}

    def _read_clock(self, request: Request) -> dict[str, Any]:
        """`who`: a daemon that begins, and is at work until it says that it is idle."""
        if who := request.first("who"):
            self._idlers.begins(who)
        return self._clock()

    def _idle(self, request: Request) -> Reply:
        """Nothing is open any more: jump to what is due next, at most to the end of the story, at the pace, and no
        further than to an order that somebody is about to give. Not while anybody else is at work: of several daemons
        each says `who` it is."""
        asked = _object(request)
        due, who = asked.get("next_due"), str(asked.get("who", ""))
        until, now = self._world.scenario.ends, self._world.timeline.now
        own = until if due is None else min(_instant(due), until)
        wanted = self._idlers.idle(who, own, now)
        if wanted is None:
            return Reply(document=self._clock(), delay_seconds=ANSWER_SECONDS if own > now else 0.0)
        step = self._world.pace.step(now, wanted, self._world.orders.waits_at)
        self._world.timeline.advance(step.to)
        self._idlers.moved(step.to)
        self._held_back = wanted if step.to < wanted else None
        return Reply(document=self._clock(), delay_seconds=step.seconds)

    def _forget(self, _: Request) -> dict[str, Any]:
        self._idlers.forget()
        return self._clock()

    def _set_pace(self, request: Request) -> dict[str, Any]:
        self._world.pace = pace_from(_object(request))
        self._held_back = None
        return self._pace()

    def _pace(self) -> dict[str, Any]:
        """`held_back`: where an idle daemon wants to be since this pace was set, and may not go yet; null while any is at
        work."""
        held_back = None if self._idlers.busy else self._held_back
        return {**self._world.pace.document(), "held_back": iso(held_back) if held_back else None}

    def _advance(self, request: Request) -> dict[str, Any]:
        asked, now = _object(request), self._world.timeline.now
        seconds = asked.get("seconds")
        if "to" in asked:
            to = _instant(asked["to"])
        elif isinstance(seconds, int | float) and 0 <= seconds <= LONGEST_STEP.total_seconds():
            to = now + timedelta(seconds=seconds)
        else:
            raise ValueError('say {"to": instant} or {"seconds": number}')
        if to > now + LONGEST_STEP:
            raise ValueError("at most a year at once")
        self._world.timeline.advance(to)
        return self._clock()

    def _ledger(self, request: Request) -> dict[str, Any]:
        after = request.first("after") or "0"
        if not after.isdecimal() or len(after) > 18:
            raise ValueError("after is a seq: a whole number")
        return dict(self._world.ledger.after(int(after)))

    def _add_fault(self, request: Request) -> dict[str, Any]:
        self._world.faults.add(fault_from(_object(request)), self._world.timeline.now)
        return self._faults()

    def _clear_faults(self, _: Request) -> dict[str, Any]:
        self._world.faults.clear()
        return self._faults()

    def _faults(self) -> dict[str, Any]:
        waiting = self._world.faults.waiting
        return {"faults": [f"{fault.service} {fault.operation} {fault.kind}" for fault in waiting]}

    def _console(self, request: Request) -> dict[str, Any]:
        findings = Findings("console")
        apps = self._world.scenario.apps
        act = act_from(Section(findings, _object(request), "act"), lambda name: usual_store(apps, name))
        if findings.problems:
            raise ValueError("; ".join(problem.text for problem in findings.problems))
        self._world.console.act(act)
        return {"done": act.act}

    def _press(self, request: Request) -> dict[str, Any]:
        slack = self._world.slack
        return slack.people.press(slack.messages(), _object(request))

    def _disconnect(self, request: Request) -> dict[str, Any]:
        """With a reason Slack says so first; without one the line breaks."""
        reason = _object(request).get("reason")
        if reason:
            self._world.slack.lines.disconnect(str(reason))
        else:
            self._world.hang_up()
        return {"disconnected": str(reason or "")}

    def _orders(self, request: Request) -> dict[str, Any]:
        """What the team orders by now. Whoever asks carries it out, and says `done` with an order's number."""
        number = _object(request).get("done")
        if number is not None:
            self._world.orders.done(number)
        return {"orders": self._world.orders.due(self._world.timeline.now)}

    def _turn(self, request: Request) -> dict[str, Any]:
        self._world.turn(_object(request))
        return self._world.switches_document()


def _object(request: Request) -> dict[str, Any]:
    document = request.json() or {}
    if not isinstance(document, dict):
        raise ValueError("the body must be a JSON object")
    return document


def _instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("an instant is text such as 2026-03-02T06:00:00Z")
    try:
        return instant(value)
    except OverflowError:
        raise ValueError("an instant lies within the calendar") from None
