"""The twenty: each breaks a promise in a way in which tools of this kind have been broken, or easily are.

Two that suggest themselves are not among them, because they change nothing: that an error, or a store's bare yes, is
called done by the actuator or by a store's port. Only what a look shows is written down as confirmed (core/news.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sabotage:
    """In `file` (below stagedrollout/), within the function `where`, the text `sound` becomes `broken`.

    `days`: the bad days, told by hand, on which it shows. They are tried first, and then seeds.
    """

    name: str
    area: str
    file: str
    where: str
    sound: str
    broken: str
    days: tuple[str, ...]


SABOTAGES = (
    Sabotage(
        "too-little-evidence-counts-as-a-pass",
        "assessment",
        "core/harm.py",
        "_calm",
        'return Verdict.INSUFFICIENT, "inconclusive", f"{told}; {harm}"',
        'return Verdict.PASS, "pass", f"{told}; {harm}"',
        days=("evidence comes slowly",),
    ),
    Sabotage(
        "the-best-verdict-wins",
        "assessment",
        "core/assessment.py",
        "worst",
        "return max(judgement.verdict for judgement in self.deciding())",
        "return min(judgement.verdict for judgement in self.deciding())",
        days=("it begins to crash",),
    ),
    Sabotage(
        "silence-is-not-braked",
        "decision",
        "core/decision.py",
        "decide",
        "decision = brake.braked(case, linked.led(case, found))",
        "decision = linked.led(case, found)",
        days=("nobody tells of crashes while Apple goes on",),
    ),
    Sabotage(
        "a-halt-is-tried-once",
        "decision",
        "core/rules/halts.py",
        "wanted_halt",
        "if halt is None or halt.confirmed:",
        "if halt is None or halt.confirmed or case.rollout.intent is None:",
        days=("Play is down when it has to be halted",),
    ),
    Sabotage(
        "two-stages-at-once",
        "decision",
        "core/policy.py",
        "next_stage",
        "if stage.exposure_ppm > exposure_ppm",
        "if stage.exposure_ppm > exposure_ppm * 5",
        days=("evidence comes slowly",),
    ),
    Sabotage(
        "an-opened-window-is-forgotten",
        "lifecycle",
        "core/fold_acts.py",
        "settled",
        "return replace(changed, window=opened)",
        "return changed",
        days=("a person lets Apple take its step before the evidence would",),
    ),
    Sabotage(
        "a-new-run-counts-the-old-evidence",
        "lifecycle",
        "core/fold_acts.py",
        "new_run",
        "run_since=hour_ceil(since),",
        "run_since=rollout.run_since,",
        days=("a release is halted for something else and resumed",),
    ),
    Sabotage(
        "the-patience-is-cut",
        "schedule",
        "core/inconclusive.py",
        "overdue",
        "case.rollout.exposure_ppm).max_bake",
        "case.rollout.exposure_ppm).bake",
        days=("evidence comes slowly",),
    ),
    Sabotage(
        "a-freeze-does-not-bind",
        "schedule",
        "core/schedule.py",
        "frozen_during",
        "if dated.during(first, last):",
        "if dated.during(dated.begins, dated.begins) and last < dated.begins:",
        days=("a rollout reaches a day of rest",),
    ),
    Sabotage(
        "the-arms-are-swapped",
        "evidence",
        "core/evidence/increments.py",
        "_of_pair",
        "bad, total = tally.k_c, tally.k_c + tally.k_b",
        "bad, total = tally.k_b, tally.k_c + tally.k_b",
        days=("it begins to crash",),
    ),
    Sabotage(
        "who-stood-still-raises-all-the-same",
        "actuator",
        "daemon/lanes.py",
        "raising",
        "if self._monotonic() > permit.deadline:",
        "if not permit.deadline:",
        days=("it stands still between the evidence and the raise",),
    ),
    Sabotage(
        "a-halt-does-not-overrule-a-raise",
        "actuator",
        "daemon/lanes.py",
        "overtaken",
        "return self._halts.get(permit.app, 0) != permit.halts",
        "return False",
        days=("somebody halts while Apple's step is being asked for",),
    ),
    Sabotage(
        "doubt-is-settled-without-looking",
        "recovery",
        "core/reading_back.py",
        "confirms",
        "return seen.stopped",
        "return True",
        days=("a halt's commit fails and nothing tells",),
    ),
    Sabotage(
        "what-may-have-arrived-is-not-sent-again",
        "outbox",
        "notify/relay.py",
        "_put_off",
        "self._rows.doubt_until(row.id, when, words)",
        'self._rows.mark_sent(row.id, "", when)',
        days=("the line to Slack breaks when a halt is told",),
    ),
    Sabotage(
        "notices-are-not-written",
        "storage",
        "storage/journal.py",
        "record",
        "for notice in batch.notices:",
        "for notice in batch.notices[1:]:",
        days=("Play is down when it has to be halted",),
    ),
    Sabotage(
        "the-chain-skips-within-a-batch",
        "storage",
        "storage/journal.py",
        "_append",
        "prev = digest",
        "_ = digest",
        days=("evidence comes slowly",),
    ),
    Sabotage(
        "the-track-is-not-compared",
        "google_play",
        "stores/google_play/port.py",
        "_raise",
        "if fingerprint(raw) != seen:",
        "if not raw:",
        days=("somebody raises it while its evidence is read",),
    ),
    Sabotage(
        "siblings-are-dropped",
        "google_play",
        "stores/google_play/writes.py",
        "_with",
        'return {**raw, "releases": releases}',
        'return {**raw, "releases": [one]}',
        days=("the older one has to be halted while the next goes out",),
    ),
    Sabotage(
        "let-out-without-phases",
        "app_store",
        "stores/app_store/port.py",
        "_start",
        "if prepared is None or not as_wished(prepared, Verb.PREPARE) or prepared.state != APPROVED:",
        "if prepared is None or prepared.state != APPROVED:",
        days=("no phases can be made for a version that is let out by hand",),
    ),
    Sabotage(
        "missing-counts-read-as-no-crashes",
        "sentry",
        "signals/sentry_tallies_reply.py",
        "_session_row",
        "return Row(sum(counts.values()), counts.get(_STATUS_OF[measure], 0))",
        "return Row(sum(counts.values()), 0)",
        days=("it begins to crash",),
    ),
)
