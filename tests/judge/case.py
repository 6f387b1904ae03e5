"""The case: all evidence understood once, and the questions every check asks of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product

from tests.judge import asked, detours, in_force, ledger, lives, phases, signals
from tests.judge import journal as journals
from tests.judge.detours import Detour
from tests.judge.evidence import Evidence, Record
from tests.judge.journal import CLOCKS_APART, Entry, Journal, Order, resumes
from tests.judge.ledger import APP_STORE, GOOGLE_PLAY, RAISES, Change, Key, Served, age
from tests.judge.phases import AppleStep, Window
from tests.judge.signals import GRACE, Poll, Word, hour_ceil, hour_floor
from tests.judge.terms import PPM_ALL, Gate, Terms, terms

_QUIET_START = timedelta(hours=6)
_QUIET = {Word.INSUFFICIENT, Word.MISSING}
_HALTS = ("halt", "pause")
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """`poll` is the interval between regular looks; `ended_at` the last instant anything is known of.

    `heard`: whenever the daemon asked anybody anything, in order.
    """

    evidence: Evidence
    setting: Record
    poll: timedelta
    ended_at: datetime
    served: Mapping[Key, list[Served]]
    changes: tuple[Change, ...]
    apple_steps: tuple[AppleStep, ...]
    heard: Sequence[datetime]
    polls: tuple[Poll, ...]
    journal: Journal
    policies: Mapping[str, Terms]

    def raises(self) -> Iterator[Change]:
        """Every increase of exposure that our requests caused; Apple's own steps are not among them."""
        return (change for change in self.changes if change.ours and change.kind in RAISES)

    def observes(self, app: str) -> bool:
        """In mode observe nothing but a person's halt may be sent."""
        scenario = self.evidence.scenario
        own = next((a.get("mode") for a in scenario.get("apps", ()) if a.get("name") == app), None)
        return str(own or scenario.get("mode", "act")) == "observe"

    def terms(self, key: Key, at: datetime | None = None) -> Terms:
        """The policy the release is steered by then (None: in the end): the one that was set, or that it was started or
        found with, else the scenario's."""
        begun = [terms for since, terms in _timeline(self, key) if at is None or since <= at]
        return begun[-1]

    def all_terms(self, key: Key) -> tuple[Terms, ...]:
        """Every policy it was ever steered by."""
        return tuple(dict.fromkeys(terms for _, terms in _timeline(self, key)))

    def terms_anew(self, key: Key) -> Mapping[int, datetime]:
        """The entries by which a person set another policy that counts anew, and from when it is gone by."""
        return _terms_anew(self, key)

    def left_alone(self, key: Key, at: datetime) -> bool:
        return in_force.left_alone(self.journal.by_rollout.get(key, ()), at)

    def signal_name(self, key: Key) -> str:
        """What the crash-free source calls the release: package@version+build."""
        first = self.served[key][0]
        return f"{first.package}@{first.name}+{first.build}"

    def serving_before(self, key: Key, at: datetime) -> Served | None:
        """What the store offered of the release until `at`: what a pass at that instant could find."""
        known = [record for record in self.served.get(key, ()) if record.at < at]
        return known[-1] if known else None

    def live_since(self, key: Key, exposure_ppm: int, at: datetime) -> datetime | None:
        """Since when, without a break until `at` that anybody could see, people got the release at exactly this exposure."""
        since = None
        records = [record for record in self.served.get(key, ()) if record.at < at]
        for place, record in enumerate(records):
            if record.exposure_ppm == exposure_ppm:
                since = since or record.at
                continue
            again = next((r.at for r in records[place:] if r.exposure_ppm == exposure_ppm), at)
            since = since if lives.goes_unseen(self, record, again) else None
        anew = [self.journal.entry(seq).at for seq in self.terms_anew(key)]
        return since and max([since, *(moment for moment in anew if moment <= at)])

    def detours(self, key: Key) -> tuple[Detour, ...]:
        """Google Play: what people did there and took back before anybody looked."""
        return lives.detours_of(self, key) if key.store == GOOGLE_PLAY else ()

    def lives(self, key: Key, at: datetime) -> list[datetime]:
        """When people were first offered the release, and each time they were again after a halt."""
        return [life for life in lives.lives(self, key) if life <= at]

    def run_begun(self, key: Key, at: datetime) -> datetime | None:
        """When the present life of the release began."""
        begun = self.lives(key, at)
        return begun[-1] if begun else None

    def words(self, key: Key, gate: Gate, poll: Poll) -> set[Word]:
        """Every way in which the gate may be read after `poll`; see signals.py. A clock that is hardly off is one to go by
        (R19), and for one that is ahead by two minutes an hour has settled so much earlier."""
        settle = self.terms(key, poll.at).settle
        runs = self._plausible_runs(key, gate, poll.at)
        settles = (settle, settle - CLOCKS_APART) if self.journal.hardly_off(poll.at) else (settle,)
        late = {Word.ERROR} if poll.slow else set[Word]()
        ways = product(runs, settles, signals.ROUNDED_PPM)
        return late | {signals.word(gate, poll, self.signal_name(key), *way) for way in ways}

    def _plausible_runs(self, key: Key, gate: Gate, at: datetime) -> set[datetime]:
        """From which full hour on the daemon may have counted: it learns of each life when it looks next.

        A first life has nothing before it that could be counted wrongly, so there an hour begun counts too,
        and distinct users may be read from any window. Nor has an hour that began after a resume was read in the store,
        ours or somebody's, where a review held that back until the hour was under way.
        """
        lives = self.lives(key, at)
        if not lives:
            return {at}
        known = len(lives) - 1
        while known and self.overlooked(key, lives[known]):
            known -= 1
        if known == 0 and gate.metric == "crash_free_users":
            return {_EVER}
        return {
            hour
            for place in range(known, len(lives))
            for hour in self._full_hours(key, lives[place], lives[place - 1] if place else None, at)
        }

    def _full_hours(
        self, key: Key, begun: datetime, before: datetime | None, at: datetime
    ) -> Iterator[datetime]:
        for moment in self._first_heard(key, begun):
            if moment <= at:
                yield hour_ceil(moment)
                if before is None or self._resumed(key, (before, begun), hour_floor(moment)):
                    yield hour_floor(moment)

    def overlooked(self, key: Key, resumed: datetime) -> bool:
        """Whether nobody may know that it ever went on then."""
        if resumed in self.terms_anew(key).values():
            return False  # it stood still for nobody
        if key.store == GOOGLE_PLAY:
            seen, drifted = detours.looks(self.evidence, key), list(self.journal.of(key, "drifted"))
            return detours.overlooked(self.of(key), seen, drifted, resumed)
        return phases.overlooked(self.of(key), self.apple_looks(key), resumed)

    def apple_looks(self, key: Key) -> list[datetime]:
        """When the store answered, undamaged, what its versions are."""
        return [ledger.instant(r["at"]) for r in self.apple_answers(key) if ledger.undamaged(r)]

    def apple_answers(self, key: Key) -> Iterator[Record]:
        return detours.apple_answers(self.evidence, key)

    def _resumed(self, key: Key, lives: tuple[datetime, datetime], until: datetime) -> bool:
        """Whether the journal says that a resume was read in the store, or that it is back there, since the first of these
        lives was halted, in an hour that was over by `until`."""
        before, begun = lives
        halted = next((c.at for c in self.of(key) if before < c.at < begun and c.kind in _HALTS), before)
        back = (e.at for e in self.journal.by_rollout.get(key, ()) if e.kind == "returned" or resumes(e))
        return any(halted < at and hour_ceil(at) <= until for at in back)

    def _first_heard(self, key: Key, begun: datetime) -> Iterator[datetime]:
        """When a life began, and when the journal may first have taken note of it: by the time that it was, for a store
        tells that where the machine's clock does not; or by that one where it is only minutes off."""
        yield from (begun, begun + self.poll + GRACE)
        for kind in ("discovered", "started", "went_live", "settled", "drifted", "taken_up", "returned"):
            noted = next((entry for entry in self.journal.of(key, kind) if entry.at >= begun), None)
            if noted:
                yield from (noted.at, *((noted.told,) if noted.told and noted.hardly_off else ()))

    def waiting_words(self, key: Key, at: datetime) -> set[Word]:
        """What may be said of a gate while nothing is wrong and data are few. Silence in the first hours of
        a life is too little data; later it is a signal that is missing."""
        return _QUIET if any(self._quiet_starts(key, at)) else {Word.INSUFFICIENT}

    def surely_waiting_words(self, key: Key, at: datetime) -> set[Word]:
        """The same where nobody may count the first hours otherwise."""
        starts = self._quiet_starts(key, at)
        return _QUIET if starts and all(starts) else {Word.INSUFFICIENT}

    def _quiet_starts(self, key: Key, at: datetime) -> list[bool]:
        """Whether these are still the first hours of the present life, by each account of when it began."""
        begun = self.run_begun(key, at)
        learned = [hour_ceil(m) for m in self._first_heard(key, begun) if m <= at] if begun else []
        return [at - since < _QUIET_START for since in learned]

    def suspects_reviews(self, key: Key, until: datetime) -> bool:
        """The journal says that what people write speaks against the release. Believed: nobody can recount it."""
        told = self.journal.of(key, "suspected")
        return any(entry.body["gate"] == "reviews" and entry.at <= until for entry in told)

    def polls_about(self, key: Key, metric: str) -> list[Poll]:
        """Where evidence is weighed, the floors look at its sessions, unless rates are asked for as well."""
        return asked.floor_polls(self, key, metric)

    def polls_for_sessions(self, key: Key) -> list[Poll]:
        """Where the sessions of a stage are counted: by what is known of the whole run where evidence is weighed."""
        weighed = [poll for poll in asked.counted(self, key) if self.terms(key, poll.at).weighed]
        rates = [p for p in self.polls_about(key, "crash_free_sessions") if not self.terms(key, p.at).weighed]
        return sorted((*weighed, *rates), key=lambda poll: poll.seq)

    def projects_of_others(self, key: Key) -> set[str]:
        """Two apps may call a release the same; each has a project of its own, called as the emulator does."""
        names = {asked.project(other) for other in self.served}
        return names - {asked.project(key)}

    def order_behind(self, raised: Change) -> Order | None:
        """The person's order behind one of our raises; a resume's must be younger than the halt it undoes."""
        halted = self.halted_at(raised) if raised.kind == "resume" else None
        return self.journal.order_behind(raised, halted)

    def taken_for_ours(self, resumed: Change) -> bool:
        """App Store: a person resumed it while our own step was on its way, or nobody knew yet what had become of that, which
        was then read back as if it had done that, or had done so late: which of the two it was cannot be told."""
        key = resumed.key
        sent = [d for d in self.journal.decisions if d.key == key and d.at <= resumed.at]
        if not sent or sent[-1].kind != "step":
            return False
        settled = (
            entry
            for entry in self.journal.of(key, "settled")
            if entry.seq > sent[-1].seq and entry.body.get("settlement") != "in_doubt"
        )
        ended = next(settled, None)
        told = ended is not None and (ended.body.get("verb"), ended.body.get("settlement"))
        confirmed = told == ("step", "confirmed") and ended is not None and ended.at >= resumed.at
        return confirmed or self._read_as_late(resumed, sent[-1].seq, ended)

    def _read_as_late(self, resumed: Change, sent: int, ended: Entry | None) -> bool:
        """The journal did not say, as of the look after `resumed`, that the step had come to nothing for certain: of one that was
        preempted it does not say whether it had been sent before that."""
        late = next((e for e in self.journal.of(resumed.key, "overtaken") if e.at >= resumed.at), None)
        if late is None or late.seq < sent or self._was_known_by_then(resumed, sent, late):
            return False
        return ended is None or late.seq < ended.seq or ended.body.get("settlement") == "preempted"

    def _was_known_by_then(self, resumed: Change, sent: int, late: Entry) -> bool:
        """The journal had given that step up, or a look before this one had shown it going on."""
        between = [e for e in self.journal.of(resumed.key, "seen", "lapsed") if sent < e.seq < late.seq]
        since = (e.body.get("status") for e in between if resumed.at <= e.at < late.at)
        return "in_progress" in since or any(e.kind == "lapsed" for e in between)

    def stands_back(self, key: Key, at: datetime) -> bool:
        """App Store: whether a newer version may keep this one from going on: it is on its way, or it is there at all
        and the app holds or replaces rollouts for that."""
        makes_way = str(self.evidence.scenario.get("supersede", "finish")) != "finish"
        newer = [k for k in self.served if (k.app, k.store) == (key.app, key.store) and age(k) > age(key)]
        shown = [record for k in newer if (record := self.serving_before(k, at))]
        return any(makes_way or record.review == "PROCESSING_FOR_DISTRIBUTION" for record in shown)

    def of(self, key: Key) -> list[Change]:
        return [change for change in self.changes if change.key == key]

    def halted_at(self, resumed: Change) -> datetime | None:
        """When the halt that `resumed` undoes was made."""
        halts = [c.at for c in self.of(resumed.key) if c.seq < resumed.seq and c.kind == "halt"]
        return halts[-1] if halts else None

    def max_bake(self, key: Key, exposure_ppm: int, at: datetime) -> timedelta:
        """How long evidence is waited for at this exposure, before the policy's choice decides."""
        terms = self.terms(key, at)
        on_apple = key.store == APP_STORE
        return terms.app_store.max_bake if on_apple else terms.stage_at(exposure_ppm).max_bake

    def stay(self, raised: Change) -> tuple[timedelta, int]:
        """How long the exposure before `raised` is kept at least, and how many sessions must be seen at it."""
        terms = self.terms(raised.key, raised.asked_at)
        apple = terms.app_store
        if raised.key.store != APP_STORE:
            stage = terms.stage_at(raised.before_ppm)
            return stage.bake, stage.min_sample
        waits = apple.guarded or raised.kind == "complete"
        return (apple.bake, apple.min_sample) if waits else (timedelta(0), 0)

    def guarded(self, key: Key, at: datetime) -> bool:
        return key.store == APP_STORE and self.terms(key, at).app_store.guarded

    def windows(self, key: Key) -> tuple[Window, ...]:
        """App Store: while Apple was let take one step, by whomever."""
        return _windows(self, key)

    def steered(self, key: Key) -> list[tuple[datetime, datetime | None]]:
        """From when until when it was looked after: a person said start, or the app adopted it, until one left it alone."""
        entries = self.journal.by_rollout.get(key, ())
        lost = frozenset(self.evidence.lost)
        ends = max((entry.at for entry in entries if entry.seq in lost), default=None)
        if ends is None:
            return list(in_force.steered(entries))
        until = [entry for entry in entries if entry.seq <= max(lost)]
        left = [entry for entry in entries if entry.seq not in lost]
        return list(in_force.steered_although_lost(until, left, ends))

    def reach_ppm(self, key: Key) -> int:
        """The last share of users who were really offered the release; a halt does not take that back."""
        offered = [record.exposure_ppm for record in self.served.get(key, ()) if record.exposure_ppm]
        return offered[-1] if offered else 0

    def has_fallback(self, key: Key) -> bool:
        """Whether the store has an older release to serve instead, so that this one can be halted."""
        return any(
            other.app == key.app and other.store == key.store and age(other) < age(key)
            for other, history in self.served.items()
            if any(record.exposure_ppm == PPM_ALL for record in history)
        )


