"""The fault atlas: what can go wrong at each boundary, and the mark in a campaign that proves it did.

What cannot happen to a single replica in one process is told with where else it is tried.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """`marks`: any of them proves that it occurred. `elsewhere`: why none can, and what tries it instead."""

    boundary: str
    what: str
    marks: tuple[str, ...] = ()
    elsewhere: str = ""


def _at(boundary: str, **marks: tuple[str, ...]) -> tuple[Trouble, ...]:
    return tuple(Trouble(boundary, what.replace("_", " "), found) for what, found in marks.items())


def _any(kind: str, *services: str) -> tuple[str, ...]:
    return tuple(f"fault: {service} {kind}" for service in services)


_ALL = ("google_play", "app_store", "sentry", "slack", "oauth", "itunes")

ATLAS: tuple[Trouble, ...] = (
    *_at(
        "Play",
        edit_invalidated_by_the_console=_any("edit_invalidated", "google_play"),
        edit_expired=_any("edit_expired", "google_play"),
        commit_applied_but_reply_lost=("fault: google_play drop_after at commit",),
        error_500_after_apply=("fault: google_play 500_after at commit",),
        error_500_not_applied=("fault: google_play 500 at commit",),
        conflict_in_review=("refused: in review",),
        halt_refused=("settled: halt refused",),
        stale_track=_any("stale_track", "google_play"),
        unknown_status_or_field=_any("unknown_status", "google_play"),
        release_superseded_mid_rollout=("fact: superseded",),
    ),
    Trouble(
        "Play",
        "edit invalidated by our twin",
        elsewhere="needs two instances; to one, it looks like the console's: an edit that is gone",
    ),
    *_at(
        "App Store",
        apple_steps_while_we_decide=("apple: a step in the middle of a pass",),
        patch_applied_reply_lost=("fault: app_store drop_after at patch",),
        conflict_409=_any("409", "app_store"),
        day_counter_jumps_two=("apple: two days at once",),
        pause_days_exhausted=("apple: PAUSED to COMPLETE", "pause warned: 28 days"),
        version_replaced_or_removed=("app_store console: remove_from_sale",),
        unauthorized_401=_any("401", "app_store"),
        throttled_429=_any("429", "app_store"),
        paused_and_stepped_all_the_same=("apple: a step in a pause",),
    ),
    *_at(
        "Signals",
        empty=_any("no_data", "sentry"),
        null_rate=_any("null_rate", "sentry"),
        zeros=_any("zeros", "sentry"),
        partial_last_bucket=_any("partial_last", "sentry"),
        late_data_rewrites_a_bucket=_any("late_data", "sentry"),
        frozen_data=_any("frozen", "sentry"),
        wrong_release=_any("wrong_release", "sentry"),
        rate_beyond_or_no_number=_any("rate_beyond", "sentry"),
        two_sources_contradict=("sources: only the stars fall",),
        volume_collapse=_any("collapse", "sentry"),
        pagination_cut_short=_any("page_cut", "sentry"),
    ),
    *_at(
        "HTTP",
        connect_refused=_any("refused", *_ALL),
        wrong_dns=_any("dns", *_ALL),
        tls_error=_any("tls", *_ALL),
        hang_past_the_deadline=_any("slow", *_ALL),
        body_truncated_or_huge=_any("huge", *_ALL),
        redirect_to_another_host=_any("redirect", *_ALL),
    ),
    Trouble(
        "HTTP",
        "slow drip",
        elsewhere="in one process an answer comes whole; over sockets: tests/http, tests/stores/google_play",
    ),
    *_at(
        "Slack",
        throttled_429=_any("429", "slack"),
        ok_200_with_an_error_word=_any("error", "slack"),
        accepted_reply_lost=_any("drop_after", "slack"),
        down_for_three_days=("outage: slack for three days",),
    ),
    *_at(
        "Storage",
        busy=("disk: busy",),
        disk_full=("disk: full",),
        io_error=("disk: broken",),
        commit_reply_lost=("disk: unknown",),
    ),
    Trouble(
        "Storage",
        "torn tail after power loss",
        elsewhere="a memory file system loses no power; the log is cut at every length in tests/crash",
    ),
    Trouble(
        "Storage",
        "restored from yesterday's backup",
        elsewhere="what is lost then no run can win back; that it is noticed: tests/storage",
    ),
    *_at(
        "Clock, process, people",
        clock_step=("clock: stepped",),
        clock_drift=("clock: drifts",),
        dst_gap_or_fold=("clock: a gap under a calendar", "clock: a fold under a calendar"),
        process_stands_still=("process: stands still",),
        crash_at_any_point=("crash: google_play: before send", "crash: app_store: before send"),
        human_acts_mid_pass=(
            "console: in the middle of a pass",
            "app_store console: in the middle of a pass",
        ),
    ),
)


def unseen(marks: frozenset[str], troubles: tuple[Trouble, ...] = ATLAS) -> list[str]:
    """The troubles that could occur and did not, in words."""
    return [
        f"atlas: {trouble.boundary}: {trouble.what}"
        for trouble in troubles
        if trouble.marks and not marks.intersection(trouble.marks)
    ]
