"""All checks over one case, and the document that tells strangers what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.judge.case import Case, understand
from tests.judge.checks import budget, halts, phases, raises
from tests.judge.evidence import Evidence
from tests.judge.finding import Finding
from tests.judge.ledger import APP_STORE, Key, age
from tests.judge.messages import delivered, halts_told
from tests.judge.promised import CHECKS

VIOLATIONS = (
    "raises_without_evidence",
    "stages_skipped",
    "bakes_cut",
    "raises_lapsed",
    "raises_overlap",
    "raises_early",
    "raises_on_a_lost_journal",
    "lost_journals_untold",
    "lost_journals_mistaken",
    "intents_doubled",
    "raises_outside_calendar",
    "raises_on_a_stopped_line",
    "raises_unapproved",
    "orders_without_right",
    "presses_doubled",
    "presses_lost",
    "siblings_changed",
    "halts_late",
    "halts_lost",
    "unhalted",
    "known_bad_started",
    "console_acts_overridden",
    "console_acts_missed",
    "growth_unguarded",
    "windows_wrong",
    "pause_warnings_wrong",
    "linked_halts_ignored",
    "lead_overtaken",
    "notices_lost",
    "notices_doubled",
    "notices_out_of_order",
    "disagreements",
    "unmet_expectations",
    "secrets_leaked",
)
"""What a finding may be counted as; each is zero after a clean run."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`stores` is what each store really served last (see `_stores`); `exposure` maps a rollout to its
    [instant, ppm, status] over time; `counts` holds facts that are no violations.

    `phased` tells of each rollout on the App Store what was done and what Apple did. `not_judged` are promises
    that this run may or may not have kept: nobody looked.
    """

    stores: Mapping[str, Mapping[str, Any]]
    exposure: Mapping[str, Sequence[tuple[str, int, str]]]
    counts: Mapping[str, int]
    phased: Mapping[str, Mapping[str, float]]
    not_judged: Sequence[str]
    requests: Mapping[str, int]
    findings: Sequence[Finding]

    @property
    def clean(self) -> bool:
        return not self.findings

    def count(self, check: str) -> int:
        return sum(1 for finding in self.findings if finding.check == check)

    def document(self) -> dict[str, Any]:
        """What `--json` prints; every violation is named, also those that did not happen."""
        return {
            "stores": self.stores,
            **self.counts,
            **{check: self.count(check) for check in VIOLATIONS},
            "phased": self.phased,
            "not_judged": self.not_judged,
            "requests": self.requests,
            "exposure": self.exposure,
            "findings": [asdict(finding) for finding in self.findings],
        }


def judge(evidence: Evidence) -> Verdict:
    """Judge one run. Raises ValueError or KeyError when the evidence is not what it should be at all."""
    case = understand(evidence)
    messages = list(delivered(evidence))
    counts = {
        "raises_of_ours": sum(1 for _ in case.raises()),
        "raises_without_evidence_by_human": raises.by_people(case),
        "halts_due": len(halts.due(case)),
        "notices_delivered": len(messages),
        "broadcast_halts": halts_told(messages),
        "apple_steps": len(case.apple_steps),
        "apple_steps_outside": sum(phases.whence(case, step) == "outside" for step in case.apple_steps),
        "pauses_of_ours": sum(c.ours and c.kind == "pause" for c in case.changes),
        "windows": sum(len(case.windows(key)) for key in case.served),
        "pause_warnings": budget.warnings_told(case),
    }
    return Verdict(
        stores=_stores(case),
        exposure=_exposure(case),
        counts=counts,
        phased={"/".join(key): _phased(case, key) for key in case.served if _has_phases(case, key)},
        not_judged=_not_judged(case),
        requests=dict(sorted(Counter(request["service"] for request in evidence.requests).items())),
        findings=[finding for check in CHECKS for finding in check.look(case)],
    )


def _stores(case: Case) -> dict[str, dict[str, Any]]:
    """What became of the newest release that left draft: {store: ...}, or {store/app: ...} for several apps."""
    newest: dict[tuple[str, str], Key] = {}
    for key in case.served:
        place = (key.store, key.app)
        if place not in newest or _rank(case, key) > _rank(case, newest[place]):
            newest[place] = key
    apps_in = Counter(store for store, _ in newest)
    return {
        (store if apps_in[store] == 1 else f"{store}/{app}"): _last_served(case, key)
        for (store, app), key in newest.items()
    }


def _rank(case: Case, key: Key) -> tuple[bool, tuple[int, ...]]:
    return any(not record.unreleased for record in case.served[key]), age(key)


def _last_served(case: Case, key: Key) -> dict[str, Any]:
    last = case.served[key][-1]
    return {
        "app": key.app,
        "package": last.package,
        "track": last.track,
        "release": last.name,
        "status": last.status,
        "exposure_ppm": last.exposure_ppm,
    }


def _has_phases(case: Case, key: Key) -> bool:
    return key.store == APP_STORE and bool(case.of(key))


def _phased(case: Case, key: Key) -> dict[str, float]:
    """How one version went through Apple's shares; each of Apple's steps belongs to one of three things."""
    whence = Counter(phases.whence(case, step) for step in case.apple_steps if step.key == key)
    return {
        "windows": len(case.windows(key)),
        "apple_steps": whence.total(),
        "apple_steps_in_windows": whence["window"],
        "apple_steps_followed": whence["follow"],
        "apple_steps_outside": whence["outside"],
        "pauses_of_ours": sum(c.ours and c.kind == "pause" for c in case.of(key)),
        "pause_days": budget.pause_days(case, key),
        "pause_warnings": budget.warnings_told(case, key),
    }


def _not_judged(case: Case) -> list[str]:
    """What people wrote is logged with its lists cut short: it cannot be counted again from the outside, neither
    where it halted a release nor where it should have."""
    reviewed, starred = set[str](), set[str]()
    for key in case.served:
        terms = case.terms(key)
        reviewed |= {key.app} if terms.reviews else set()
        starred |= {key.app} if terms.weighed and "ratings" in terms.weighed.required else set()
    halts = [
        f"{app}: whether reviews halted a release when, and only when, they were bad" for app in reviewed
    ]
    stars = [f"{app}: what stars add to the evidence; the journal's word is taken for it" for app in starred]
    return sorted(halts + stars)


def _exposure(case: Case) -> dict[str, list[tuple[str, int, str]]]:
    return {
        "/".join(key): [(record.at.isoformat(), record.exposure_ppm, record.status) for record in history]
        for key, history in case.served.items()
    }
