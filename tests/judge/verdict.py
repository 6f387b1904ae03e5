"""All checks over one case, and the document that tells strangers what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.judge.case import Case, number, understand
from tests.judge.checks import (
    agreement,
    calendar,
    chain,
    expectations,
    halts,
    leaks,
    notices,
    people,
    raises,
    schedule,
    siblings,
)
from tests.judge.evidence import Evidence
from tests.judge.finding import Finding
from tests.judge.ledger import Key
from tests.judge.messages import delivered, halts_told

_CHECKS = (
    raises.check,
    schedule.stages,
    schedule.bakes,
    calendar.check,
    siblings.check,
    halts.check,
    people.unhalted,
    people.console_acts,
    notices.lost,
    notices.doubled,
    notices.out_of_order,
    agreement.rollouts,
    agreement.undecided,
    agreement.observed_apps,
    chain.check,
    expectations.check,
    leaks.check,
)
VIOLATIONS = (
    "raises_without_evidence",
    "stages_skipped",
    "bakes_cut",
    "raises_outside_calendar",
    "siblings_changed",
    "halts_late",
    "halts_lost",
    "unhalted",
    "console_acts_overridden",
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
    [instant, ppm, status] over time; `counts` holds facts that are no violations."""

    stores: Mapping[str, Mapping[str, Any]]
    exposure: Mapping[str, Sequence[tuple[str, int, str]]]
    counts: Mapping[str, int]
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
    }
    return Verdict(
        stores=_stores(case),
        exposure=_exposure(case),
        counts=counts,
        requests=dict(sorted(Counter(request["service"] for request in evidence.requests).items())),
        findings=[finding for check in _CHECKS for finding in check(case)],
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


def _rank(case: Case, key: Key) -> tuple[bool, int]:
    return any(record.status != "draft" for record in case.served[key]), number(key)


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


def _exposure(case: Case) -> dict[str, list[tuple[str, int, str]]]:
    return {
        "/".join(key): [(record.at.isoformat(), record.exposure_ppm, record.status) for record in history]
        for key, history in case.served.items()
    }
