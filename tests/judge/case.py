"""The case: all evidence understood once, and the questions every check asks of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.judge import journal as journals
from tests.judge import ledger, signals
from tests.judge.evidence import Evidence, Record
from tests.judge.journal import Journal, Order
from tests.judge.ledger import RAISES, Change, Key, Served
from tests.judge.signals import GRACE, Poll, Word, hour_ceil, hour_floor
from tests.judge.terms import PPM_ALL, Gate, Terms, terms

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """`poll` is the interval between regular looks; `ended_at` the last instant anything is known of."""

    evidence: Evidence
    setting: Record
    poll: timedelta
    ended_at: datetime
    served: Mapping[Key, list[Served]]
    changes: tuple[Change, ...]
    polls: tuple[Poll, ...]
    journal: Journal
    policies: Mapping[str, Terms]

    def raises(self) -> Iterator[Change]:
        """Every increase of exposure that our commits caused."""
        return (change for change in self.changes if change.ours and change.kind in RAISES)

    def observes(self, app: str) -> bool:
        """In mode observe nothing but a person's halt may be sent."""
        scenario = self.evidence.scenario
        own = next((a.get("mode") for a in scenario.get("apps", ()) if a.get("name") == app), None)
        return str(own or scenario.get("mode", "act")) == "observe"

    def terms(self, key: Key) -> Terms:
        """The policy the release is steered by: the one it was started or found with, else the scenario's."""
        named = [str(e.body.get("policy") or "") for e in self.journal.of(key, "discovered", "started")]
        for name in (*reversed(named), str(self.setting.get("policy", ""))):
            if name in self.policies:
                return self.policies[name]
        return next(iter(self.policies.values()))

    def signal_name(self, key: Key) -> str:
        """What the crash-free source calls the release: package@version+code."""
        first = self.served[key][0]
        return f"{first.package}@{first.name}+{key.id}"

    def serving_before(self, key: Key, at: datetime) -> Served | None:
        """What the store offered of the release until `at`: what a pass at that instant could find."""
        known = [record for record in self.served.get(key, ()) if record.at < at]
        return known[-1] if known else None

    def live_since(self, key: Key, exposure_ppm: int, at: datetime) -> datetime | None:
        """Since when, without a break until `at`, people got the release at exactly this exposure."""
        since = None
        for record in self.served.get(key, ()):
            if record.at >= at:
                break
            if record.exposure_ppm != exposure_ppm:
                since = None
            elif since is None:
                since = record.at
        return since

    def lives(self, key: Key, at: datetime) -> list[datetime]:
        """When people were first offered the release, and each time they were again after a halt."""
        begun: list[datetime] = []
        stopped = True
        for record in self.served.get(key, ()):
            if record.at > at:
                break
            if record.exposure_ppm > 0 and stopped:
                begun.append(record.at)
                stopped = False
            stopped = stopped or record.status == "halted"
        return begun

    def run_begun(self, key: Key, at: datetime) -> datetime | None:
        """When the present life of the release began."""
        begun = self.lives(key, at)
        return begun[-1] if begun else None

    def words(self, key: Key, gate: Gate, poll: Poll) -> set[Word]:
        """Every way in which the gate may be read after `poll`; see signals.py."""
        settle = self.terms(key).settle
        runs = self._plausible_runs(key, gate, poll.at)
        return {signals.word(gate, poll, self.signal_name(key), run, settle) for run in runs}

    def _plausible_runs(self, key: Key, gate: Gate, at: datetime) -> set[datetime]:
        """From which full hour on the daemon may have counted: it learns of each life when it looks next.

        A first life has nothing before it that could be counted wrongly, so there an hour begun counts too,
        and distinct users may be read from any window.
        """
        lives = self.lives(key, at)
        if not lives:
            return {at}
        if len(lives) == 1 and gate.metric == "crash_free_users":
            return {_EVER}
        moments = [moment for moment in self._first_heard(key, lives[-1]) if moment <= at]
        return {hour_ceil(m) for m in moments} | (
            {hour_floor(m) for m in moments} if len(lives) == 1 else set()
        )

    def _first_heard(self, key: Key, begun: datetime) -> Iterator[datetime]:
        """When a life began, and when the journal may first have taken note of it."""
        yield from (begun, begun + self.poll + GRACE)
        for kind in ("discovered", "started", "went_live", "settled", "drifted"):
            noted = [entry.at for entry in self.journal.of(key, kind) if entry.at >= begun]
            yield from noted[:1]

    def polls_about(self, key: Key, metric: str) -> list[Poll]:
        name = self.signal_name(key)
        return [poll for poll in self.polls if poll.about(name, metric)]

    def order_behind(self, raised: Change) -> Order | None:
        """The person's order behind one of our raises; a resume's must be younger than the halt it undoes."""
        halted = self.halted_at(raised) if raised.kind == "resume" else None
        return self.journal.order_behind(raised, halted)

    def halted_at(self, resumed: Change) -> datetime | None:
        """When the halt that `resumed` undoes was made."""
        halts = [
            c.at for c in self.changes if c.key == resumed.key and c.seq < resumed.seq and c.kind == "halt"
        ]
        return halts[-1] if halts else None

    def reach_ppm(self, key: Key) -> int:
        """The last share of users who were really offered the release; a halt does not take that back."""
        offered = [record.exposure_ppm for record in self.served.get(key, ()) if record.exposure_ppm]
        return offered[-1] if offered else 0

    def has_fallback(self, key: Key) -> bool:
        """Whether the store has an older release to serve instead, so that this one can be halted."""
        return any(
            other.app == key.app and other.store == key.store and number(other) < number(key)
            for other, history in self.served.items()
            if any(record.exposure_ppm == PPM_ALL for record in history)
        )


def number(key: Key) -> int:
    return int(key.id) if key.id.isdigit() else -1


def understand(evidence: Evidence) -> Case:
    """Raises ValueError when the ledger does not say what was played, or no policy is there to judge by."""
    setting = next((record for record in evidence.ledger if record["type"] == "scenario"), None)
    if setting is None:
        raise ValueError("the ledger does not begin with its scenario")
    policies: dict[str, Terms] = {}
    for stem, content in evidence.policies.items():
        policies[stem] = terms(content, stem)
        policies.setdefault(policies[stem].name, policies[stem])
    if not policies:
        raise ValueError("no policy to judge by")
    journal = journals.understand(evidence.journal)
    return Case(
        evidence=evidence,
        setting=setting,
        poll=timedelta(seconds=setting["poll_seconds"]),
        ended_at=_ended_at(evidence, setting),
        served=ledger.served(evidence.ledger),
        changes=tuple(ledger.changes(evidence.ledger, evidence.account)),
        polls=tuple(signals.polls(evidence.requests)),
        journal=journal,
        policies=policies,
    )


def _ended_at(evidence: Evidence, setting: Record) -> datetime:
    """The story's end, even where a daemon fell silent long before it."""
    records = (*evidence.ledger, *evidence.requests)
    known = [ledger.instant(record["at"]) for record in records]
    return max([*known, *([ledger.instant(setting["until"])] if setting.get("until") else [])])
