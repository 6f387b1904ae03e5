"""What a campaign must have met to have proven anything: the whole atlas, every kind of decision, every way back."""

from __future__ import annotations

from collections.abc import Mapping

from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import Settlement
from stagedrollout.core.notice import NoticeKind
from stagedrollout.emulator.faults import kinds_of
from tests.simulation.atlas import unseen

ENOUGH = 1_000
"""Seeds: fewer are too few to miss anything in them."""

CAMPAIGN, OFTEN = 20_000, 100
"""So many seeds must have met each mark so often."""

_SERVICES = ("app_store", "google_play", "sentry", "slack")
"""Whose faults must all be met. The others are asked too seldom for each kind; what befalls them stands in the atlas."""

_FAULTS = tuple(f"fault: {service} {kind}" for service in _SERVICES for kind in sorted(kinds_of(service)))

TOLD_ELSEWHERE = {
    NoticeKind.ESCALATION: "no notice of the outbox: it goes to the places that are told of alarms, which have marks of their own",
}
"""Notices that no seed can meet, why, and what tries them instead."""

MUST_BE_MET = (
    # what was decided, and why
    "decided: ADVANCE and acted",
    "decided: COMPLETE and acted",
    "decided: HALT and acted",
    "decided: PREPARE and acted",
    "decided: RESUME and acted",
    "decided: START and acted",
    "decided: HOLD",
    "decided: WAIT",
    "because: bake",
    "because: error",
    "because: fail",
    "because: freeze",
    "because: human_halt",
    "because: in_doubt",
    "because: newer_waits",
    "because: overtaken",
    "because: pass",
    "because: store_unread",
    "because: suspected",
    "because: waits_for_the_older",
    "app_store fact: set_aside",
    "fact: closed",
    "fact: compared",
    "fact: discovered",
    "fact: held",
    "fact: hold_ended",
    "fact: issues_read",
    "fact: newer_waits",
    "fact: returned",
    "fact: saw_again",
    "fact: seen",
    "fact: started",
    "fact: superseded",
    "fact: suspected",
    "fact: link_answered",
    "fact: link_held",
    "fact: link_holds",
    "fact: linked",
    "fact: terms_set",
    "fact: went_blind",
    "fact: went_live",
    # what people were told
    *(f"told: {kind.value}" for kind in NoticeKind if kind not in TOLD_ELSEWHERE),
    "alarm: pagerduty trigger",
    "alarm: pagerduty resolve",
    "alarm: webhook alarm",
    "alarm: webhook over",
    "alarm: in the other channel",
    # what was sent to the stores, and how it ended
    "sent: raise for ADVANCE",
    "sent: complete for COMPLETE",
    "sent: halt for HALT",
    "sent: resume for RESUME",
    "sent: start for START",
    "app_store sent: prepare for PREPARE",
    "app_store sent: start for START",
    "app_store sent: step for ADVANCE",
    "app_store sent: complete for COMPLETE",
    "app_store sent: pause for WAIT",
    "app_store sent: pause for HOLD",
    "app_store sent: halt for HALT",
    "app_store sent: resume for RESUME",
    "settled: complete confirmed",
    "settled: raise confirmed",
    "settled: raise not_applied",
    "settled: halt confirmed",
    "settled: halt in_doubt",
    "app_store settled: complete confirmed",
    "app_store settled: halt confirmed",
    "app_store settled: pause already",
    "app_store settled: pause confirmed",
    "app_store settled: pause in_doubt",
    "app_store settled: pause not_applied",
    "app_store settled: pause refused",
    "app_store settled: prepare confirmed",
    "app_store settled: step confirmed",
    "app_store settled: step in_doubt",
    *(f"settlement: {settlement.value}" for settlement in Settlement),
    # how that was found out later, by another pass or another life
    "google_play: an edit begun anew",
    "in doubt, then confirmed",
    "in doubt, then not_applied",
    "settled after a death: confirmed",
    "settled after a death: not_applied",
    # Apple's steps: the windows for them, Apple's own doing, and pauses that ran long
    "window opened by evidence",
    "window opened by a person",
    "window closed by its rise",
    "window closed by doubt",
    "window closed by a halt",
    "window closed by a person",
    "window closed by a complete",
    "apple: day 4",
    "apple: ACTIVE to COMPLETE",
    "apple: PAUSED to COMPLETE",
    "pause warned: 20 days",
    "pause warned: 25 days",
    "pause warned: 28 days",
    # what the App Store showed that was not ours, or came late
    "app_store fact: cleared",
    "app_store fact: lapsed",
    "app_store fact: overtaken",
    "app_store fact: stepped",
    "app_store fact: taken_up",
    "app_store drifted: halted",
    "app_store drifted: raised",
    "app_store drifted: resumed",
    "app_store drifted: rolled_out",
    "app_store drifted: withdrawn",
    # what people did
    "app_store console: pause",
    "app_store console: resume",
    "app_store console: complete",
    "app_store console: new_release",
    "app_store console: release",
    "app_store console: remove_from_sale",
    "console: complete",
    "console: halt",
    "console: lower",
    "console: new_draft",
    "console: new_release",
    "console: publish",
    "console: raise",
    "console: reject",
    "console: resume",
    "console: roll_out",
    "console: send_for_review",
    "drifted: halted",
    "drifted: lowered",
    "drifted: raised",
    "drifted: resumed",
    "drifted: unknown",
    "order: advance accepted",
    "order: complete accepted",
    "order: halt accepted",
    "order: hold accepted",
    "order: resume accepted",
    "order: halt refused on COMPLETE",
    "app_store order: advance accepted",
    "app_store order: advance refused",
    "app_store order: complete accepted",
    "app_store order: complete refused",
    "app_store order: halt accepted",
    "app_store order: hold accepted",
    "app_store order: resume accepted",
    "app_store order: start accepted",
    # what they order beside that: approvals, two persons, other terms, and what is refused
    "order: approve accepted",
    "order: reject accepted",
    "order: skip-bake accepted",
    "order: ignore accepted",
    "order: set-policy accepted",
    "app_store order: approve accepted",
    "app_store order: reject accepted",
    "app_store order: skip-bake accepted",
    "app_store order: ignore accepted",
    "app_store order: set-policy accepted",
    "order: refused as stale",
    "order: refused for another stage",
    "order: refused, nobody listed",
    "order: refused, not their right",
    "order: refused, not of the groups",
    "order: refused for want of approvals",
    "order: waits for a second person",
    "because: approval",
    "fact: approved",
    "fact: approvals_lapsed",
    "fact: bake_skipped",
    "fact: left_alone",
    "fact: policy_set",
    "app_store fact: approved",
    "app_store fact: approvals_lapsed",
    "app_store fact: bake_skipped",
    "app_store fact: left_alone",
    "app_store fact: policy_set",
    # what they stop for all apps at once
    "because: line_stopped",
    "because: line_unread",
    "fact: line_stopped",
    "fact: line_freed",
    "app_store fact: line_stopped",
    "app_store fact: line_freed",
    "order: refused on a stopped line",
    # what they halt past a daemon that is dead
    "crash: daemon: killed",
    "because: halt_waits",
    # what they press in Slack
    "pressed: approve accepted",
    "pressed: halt accepted",
    "pressed: hold accepted",
    "pressed: resume accepted",
    "fact: acknowledged",
    "app_store fact: acknowledged",
    "fact: press_refused",
    "press: arrives again",
    "press: arrives late",
    "press: forged",
    "press: nobody listens",
    "press refused: another was first",
    "press refused: nobody listed",
    "press refused: none of ours",
    "press refused: stale",
    "press refused: too late",
    "window: opened",
    "window: submitted",
    "window: closed",
    "window: nothing typed",
    "halt in the middle of a pass",
    # what went wrong
    "crash: google_play: before send",
    "crash: google_play: after receive",
    "crash: app_store: before send",
    "crash: app_store: after receive",
    "crash: storage begin",
    "crash: storage commit",
    "start broke off: StorageError",
    "outage: app_store agreement",
    "outage: app_store down",
    "outage: app_store refuse",
    "outage: google_play down",
    "outage: google_play refuse",
    "outage: google_play unauthorized",
    "outage: itunes down",
    "outage: oauth down",
    "outage: sentry empty",
    "outage: sentry slow",
    "outage: sentry down",
    "outage: sentry frozen",
    "outage: slack down",
    # where it came to rest
    *(f"phase: {phase.value}" for phase in Phase),
    "end: completed",
    "end: halted",
    "end: held",
    "end: rolling_out",
    "end: superseded",
    "end: waiting",
    "end: waiting_for_review",
    "app_store end: completed",
    "app_store end: halted",
    "app_store end: held",
    "app_store end: rolling_out",
    "app_store end: waiting",
    "app_store end: superseded",
    *_FAULTS,
)
"""Beside the atlas."""