@lru_cache(maxsize=64)
def _policies_set(case: Case, key: Key) -> Mapping[int, datetime]:
    """From when each policy that a person set is gone by."""
    told = list(case.journal.of(key, "policy_set"))
    begun = in_force.passes_begun(case.evidence.requests, key.store) if told else []
    return {entry.seq: in_force.next_pass(begun, entry.at, case.ended_at) for entry in told}


@lru_cache(maxsize=64)
def _terms_anew(case: Case, key: Key) -> Mapping[int, datetime]:
    known = _policies_set(case, key)
    entries = case.journal.by_rollout.get(key, ()) if known else ()
    return {entry.seq: known[entry.seq] for entry in in_force.anew(entries)}


@lru_cache(maxsize=64)
def _timeline(case: Case, key: Key) -> tuple[tuple[datetime, Terms], ...]:
    told = in_force.timeline(case.journal.by_rollout.get(key, ()), _policies_set(case, key))
    return tuple((since, _known(case, names)) for since, names in told)


def _known(case: Case, names: Sequence[str]) -> Terms:
    usual = (str(case.setting.get("policy", "")), next(iter(case.policies)))
    return next(case.policies[name] for name in (*names, *usual) if name in case.policies)


@lru_cache(maxsize=8)
def _windows(case: Case, key: Key) -> tuple[Window, ...]:
    history = case.of(key)
    opened = [c for c in history if c.kind == "step" and not _overtaken(case, c)]
    behind = {
        c.seq: not (c.ours or case.taken_for_ours(c)) or case.order_behind(c) is not None for c in opened
    }
    steps = [step for step in case.apple_steps if step.key == key]
    return tuple(phases.windows(history, steps, behind))


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
        changes=_changes(evidence),
        apple_steps=tuple(phases.apple_steps(evidence.ledger)),
        heard=sorted(ledger.instant(request["at"]) for request in evidence.requests),
        polls=tuple(signals.polls(evidence.requests)),
        journal=journal,
        policies=policies,
    )


def _overtaken(case: Case, step: Change) -> bool:
    """Sent before a pause and applied after it: whoever paused did not mean to be undone."""
    paused = [c.asked_at for c in case.of(step.key) if c.kind == "pause" and c.seq < step.seq]
    wanted = [d.at for d in case.journal.decisions if d.key == step.key and d.kind == "pause"]
    return step.ours and any(step.asked_at < at <= step.at for at in (*paused, *wanted))


def _changes(evidence: Evidence) -> tuple[Change, ...]:
    """What was done to releases on both stores, in order."""
    play = ledger.changes(evidence.ledger, evidence.account)
    apple = phases.changes(evidence.ledger, evidence.requests)
    return tuple(sorted((*play, *apple), key=lambda change: change.seq))


def _ended_at(evidence: Evidence, setting: Record) -> datetime:
    """The story's end, even where a daemon fell silent long before it."""
    records = (*evidence.ledger, *evidence.requests)
    known = [ledger.instant(record["at"]) for record in records]
    return max([*known, *([ledger.instant(setting["until"])] if setting.get("until") else [])])
