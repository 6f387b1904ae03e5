"""What a campaign must have met to have proven anything: the whole atlas, every kind of decision, every way back."""

from __future__ import annotations

from collections.abc import Mapping

from stagedrollout.emulator.faults import kinds_of
from tests.simulation.atlas import unseen

ENOUGH = 1_000
"""Seeds: fewer are too few to miss anything in them."""

CAMPAIGN, OFTEN = 20_000, 100
"""So many seeds must have met each mark so often."""

_APPLES_FAULTS = tuple(f"fault: app_store {kind}" for kind in sorted(kinds_of("app_store")))

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
    "fact: returned",
    # what was sent to the stores, and how it ended
    "sent: raise for ADVANCE",
    "sent: complete for COMPLETE",
    "sent: halt for HALT",
    "sent: resume for RESUME",
    "app_store sent: prepare for PREPARE",
    "app_store sent: start for START",
    "app_store sent: step for ADVANCE",
    "app_store sent: complete for COMPLETE",
    "app_store sent: pause for WAIT",
    "app_store sent: pause for HOLD",
    "app_store sent: halt for HALT",
    "app_store sent: resume for RESUME",
    "settled: raise confirmed",
    "settled: halt confirmed",
    "settled: halt in_doubt",
    "app_store settled: complete confirmed",
    "app_store settled: halt confirmed",
    "app_store settled: pause confirmed",
    "app_store settled: pause in_doubt",
    "app_store settled: pause refused",
    "app_store settled: step confirmed",
    "app_store settled: step in_doubt",
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
    "app_store fact: overtaken",
    "app_store fact: taken_up",
    "app_store drifted: halted",
    "app_store drifted: raised",
    "app_store drifted: resumed",
    "app_store drifted: withdrawn",
    # what people did
    "app_store console: pause",
    "app_store console: resume",
    "app_store console: complete",
    "app_store console: new_release",
    "app_store console: release",
    "app_store console: remove_from_sale",
    "console: halt",
    "console: raise",
    "console: new_release",
    "console: new_draft",
    "console: roll_out",
    "drifted: halted",
    "drifted: raised",
    "drifted: resumed",
    "order: advance accepted",
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
    "halt in the middle of a pass",
    # what went wrong
    "crash: google_play: before send",
    "crash: google_play: after receive",
    "crash: app_store: before send",
    "crash: app_store: after receive",
    "crash: storage begin",
    "crash: storage commit",
    "start broke off: StorageError",
    "fault: google_play drop",
    "fault: google_play drop_after",
    "fault: google_play 500",
    "fault: google_play 500_after",
    "fault: google_play 409",
    "fault: google_play slow",
    "fault: google_play stale_track",
    "fault: google_play unknown_status",
    "fault: sentry no_data",
    "fault: sentry frozen",
    "fault: sentry drop_after",
    "fault: slack drop_after",
    "fault: slack 500_after",
    "outage: app_store agreement",
    "outage: app_store down",
    "outage: app_store refuse",
    "outage: google_play down",
    "outage: itunes down",
    "outage: sentry down",
    "outage: sentry frozen",
    "outage: slack down",
    # where it came to rest
    "end: completed",
    "end: halted",
    "end: held",
    "end: superseded",
    "app_store end: completed",
    "app_store end: halted",
    "app_store end: held",
    "app_store end: rolling_out",
    "app_store end: superseded",
    *_APPLES_FAULTS,
)
"""Beside the atlas."""


def blind(marks: Mapping[str, int], seeds: int) -> list[str]:
    """What `seeds` seeds have not met, or not often enough; nothing where they are too few to say."""
    if seeds < ENOUGH:
        return []
    needed = OFTEN if seeds >= CAMPAIGN else 1
    often = frozenset(mark for mark, times in marks.items() if times >= needed)
    return [*(mark for mark in MUST_BE_MET if mark not in often), *unseen(often)]