ELSEWHERE = {
    "unlinked": "nobody changes the settings in the middle of a story: tests/core/test_linked.py",
    "journal_accepted": "a journal that lacks its end was restored from a backup, or its server failed over, which two daemons meet: tests/acceptance/test_restored_backup.py",
    "removal_ordered": "goes past the daemon, by a command of its own: tests/stores/app_store/test_apple_removal.py",
    "removal_told": "goes past the daemon, by a command of its own: tests/stores/app_store/test_apple_removal.py",
    "identified": "the emulated stores keep a release's build: tests/core/test_fold.py, tests/core/test_machine.py",
}
"""Facts that no seed can meet, why, and what tries them instead."""


OF_TWO = (
    # how an app changed hands
    "lease: taken over after a death",
    "lease: taken over after a freeze",
    "lease: taken over after a cut",
    "lease: taken again in its own place",
    "lease: given away and taken",
    "lease: let go by one that reaches no store",
    # what the one before could not do any more, and what the next one waited for
    "raise refused: another holds it",
    "because: taken_over",
    # what needs no lease
    "act: by another than the holder",
    "act: cut off from the database",
    "order: a halt taken by another",
    # what befell one of the two
    "act: alone, after a death",
    "act: alone, after a freeze",
    "act: alone, after a cut",
    "process: killed",
    "process: freezes",
    "process: is suspended",
    "process: leaves",
    "cut: loses the database",
    "cut: loses the stores",
    "cut: loses Sentry",
    "cut: loses Slack",
    "notices: told by both",
    # their database was put back to what it had been
    "database: lost lagging",
    "database: lost over an act",
    "database: put back, known to both",
    "database: put back, known to one",
    "database: taken as it is",
    "put back: the channel is told",
    "put back: told that it is settled",
    "put back: nobody can tell by whom",
    "put back: halted meanwhile",
    "put back: raised again",
)
"""By stories of two daemons, beside which they need not meet all that stories of one do."""


def blind(marks: Mapping[str, int], seeds: int, instances: int = 1) -> list[str]:
    """What `seeds` seeds have not met, or not often enough; nothing where they are too few to say."""
    if seeds < ENOUGH:
        return []
    needed = OFTEN if seeds >= CAMPAIGN else 1
    often = frozenset(mark for mark, times in marks.items() if times >= needed)
    if instances > 1:
        return [mark for mark in OF_TWO if mark not in often]
    return [*(mark for mark in MUST_BE_MET if mark not in often), *unseen(often)]
